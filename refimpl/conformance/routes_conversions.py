"""Second routes for conversions: elimination, and the derivative of a log-density.

    x = α data + σ noise,  v = α̇ data + σ̇ noise        two equations, two unknowns

Whatever is given, a linear solver finds the pair, and everything else is read off it. A score comes
from differentiating log N(x; α data, σ²).
"""

from typing import Any

import mpmath as mp

from ..evidence.independent import route
from .routes_gaussian import line, log_npdf, mix, slope

Parts = dict[str, Any]


def solve(alpha: Any, sigma: Any, d_alpha: Any, d_sigma: Any, **known: Any) -> Parts:
    """x, v, data and noise from any two of them that determine the pair, by elimination."""
    rows = {"x": (alpha, sigma), "v": (d_alpha, d_sigma), "data": (1, 0), "noise": (0, 1)}
    matrix = mp.matrix([rows[name] for name in known])
    data, noise = mp.lu_solve(matrix, mp.matrix(list(known.values())))
    return {name: mix(a, b, data, noise) for name, (a, b) in rows.items()}


def score_at(alpha: Any, sigma: Any, x: Any, data: Any) -> Any:
    """The derivative of log N(x; α data, σ²)."""
    return slope(lambda y: log_npdf(y, alpha * data, sigma), x)


def data_of_score(alpha: Any, sigma: Any, x: Any, score: Any) -> Any:
    """The datum whose Gaussian has this score at x: a straight line in the datum, inverted."""
    at_0, at_1 = (score_at(alpha, sigma, x, data) for data in (mp.mpf(0), mp.mpf(1)))
    return line(at_0, 0, at_1, 1, score)


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
