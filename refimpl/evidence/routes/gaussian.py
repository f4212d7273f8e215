"""Second routes for Gaussians: mpmath's own normal density, its derivative, a complex product."""

from typing import Any

import mpmath as mp

from ..calculus import log_npdf, slope
from ..route import route


@route("gaussian.sample")
def sample(mean: Any, std: Any, noise: Any) -> Any:
    """The point at which N(mean, std²) has the quantile that N(0, 1) has at the noise."""
    if std == 0:
        return mean
    level = mp.ncdf(noise)
    ends = (mean - 5 * std, mean + 6 * std)
    return mp.findroot(
        lambda y: mp.ncdf(y, mean, std) - level, ends, solver="illinois", maxsteps=200
    )


@route("gaussian.log_prob")
def log_prob(x: Any, mean: Any, std: Any) -> Any:
    """The logarithm of the integral's own integrand."""
    return log_npdf(x, mean, std)


@route("gaussian.score")
def score(x: Any, mean: Any, std: Any) -> Any:
    """The derivative of the log-density."""
    return slope(lambda y: log_npdf(y, mean, std), x)
