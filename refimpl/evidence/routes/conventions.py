"""Second routes for conventions: lines through two points where the answer is known."""

from typing import Any

import mpmath as mp

from ..calculus import Parts, line, slope
from ..route import route


@route("conventions.flip_time")
def flip_time(t: Any) -> Any:
    """The line that exchanges the ends."""
    return line(0, 1, 1, 0, t)


@route("conventions.flip_velocity")
def flip_velocity(v: Any) -> Any:
    """The derivative of x(1 − u) where x has slope v."""
    return slope(lambda u: v * (1 - u), 0)


@route("conventions.flip_path")
def flip_path(alpha: Any, sigma: Any, d_alpha: Any, d_sigma: Any) -> Parts:
    """The same two functions of time, run the other way and differentiated."""
    return {
        "alpha": alpha,
        "sigma": sigma,
        "d_alpha": slope(lambda u: alpha + d_alpha * -u, 0),
        "d_sigma": slope(lambda u: sigma + d_sigma * -u, 0),
    }


@route("conventions.network_time")
def network_time(t: Any) -> Any:
    """The line through (0, 0) and (1, 1000)."""
    return line(0, 0, 1, 1000, t)


@route("conventions.level_of_network_time")
def level_of_network_time(tau: Any) -> Any:
    """That line, inverted."""
    return line(0, 0, 1000, 1, tau)


@route("conventions.w_from_omega")
def w_from_omega(omega: Any) -> Any:
    """Unguided is ω = −1, w = 0; conditional is ω = 0, w = 1."""
    return line(-1, 0, 0, 1, omega)


@route("conventions.omega_from_w")
def omega_from_w(w: Any) -> Any:
    """The same two points, inverted."""
    return line(0, -1, 1, 0, w)


@route("conventions.beta_for_mean_without_h")
def beta_for_mean_without_h(beta: Any, h: Any, dimensions: Any) -> Any:
    """The weight that makes the two penalties of one unit gap per coordinate equal, at g = 1."""
    theirs = mp.fsum(mp.mpf(1) / 2 for _ in range(int(dimensions))) / dimensions
    ours = mp.fsum(1 / (2 * h) for _ in range(int(dimensions)))
    return beta * theirs / ours
