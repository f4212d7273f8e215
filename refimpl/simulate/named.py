"""Which named grid is a list of numbers: its shift fitted, or the nearest with the difference.

    identify(numbers)   →   [Match("even, shifted", k = 3.000, off by 2e-8), ...] nearest first

A family is a grid of T steps with one free number, the shift k. The list is first brought to
falling levels that end at 0: network times are divided, the other clock is turned, a missing 0 is
added, and each of this is said.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from ..equations import schedules
from ..typed import held
from .shipped import ALMOST, Levels, spaced

WIDEST = 6.0
"""Shifts are looked for between e^−6 and e^6."""

ROUNDED = 2e-7
"""What float32 makes of levels near 1, after a handful of operations."""


@dataclass(frozen=True)
class Family:
    """A kind of grid.

    Attributes:
        name: in words.
        make: the T + 1 levels for T, the shift k, and the list itself (for its ends).
        shifted: whether k is free.
    """

    name: str
    make: Callable[[int, float, Levels], Levels]
    shifted: bool = True


@dataclass(frozen=True)
class Match:
    """A family held against a list.

    Attributes:
        name: of the family.
        shift: the fitted k; 1 where the family has none.
        gap: the largest difference of a level.
        at: the index of that level.
        levels: the family's levels.
        exact: whether the gap is within what rounding explains.
    """

    name: str
    shift: float
    gap: float
    at: int
    levels: tuple[float, ...]
    exact: bool


@dataclass(frozen=True)
class Levelled:
    """A list as falling levels that end at 0, and what was done to it."""

    levels: Levels
    done: tuple[str, ...]
    rounding: float


def _to_zero(even: Callable[[int], Levels]) -> Callable[[int, float, Levels], Levels]:
    return lambda T, k, seen: np.append(schedules.shift(even(T), k), 0.0)


def _shipped(T: int, k: float, seen: Levels) -> Levels:
    lowest = float(schedules.shift(1 / 1000, k))
    return np.append(schedules.shift(np.linspace(1, lowest, T), k), 0.0)


def _unipc(T: int, k: float, seen: Levels) -> Levels:
    levels = schedules.shift(np.linspace(1, 1 / 1000, T + 1)[:-1], k)
    return np.append(np.minimum(levels, 1 - ALMOST), 0.0)


def _stretched(T: int, k: float, seen: Levels) -> Levels:
    levels = schedules.shift(np.linspace(1, 1 / T, T), k)
    return np.append(schedules.stretch(levels, levels[-1], float(seen[-2])), 0.0)


def _spaced(kind: str) -> Callable[[int, float, Levels], Levels]:
    return lambda T, k, seen: np.append(spaced(kind, T, float(seen[-2]), float(seen[0])), 0.0)


def _karras_in_flow(T: int, k: float, seen: Levels) -> Levels:
    low, high = (t / (1 - min(t, 1 - ALMOST)) for t in (float(seen[-2]), float(seen[0])))
    return np.append(schedules.level_of_sigma(spaced("karras", T, low, high)), 0.0)


FAMILIES = (
    Family("uniform", lambda T, k, seen: np.linspace(1, 0, T + 1), shifted=False),
    Family("uniform, shifted once", _to_zero(lambda T: np.linspace(1, 0, T + 1)[:-1])),
    Family("from 1 to 1/1000, shifted once", _to_zero(lambda T: np.linspace(1, 1 / 1000, T))),
    Family("from 1 to shift(1/1000), shifted again (diffusers' own levels)", _shipped),
    Family("uniform, shifted, stretched to its last level", _stretched),
    Family("UniPC in flow mode", _unipc),
    Family("DPM++ in flow mode", _to_zero(lambda T: 1 - np.linspace(1 / 1000, 1, T + 1)[:-1])),
    Family("Karras between its ends", _spaced("karras"), shifted=False),
    Family("exponential between its ends", _spaced("exponential"), shifted=False),
    Family("beta between its ends", _spaced("beta"), shifted=False),
    Family("Karras in σ = t/(1 − t)", _karras_in_flow, shifted=False),
)
"""Simplest first: of two that fit equally well the first is named."""


@held
def levelled(numbers: Sequence[float], rounding: float = ROUNDED) -> Levelled:
    """The list as falling levels that end at 0.

    Args:
        numbers: levels or network times, falling or rising.
        rounding: what one number may be off by, as given.

    Raises:
        ValueError: fewer than two numbers, one that is not finite, below 0 or beyond 1000, a list
            that turns.
    """
    told = [float(x) for x in numbers]
    seen, done = np.array(told), []
    if len(seen) < 2:
        raise ValueError(f"a grid needs two numbers or more, got {len(seen)}")
    if not np.isfinite(seen).all() or (seen < 0).any() or (seen > 1000).any():
        bad = next(x for x in told if not 0 <= x <= 1000)
        raise ValueError(f"levels lie in [0, 1] and network times in [0, 1000], got {bad!r}")
    if seen.max() > 1:
        seen, rounding = seen / 1000, rounding / 1000
        done.append("read as network times: divided by 1000")
    steps = np.diff(seen)
    if (steps > 0).all():
        data_is_1 = seen[0] < 0.5 and seen[-1] == 1
        seen = 1 - seen if data_is_1 else seen[::-1]
        done.append(f"it rises: read {'on the other clock, 1 − t' if data_is_1 else 'reversed'}")
    elif not (steps < 0).all():
        at = int(np.argmax(steps * steps[0] <= 0)) + 1
        raise ValueError(
            f"a grid falls or rises: number {at} is {told[at]!r} after {told[at - 1]!r}"
        )
    if seen[-1] != 0:
        seen = np.append(seen, 0.0)
        done.append("it does not end at 0: a last level of 0 was added")
    return Levelled(seen, tuple(done), max(rounding, ROUNDED))


@held
def identify(numbers: Sequence[float], rounding: float = ROUNDED) -> tuple[Levelled, list[Match]]:
    """The families by how near they come, the simplest first among those that fit.

    Raises:
        ValueError: see `levelled`.
    """
    seen = levelled(numbers, rounding)
    found = [_match(f, seen) for f in FAMILIES]
    fitting = [m for m in found if m.exact]
    rest = sorted((m for m in found if not m.exact), key=lambda m: m.gap)
    return seen, [*fitting, *rest]


def _match(family: Family, seen: Levelled) -> Match:
    T = len(seen.levels) - 1
    k = _fitted(family, T, seen) if family.shifted else 1.0
    levels = family.make(T, k, seen.levels)
    gaps = np.abs(levels - seen.levels)
    at = int(np.argmax(gaps))
    exact = bool(gaps[at] <= seen.rounding)
    return Match(family.name, k, float(gaps[at]), at, tuple(map(float, levels)), exact)


def _fitted(family: Family, T: int, seen: Levelled) -> float:
    """The shift of least squares, with no more digits than the list can tell."""

    def gaps(k: float) -> Levels:
        return family.make(T, k, seen.levels) - seen.levels

    def misfit(log_k: float) -> float:
        return float((gaps(float(np.exp(log_k))) ** 2).sum())

    first = min(np.linspace(-WIDEST, WIDEST, 49), key=misfit)
    best = minimize_scalar(misfit, bounds=(first - 0.3, first + 0.3), method="bounded",
                           options={"xatol": 1e-12})  # fmt: skip
    k = float(np.exp(best.x))
    shorter = (float(f"{k:.{digits}g}") for digits in range(1, 7))
    return next((near for near in shorter if np.abs(gaps(near)).max() <= seen.rounding), k)
