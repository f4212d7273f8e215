"""Second routes for the policy, GRPO, guidance and the conventions.

    advantage: pairwise differences        surrogate: a table of cases        guidance: a line

No mean is subtracted from anything: R_i − mean R is the average of R_i − R_j, and a variance is the
average of squared differences of pairs. Guided fields are straight lines in the scale, fixed by the
two scales at which the answer is known.
"""

from typing import Any

import mpmath as mp
import numpy as np

from ..evidence.independent import route
from .routes_conversions import Parts
from .routes_gaussian import line, slope


@route("policy.total", whole=True)
def total(values: Any) -> Any:
    """The logarithm of a product of densities."""
    return _each(lambda row: mp.log(mp.fprod(mp.exp(x) for x in row)), values)


@route("policy.average", whole=True)
def average(values: Any) -> Any:
    """The running mean, one coordinate at a time."""

    def running(row: Any) -> Any:
        mean = mp.mpf(0)
        for k, x in enumerate(row, start=1):
            mean += (x - mean) / k
        return mean

    return _each(running, values)


def _each(f: Any, values: Any) -> np.ndarray:
    out = np.empty(values.shape[0], dtype=object)
    out[:] = [f(list(row.ravel())) for row in values]
    return out


@route("policy.log_ratio")
def log_ratio(log_prob: Any, log_prob_old: Any) -> Any:
    """The logarithm of a quotient of densities."""
    return mp.log(mp.exp(log_prob) / mp.exp(log_prob_old))


@route("policy.log_ratio_of_means")
def log_ratio_of_means(x: Any, mean: Any, mean_old: Any, std: Any) -> Any:
    """The logarithm of a quotient of densities, each an exponential of a squared distance."""
    new, old = (mp.exp(-(((x - m) / std) ** 2) / 2) for m in (mean, mean_old))
    return mp.log(new / old)


@route("policy.log_ratio_of_products")
def log_ratio_of_products(along: Any, squared: Any, lever: Any, std: Any) -> Any:
    """A quotient of densities, on the axis along which v moved: across it they cancel."""
    length = mp.sqrt(squared)
    x = along / length if length else mp.mpf(0)
    new, old = (mp.exp(-(((x - m) / std) ** 2) / 2) for m in (lever * length, mp.mpf(0)))
    return mp.log(new / old)


@route("policy.ratio")
def ratio(log_prob: Any, log_prob_old: Any) -> Any:
    """A quotient of densities."""
    return mp.power(mp.e, log_prob) / mp.power(mp.e, log_prob_old)


@route("grpo.advantage", whole=True)
def advantage(rewards: Any, std: str, ddof: int, eps: float) -> Any:
    """Pairwise differences, no mean."""
    batch = list(rewards.ravel())
    out = np.empty(rewards.shape, dtype=object)
    for i, row in enumerate(rewards):
        group = list(row)
        spread = {"group": group, "batch": batch, "none": None}[std]
        scale = mp.mpf(1) if spread is None else mp.sqrt(_variance(spread, ddof)) + mp.mpf(eps)
        for j, r in enumerate(group):
            centred = mp.fsum(r - other for other in group) / len(group)
            out[i, j] = centred / scale if centred else mp.mpf(0)
    return out


def _variance(values: list[Any], ddof: int) -> Any:
    n = len(values)
    pairs = mp.fsum((a - b) ** 2 for i, a in enumerate(values) for b in values[:i])
    return pairs / (n * (n - ddof))


@route("grpo.bounded")
def bounded(advantage: Any, limit: Any) -> Any:
    """Three cases."""
    if abs(advantage) <= limit:
        return advantage
    return limit if advantage > 0 else -limit


@route("grpo.surrogate")
def surrogate(ratio: Any, advantage: Any, clip: Any) -> Any:
    """Two cases: a good action's ratio counts up to 1 + ε, a bad one's down to 1 − ε."""
    if advantage >= 0:
        return (ratio if ratio < 1 + clip else 1 + clip) * advantage
    return (ratio if ratio > 1 - clip else 1 - clip) * advantage


@route("grpo.objective")
def objective(surrogate: Any, kl: Any, beta: Any) -> Any:
    """The real part of (1 + iβ)(surrogate + i KL)."""
    return (mp.mpc(1, beta) * mp.mpc(surrogate, kl)).real


@route("guidance.bayes_score")
def bayes_score(score: Any, classifier_score: Any) -> Any:
    """The logarithmic derivative of a product."""
    return slope(lambda y: mp.log(mp.exp(score * y) * mp.exp(classifier_score * y)), 0)


@route("guidance.classifier")
def classifier(v: Any, a: Any, classifier_score: Any, w: Any) -> Any:
    """Tilt the density by p(y | x)ʷ; the field's score part follows, its other part stays."""
    score = mp.mpf(1)  # any: the rest of v takes up the difference
    rest = v - a * score
    return rest + a * slope(
        lambda y: mp.log(mp.exp(score * y) * mp.exp(classifier_score * y) ** w), 0
    )


@route("guidance.classifier_free")
def classifier_free(v_uncond: Any, v_cond: Any, w: Any) -> Any:
    """The line through (0, unguided) and (1, conditional)."""
    return line(0, v_uncond, 1, v_cond, w)


@route("guidance.ho_salimans")
def ho_salimans(v_uncond: Any, v_cond: Any, omega: Any) -> Any:
    """The line through (−1, unguided) and (0, conditional)."""
    return line(-1, v_uncond, 0, v_cond, omega)


@route("guidance.diffusers")
def diffusers(v_uncond: Any, v_cond: Any, guidance_scale: Any) -> Any:
    """The line through (0, unguided) and (1, conditional), run the other way."""
    return line(1, v_cond, 0, v_uncond, guidance_scale)


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
