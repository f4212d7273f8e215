"""Second routes for reinforcement on the forward process: lines in the scale, and two moments.

v⁺ and v⁻ are read off the line through v_old and v        a mean square is bias² + variance
"""

from typing import Any

import mpmath as mp

from ..calculus import line
from ..route import route


@route("forward_process.optimality")
def optimality(advantage: Any, limit: Any) -> Any:
    """The chance that a uniform number between −A_max and A_max lies below the advantage."""
    return line(-limit, 0, limit, 1, sorted((advantage, -limit, limit))[1])


@route("forward_process.positive_velocity")
def positive_velocity(v: Any, v_old: Any, b: Any) -> Any:
    """The line through (0, v_old) and (1, v), at b."""
    return line(0, v_old, 1, v, b)


@route("forward_process.negative_velocity")
def negative_velocity(v: Any, v_old: Any, b: Any) -> Any:
    """The same line, at −b."""
    return line(0, v_old, 1, v, -b)


@route("forward_process.nft")
def nft(v: Any, v_old: Any, target: Any, optimal: Any, b: Any) -> Any:
    """A velocity drawn from the two with chances r and 1 − r: squared bias plus variance."""
    moved = b * (v - v_old)
    bias = v_old + (2 * optimal - 1) * moved - target
    return bias**2 + 4 * optimal * (1 - optimal) * moved**2


@route("forward_process.awm")
def awm(v: Any, target: Any, advantage: Any) -> Any:
    """The binomial, multiplied out."""
    return advantage * mp.fsum((v * v, -2 * v * target, target * target))
