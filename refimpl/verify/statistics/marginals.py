"""The SDE forwards, backwards, and its probability flow: all with the same marginals."""

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from ...equations import ode, paths, sde
from ...equations.gaussian import Gaussian
from ...simulate import grids
from ...simulate import sde as chains
from ...simulate.ode import solve
from ...statistics import budget, distribution
from ...statistics.budget import claim
from ...statistics.ledger import N
from ...toy import Mixture, field, mixture_1d
from .. import independent
from ..accepting import evidence_of
from ..check import Evidence, check
from ..discrete import distance
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
        declared = independent.noising(p, independent.uniform(T, 0.2, 0.9), 0.8)
        law = independent.chain_law(declared, start, 0.8 * math.sqrt(0.7 / T))
        gaps[T] = distance(law, end)
        if T == 20:
            generator = budget.generator("noising", seed)
            done = chains.run(kernels, start.sample(N, generator), generator=generator)
            outcomes = [
                distribution.cdf(
                    done.states[-1, :, 0], law.cdf, claim("noising.mixture_1d"), detects=0.017
                )
            ]
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
        declared = independent.denoising(p, independent.uniform(T, 0.9, 0.2), lambda t, s: 0.8)
        law = independent.chain_law(declared, start, 0.8 * math.sqrt(0.7 / T))
        gaps[T] = distance(law, end)
        if T == 20:
            generator = budget.generator("reversal", seed)
            done = chains.run(kernels, start.sample(N, generator), generator=generator)
            outcomes = [
                distribution.cdf(
                    done.states[-1, :, 0], law.cdf, claim("reversal.mixture_1d"), detects=0.017
                )
            ]
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
    high, low, middle = (_noised(p, t) for t in (1.0, 0.1, 0.5))
    x = solve(ode.rk4, v, high.sample(N, generator), grids.uniform(20, 1.0, 0.1))
    points = torch.linspace(-4, 4, 801, dtype=torch.float64)[:, None]
    ends = independent.carried(
        independent.CLASSICAL, _flow(p), points, independent.uniform(20, 1.0, 0.1)
    )
    slack = float((low.cdf(ends) - high.cdf(points)).abs().max())
    outcomes = [
        distribution.cdf(
            x[:, 0], low.cdf, claim("probability_flow.ode"), detects=0.018, slack=slack
        )
    ]
    kernels = chains.noising(f, grids.uniform(40, 0.5, 0.1), g=lambda t: math.sqrt(rate(t)))
    declared = _vp_noising(independent.uniform(40, 0.1, 0.5))
    law = independent.chain_law(declared, low, math.sqrt(independent.vp(0.1)[2] * 0.01))
    done = chains.run(kernels, low.sample(N, generator), generator=generator)
    outcomes.append(
        distribution.cdf(
            done.states[-1, :, 0], law.cdf, claim("probability_flow.sde"), detects=0.017
        )
    )
    evidence = evidence_of(outcomes)
    evidence.figures["computed distance of the SDE chain to p_0.5"] = distance(law, middle)
    return evidence


def _noised(p: Mixture, t: float) -> Mixture:
    """p_t on the VP path, written from the parameters."""
    alpha, sigma, _ = independent.vp(t)
    return Mixture(p.weights, alpha * p.means, torch.sqrt((alpha * p.stds) ** 2 + sigma**2))


def _flow(p: Mixture) -> Callable[[Tensor, float], Tensor]:
    """The independent probability flow of the VP SDE: −½ β x + ½ β E[noise | x]/σ."""

    def v(x: Tensor, t: float) -> Tensor:
        alpha, sigma, rate = independent.vp(t)
        return rate / 2 * (independent.posterior(p, x, alpha, sigma)[1] / sigma - x)

    return v


def _vp_noising(levels: tuple[float, ...]) -> list[chains.Kernel]:
    """The independent kernels N((1 − ½ β h) x, β h) of the VP SDE, t rising."""

    def kernel(t: float, s: float) -> chains.Kernel:
        spent = independent.vp(t)[2] * (s - t)
        return lambda x: Gaussian((1 - spent / 2) * x, math.sqrt(spent))

    return [kernel(t, s) for t, s in pairwise(levels)]


def _score(p: Mixture) -> ode.Field:
    return lambda x, t: p.at(paths.linear(t)).score(x)


def _must_fall(gaps: dict[int, float]) -> None:
    coarse, fine = gaps.values()
    if not 1.6 < coarse / fine < 2.4:  # order 1: a ratio of 2, up to O(h)
        raise AssertionError(f"the chain's distance to p_t must halve as T doubles, got {gaps}")
