"""Second routes for conversions: elimination, and the derivative of a log-density.

    x = α data + σ noise,  v = α̇ data + σ̇ noise        two equations, two unknowns

Whatever is given, a linear solver finds the pair, and everything else is read off it. A score comes
from differentiating log N(x; α data, σ²).
"""

from typing import Any

import mpmath as mp

from ..calculus import data_of_score, line, mix, score_at, solve
from ..route import route


@route("conversions.noise_from_velocity")
def noise_from_velocity(x: Any, v: Any, **c: Any) -> Any:
    """Solved from x and v."""
    return solve(**c, x=x, v=v)["noise"]


@route("conversions.data_from_velocity")
def data_from_velocity(x: Any, v: Any, **c: Any) -> Any:
    """Solved from x and v."""
    return solve(**c, x=x, v=v)["data"]


@route("conversions.score_from_noise")
def score_from_noise(alpha: Any, sigma: Any, d_alpha: Any, d_sigma: Any, noise: Any) -> Any:
    """The score of a datum at 0, where the noise has taken it."""
    return score_at(alpha, sigma, mix(alpha, sigma, 0, noise), 0)


@route("conversions.noise_from_score")
def noise_from_score(alpha: Any, sigma: Any, d_alpha: Any, d_sigma: Any, score: Any) -> Any:
    """The noise that takes a datum at 0 to where its score is this."""
    if sigma == 0:
        return mp.mpf(0)
    at_1 = score_at(alpha, sigma, sigma, 0)
    return line(0, 0, at_1, 1, score)


@route("conversions.data_from_noise")
def data_from_noise(x: Any, noise: Any, **c: Any) -> Any:
    """Solved from x and noise."""
    return solve(**c, x=x, noise=noise)["data"]


@route("conversions.noise_from_data")
def noise_from_data(x: Any, data: Any, **c: Any) -> Any:
    """Solved from x and data."""
    return solve(**c, x=x, data=data)["noise"]


@route("conversions.velocity_from_noise")
def velocity_from_noise(x: Any, noise: Any, **c: Any) -> Any:
    """Solved from x and noise."""
    return solve(**c, x=x, noise=noise)["v"]


@route("conversions.velocity_from_data")
def velocity_from_data(x: Any, data: Any, **c: Any) -> Any:
    """Solved from x and data."""
    return solve(**c, x=x, data=data)["v"]


@route("conversions.score_from_data")
def score_from_data(alpha: Any, sigma: Any, d_alpha: Any, d_sigma: Any, x: Any, data: Any) -> Any:
    """The derivative of the conditional log-density."""
    return score_at(alpha, sigma, x, data)


@route("conversions.data_from_score")
def data_from_score(alpha: Any, sigma: Any, d_alpha: Any, d_sigma: Any, x: Any, score: Any) -> Any:
    """The datum with this score."""
    return x / alpha if sigma == 0 else data_of_score(alpha, sigma, x, score)


@route("conversions.velocity_from_score")
def velocity_from_score(
    alpha: Any, sigma: Any, d_alpha: Any, d_sigma: Any, x: Any, score: Any
) -> Any:
    """The datum with this score, then the velocity of its path through x."""
    if sigma == 0:
        return d_alpha * x / alpha
    data = data_of_score(alpha, sigma, x, score)
    return solve(alpha, sigma, d_alpha, d_sigma, x=x, data=data)["v"]


@route("conversions.score_from_velocity")
def score_from_velocity(alpha: Any, sigma: Any, d_alpha: Any, d_sigma: Any, x: Any, v: Any) -> Any:
    """The datum behind x and v, then the derivative of its log-density."""
    return score_at(alpha, sigma, x, solve(alpha, sigma, d_alpha, d_sigma, x=x, v=v)["data"])
