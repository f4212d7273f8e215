"""What the std of a step is made of: g and h of its own row, or of another; or some power of them.

    std = g √h        g of the step after, √h        0.316 g        2 √(t/(1 − t)) with no √h

The right one is asked of the equation; what is not, is told by what it is made of.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from ...equations import Step
from ...evidence.rounding import ROUNDINGS
from .finding import Finding, Verdict
from .fit import nudged, nudges
from .formulas import STDS, Formula


def of_g(c: Mapping[str, Tensor], roundoff: Mapping[str, float]) -> Finding:
    """std from g and h, where both were recorded; of distinct steps, t falling."""
    steps = nudges({n: c[n] for n in ("t", "s", "g")}, dict, absolute=False)
    for formula in STDS:

        def value(p: Mapping[str, Tensor], formula: Formula = formula) -> Tensor:
            return formula.value({**p, "h": Step(p["t"], p["s"]).h})

        made, error = nudged(value, steps, roundoff)
        allowed = ROUNDINGS * (error + roundoff["std"] * made.abs())
        gap = (made - c["std"]).abs()
        if bool((gap <= allowed).all()):
            verdict: Verdict = "consistent" if formula.standing == "article" else "differs"
            why = f"a mistake with a name. {formula.what} Remedy: {formula.remedy}"
            at = int(gap.argmax())
            return Finding(
                "std", verdict, formula.name, float(gap[at]), float(allowed[at]), len(gap),
                why if verdict == "differs" else "",
            )  # fmt: skip
    u = max(roundoff.get(n, 0.0) for n in ("t", "s", "g", "std"))
    told = _of_other_steps(c, u) or _powers(c, u)
    words = "equals no formula of g and h" + (f": {told}" if told else "")
    return Finding("std", "differs", rows=len(made), detail=words)


_STEPS = {0: "", 1: " of the step after", -1: " of the step before"}
_FEWEST = 3


def _of_other_steps(c: Mapping[str, Tensor], u: float) -> str:
    g, h, std = c["g"], Step(c["t"], c["s"]).h, c["std"]
    lost = 1 + c["t"] / h
    places = torch.arange(len(g))
    for by_g in _STEPS:
        for by_h in _STEPS:
            inside = (places + min(by_g, by_h) >= 0) & (places + max(by_g, by_h) < len(g))
            made = STDS[0].value({"g": g.roll(-by_g, 0), "h": h.roll(-by_h, 0)})
            told = int(inside.sum()) >= _FEWEST
            if told and _near(made[inside], std[inside], lost.amax(), u):
                return f"it is g{_STEPS[by_g]} times √h{_STEPS[by_h]}"
    return ""


def _powers(c: Mapping[str, Tensor], u: float) -> str:
    """std = c gᵖ h^q with halves for p and q."""
    used = (c["g"] > 0)[:, 0] & (c["std"] > 0)[:, 0]
    g, h, std, t = (x[used] for x in (c["g"], Step(c["t"], c["s"]).h, c["std"], c["t"]))
    if len(g) <= _FEWEST:
        return ""
    logs = torch.cat([torch.ones_like(g), g.log(), h.log()], dim=1)
    if torch.linalg.matrix_rank(logs, rtol=_PLAIN) < logs.shape[1]:
        return ""
    _, p, q = (torch.linalg.lstsq(logs, std.log()).solution[:, 0] * 2).round().div(2).tolist()
    ratio = std / (g**p * h**q)
    by = float(ratio.median())
    if not _near(by * g**p * h**q, std, 1 + t / h, u):
        return ""
    told = " ".join(f"{x}^{y:g}" if y != 1 else x for x, y in (("g", p), ("h", q)) if y)
    return f"it is {by:.4g} {told.replace('h^0.5', '√h')}{steps_of(by) if not q else ''}"


_PLAIN = 1e-3
"""Columns that differ by less are one, as far as powers are told apart."""


def steps_of(by: float) -> str:
    """Of which number of steps a std's factor is √(1/T), in words; "" where of none."""
    T = round(1 / by**2) if by > 0 else 0
    exact = 2 <= T <= _MOST and math.isclose(by * math.sqrt(T), 1, rel_tol=1e-4)
    return f": √(1/{T}) stands for √h" if exact else ""


_MOST = 1000


def _near(made: Tensor, std: Tensor, lost: Tensor, u: float) -> bool:
    """Whether stds agree; t − s loses `lost` times the digits of t."""
    return bool(((made - std).abs() <= 64 * u * lost * std.abs() + 1e-12).all())
