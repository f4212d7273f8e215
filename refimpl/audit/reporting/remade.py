"""A ratio that the recorded log-probabilities do not give, made anew of the latents.

    log r = (m − m_old)(x_s − (m + m_old)/2)/std², by coordinate      summed, or averaged

Where these give it, what was recorded as log-probability is what differs, and the ratio is right.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import torch
from torch import Tensor

from ...equations import kl, policy, weights
from ...evidence.mistakes import mistakes
from ...evidence.rounding import ROUNDINGS
from ..judging.block import Block, Model, block, rms
from ..judging.finding import UNLISTED, Finding
from ..judging.identify import identify
from ..reading.layout import Table
from ..reading.manifest import Manifest
from ..reading.probe import Probe, width
from .stream import is_latent, per_row

_LOG_PROBS = ("log_prob", "log_prob_old")


def of_ratio(
    finding: Finding, accused: Collection[str], tables: Sequence[Table], probe: Probe,
    manifest: Manifest,
) -> Finding:  # fmt: skip
    """The verdict on a ratio that has no name yet, or that is wrong for what is wrong itself.

    Args:
        accused: what was found to differ before.
    """
    wrong = [name for name in _LOG_PROBS if name in accused]
    bare = finding.detail == UNLISTED
    moved = any(f"{words} in it is that of" in finding.detail for words in _IN_RATIO.values())
    moved = moved or any(_other_step(finding, name) for name in wrong)
    if finding.verdict != "differs" or finding.formula or not (bare or moved):
        return finding
    for way in _ways(list(_rows(tables, probe, manifest)), manifest):
        gap = (way.made - way.got).abs()
        if not bool((gap <= way.allowed).all()):
            continue
        at = int((gap / way.allowed).argmax())
        told = replace(
            finding, formula=way.name, gap=float(gap[at]), allowed=float(way.allowed[at]),
            rows=len(gap), detail=way.words,
        )  # fmt: skip
        if way.name == "policy.ratio" and wrong:
            told = replace(told, verdict="consistent")
        return replace(told, verdict="convention") if way.name == _GUARD else told
    if wrong:
        told_for = "" if bare else finding.detail.removeprefix(UNLISTED)
        why = f"it takes {' and '.join(wrong)}, as recorded not what it is to be{told_for}"
        return replace(finding, verdict="not checked", detail=why)
    return finding


def of_recorded(finding: Finding, ratio: Finding) -> Finding:
    """The verdict on a log-probability that has no name yet, where the ratio is made of that of
    another step.

    Args:
        ratio: the verdict on it, before it is made anew.
    """
    named = finding.subject not in _LOG_PROBS or finding.detail != UNLISTED
    which = "" if named else _other_step(ratio, finding.subject)
    if finding.verdict != "differs" or not which:
        return finding
    by = "late" if which == "after" else "early"
    told = f"it was recorded one step {by}: the ratio is made of that in the step {which}"
    return replace(finding, detail=f"{UNLISTED}: {told}")


def _other_step(ratio: Finding, name: str) -> str:
    """ "after" or "before", where the ratio is made of a log-probability of that step."""
    told = f"{UNLISTED}: {_IN_RATIO[name]} in it is of the same sample in the step "
    return next((w for w in ("after", "before") if ratio.detail == told + w), "")


_IN_RATIO = {"log_prob": "log p", "log_prob_old": "log p_old"}


@dataclass(frozen=True)
class _Row:
    """A row with its latents, (1, D), its std, and the ratio that was recorded.

    Attributes:
        logs: the size of its log-probabilities.
    """

    x_s: Tensor
    mean: Tensor
    old: Tensor | None
    ref: Tensor | None
    std: Tensor
    got: Tensor
    logs: Tensor
    roundoff: float


@dataclass(frozen=True)
class _Way:
    """What some rows' ratios may be, (n,), with what rounding allows."""

    name: str
    words: str
    made: Tensor
    got: Tensor
    allowed: Tensor


