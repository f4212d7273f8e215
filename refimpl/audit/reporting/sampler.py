"""The mean that sampled, where the learner's was recorded and no formula with a name leads to it.

    mean = c_x x_t + c_v v        →   mean − c_v (v − v_old)

c_x and c_v are read off each row. Where no two numbers give the mean, the sampler's is not known,
and what was drawn about it is not judged.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..judging.finding import Finding
from ..judging.identify import Identified
from ..judging.implied import coefficients
from ..reading.layout import Rows, Table
from ..reading.precision import HALF
from ..reading.probe import Probe

OF_SAMPLER = {"x_s": "x_s", "log_prob_old": "log_prob", "noise": "noise"}
"""What follows from the sampler's mean; and what it is called in a record of the sampler's own."""

_ROUNDED = 64
"""So many roundoffs a mean may be off by that is made of x_t and v."""

_APART = 1e-2
"""Sine of the angle between x_t and v, or x_t and the mean, below which v's share is not seen."""

_WHY = (
    "it takes the mean that v_old leads to: the recorded one is another policy's, and no formula "
    "leads from v to it"
)
_UNDER = "under v_old, the policy that sampled, by the coefficients that the mean has of x_t and v"


def is_another(probe: Probe, known: Identified) -> bool:
    """Whether the recorded mean may be another than the sampler's, no formula leading to either."""
    raw = probe.raw
    led = any(m.level in ("exact", "stored") for m in known.means)
    if led or not {"mean", "v", "v_old"} <= set(raw) or torch.equal(raw["v"], raw["v_old"]):
        return False
    return not ("x_t" in raw and _left(probe, "v_old") <= _allowed(probe, "v_old"))


def sampled(tables: Sequence[Table], probe: Probe) -> list[Table] | None:
    """The tables of the sampler's own record; None where its mean does not follow."""
    if "x_t" not in probe.raw or not _left(probe, "v") <= _allowed(probe, "v"):
        return None
    return [replace(x, columns=_own(x, probe)) for x in tables]


def told(findings: Sequence[Finding] | None) -> dict[str, Finding]:
    """By subject, what the sampler's own record says; or that it says nothing.

    Args:
        findings: on the tables of `sampled`; None where there are none.
    """
    if findings is None:
        return {name: Finding(name, "not checked", detail=_WHY) for name in OF_SAMPLER}
    by = {f.subject: f for f in findings}
    known = {name: by[own] for name, own in OF_SAMPLER.items() if own in by}
    return {name: replace(f, subject=name, detail=_said(f)) for name, f in known.items()}


def _said(f: Finding) -> str:
    return f.detail if f.verdict == "differs" else "; ".join(filter(None, (_UNDER, f.detail)))


def _left(probe: Probe, velocity: str) -> float:
    """What the largest row of the mean has besides x_t and a velocity, relative to it."""
    x, v, mean = (probe.raw[n].double() for n in ("x_t", velocity, "mean"))
    used = torch.isfinite(torch.cat([x, v, mean], dim=1)).all(dim=1)
    x, v, mean = x[used], v[used], mean[used]
    if x.shape[1] < _FEWEST or not len(x):
        return float("inf")
    if _along(x, v) or _along(x, mean):
        return float("inf")
    return float(coefficients(x, v, mean)[2].max())


def _along(x: Tensor, other: Tensor) -> bool:
    """Whether a row lies along x_t, so that the velocity's share of a mean is not seen."""
    cosine = torch.nn.functional.cosine_similarity(x, other, dim=1)
    return bool((1 - cosine**2 < _APART**2).any())


_FEWEST = 8
"""Coordinates that two coefficients are read off."""


def _allowed(probe: Probe, velocity: str) -> float:
    return _ROUNDED * max(probe.roundoff[n] for n in ("x_t", velocity, "mean"))


def _own(table: Table, probe: Probe) -> dict[str, Rows]:
    """The sampler's columns: its mean, velocity and log-probability under their plain names."""
    gone = {"v_old", "log_prob_old", "log_prob", "kl", "v_ref", "mean_ref", "v_cond", "v_uncond"}
    c = {n: x for n, x in table.columns.items() if n not in gone}
    c["mean"], c["v"] = _mean(table, probe), table.columns["v_old"]
    if "log_prob_old" in table.columns:
        c["log_prob"] = table.columns["log_prob_old"]
    return c


def _mean(table: Table, probe: Probe) -> Rows:
    names = ("x_t", "v", "v_old", "mean")
    x, v, old, mean = (table.columns[n] for n in names)
    coarsest = max(probe.roundoff[n] for n in names)
    kind = torch.float32 if coarsest < HALF else mean.dtype

    def made(a: int, b: int) -> Tensor:
        rows = [c.read(a, b).double().clone() for c in (x, v, old, mean)]
        known = torch.isfinite(torch.cat(rows, dim=1)).all(dim=1)
        found = torch.full_like(rows[3], torch.nan)
        if bool(known.any()):
            x_t, now, then, own = (r[known] for r in rows)
            found[known] = own - coefficients(x_t, now, own)[1] * (now - then)
        return found.to(kind)

    return replace(mean, read=made, head=lambda row, k: made(row, row + 1)[0, :k], dtype=kind)
