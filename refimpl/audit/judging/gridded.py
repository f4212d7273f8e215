"""Which grid do the levels of a run lie on?

    a grid with a name, or a part of one        else: evenly spaced after a shift, a root, a cosine

A spacing is told beside the ends, never in place of a declared grid.
"""

import math
from collections.abc import Callable, Mapping
from functools import lru_cache

import torch
from scipy.optimize import brentq
from torch import Tensor

from ...equations import schedules
from ...simulate import grids
from ..reading.manifest import Manifest
from .finding import Finding, Verdict

_LONGEST = 200
"""Steps of the longest grid that a window is looked for in."""

GRIDS = {
    "uniform": grids.uniform,
    "sd35_once_shifted": grids.sd35_once_shifted,
    "sd35_as_shipped": grids.sd35_as_shipped,
}
"""By the name that a manifest declares."""


@lru_cache(maxsize=1024)
def levels_of(name: str, T: int) -> Tensor:
    """The levels of a grid with a name, (T + 1,) float64; made once."""
    return torch.tensor(GRIDS[name](T).levels, dtype=torch.float64)


def of_grid(c: Mapping[str, Tensor], manifest: Manifest, u: float) -> Finding:
    """On the levels of distinct steps, t falling."""
    levels = torch.cat([c["t"][:, 0], c["s"][:, 0]])
    distinct = sorted(set(levels.tolist()), reverse=True)
    merged = [distinct[0]]
    for x in distinct[1:]:
        if merged[-1] - x > 8 * u:
            merged.append(x)
    told = f"{len(merged) - 1} steps from {merged[0]:.4g} to {merged[-1]:.4g}"
    found, of = "", 0
    # of a declared grid some steps are enough: a window leaves out many
    declared = manifest.grid or ""
    for T in range(2, _LONGEST + 1) if declared else ():
        if not found and _on(c, declared, T, u):
            found, of = declared, T
    # else a run may leave out steps at either end: the last one has no noise to train on
    for T in range(max(2, len(merged) - 1), len(merged) + 4):
        for name in GRIDS:
            if not found and _on(c, name, T, u):
                found, of = name, T
    if found:
        steps = len(torch.unique(torch.cat([c["t"], c["s"]], dim=1), dim=0))
        part = "" if steps == of else f", {steps} of {of} steps"
        told = f"grids.{found}{part}, from {merged[0]:.4g} to {merged[-1]:.4g}"
    if not found and (even := _evenly(merged)):
        told += f", {even}"
    if manifest.grid and manifest.grid != found:
        twice = " (its shift of 3 is applied twice)" if found == "sd35_as_shipped" else ""
        detail = f"declared grid = {manifest.grid!r}, and the levels are {told}{twice}"
        return Finding("grid", "differs", found, rows=len(merged) - 1, detail=detail)
    verdict: Verdict = "consistent" if manifest.grid else "convention"
    if not found:
        told += "" if _evenly(merged) else ", a grid without a name"
    return Finding("grid", verdict, found, rows=len(merged) - 1, detail=told)


def _on(c: Mapping[str, Tensor], name: str, T: int, u: float) -> bool:
    """Whether every step goes from a level of a grid to the next."""
    whole = levels_of(name, T)
    (far, from_), (off, to) = ((c[side][:, :1] - whole).abs().min(dim=1) for side in ("t", "s"))
    near = bool((torch.cat([far, off]) <= 8 * u + 1e-12).all())
    return near and bool((to - from_ == 1).all())


def _evenly(levels: list[float]) -> str:
    """After what change the levels are evenly spaced, in words; an end at 0 may be put on."""
    x = torch.tensor(levels, dtype=torch.float64)
    for part in (x, x[:-1]):
        if len(part) < _FEWEST:
            break
        inside = part.clamp(0, 1)
        for words, change in _CHANGES.items():
            if _even(change(inside)):
                return words
        if m := _shift_of(inside):
            return f"uniform ones shifted by {m:.4g}"
    return ""


_FEWEST = 5
_CHANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "whose square roots are evenly spaced": torch.sqrt,
    "whose squares are evenly spaced": torch.square,
    "whose cube roots are evenly spaced": lambda x: x ** (1 / 3),
    "whose 7th roots are evenly spaced, as Karras's with ρ = 7": lambda x: x ** (1 / 7),
    "whose logarithms are evenly spaced": torch.log,
    "cosines of evenly spaced angles": torch.acos,
    "squares of cosines of evenly spaced angles": lambda x: torch.acos(x.sqrt()),
}


def _even(x: Tensor) -> bool:
    apart = x[:-1] - x[1:]
    middle = apart.mean()
    return bool(torch.isfinite(middle) and ((apart - middle).abs() <= 1e-4 * middle.abs()).all())


def _shift_of(x: Tensor) -> float:
    """The m of levels m u/(1 + (m − 1) u), u evenly spaced; 0.0 where there is none."""

    def before(log_m: float) -> Tensor:
        return schedules.shift(x, math.exp(-log_m))

    def bent(log_m: float) -> float:
        u = before(log_m)
        return float(u[0] - 2 * u[1] + u[2])

    low, high = -_WIDEST, _WIDEST
    if bent(low) * bent(high) >= 0:
        return 0.0
    found = brentq(bent, low, high, xtol=1e-12)
    return math.exp(found) if _even(before(found)) and abs(found) > 1e-3 else 0.0


_WIDEST = math.log(50)
