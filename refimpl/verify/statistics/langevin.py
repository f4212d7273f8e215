"""Langevin dynamics: the law it settles on, and what scales of noise repair."""

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
from ...toy import ncsn
from ...toy.training import Plan
from ..accepting import below, evidence_of, must_reject, standard_normal
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


@check("statistics", covers=("langevin.step", "langevin.annealed_eps"), rows=("LD-2", "LD-3"))
def scales_find_the_modes_weights(seed: int) -> Evidence:
    """Learnt scores are wrong between modes; plain Langevin loses weights that scales recover."""
    g = budget.generator("training.scales", seed)
    found = ncsn.run(ncsn.Config(train=Plan(900, rate=3e-3), chains=800), generator=g)
    below("the score's error where data is dense", found.error_where_dense, 0.08)
    if not found.error_between > 3 * found.error_where_dense:
        raise AssertionError("between the modes the learnt score should be far worse")
    plain, annealed = found.weights["plain, learnt"], found.weights["annealed, learnt"]
    if not abs(plain - 0.8) > 0.2:
        raise AssertionError(f"plain Langevin should lose the weight 0.8, it found {plain:.3f}")
    below("annealed Langevin's error of the weight 0.8", abs(annealed - 0.8), 0.12)
    return Evidence(
        f"weight 0.8: plain {plain:.2f}, annealed {annealed:.2f}",
        {
            "relative error of the score where dense": found.error_where_dense,
            "relative error of the score between modes": found.error_between,
            **{f"weight, {name}": w for name, w in found.weights.items()},
        },
    )
