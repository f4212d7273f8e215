"""Second routes for couplings: W₂² over quantiles, a Schur complement, running means."""

from typing import Any

import mpmath as mp
import numpy as np

from ..calculus import square
from ..route import route
from .gaussian import sample


@route("coupling.cost")
def cost(data: Any, noise: Any) -> Any:
    """The binomial."""
    return square(noise, data)


@route("coupling.gaussian_map")
def gaussian_map(noise: Any, data_law_mean: Any, data_law_std: Any) -> Any:
    """The point with the noise's quantile."""
    return sample(data_law_mean, data_law_std, noise)


@route("coupling.gaussian_cost")
def gaussian_cost(p_mean: Any, p_std: Any, q_mean: Any, q_std: Any) -> Any:
    """∫ (F⁻¹ − G⁻¹)² over quantiles, by Gauss–Hermite with three nodes: exact for a parabola."""
    nodes = ((mp.mpf(2) / 3, 0), (mp.mpf(1) / 6, mp.sqrt(3)), (mp.mpf(1) / 6, -mp.sqrt(3)))
    return mp.fsum(w * square(p_mean + p_std * z, q_mean + q_std * z) for w, z in nodes)


@route("coupling.correlated_velocity_variance")
def correlated_velocity_variance(t: Any, std: Any, correlation: Any) -> Any:
    """A Schur complement: the determinant of the covariance of (v, x) over the variance of x."""
    ends = mp.matrix([[std**2, correlation * std], [correlation * std, 1]])
    to_v_x = mp.matrix([[-1, 1], [1 - t, t]])
    covariance = to_v_x * ends * to_v_x.T
    return mp.det(covariance) / covariance[1, 1]


@route("coupling.straightness", whole=True)
def straightness(ends: Any, velocities: Any) -> Any:
    """A running mean of squares."""
    mean = np.vectorize(lambda _: mp.mpf(0), otypes=[object])(ends)
    for k, v in enumerate(velocities, start=1):
        mean = mean + (np.vectorize(square, otypes=[object])(v, ends) - mean) / k
    return mean
