"""Second routes for Adjoint Matching: angles, likelihoods, slopes of log-densities, peaks."""

from typing import Any

import mpmath as mp

from ..calculus import line, log_npdf, peak, slope
from ..route import route
from .tilting import quadratic as tilted


@route("adjoint.memory")
def memory(alpha: Any, sigma: Any, d_alpha: Any, d_sigma: Any, std: Any, kappa: Any) -> Any:
    """The cosine of the angle between data and state, to the power κ."""
    if alpha == 0:
        return mp.mpf(0)
    return mp.exp(kappa * mp.log(mp.cos(mp.atan2(sigma, alpha * std))))


@route("adjoint.end")
def end(slope: Any, beta: Any) -> Any:
    """The cost −r/β of a reward of that slope, differentiated."""
    return mp.diff(lambda y: -slope * y / beta, 0)


@route("adjoint.lean")
def lean(adjoint: Any, pullback: Any, h: Any) -> Any:
    """The line through its values after no step and after one of length 1, read at h."""
    return line(0, adjoint, 1, adjoint - pullback, h)


@route("adjoint.carried")
def carried(alpha: Any, sigma: Any, d_alpha: Any, d_sigma: Any, std: Any) -> Any:
    """The posterior mean of data N(0, s²) given the state 1: where prior times likelihood peaks."""
    if sigma == 0:
        return 1 / alpha
    return peak(lambda z: log_npdf(1, alpha * z, sigma) + log_npdf(z, 0, std), mp.mpf(0))["mean"]


@route("adjoint.control")
def control(v: Any, v_ref: Any, lever: Any, std: Any) -> Any:
    """std times the slope of the log-ratio of the two steps in where the step leads."""
    return std * slope(
        lambda y: log_npdf(y, -lever * v, std) - log_npdf(y, -lever * v_ref, std), mp.mpf(0)
    )


@route("adjoint.loss")
def loss(control: Any, adjoint: Any, std: Any) -> Any:
    """Minus the log-likelihood of the control under N(−std ã, 1), without its constant."""
    return log_npdf(0, 0, 1) - log_npdf(control, -std * adjoint, 1)


@route("adjoint.target")
def target(v_ref: Any, adjoint: Any, lever: Any, std: Any) -> Any:
    """The control is a line in the velocity: where it is −std ã."""
    at_0, at_1 = (control(v_ref + d, v_ref, lever, std) for d in (0, 1))
    return v_ref + line(at_0, 0, at_1, 1, -std * adjoint)


@route("adjoint.quadratic")
def quadratic(
    alpha: Any, sigma: Any, d_alpha: Any, d_sigma: Any,
    x: Any, p_mean: Any, p_std: Any, goal: Any, beta: Any,
) -> Any:  # fmt: skip
    """The score of the reference's marginal, less that of the path from the tilted law's peak."""
    star = tilted(p_mean, p_std, goal, beta)

    def score(mean: Any, std: Any) -> Any:
        spread = mp.hypot(alpha * std, sigma)
        return slope(lambda y: log_npdf(y, alpha * mean, spread), x)

    return score(p_mean, p_std) - score(star["mean"], star["std"])
