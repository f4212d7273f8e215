"""Tests of the numbers within a row of noise: do they come again, go together, or have none?

    within    the first half against the second, of a half, a third, ...
    shared    is it one along an axis?        standardised    have all rows one sum, one size?
    near      each number against the one k further, k = 1, 2, ...        still    a coordinate at 0

And how wide they are at each step, where not all are as wide as their std says.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from ...statistics.gaussian import normal
from ...statistics.outcome import ALPHA, Part

_SAME = 0.9
_SPLITS = (2, 3, 4, 8, 16)
_NARROW = 4
_NEAR = 32
"""So many neighbours of a number are looked at."""

_FEWEST = 16
"""Of fewer numbers in a row no neighbours are told, and of fewer rows no coordinate."""

_NONE = 1e-2
"""A coordinate whose root mean square over the rows is less has no noise."""


def within(rows: Tensor) -> tuple[Part, int, bool]:
    """The test of the first numbers of a row against those that follow, over all rows: it, how many
    numbers are held against as many, and whether these are nearly the same."""
    found = []
    for parts in _SPLITS:
        wide = rows.shape[1] // parts
        if wide * parts == rows.shape[1] and wide >= _NARROW:
            first, second = rows[:, :wide], rows[:, wide : 2 * wide]
            size = torch.linalg.vector_norm(first, dim=1).clamp_min(1e-300)
            products = torch.linalg.vecdot(first, second)
            z = float((products / size).sum()) / len(rows) ** 0.5
            alike = float(products.sum() / (first.norm() * second.norm()))
            found.append((abs(z), wide, alike > _SAME))
    whole = [x for x in found if x[2]]
    most, wide, same = min(whole, key=lambda x: x[1]) if whole else max(
        found, default=(0.0, 0, False))  # fmt: skip
    return normal("the largest |z| in a row", most, ALPHA / len(_SPLITS)), wide, same


def copies(rows: Tensor, rounding: float) -> tuple[Part, str]:
    """The test of rows that are one before them, number by number; and what was found, in words.

    Args:
        rounding: of a number.
    """
    n, wide = rows.shape
    near = max(_ROUNDINGS * rounding, _APART)
    squares = rows.pow(2).sum(dim=1)
    apart = squares[:, None] + squares - 2 * rows @ rows.T
    alike = (apart <= wide * near**2) & (squares[:, None] > wide * near**2)
    same = alike.tril(-1) if _unlikely(n, wide, near) else torch.zeros_like(alike)
    later = same.any(dim=1).nonzero()[:, 0]
    by = later - (same * torch.arange(n)).amax(dim=1)[later]
    each = f"that of {int(by[0])} rows before" if len(by) and bool((by == by[0]).all()) else ""
    each = each or (
        f"row {int(later[0])} has that of row {int(later[0] - by[0])}" if len(by) else ""
    )
    part = Part("rows that are another", float(len(later)), 0.5, 0.0 if len(later) else 1.0)
    return part, f"in {len(later)} of {n} rows it is that of another, number by number: {each}"


_ROUNDINGS = 32
"""So many roundings apart two residuals may be that are one."""

_APART = 2.0**-20
"""As near are rows whose squares show no distance, in float64."""


def _unlikely(n: int, wide: int, near: float) -> bool:
    """Whether none of n rows of normals lies so near another, root mean square, but once in 10⁹:
    for two the chance is below (1.2 near)^D."""
    return -wide * math.log(1.2 * near) - 2 * math.log(n) > -math.log(ALPHA)


def near(rows: Tensor) -> tuple[Part, int, float]:
    """The test of each number of a row against its neighbours: it, how far off the neighbour is
    that goes with it most, and their correlation."""
    found, wide = [(0.0, 1, 0.0)], rows.shape[1]
    products = rows.T @ rows
    for k in range(1, min(_NEAR, wide // 2) + 1) if wide >= _FEWEST else ():
        both, own = products.diagonal(k).sum(), products.diagonal()
        first, second = own[:-k].sum().sqrt(), own[k:].sum().sqrt()
        found.append((float(both / first), k, float(both / (first * second))))
    z, k, share = max(found, key=lambda x: abs(x[0]))
    return normal("the largest |z| of neighbours", z, ALPHA / _NEAR), k, share


def shared(rows: Tensor, shapes: Sequence[Sequence[int]]) -> tuple[str, int]:
    """The one axis that a few rows' numbers are the same along, in words, and its length; "" where
    there is none, or where they are along every one."""
    found = list[tuple[int, str]]()
    size = rows.pow(2).mean().sqrt()
    for shape in shapes:
        laid, same = rows.reshape(len(rows), *shape), list[tuple[int, str]]()
        for k, n in enumerate(shape, 1):
            others = laid.narrow(k, 1, n - 1) - laid.narrow(k, 0, 1)
            if others.numel() >= _FEWEST and float(others.abs().max()) < _NONE * size:
                frames = ", over its frames" if len(shape) == 4 and k == 2 else ""
                same.append((n, f"axis {k} of (B, {', '.join(map(str, shape))}){frames}"))
        found += same if len(same) == 1 < len(shape) else []
    n, words = max(found, default=(0, ""))
    return words, n


def standardised(sums: Tensor, squares: Tensor, wide: int, rows: int) -> tuple[Part, str]:
    """The test of whole rows: how unlikely it is that all their sums are so near 0, or all their
    Σ e² so near D or D − 1; and what was found, in words.

    Args:
        sums, squares: Σ e and Σ e² of each row, (n,).
        rows: how many of them were drawn by themselves.
    """
    z = sums.abs().max() / (2 * wide) ** 0.5
    found = [(_surprise(float(torch.erf(z)), rows), "add up to 0")]
    for what, of in (("D", wide), ("D − 1", wide - 1)):
        off = float((squares - of).abs().max())
        ends = torch.tensor([max(of - off, 0.0), of + off], dtype=torch.float64) / 2
        low, high = torch.special.gammainc(torch.tensor(wide / 2).double(), ends).tolist()
        found.append((_surprise(high - low, rows), f"squares add up to {what}"))
    most = max(found)
    words = " and whose ".join(
        [w for x, w in found[:1] if x > _SURE]
        + [w for x, w in [max(found[1:])] if x > _SURE]
    )  # fmt: skip
    return Part("−log of its chance", most[0], _SURE, math.exp(-most[0])), words


def _surprise(share: float, rows: int) -> float:
    """−log of the chance that so many rows lie in a share of their law."""
    return -rows * math.log(min(max(share, 1e-12), 1.0))


_SURE = -math.log(ALPHA / 3)


def still(rows: Tensor) -> Part:
    """Coordinates without noise, of which there is to be none."""
    sizes = rows.pow(2).mean(dim=0).sqrt() if len(rows) >= _FEWEST else rows.new_ones(1)
    one = float(rows.mean(dim=0).pow(2).mean()) > 0.5 * float(rows.pow(2).mean())  # for all rows
    none = 0 if one else int((sizes < _NONE * sizes.max()).sum())
    return Part("coordinates without noise", float(none), 0.5, 0.0 if none else 1.0)


_SCALES: dict[str, Callable[[float, float], float]] = {
    "": lambda t, h: 1.0, "√h": lambda t, h: math.sqrt(h), "1/√h": lambda t, h: 1 / math.sqrt(h),
    "t": lambda t, h: t, "√t": lambda t, h: math.sqrt(t), "1/t": lambda t, h: 1 / t,
    "h": lambda t, h: h,
}  # fmt: skip
"""What a std may have been multiplied by."""

_SIGMAS = 5.0


def scaled(steps: Mapping[tuple[float, float], tuple[float, ...]]) -> str:
    """What the noise's std is in units of what was recorded, in words; "" where no rule gives it.

    Args:
        steps: by (t, h), Σ e² and how many e.
    """
    sizes = {step: math.sqrt(total / n) for step, (total, n) in steps.items() if n and step[0] > 0}
    if not sizes or not all(sizes.values()):
        return ""
    for words, rule in _SCALES.items():
        if words and len(sizes) < _LEVELS:
            break
        by = {step: size / rule(*step) for step, size in sizes.items()}
        weight = {step: steps[step][1] for step in by}
        middle = sum(weight[k] * x for k, x in by.items()) / sum(weight.values())
        apart = (abs(x / middle - 1) * math.sqrt(2 * weight[k]) for k, x in by.items())
        if max(apart) < _SIGMAS:
            one = abs(middle - 1) * math.sqrt(2 * sum(weight.values())) < _SIGMAS
            plain = words if words and one else f"{middle:.3g} {words}"
            return f"it is {plain.strip()} times as wide at every step"
    off = [step for step, size in sizes.items()
           if abs(size - 1) * math.sqrt(2 * steps[step][1]) > _SIGMAS]  # fmt: skip
    if 0 < 2 * len(off) <= len(sizes):
        told = ", ".join(
            f"{t:.4g} (by {sizes[t, h]:.3g})" for t, h in sorted(off, reverse=True)[:4]
        )
        return f"at t = {told} alone"
    return ""


_LEVELS = 4
"""Of fewer steps no rule but one number is told."""