def _rows(tables: Sequence[Table], probe: Probe, manifest: Manifest) -> Iterator[_Row]:
    """Some rows with noise."""
    try:
        model = identify(probe, manifest).model
    except ValueError:  # no step can be judged
        return
    few = max(_FEWEST, min(_MOST, _NUMBERS // max(map(width, tables))))
    picks = probe.whole[:: -(-len(probe.whole) // few)]
    for i in sorted({i for i, _ in picks}):
        yield from _of_table(tables[i], [row for j, row in picks if j == i], model)


_FEWEST, _MOST, _NUMBERS = 8, 64, 2**21
"""Rows that are read, and numbers of a latent in all of them."""


def _of_table(table: Table, picks: Sequence[int], model: Model) -> Iterator[_Row]:
    scalars = {n: c.some(picks) for n, c in table.columns.items() if not is_latent(n)}
    wide = {n: c for n, c in table.columns.items() if is_latent(n)}
    b = block(scalars, model, {}, len(picks))
    if "std" not in b.resolved or "ratio" not in b.raw:
        return
    u = max(model.roundoff[n] for n in wide)
    tiles = b.tiles(1, lambda a, e: {n: c.some(picks[a:e]) for n, c in wide.items()})
    for k, tile in enumerate(tiles):
        sound = tile.sound(*tile.latents).n == tile.n
        mean = _mean(tile, "mean", "v") if sound else None
        if tile.has("x_s") and mean is not None and bool(b.noisy[k]):
            logs = [per_row(b.raw[n])[k].abs() for n in _LOG_PROBS if n in b.raw]
            yield _Row(
                tile.latent("x_s").clone(), mean, _mean(tile, "", "v_old"),
                _mean(tile, "mean_ref", "v_ref"), b.resolved["std"][k : k + 1],
                per_row(b.raw["ratio"])[k], sum(logs, torch.ones(1, dtype=torch.float64)), u,
            )  # fmt: skip


def _mean(tile: Block, name: str, velocity: str) -> Tensor | None:
    made = tile.latent(name) if tile.has(name) else tile.mean_of(velocity)
    return None if made is None else made.clone()


Rule = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""The log-ratio of x_s under two means with one std, (1,)."""


def _ways(rows: Sequence[_Row], manifest: Manifest) -> Iterator[_Way]:
    """What the ratio may be, the right one first; none where rounding hides it."""
    if len(rows) < _FEWEST:
        return
    reductions = {"sum": (policy.total,), "mean": (policy.average,)}.get(
        manifest.log_prob or "", (policy.average, policy.total)
    )
    for reduce in reductions:
        rule, summed = _reduced(policy.log_ratio_of_means, reduce), reduce is policy.total
        yield from _way(rows, "old", "policy.ratio", _RIGHT, rule, summed=summed)
        yield from _way(rows, "ref", "", f"{UNLISTED}: {_AGAINST}", rule, summed=summed)
    yield from _way(rows, "old", "", f"{UNLISTED}: {_EACH}", _each)
    yield from _way(rows, "old", _GUARD, "the ratio of GRPO-Guard, not declared", _guard)
    for m, reduce in product(mistakes("policy.log_ratio_of_means"), reductions):
        words = f"a mistake with a name. {m.what} Remedy: {m.remedy}"
        rule, summed = _reduced(m.wrong, reduce), reduce is policy.total
        yield from _way(rows, "old", m.title, words, rule, summed=summed)


_GUARD = "weights.guard_log_ratio"
_RIGHT = "made of x_s, the means and std; the recorded log-probabilities do not give it"
_AGAINST = "it is against the reference, and not against the policy that sampled"
_EACH = "it is the mean of the coordinates' own ratios, and not the ratio of their density"


def _reduced(rule: Rule, reduce: Callable[[Tensor], Tensor]) -> Rule:
    return lambda x, m, old, std: reduce(rule(x, m, old, std))


def _each(x: Tensor, m: Tensor, old: Tensor, std: Tensor) -> Tensor:
    return policy.average(torch.exp(policy.log_ratio_of_means(x, m, old, std))).log()


def _guard(x: Tensor, m: Tensor, old: Tensor, std: Tensor) -> Tensor:
    log_ratio = policy.average(policy.log_ratio_of_means(x, m, old, std))
    return weights.guard_log_ratio(log_ratio, policy.average(kl.of_means(m, old, std)), std[:, 0])


def _way(
    rows: Sequence[_Row], of: str, name: str, words: str, rule: Rule, *, summed: bool = False
) -> Iterator[_Way]:  # fmt: skip
    """The rows' ratios by a rule, if all have its means, and more than rounding is left of them."""
    made, allowed = [], []
    for row in rows:
        other = row.old if of == "old" else row.ref
        if other is None:
            return
        log = rule(row.x_s, row.mean, other, row.std)
        apart, wide = row.x_s - (row.mean + other) / 2, row.x_s.shape[1]
        lost = rms(row.mean) * rms(apart) + rms(row.x_s) * rms(row.mean - other)
        coordinates = 3 * (lost / row.std**2)[:, 0] * wide**0.5  # x_s, and two means, rounded
        share = 1.0 if summed else 1 / wide
        slack = ROUNDINGS * row.roundoff * (coordinates * share + row.logs + log.abs())
        made.append(log)
        allowed.append(slack)
    log, slack = torch.cat(made), torch.cat(allowed)
    if float(log.abs().median()) > 4 * float(slack.median()):
        value = torch.exp(log)
        yield _Way(name, words, value, torch.cat([row.got for row in rows]), slack * value)
