"""DDPM: ancestral sampling in closed form, and a network trained to do it."""

import math

import torch
from torch import Tensor

from ...equations import ddpm
from ...equations.gaussian import Gaussian
from ...simulate import laws
from ...simulate import sde as chains
from ...statistics import budget
from ...statistics import gaussian as exact
from ...statistics.budget import claim
from ...statistics.ledger import N
from ...toy import ddpm as trained
from ...toy.training import Plan
from ..accepting import below, evidence_of, standard_normal
from ..check import Evidence, check

_ONE = torch.ones(1, dtype=torch.float64)


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
        start = math.sqrt(float(bars[-1])) * data_mean
        spread = math.sqrt(float(bars[-1]) * data_std**2 + 1 - float(bars[-1]))
        law = laws.gaussian_law(kernels, start * _ONE, spread * _ONE)
        found[choice] = float(law.std[-1])
        if choice == "exact":
            generator = budget.generator("ddpm", seed)
            x0 = start + spread * standard_normal(N, 1, generator=generator)
            x = chains.run(kernels, x0, generator=generator).states[-1]
            wanted = math.sqrt(float(bars[0]) * data_std**2 + 1 - float(bars[0]))
            kept = math.sqrt(float(bars[0])) * data_mean
            outcome = exact.variance(x, kept, wanted, claim("ddpm.variance"), detects=0.025)
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


@check("statistics", covers=("ddpm.marginal", "ddpm.posterior"), rows=("DDPM-1",))
def a_trained_ddpm_nears_the_mixture(seed: int) -> Evidence:
    """Noise prediction and ancestral sampling, both variances; more steps are better."""
    g = budget.generator("training.ddpm", seed)
    found = trained.run(trained.Config(train=Plan(900), lengths=(10, 100), n=4000), generator=g)
    figures = {f"{who}, {v}, T={T}": d for (who, v, T), d in found.distance.items()}
    for variance in ("beta", "posterior"):
        many = found.distance["learnt", variance, 100]
        below(f"the Kolmogorov distance with {variance}", many, 0.09)
        if not found.distance["learnt", variance, 10] > many:
            raise AssertionError(f"ten steps should be worse than a hundred ({variance})")
    return Evidence("Kolmogorov distances below 0.09 at T = 100 for both variances", figures)
