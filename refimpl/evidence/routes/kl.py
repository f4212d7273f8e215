"""Second routes for divergences: three-point Gauss–Hermite quadrature.

It is exact here, because the log-ratio of two Gaussians is a parabola.
"""

from typing import Any

import mpmath as mp

from ..calculus import columns, log_npdf
from ..route import route
from .sde import eq_2


@route("kl.gaussian")
def kl_gaussian(p_mean: Any, p_std: Any, q_mean: Any, q_std: Any) -> Any:
    """E_p[log p − log q] by Gauss–Hermite: nodes 0, ±√3 with weights 2/3, 1/6, 1/6."""
    nodes = ((mp.mpf(2) / 3, 0), (mp.mpf(1) / 6, mp.sqrt(3)), (mp.mpf(1) / 6, -mp.sqrt(3)))
    return mp.fsum(
        weight * (log_npdf(y, p_mean, p_std) - log_npdf(y, q_mean, q_std))
        for weight, y in ((w, p_mean + p_std * node) for w, node in nodes)
    )


@route("kl.of_means")
def kl_of_means(mean: Any, mean_ref: Any, std: Any) -> Any:
    """The same quadrature, one std."""
    return kl_gaussian(mean, std, mean_ref, std)


@route("kl.flow_grpo")
def kl_flow_grpo(v: Any, v_ref: Any, g: Any, t: Any, h: Any) -> Any:
    """The quadrature on the two steps of the paper's Eq. 9 from one and the same x."""
    here, there = (eq_2(mp.mpf(1), u, g, t, -h) for u in (v, v_ref))
    return kl_gaussian(here["mean"], here["std"], there["mean"], there["std"])


@route("kl.without_h")
def kl_without_h(mean: Any, mean_ref: Any, g: Any) -> Any:
    """The quadrature on steps of unit length: g in the place of g √h."""
    return kl_gaussian(mean, g, mean_ref, g)


@route("kl.velocity")
def kl_velocity(v: Any, v_ref: Any) -> Any:
    """The binomial, multiplied out."""
    return mp.fsum((v * v, -2 * v * v_ref, v_ref * v_ref))


@route("kl.k1")
def k1(log_ratio: Any) -> Any:
    """The logarithm of the inverted ratio."""
    return mp.log(1 / mp.exp(log_ratio))


@route("kl.k2")
def k2(log_ratio: Any) -> Any:
    """∫₀^r u du."""
    return mp.quad(lambda u: u, [0, log_ratio])


@route("kl.k3")
def k3(log_ratio: Any) -> Any:
    """Taylor's remainder as a hypergeometric series: r²/2 · ₁F₁(1; 3; r)."""
    return log_ratio**2 / 2 * mp.hyp1f1(1, 3, log_ratio)


@route("kl.trajectory", whole=True)
def kl_trajectory(shift: Any, std: Any) -> Any:
    """Minus four times the log of the product of the steps' Bhattacharyya overlaps."""

    def of_one(d: Any, s: Any) -> Any:
        return -4 * mp.log(mp.fprod(mp.exp(-((a / b) ** 2) / 8) for a, b in zip(d, s, strict=True)))

    return columns(of_one, shift, std)


@route("kl.images", whole=True)
def kl_images(shift: Any, std: Any, carried: Any, start: Any) -> Any:
    """Both chains run to their end from zero, step by step; then the quadrature of their laws."""

    def of_one(d: Any, s: Any, p: Any) -> Any:
        mean, variance = mp.mpf(0), start**2
        for step, width, left in zip(d, s, p, strict=True):
            mean, variance = mean + left * step, mp.fsum((variance, (left * width) ** 2))
        return kl_gaussian(mean, mp.sqrt(variance), mp.mpf(0), mp.sqrt(variance))

    return columns(of_one, shift, std, carried)


@route("kl.seen", whole=True)
def kl_seen(std: Any, carried: Any, start: Any) -> Any:
    """One minus the squared cosine of the start's arm in the image's spread."""

    def of_one(s: Any, p: Any) -> Any:
        arms = [start, *(left * width for left, width in zip(p, s, strict=True))]
        return 1 - (start / mp.norm(mp.matrix(arms))) ** 2

    return columns(of_one, std, carried)
