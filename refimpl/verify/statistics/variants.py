"""Guidance as it is deployed: sampled, against the exact law of its chain on Gaussians."""

from functools import partial

import torch

from ...equations import Gaussian, guidance, ode
from ...equations.sde import Step
from ...simulate import grids
from ...simulate.sde import Kernel
from ...statistics import budget
from ...statistics import gaussian as exact
from ...statistics.budget import claim
from ...statistics.ledger import N
from ...toy.variants import GAUSSIANS
from ..accepting import evidence_of, must_reject, standard_normal
from ..check import Evidence, check

W, LAMBDA, LOW, HIGH = 2.5, 0.4, 0.3, 0.9
GRID = grids.sd35_once_shifted(10)
ONE = torch.ones(1, dtype=torch.float64)


def _step(name: str, step: Step) -> Kernel:
    """One step of a variant, as the point that it goes to."""

    def at(x: torch.Tensor) -> Gaussian:
        u, c = (v[:, None] for v in GAUSSIANS.velocities(x[:, 0], step.t))
        if name == "plus_plus":
            return Gaussian(guidance.plus_plus(x, u, c, LAMBDA, step), 0 * ONE)
        v = guidance.interval(u, c, W, step.t, LOW, HIGH)
        return Gaussian(ode.euler(lambda y, t: v, x, step), 0 * ONE)

    return at


def _velocity(mean: float, variance: float, t: float) -> tuple[float, float]:
    """E[noise − data | x] of Gaussian data, as slope and offset: regression on x."""
    slope = (t - (1 - t) * variance) / ((1 - t) ** 2 * variance + t**2)
    return slope, -mean - slope * (1 - t) * mean


def _law(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and std of the end, written out: the guided equations are not called."""
    m, std = 0.0, 1.0
    for step in GRID.steps:
        t, s = step.t, step.s
        u, c = _velocity(0.5, 1.0, t), _velocity(1.0, 0.25, t)
        if name == "plus_plus":
            data = [-t * (a + LAMBDA * (b - a)) for a, b in zip(u, c, strict=True)]
            slope = (1 - s) * (1 + data[0]) + s * (1 + (1 - t) * u[0])
            offset = (1 - s) * data[1] + s * (1 - t) * u[1]
        else:
            w = W if LOW < t <= HIGH else 1.0
            slope = 1 - (t - s) * ((1 - w) * u[0] + w * c[0])
            offset = -(t - s) * ((1 - w) * u[1] + w * c[1])
        m, std = slope * m + offset, abs(slope) * std
    return m * ONE, std * ONE


@check("statistics", covers=("guidance.plus_plus", "guidance.interval"), rows=("CFG-8",))
def deployed_guidance_has_the_law_of_its_chain(seed: int) -> Evidence:
    """CFG++ and guidance in an interval are affine on Gaussians: mean and width of ten steps."""
    outcomes, ends = [], {}
    for name in ("plus_plus", "interval"):
        kernels = [_step(name, step) for step in GRID.steps]
        x = standard_normal(N, 1, generator=budget.generator(f"variants.{name}", seed))
        for kernel in kernels:
            x = kernel(x).mean
        mean, std = _law(name)
        ends[name] = (x, (mean, std))
        outcomes += [
            exact.mean(x, mean, std[:, None] ** 2, claim(f"variants.{name}.mean"), detects=0.035),
            exact.variance(x, mean, std, claim(f"variants.{name}.variance"), detects=0.025),
        ]  # fmt: skip
    x, (mean, std) = ends["plus_plus"][0], ends["interval"][1]
    must_reject(
        "the width of guidance in an interval",
        partial(exact.variance, x, mean, std, claim("variants.plus_plus.variance"), detects=0.025),
    )
    return evidence_of(outcomes)
