"""Second routes for the SDE, its step, the ODE solvers and the divergences.

    a step: Eq. 2 of Flow-GRPO, typed with dt < 0 and √|dt|        an ODE step: powers of a matrix

The drifts come from probability flux, the KL from three-point Gauss–Hermite quadrature, exact here
because the log-ratio of two Gaussians is a parabola. A Runge–Kutta step of order n on a linear
field is the Taylor polynomial of a matrix exponential.
"""

from typing import Any

import mpmath as mp

from ..evidence.independent import route
from .routes_conversions import Parts, score_at, solve
from .routes_gaussian import log_npdf, slope


def _flux(score: Any, g: Any) -> Any:
    """The derivative of ½ g² p at a point where p = 1 and log p has this slope."""
    return slope(lambda y: g**2 * mp.exp(score * y) / 2, 0)


@route("sde.forward_drift")
def forward_drift(v: Any, score: Any, g: Any) -> Any:
    """The drift whose flux, less the diffusive flux, is the flow's."""
    return v + _flux(score, g)


@route("sde.reverse_drift")
def reverse_drift(f: Any, score: Any, g: Any) -> Any:
    """Anderson's f − (1/p) ∂(g² p), differentiated."""
    return f - slope(lambda y: g**2 * mp.exp(score * y), 0)


@route("sde.drift")
def drift(v: Any, score: Any, g: Any) -> Any:
    """Reverse the forward SDE that shares the flow's marginals."""
    return reverse_drift(forward_drift(v, score, g), score, g)


@route("sde.probability_flow")
def probability_flow(f: Any, score: Any, g: Any) -> Any:
    """The flux p f − ∂(½ g² p) at a point of density 1."""
    return f - _flux(score, g)


@route("sde.flow_grpo_drift")
def flow_grpo_drift(x: Any, v: Any, g: Any, t: Any) -> Any:
    """The datum behind x and v on the linear path; its score; the reversed SDE."""
    data = solve(1 - t, t, -1, 1, x=x, v=v)["data"]
    return drift(v, score_at(1 - t, t, x, data), g)


@route("sde.flow_grpo_g")
def flow_grpo_g(t: Any, a: Any, inside: Any) -> Any:
    """Through the logarithm of the odds."""
    return a * mp.exp((mp.log(t) - mp.log1p(-inside)) / 2) if t else mp.mpf(0)


@route("sde.euler_maruyama")
def euler_maruyama(x: Any, f: Any, g: Any, h: Any) -> Parts:
    """Four quarter steps with everything frozen: displacements add up, and so do variances."""
    mean, variance = x, mp.mpf(0)
    for _ in range(4):
        mean += f * h / 4
        variance += g**2 * h / 4
    return {"mean": mean, "std": mp.sqrt(variance)}


def eq_2(x: Any, v: Any, sigma_t: Any, t: Any, dt: Any) -> Parts:
    """Flow-GRPO, Eq. 2, in the article's letters: dt < 0, and √dt read as √|dt|."""
    mean = x + (v + sigma_t**2 / (2 * t) * (x + (1 - t) * v)) * dt
    return {"mean": mean, "std": sigma_t * mp.sqrt(abs(dt))}


@route("sde.transition")
def transition(
    alpha: Any, sigma: Any, d_alpha: Any, d_sigma: Any,
    x: Any, v: Any, g: Any, t: Any, s: Any,
) -> Parts:  # fmt: skip
    """Eq. 2 on the linear path; on any other, dx = f dt with the score differentiated."""
    dt = s - t
    if (alpha, sigma, d_alpha, d_sigma) == (1 - t, t, -1, 1):
        return eq_2(x, v, g, t, dt)
    data = solve(alpha, sigma, d_alpha, d_sigma, x=x, v=v)["data"]
    f = drift(v, score_at(alpha, sigma, x, data), g)
    return {"mean": x + f * dt, "std": g * mp.sqrt(abs(dt))}


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


@route("ode.rk4")
def rk4(rate: Any, slope: Any, x: Any, t: Any, s: Any) -> Any:
    """The exponential's first five terms."""
    return _taylor(4, x, t, s, rate, slope)


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
    """The quadrature on the two steps of Eq. 2 from one and the same x."""
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
