"""Second routes for steps that remember: straight lines, an area, and a linear system.

With data held constant the flow is a straight line from x at t to the data at 0. Weights that are
to integrate powers exactly are solved for, not written down.
"""

from typing import Any

import mpmath as mp

from ..calculus import line
from ..route import route


@route("multistep.reach")
def reach(t: Any, s: Any) -> Any:
    """The area under dλ/dτ = 1/(τ (1 − τ)) from s to t."""
    return mp.quad(lambda u: 1 / (u * (1 - u)), mp.linspace(s, t, 5))


@route("multistep.first")
def first(x: Any, data: Any, t: Any, s: Any) -> Any:
    """The straight line through the data at level 0 and x at level t."""
    return line(0, data, t, x, s)


@route("multistep.dpmpp_2m")
def dpmpp_2m(x: Any, data: Any, data_before: Any, ratio: Any, t: Any, s: Any) -> Any:
    """Straight to the data that the line through both predictions shows half a step ahead."""
    half = mp.mpf(1) / 2
    return line(0, line(-ratio, data_before, 0, data, half), t, x, s)


@route("multistep.unic_1")
def unic_1(x: Any, data: Any, data_after: Any, t: Any, s: Any) -> Any:
    """Straight to the data half-way between both predictions."""
    half = mp.mpf(1) / 2
    return line(0, line(0, data, 1, data_after, half), t, x, s)


@route("multistep.unic_2")
def unic_2(
    x: Any, data: Any, data_before: Any, data_after: Any, ratio: Any, reach: Any, t: Any, s: Any
) -> Any:
    """Straight to weighted data, the weights solved so that y and y² get their moments.

    Powers are counted in steps: 1 ahead, −r behind. Of the exponential weight on a step of length H
    with mass E the moments are 1 − E/H and 1 − 2/H + 2E/H², over E.
    """
    mass = (t - s) / (t * (1 - s))
    moments = ((1 - mass / reach) / mass, (1 - 2 / reach + 2 * mass / reach**2) / mass)
    behind, ahead = mp.lu_solve(mp.matrix([[1, 1], [-ratio, 1]]), mp.matrix(moments))
    slope = (data_before - data) / (-ratio)
    return line(0, data + behind * slope + ahead * (data_after - data), t, x, s)
