"""Free numbers of a hypothesis, found from the numbers that came back.

    solved(f, got, [1.0])   →   [c] with f([c]) = got everywhere, or nothing

One number or two must serve many: what is found is a hypothesis, and is tried on all other inputs.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

_LOWEST = 12
"""The largest number that people divide by in a rule, as 1/3 or 5/12."""

_ROUNDS = 12
_NUDGE = 2.0**-20

_GAIN = 0.7
"""What a round must leave of the largest difference, or the search ends."""

NEAR = 1e-6
"""How closely the numbers must be met, relative to the largest difference that is explained."""

_DIGITS = 4
"""As many digits as people write."""

_EXACT = 1e-13
"""How closely numbers are met where the search begins at its end, relative to the largest."""

_ZERO, _ZERO_SINGLE = 1e-14, 1e-6
"""What rounding leaves of a number that is 0; where what came back is in float32."""

SEVERAL = 3
"""So many numbers for each that is free, at least."""


def solved(
    numbers: Callable[[Any], np.ndarray],
    got: np.ndarray,
    start: Sequence[float],
    blur: np.ndarray | float = 0.0,
) -> list[float] | None:
    """c with numbers(c) = got, by Gauss and Newton's rule; None where there is none.

    Args:
        numbers: what the hypothesis gives for its free numbers; any shape, one for all.
        got: the numbers that came back.
        start: where the search begins.
        blur: how far rounding may carry each number that came back.
    """
    c, want = np.array(start, dtype=np.float64), np.ravel(got)
    if want.size < SEVERAL * len(c) or not np.isfinite(want).all():
        return None
    began = np.asarray(numbers(start))
    if began.shape != got.shape or not np.isfinite(began).all():
        return None
    at = began.ravel()
    left = first = np.abs(want - at).max()

    def slopes_at(c: np.ndarray) -> np.ndarray:
        return np.stack([np.ravel(numbers(c + d)) - at for d in _NUDGE * np.eye(len(c))]) / _NUDGE

    if first <= _EXACT * np.abs(want).max():  # told only if another would not do as well
        return list(start) if np.any(slopes_at(c), axis=1).all() else None
    for _ in range(_ROUNDS):
        slopes = slopes_at(c)
        if not (np.isfinite(slopes).all() and np.isfinite(at).all()):
            return None
        move = _move(slopes, want - at)
        if move is None:
            return None
        c = c + move
        at, before = np.ravel(numbers(c)), left
        left = np.abs(at - want).max()
        if not left < _GAIN * before or np.abs(move).max() <= 1e-13 * np.abs(c).max():
            break
    zero, rounded = (_ZERO, 0.0) if not single(want) else (_ZERO_SINGLE, 8 * 2.0**-24)
    near = np.maximum(NEAR * first, np.ravel(blur) + rounded * np.abs(want).max())

    def met(c: np.ndarray) -> bool:
        off = np.abs(np.ravel(numbers(c)) - want)
        return bool((off <= near).all())

    return _short(c, met, zero) if bool((np.abs(at - want) <= near).all()) else None


def single(x: np.ndarray) -> bool:
    """Whether all numbers are ones of float32, those that are none left out of account."""
    x = x[np.isfinite(x)]
    return bool((x == x.astype(np.float32)).all())


def _move(slopes: np.ndarray, left: np.ndarray) -> np.ndarray | None:
    """The least squares of what is left, None where the slopes do not tell the numbers apart; of
    one number by its formula, which takes a tenth of the time."""
    if len(slopes) == 1:
        squares = float(slopes[0] @ slopes[0])
        return np.array([float(slopes[0] @ left) / squares]) if squares > 0 else None
    move, _, rank, _ = np.linalg.lstsq(slopes.T, left, rcond=1e-9)
    return move if rank == len(slopes) else None


def _short(c: np.ndarray, met: Callable[[np.ndarray], bool], zero: float) -> list[float]:
    """The numbers with as few digits as people write, where those still do."""
    c = still if met(still := np.where(np.abs(c) < zero, 0.0, c)) else c
    for digits in range(1, _DIGITS + 1):
        short = np.array([float(f"{x:.{digits}g}") for x in c])
        if met(short):
            return [float(x) for x in short]
    whole = np.array([float(Fraction(float(x)).limit_denominator(_LOWEST)) for x in c])
    return [float(x) for x in (whole if met(whole) else c)]


def plain(number: float, within: float = 1e-6) -> float:
    """The number to four digits, where it has no more."""
    short = float(f"{number:.4g}")
    return short if abs(short - number) <= within * abs(number) else number


NEAR_ENOUGH = 1e-5
"""How far numbers that are one may lie apart, relative to themselves."""


def one(numbers: Any) -> float | None:
    """The number that they all are, or None."""
    every = np.ravel(numbers)
    if (
        not every.size
        or not np.isfinite(every).all()
        or np.ptp(every) > NEAR_ENOUGH * abs(every[0])
    ):
        return None
    return plain(float(np.median(every)))
