"""Guidance as it is deployed: sampled, against the exact law of its chain on Gaussians."""

from functools import partial

import torch

from ...equations import Gaussian, guidance, ode
from ...equations.sde import Step
from ...simulate import grids, laws
from ...simulate.sde import Kernel
from ...statistics import budget
from ...statistics import gaussian as exact
from ...statistics.budget import claim
from ...statistics.ledger import N
from ...toy.variants import GAUSSIANS
from ..accepting import evidence_of, must_reject, standard_normal
from ..check import Evidence, check

W, LAMBDA = 2.5, 0.4
GRID = grids.sd35_once_shifted(10)
ONE = torch.ones(1, dtype=torch.float64)


def _step(name: str, step: Step) -> Kernel:
    """One step of a variant, as the point that it goes to."""

    def at(x: torch.Tensor) -> Gaussian:
        u, c = (v[:, None] for v in GAUSSIANS.velocities(x[:, 0], step.t))
        if name == "plus_plus":
            return Gaussian(guidance.plus_plus(x, u, c, LAMBDA, step), 0 * ONE)
        v = guidance.interval(u, c, W, step.t, 0.3, 0.9)
        return Gaussian(ode.euler(lambda y, t: v, x, step), 0 * ONE)

    return at


@check("statistics", covers=("guidance.plus_plus", "guidance.interval"), rows=("CFG-8",))
def deployed_guidance_has_the_law_of_its_chain(seed: int) -> Evidence:
    """CFG++ and guidance in an interval are affine on Gaussians: mean and width of ten steps."""
    outcomes, ends = [], {}
    for name in ("plus_plus", "interval"):
        kernels = [_step(name, step) for step in GRID.steps]
        x = standard_normal(N, 1, generator=budget.generator(f"variants.{name}", seed))
        for kernel in kernels:
            x = kernel(x).mean
        law = laws.gaussian_law(kernels, 0 * ONE, ONE)
        ends[name] = (x, law)
        outcomes += [
            exact.mean(x, law.mean[-1], law.variance[-1][:, None],
                       claim(f"variants.{name}.mean"), detects=0.035),
            exact.variance(x, law.mean[-1], law.std[-1], claim(f"variants.{name}.variance"),
                           detects=0.025),
        ]  # fmt: skip
    x, other = ends["plus_plus"][0], ends["interval"][1]
    must_reject(
        "the width of guidance in an interval",
        partial(exact.variance, x, other.mean[-1], other.std[-1],
                claim("variants.plus_plus.variance"), detects=0.025),
    )  # fmt: skip
    return evidence_of(outcomes)
