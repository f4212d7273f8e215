"""Convergence: the order *and* the constant in front of it.

    error(h) = C h^p + O(h^{p+1})

An order alone passes with real bugs in place: dropping the last Euler step keeps order 1. The
constant does not forgive. Both are read off a ladder of steps, with Richardson's extrapolation.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..typed import held

TOLERANCE = 0.02
"""On the order, and relative on the constant; see `order`."""


class OrderFailure(AssertionError):
    """A method that converges at another order, or with another constant."""


@dataclass(frozen=True)
class Order:
    """A measured order and error constant.

    Attributes:
        slopes: log-log slopes between neighbours, from coarse to fine.
        order: the last slope, extrapolated to h = 0.
        constant: error/h^p, extrapolated, with the sign of the errors.
    """

    slopes: tuple[float, ...]
    order: float
    constant: float


@held
def order(
    h: Sequence[float],
    error: Sequence[float],
    *,
    expected: float,
    constant: float | None = None,
    tolerance: float = TOLERANCE,
) -> Order:
    """Raise unless error = C h^p with p = `expected` (and C = `constant`, where it is known).

    Args:
        h: at least three step sizes, each half of the one before.
        error: *signed* errors of one number (signs tell a zero crossing from convergence), well
            above rounding.
        expected: p.
        constant: C.
        tolerance: on p, and relative on C. Extrapolation leaves O(h²): two hundredths are ample
            for ladders whose first slope is within a fifth of p.

    Raises:
        OrderFailure: another order, another constant, errors of two signs, or none.
        ValueError: not a ladder.
    """
    if len(h) != len(error) or len(h) < 3:
        raise ValueError(
            f"an order needs three step sizes or more, got {len(h)} and {len(error)} errors"
        )
    if any(not math.isclose(a / b, 2, rel_tol=1e-9) for a, b in pairwise(h)):
        raise ValueError(f"each step size must be half of the one before, got {list(h)}")
    if any(not math.isfinite(e) or e * error[0] <= 0 for e in error):
        raise OrderFailure(f"errors must be finite and of one sign, got {list(error)}")
    slopes = [math.log2(a / b) for a, b in pairwise(error)]
    scaled = [e / step**expected for e, step in zip(error, h, strict=True)]
    found = Order(tuple(slopes), 2 * slopes[-1] - slopes[-2], 2 * scaled[-1] - scaled[-2])
    if not abs(found.order - expected) <= tolerance:
        raise OrderFailure(f"order {found.order:.4f}, not {expected:g}; slopes {slopes}")
    if constant is not None and not abs(found.constant / constant - 1) <= tolerance:
        raise OrderFailure(
            f"order {expected:g} holds, but its constant is {found.constant:.6g}, "
            f"not {constant:.6g}"
        )
    return found
