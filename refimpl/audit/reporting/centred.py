"""The mean that was scored, where neither a mean nor the noise was recorded and v leads to none.

    log-probabilities        →   c_x, c_v of each step, and the mean c_x x_t + c_v v

It is judged as if it had been recorded; x_s tells whether it was drawn about it too.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..judging import centre
from ..judging.block import Model, block, distinct
from ..judging.finding import UNLISTED, Finding
from ..reading.layout import Rows, Table
from ..reading.manifest import Manifest
from ..reading.probe import Probe
from .causes import alternatives
from .crossed import fits, scored
from .rows import BESIDE, MOVING, OR_HALF, UNLED

_ROWS = 24
"""So many rows of a step are looked at."""

_STEPS = 64
_SURE = 20.0
"""Logarithm of how much likelier x_s is about one mean than about another, for it to be that."""

_COARSE = 1e-3
"""A mean that is known less well than this says nothing."""


@dataclass(frozen=True)
class Centred:
    """A record with the mean that was scored.

    Attributes:
        tables: with a column mean.
        roundoff: of that mean.
        drawn: x_s was drawn about it (True), about the one that v leads to (False), or neither is
            likelier (None).
    """

    tables: list[Table]
    roundoff: float
    drawn: bool | None


def unexplained(findings: Iterable[Finding]) -> bool:
    """Whether nothing that is known gives the log-probabilities."""
    return any(f.subject == "log_prob" and f.detail in _OPEN and f.formula == "" for f in findings)


def of_others(findings: Iterable[Finding]) -> bool:
    """Whether log-probabilities are right for something else than was recorded for the step: x_s
    may have been drawn about that."""
    told = f"{UNLISTED}: it is that of "
    return any(f.subject == "log_prob" and f.detail.startswith(told) for f in findings)


_OPEN = (UNLISTED, f"{UNLISTED}: {BESIDE}", f"{UNLISTED}: {BESIDE}{OR_HALF}", UNLED, MOVING)


def others(
    tables: Sequence[Table], manifest: Manifest, lag: int
) -> Iterator[tuple[str, list[Table]]]:
    """What was recorded in another place and the steps are made of, in words, and the tables with
    it in its own: x_s is drawn about the mean that it leads to, and log-probabilities are of it."""
    for words, changed in alternatives("mean", tables, lag, manifest.guidance):
        if fits(changed, manifest) and scored(changed, manifest):
            yield words, changed


def made_of(words: str, own: Sequence[Finding]) -> dict[str, Finding]:
    """By subject, what is said of steps that are made of something else.

    Args:
        own: findings on the tables with that.
    """
    known = {f.subject: f for f in own if f.subject in ("noise", "log_prob", "log_prob_old")}
    return known | {"mean": Finding("mean", "differs", detail=f"{UNLISTED}: {words}")}


def centred(tables: Sequence[Table], probe: Probe, model: Model) -> Centred | None:
    """The record with the mean that its log-probabilities are those of; None where there is none.

    Of every step some rows are read whole, of the first table; all steps must have such a mean.
    """
    if not {"x_t", "x_s", "v", "t", "s", "log_prob"} <= set(tables[0].columns):
        return None
    found, likelier = dict[tuple[float, float], centre.Centre](), 0.0
    for step, rows in _by_step(tables[0]).items():
        b = block({n: c.some(rows) for n, c in tables[0].columns.items()}, model)
        std = b.resolved.get("std")
        if std is None or not bool((std > 0).any()):
            continue
        x, v, x_s = (b.latent(n) for n in ("x_t", "v", "x_s"))
        logs = b.raw["log_prob"].double()
        used = torch.isfinite(torch.cat([x, v, x_s, logs], dim=1)).all(dim=1)
        x, v, x_s, logs = (y[used] for y in (x, v, x_s, logs))
        one = centre.solve(x, v, x_s, float(std[0]), logs[:, 0], probe.roundoff["log_prob"])
        own = b.mean_of("v")
        if one is None or one.roundoff > _COARSE or own is None:
            return None
        found[step] = one
        apart = [(x_s - m) ** 2 for m in (own[used], one.c_x * x + one.c_v * v)]
        likelier += float((apart[0] - apart[1]).sum() / (2 * std[0] ** 2))
    if not found:
        return None
    changed = [replace(t, columns=t.columns | {"mean": _mean(t, model, found)}) for t in tables]
    drawn = None if abs(likelier) < _SURE else likelier > 0
    return Centred(changed, max(c.roundoff for c in found.values()), drawn)


def _by_step(table: Table) -> dict[tuple[float, float], list[int]]:
    """Some rows of every step; none where there are too many steps."""
    levels = torch.cat([table.columns[n].read(0, table.n).double() for n in ("t", "s")], dim=1)
    steps, which = distinct(levels)
    if len(steps) > _STEPS:
        return {}
    made = {}
    for k, (t, s) in enumerate(steps.tolist()):
        rows = (which == k).nonzero()[:, 0].tolist()
        made[t, s] = rows[:: -(-len(rows) // _ROWS)]
    return made


def _mean(table: Table, model: Model, found: dict[tuple[float, float], centre.Centre]) -> Rows:
    """c_x x_t + c_v v of each row; NaN at a step that has none."""
    x, v, t, s = (table.columns[n] for n in ("x_t", "v", "t", "s"))

    def made(a: int, b: int) -> Tensor:
        steps = zip(*(c.read(a, b).double()[:, 0].tolist() for c in (t, s)), strict=True)
        none = (float("nan"), float("nan"))
        each = [(found[k].c_x, found[k].c_v) if k in found else none for k in steps]
        c = torch.tensor(each, dtype=torch.float64)
        velocity = model.reading.clock.velocity(v.read(a, b).double())
        return c[:, :1] * x.read(a, b).double() + c[:, 1:] * velocity

    return replace(v, read=made, head=lambda row, k: made(row, row + 1)[0, :k], dtype=torch.float64)


def told(own: Sequence[Finding], drawn: bool | None) -> dict[str, Finding]:
    """By subject, what the record with that mean says in the place of what it said without.

    Args:
        own: findings on `Centred.tables`.
    """
    by = {f.subject: f for f in own}
    mean, logs = by["mean"], [by[n] for n in ("log_prob", "log_prob_old") if n in by]
    if drawn:
        known = {f.subject: f for f in (*logs, by["noise"])}
        return known | {"mean": replace(mean, detail="; ".join(filter(None, (_BY, mean.detail))))}
    line = mean.detail.removeprefix(f"{UNLISTED}: ")
    also = "" if drawn is False else " (Whether x_s was drawn about it too, x_s does not tell.)"
    why = f"{UNLISTED}: it is right for another mean than v leads to: {line}{also}"
    right = [f for f in logs if f.verdict in ("consistent", "convention")]
    return {f.subject: Finding(f.subject, "differs", rows=f.rows, detail=why) for f in right}


_BY = "neither it nor the noise was recorded; it is the one that log-probabilities are those of"
