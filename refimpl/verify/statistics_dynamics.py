"""Samples of Brownian motion, Ornstein–Uhlenbeck, Langevin and DDPM chains against exact laws.

    w_t ~ N(0, t)      OU → N(0, σ²/(2θ))      Langevin's chain → N(m, s²/(1 − ε/(2s²)))

Where the discrete chain is not the process, its own law is the one that samples must have, and the
distance between the two is computed.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor

from ..equations import ddpm, dynamics, gaussian, langevin
from ..equations.gaussian import Gaussian
from ..simulate import laws
from ..simulate import sde as chains
from ..statistics import budget, residuals
from ..statistics import gaussian as exact
from ..statistics.budget import claim
from ..statistics.ledger import N
from .check import Evidence, check
from .accepting import evidence_of, must_reject, standard_normal

_ONE = torch.ones(1, dtype=torch.float64)


@check("statistics", covers=("dynamics.brownian",), rows=("DYN-6",))
def brownian_increments_are_independent(seed: int) -> Evidence:
    """Increments over unequal times are N(0, h) and unrelated to the past; w_1 is N(0, 1)."""
    times = (0.0, 0.05, 0.2, 0.5, 1.0)
    kernels = [lambda w, h=late - early: dynamics.brownian(w, h) for early, late in pairwise(times)]
    generator = budget.generator("brownian", seed)
    done = chains.run(kernels, torch.zeros(N, 1, dtype=torch.float64), generator=generator)
    increments = done.states.diff(dim=0)
    widths = torch.tensor(times, dtype=torch.float64).diff().sqrt()[:, None, None]
    outcomes = [
        residuals.white(
            (increments / widths)[1:],
            {"the past": done.states[1:-1]},
            claim("brownian.increments"),
            detects_std=0.02,
            detects_shift=0.02,
        ),
        exact.variance(done.states[-1], 0.0, 1.0, claim("brownian.end"), detects=0.025),
    ]
    return evidence_of(outcomes)


@check("statistics", covers=("dynamics.ornstein_uhlenbeck",), rows=("DYN-8",))
def ornstein_uhlenbeck_has_its_transition(seed: int) -> Evidence:
    """Two exact transitions from x = 2 have the law of one."""
    theta, sigma, start = 1.3, 0.8, 2.0
    generator = budget.generator("ornstein_uhlenbeck", seed)
    halves = [lambda x: dynamics.ornstein_uhlenbeck(x, theta, sigma, 0.4)] * 2
    x = chains.run(halves, start + torch.zeros(N, 1, dtype=torch.float64), generator=generator)
    law = dynamics.ornstein_uhlenbeck(start, theta, sigma, 0.8)
    outcomes = [
        exact.mean(
            x.states[-1],
            law.mean * _ONE,
            (law.std**2 * _ONE)[None],
            claim("ou.mean"),
            detects=0.03,
        ),
        exact.variance(x.states[-1], law.mean, law.std, claim("ou.variance"), detects=0.025),
    ]
    return evidence_of(outcomes)


@check("statistics", covers=("langevin.step", "langevin.stationary_variance"), rows=("LD-1",))
def langevin_settles_on_its_own_law(seed: int) -> Evidence:
    """On N(1.5, 0.5²) with ε = 0.05 the chain keeps the variance s²/(1 − ε/(2s²)), and not s²."""
    mean, std, eps = 1.5, 0.5, 0.05
    settled = math.sqrt(langevin.stationary_variance(std, eps))
    generator = budget.generator("langevin", seed)
    start = mean + settled * standard_normal(N, 1, generator=generator)

    def step(x: Tensor) -> Gaussian:
        return langevin.step(x, gaussian.score(x, mean * torch.ones_like(x), std), eps)

    x = chains.run([step] * 20, start, generator=generator).states[-1]
    outcome = exact.variance(x, mean, settled, claim("langevin.variance"), detects=0.025)
    aim = must_reject(
        "the chain has the law it was aimed at",
        lambda: exact.variance(x, mean, std, claim("langevin.aim"), detects=0.025),
    )
    evidence = evidence_of([outcome])
    evidence.figures[f"{aim.name}: rejected, statistic/bound"] = aim.statistic / aim.bound
    evidence.figures["excess of the standard deviation"] = settled / std - 1
    return evidence


@check("statistics", covers=("ddpm.posterior", "ddpm.reverse_variance"), rows=("DDPM-1",))
def ancestral_sampling_has_the_data_law(seed: int) -> Evidence:
    """On N(1.5, 0.5²) the exact reverse variance returns the data; β is too wide, β̃ too narrow."""
    T, data_std, data_mean = 50, 0.5, 1.5
    betas = torch.linspace(1e-3, 0.2, T, dtype=torch.float64)
    bars = torch.cumprod(1 - betas, 0)
    found = {}
    for choice in ("exact", "beta", "posterior"):
        kernels = [
            _ancestral(float(betas[i]), float(bars[i - 1]), data_mean, data_std, choice)
            for i in range(T - 1, 0, -1)
        ]
        start = ddpm.marginal(data_mean, float(bars[-1])).mean
        spread = math.sqrt(float(bars[-1]) * data_std**2 + 1 - float(bars[-1]))
        law = laws.gaussian_law(kernels, start * _ONE, spread * _ONE)
        found[choice] = float(law.std[-1])
        if choice == "exact":
            generator = budget.generator("ddpm", seed)
            x0 = start + spread * standard_normal(N, 1, generator=generator)
            x = chains.run(kernels, x0, generator=generator).states[-1]
            wanted = math.sqrt(float(bars[0]) * data_std**2 + 1 - float(bars[0]))
            outcome = exact.variance(
                x, float(law.mean[-1]), wanted, claim("ddpm.variance"), detects=0.025
            )
    evidence = evidence_of([outcome])
    evidence.figures.update({f"std at the last level, {k}": std for k, std in found.items()})
    if not found["posterior"] < found["exact"] < found["beta"]:
        raise AssertionError(f"β̃ must be too narrow and β too wide, got {found}")
    return evidence


def _ancestral(beta: float, bar: float, mean: float, std: float, choice: str) -> chains.Kernel:
    """One reverse step for Gaussian data: the exact posterior mean, and one of three variances."""
    total = (1 - beta) * bar

    def kernel(x: Tensor) -> Gaussian:
        variance_t = total * std**2 + 1 - total
        data = mean + math.sqrt(total) * std**2 / variance_t * (x - math.sqrt(total) * mean)
        posterior = ddpm.posterior(x, data, beta, bar)
        variance = {
            "exact": ddpm.reverse_variance(beta, bar, std**2),
            "beta": beta,
            "posterior": posterior.std**2,
        }[choice]
        return Gaussian(posterior.mean, math.sqrt(variance))

    return kernel
