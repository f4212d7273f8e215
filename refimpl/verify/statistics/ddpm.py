"""DDPM: ancestral sampling in closed form."""

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
from ..accepting import evidence_of, standard_normal
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
