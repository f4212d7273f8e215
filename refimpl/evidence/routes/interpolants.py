"""Second routes for interpolants: a change of variables, a stretched line, a complex rotation."""

from typing import Any

import mpmath as mp

from ..route import route


@route("interpolants.log_density")
def log_density(start_log_density: Any, sigma: Any) -> Any:
    """The logarithm of a density divided by the width of its unit."""
    return mp.log(mp.exp(start_log_density) / sigma)


@route("interpolants.score")
def score(start_score: Any, sigma: Any) -> Any:
    """The slope of a line of that slope, stretched by σ."""
    return mp.diff(lambda x: start_score * (x / sigma), 0)


@route("interpolants.from_point")
def from_point(x: Any, t: Any) -> Any:
    """The derivative of t ↦ t y, with the y that is at x at time t."""
    y = mp.findroot(lambda y: t * y - x, 0)
    return mp.diff(lambda u: u * y, t)


@route("interpolants.turning")
def turning(x: Any, turned: Any, t: Any, turn: Any) -> Any:
    """((2t − 1) + iτ)(x − i x^⊥), its real part, over a squared modulus."""
    spread = abs(mp.mpc(1 - t, t)) ** 2
    return (mp.mpc(2 * t - 1, turn) * mp.mpc(x, -turned)).real / spread
