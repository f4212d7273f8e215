"""Langevin dynamics: the law it settles on, and the law of a descent through scales of noise."""

import math

import torch
from torch import Tensor

from ...equations import gaussian, langevin
from ...equations.gaussian import Gaussian
from ...simulate import sde as chains
from ...statistics import budget
from ...statistics import gaussian as exact
from ...statistics.budget import claim
from ...statistics.ledger import N
from ..accepting import evidence_of, must_reject, standard_normal
from ..check import Evidence, check


@check("statistics", covers=("langevin.step", "langevin.stationary_variance"), rows=("LD-1",))
def langevin_settles_on_its_own_law(seed: int) -> Evidence:
    """On N(1.5, 0.5²) with ε = 0.05 the chain keeps the variance s²/(1 − ε/(2s²)), and not s²."""
    mean, std, eps = 1.5, 0.5, 0.05
    settled = math.sqrt(_fixed_point(std, eps))
    claimed = math.sqrt(langevin.stationary_variance(std, eps))
    generator = budget.generator("langevin", seed)
    start = mean + settled * standard_normal(N, 1, generator=generator)

    def step(x: Tensor) -> Gaussian:
        return langevin.step(x, gaussian.score(x, mean * torch.ones_like(x), std), eps)

    x = chains.run([step] * 20, start, generator=generator).states[-1]
    outcome = exact.variance(x, mean, settled, claim("langevin.variance"), detects=0.025)
    formula = exact.variance(x, mean, claimed, claim("langevin.formula"), detects=0.025)
    spread = must_reject(
        "the chain has the law of its score",
        lambda: exact.variance(x, mean, std, claim("langevin.aim"), detects=0.025),
    )
    evidence = evidence_of([outcome, formula])
    evidence.figures[f"{spread.name}: rejected, statistic/bound"] = spread.statistic / spread.bound
    evidence.figures["excess of the standard deviation"] = settled / std - 1
    return evidence


def _fixed_point(std: float, eps: float) -> float:
    """V with V = (1 − ε/s²)² V + 2ε, by iteration: no closed form is asked."""
    variance = std**2
    for _ in range(1000):
        variance = (1 - eps / std**2) ** 2 * variance + 2 * eps
    return variance


@check("statistics", covers=("langevin.step", "langevin.annealed_eps"), rows=("LD-3",))
def annealed_langevin_has_its_law(seed: int) -> Evidence:
    """Down three scales on N(1.5, 0.5²), five steps each of ε σ²/σ_1²: the chain's exact law.

    At scale σ the score is −(x − m)/(s² + σ²), so a step keeps 1 − ε/(s² + σ²) of the distance to m
    and adds the variance 2ε.
    """
    mean, std, eps, scales = 1.5, 0.5, 0.02, (1.0, 0.5, 0.25)
    x = standard_normal(N, 1, generator=(generator := budget.generator("annealed", seed)))
    far, variance = -mean, 1.0
    for sigma in scales:
        wide, share = std**2 + sigma**2, eps * (sigma / scales[-1]) ** 2
        size = langevin.annealed_eps(eps, sigma, scales[-1])
        for _ in range(5):
            kernel = langevin.step(x, (mean - x) / wide, size)
            x = kernel.sample(standard_normal(N, 1, generator=generator))
            far, variance = (1 - share / wide) * far, (1 - share / wide) ** 2 * variance + 2 * share
    at, spread = torch.full((1,), mean + far).double(), torch.full((1, 1), variance).double()
    return evidence_of([
        exact.mean(x, at, spread, claim("annealed.mean"), detects=0.03),
        exact.variance(x, at, math.sqrt(variance), claim("annealed.variance"), detects=0.025),
    ])  # fmt: skip
