"""The chain's error: first order with the stated constant, and none at the memoryless noise."""

import math
from functools import cache, partial

import torch

from ...equations import accuracy, paths, sde
from ...labs import grids as study
from ...simulate import diffusion, grids, laws
from ...simulate import sde as chains
from ...statistics import budget
from ...statistics import gaussian as exact
from ...statistics.budget import claim
from ...statistics.ledger import N
from ...statistics.outcome import Outcome
from ...toy import field, gaussian_1d
from .. import independent
from ..accepting import evidence_of, must_reject, standard_normal
from ..check import Evidence, check

ONE = torch.ones(1, dtype=torch.float64)
STD, T, A = 0.5, 10, 2.0


@cache
def _variance(T: int, a: float) -> float:
    """Of the end on N(1.5, 0.25), by the independent kernels: the same whatever is planted."""
    noise_of = independent.odds(a, independent.next_level)
    levels = [1 - i / T for i in range(T + 1)]
    made = independent.denoising(gaussian_1d(), levels, noise_of)
    return float(laws.gaussian_law(made, 0 * ONE, ONE).variance[-1])


@check(
    "statistics",
    covers=("accuracy.rate", "accuracy.defect", "accuracy.left"),
    rows=("GRPO-15",),
)
def the_chain_errs_by_its_constant_over_the_steps(seed: int) -> Evidence:
    """V_end − s² = C/T + O(1/T²): two grids, extrapolated; samples have the chain's own variance.

    C is also the sum over steps of defect times what is left, on a fine grid.
    """
    found: dict[str, float] = {}
    for name, a in (("a = 2", A), ("a = √2", math.sqrt(2))):
        constant = study.constant(a, STD)
        first, second = (n * (_variance(n, a) - STD**2) for n in (320, 640))
        extrapolated = 2 * second - first
        if not abs(extrapolated - constant) < 2e-4:  # the next order: T^{−2}, 0.04/640²
            raise AssertionError(
                f"{name}: T (V − s²) tends to {extrapolated:.6g}, C = {constant:.6g}"
            )
        found |= {f"C, {name}": constant, f"T (V − s²), {name}": extrapolated}
    summed = _summed(2000, A**2 / 2)
    if not abs(summed - found["C, a = 2"]) < 1e-5:  # midpoints: order T^{−2}
        raise AssertionError(f"defects and what is left of them add up to {summed:.6g}")
    generator = budget.generator("accuracy", seed)
    noise = diffusion.flow_grpo(A, sde.next_level)
    kernels = chains.denoising(field(gaussian_1d()), grids.uniform(T), diffusion=noise)
    ends = chains.run(kernels, standard_normal(N, 1, generator=generator), generator=generator)
    std = _variance(T, A) ** 0.5

    def has(std: float) -> Outcome:
        return exact.variance(ends.states[-1], 1.5, std, claim("accuracy.variance"), detects=0.025)

    must_reject("the data's own variance", partial(has, STD))
    evidence = evidence_of([has(std)])
    evidence.figures.update(found)
    return evidence


def _summed(n: int, kappa: float) -> float:
    """Σ h defect · left over midpoints, with k and V written out."""
    total = 0.0
    for i in range(n):
        t = (i + 0.5) / n
        variance = (1 - t) ** 2 * STD**2 + t**2
        slope = (t - (1 - t) * STD**2 + kappa * t / (1 - t)) / variance
        here = accuracy.defect(slope, variance, 2 * (1 + STD**2))
        total += here * accuracy.left(paths.linear(t), STD, kappa) / n
    return float(total)
