"""Second routes for the ODE solvers: powers of a matrix.

A Runge–Kutta step of order n on a linear field is the Taylor polynomial of a matrix exponential.
"""

from typing import Any

import mpmath as mp

from ..calculus import line
from ..route import route


def _taylor(order: int, x: Any, t: Any, s: Any, rate: Any, slope: Any) -> Any:
    """Σ_{k ≤ order} (M dt)ᵏ/k! on (x, t, 1), where M is the field x′ = rate x + slope t, t′ = 1."""
    m = mp.matrix([[rate, slope, 0], [0, 0, 1], [0, 0, 0]]) * (s - t)
    term = mp.matrix([x, t, 1])
    total = term.copy()
    for k in range(1, order + 1):
        term = m * term / k
        total += term
    return total[0]


@route("ode.euler")
def euler(rate: Any, slope: Any, x: Any, t: Any, s: Any) -> Any:
    """The exponential's first two terms."""
    return _taylor(1, x, t, s, rate, slope)


@route("ode.heun")
def heun(rate: Any, slope: Any, x: Any, t: Any, s: Any) -> Any:
    """The exponential's first three terms."""
    return _taylor(2, x, t, s, rate, slope)


@route("ode.midpoint")
def midpoint(rate: Any, slope: Any, x: Any, t: Any, s: Any) -> Any:
    """Where the slope half-way leads: the exponential's derivative, its first two terms at h/2."""
    half = (t + s) / 2
    arrived = _taylor(1, x, t, half, rate, slope)
    return line(t, x, half, x + (half - t) * (rate * arrived + slope * half), s)


@route("ode.rk4")
def rk4(rate: Any, slope: Any, x: Any, t: Any, s: Any) -> Any:
    """The exponential's first five terms."""
    return _taylor(4, x, t, s, rate, slope)
