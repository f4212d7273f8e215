"""The SDE forwards, backwards, and its probability flow: all with the same marginals."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ...equations import conversions, ode, paths, sde
from ...simulate import diffusion, grids
from ...simulate import sde as chains
from ...simulate.ode import solve
from ...statistics import budget, distribution
from ...statistics.budget import claim
from ...statistics.ledger import N
from ...toy import Mixture, field, mixture_1d
from ..accepting import evidence_of
from ..check import Evidence, check
from ..discrete import discrete_law, distance
from .paths import schedule
from .sde import white


@check("statistics", covers=("sde.forward_drift", "sde.euler_maruyama"), rows=("SC-4", "DYN-9"))
def noising_keeps_the_marginals(seed: int) -> Evidence:
    """The forward SDE, from p_0.2 up, has its chain's law at 0.9, which nears p_0.9 as 1/T."""
    p, g = mixture_1d(), lambda t: 0.8
    start, end = p.at(paths.linear(0.2)), p.at(paths.linear(0.9))
    score = _score(p)
    f = chains.marginal_preserving(field(p), score, g=g)
    gaps = {}
    for T in (20, 40):
        kernels = chains.noising(f, grids.uniform(T, 0.9, 0.2), g=g)
        law = discrete_law(kernels, start, 0.8 * math.sqrt(0.7 / T))
        gaps[T] = distance(law, end)
        if T == 20:
            generator = budget.generator("noising", seed)
            done = chains.run(kernels, start.sample(N, generator), generator=generator)
            outcomes = [
                distribution.cdf(
                    done.states[-1, :, 0], law.cdf, claim("noising.mixture_1d"), detects=0.017
                )
            ]
            declared = chains.noising(_eliminated_forward(p, g), grids.uniform(T, 0.9, 0.2), g=g)
            outcomes.append(white(done.states, declared, "noising.white"))
    _must_fall(gaps)
    evidence = evidence_of(outcomes)
    evidence.figures.update(
        {f"computed distance of the chain to p_0.9, T={T}": d for T, d in gaps.items()}
    )
    return evidence


@check("statistics", covers=("sde.reverse_drift", "sde.forward_drift"), rows=("SC-5",))
def reversal_returns_to_the_start(seed: int) -> Evidence:
    """The reverse SDE undoes it: from p_0.9 it comes back to p_0.2, up to a computed 1/T."""
    p, g = mixture_1d(), lambda t: 0.8
    start, end = p.at(paths.linear(0.9)), p.at(paths.linear(0.2))
    score = _score(p)
    f = chains.marginal_preserving(field(p), score, g=g)
    gaps = {}
    for T in (20, 40):
        grid = grids.uniform(T, 0.9, 0.2)
        kernels = chains.reversal(f, score, grid, g=g)
        law = discrete_law(kernels, start, 0.8 * math.sqrt(0.7 / T))
        gaps[T] = distance(law, end)
        if T == 20:
            generator = budget.generator("reversal", seed)
            done = chains.run(kernels, start.sample(N, generator), generator=generator)
            outcomes = [
                distribution.cdf(
                    done.states[-1, :, 0], law.cdf, claim("reversal.mixture_1d"), detects=0.017
                )
            ]
            declared = chains.denoising(field(p), grid, diffusion=diffusion.of_level(g))
            outcomes.append(white(done.states, declared, "reversal.white"))
    _must_fall(gaps)
    evidence = evidence_of(outcomes)
    evidence.figures.update(
        {f"computed distance of the chain to p_0.2, T={T}": d for T, d in gaps.items()}
    )
    return evidence


@check(
    "statistics",
    covers=("sde.probability_flow",),
    rows=("SC-10",),
)
def probability_flow_shares_the_marginals(seed: int) -> Evidence:
    """The VP SDE and its probability-flow ODE have one law: the mixture, noised."""
    p = mixture_1d()

    def rate(t: float) -> float:
        c = schedule("vp", t)
        return float(-2 * c.d_alpha / c.alpha)

    def f(x: Tensor, t: float) -> Tensor:
        return -rate(t) / 2 * x

    def v(x: Tensor, t: float) -> Tensor:
        return sde.probability_flow(f(x, t), p.at(schedule("vp", t)).score(x), math.sqrt(rate(t)))

    generator = budget.generator("probability_flow", seed)
    high, low = p.at(schedule("vp", 1.0)), p.at(schedule("vp", 0.1))
    grid = grids.uniform(20, 1.0, 0.1)
    x = solve(ode.rk4, v, high.sample(N, generator), grid)
    points = torch.linspace(-4, 4, 801, dtype=torch.float64)[:, None]
    slack = float((low.cdf(solve(ode.rk4, v, points, grid)) - high.cdf(points)).abs().max())
    outcomes = [
        distribution.cdf(
            x[:, 0], low.cdf, claim("probability_flow.ode"), detects=0.018, slack=slack
        )
    ]
    rising = grids.uniform(40, 0.5, 0.1)
    kernels = chains.noising(f, rising, g=lambda t: math.sqrt(rate(t)))
    law = discrete_law(kernels, low, math.sqrt(rate(0.1) * 0.01))
    done = chains.run(kernels, low.sample(N, generator), generator=generator)
    outcomes.append(
        distribution.cdf(
            done.states[-1, :, 0], law.cdf, claim("probability_flow.sde"), detects=0.017
        )
    )
    evidence = evidence_of(outcomes)
    evidence.figures["computed distance of the SDE chain to p_0.5"] = distance(
        law, p.at(schedule("vp", 0.5))
    )
    return evidence


def _score(p: Mixture) -> ode.Field:
    return lambda x, t: p.at(paths.linear(t)).score(x)


def _eliminated_forward(p: Mixture, g: Callable[[float], float]) -> ode.Field:
    def f(x: Tensor, t: float) -> Tensor:
        v = p.velocity(paths.linear(t), x)
        return sde.forward_drift(v, conversions.score_from_velocity(paths.linear(t), x, v), g(t))

    return f


def _must_fall(gaps: dict[int, float]) -> None:
    coarse, fine = gaps.values()
    if not 1.6 < coarse / fine < 2.4:  # order 1: a ratio of 2, up to O(h)
        raise AssertionError(f"the chain's distance to p_t must halve as T doubles, got {gaps}")
