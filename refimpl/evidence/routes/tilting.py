"""Second routes for tilted laws: the peak of a log-density, odds, what the tilted law earns."""

from typing import Any

import mpmath as mp

from ..calculus import Parts, columns, log_npdf, peak, score_at, solve
from ..route import route
from .langevin import noise_rate


@route("tilting.linear")
def linear(p_mean: Any, p_std: Any, slope: Any, beta: Any) -> Parts:
    """The peak of log p + k x/β."""
    return peak(lambda y: log_npdf(y, p_mean, p_std) + slope * y / beta, p_mean)


@route("tilting.quadratic")
def quadratic(p_mean: Any, p_std: Any, goal: Any, beta: Any) -> Parts:
    """The peak of log p − (x − c)²/(2β)."""
    return peak(lambda y: log_npdf(y, p_mean, p_std) - (y - goal) ** 2 / (2 * beta), p_mean)


@route("tilting.fixed_start")
def fixed_start(p_mean: Any, p_std: Any, slope: Any, beta: Any, correlation: Any) -> Parts:
    """Each end's peak given its start, averaged over starts by two-point Gauss–Hermite."""
    given = p_std * mp.sqrt(1 - correlation**2)
    ends = [linear(p_mean + correlation * p_std * z, given, slope, beta) for z in (-1, 1)]
    mean = (ends[0]["mean"] + ends[1]["mean"]) / 2
    spread = mp.fsum(e["std"] ** 2 + (e["mean"] - mean) ** 2 for e in ends) / 2
    return {"mean": mean, "std": mp.sqrt(spread)}


def _tilted(p: Any, r: Any, beta: Any) -> list[Any]:
    """Odds: 1/p* = Σ of every outcome's tilted weight over this one's."""
    return [
        1 / mp.fsum(pj * mp.exp((rj - ri) / beta) / pi for pj, rj in zip(p, r, strict=True))
        for pi, ri in zip(p, r, strict=True)
    ]


@route("tilting.weights", whole=True)
def weights(prior: Any, reward: Any, beta: Any) -> Any:
    """Odds against every other outcome."""
    return columns(lambda p, r: _tilted(p, r, beta), prior, reward)


@route("tilting.value", whole=True)
def value(prior: Any, reward: Any, beta: Any) -> Any:
    """E_q[r] − β KL(q ‖ p) at the tilted law q, with its logarithm of the total weight as it is."""

    def earned(p: Any, r: Any) -> Any:
        q = _tilted(p, r, beta)
        return mp.fsum(
            qi * (ri - beta * mp.log(qi / pi)) for qi, ri, pi in zip(q, r, p, strict=True)
        )

    return columns(earned, prior, reward)


@route("tilting.memoryless_drift")
def memoryless_drift(alpha: Any, sigma: Any, d_alpha: Any, d_sigma: Any, x: Any, v: Any) -> Any:
    """v less half the memoryless g² times the score, each by its own second route."""
    data = solve(alpha, sigma, d_alpha, d_sigma, x=x, v=v)["data"]
    rate = noise_rate(alpha, sigma, d_alpha, d_sigma)
    return v - rate / 2 * score_at(alpha, sigma, x, data)
