"""Second routes for the SDE and its step.

a step: the article's Eq. 2, typed with dt < 0 and √|dt|        a drift: from probability flux
"""

from typing import Any

import mpmath as mp

from ..calculus import Parts, score_at, slope, solve
from ..route import route


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
    """The paper's Eq. 9, in its own letters: dt < 0, and √dt read as √|dt|."""
    mean = x + (v + sigma_t**2 / (2 * t) * (x + (1 - t) * v)) * dt
    return {"mean": mean, "std": sigma_t * mp.sqrt(abs(dt))}


@route("sde.transition")
def transition(
    alpha: Any, sigma: Any, d_alpha: Any, d_sigma: Any,
    x: Any, v: Any, g: Any, t: Any, s: Any,
) -> Parts:  # fmt: skip
    """The paper's Eq. 9 on the linear path; on others dx = f dt, the score differentiated."""
    dt = s - t
    if (alpha, sigma, d_alpha, d_sigma) == (1 - t, t, -1, 1):
        return eq_2(x, v, g, t, dt)
    data = solve(alpha, sigma, d_alpha, d_sigma, x=x, v=v)["data"]
    f = drift(v, score_at(alpha, sigma, x, data), g)
    return {"mean": x + f * dt, "std": g * mp.sqrt(abs(dt))}
