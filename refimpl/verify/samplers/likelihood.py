"""The density that a flow carries, computed along its trajectories."""

import torch

from ...equations import ode
from ...simulate import grids
from ...statistics import budget
from ...toy import Mixture, field, mixture_2d
from ...toy import likelihood as exact
from ..accepting import below
from ..check import Evidence, check


@check(
    "samplers",
    covers=("likelihood.instantaneous",),
    rows=("NF-2", "NF-3"),
)
def the_flow_knows_its_density(seed: int) -> Evidence:
    """log p by −∫∇·v equals the mixture's, and residual steps near it at first order."""
    law = mixture_2d()
    x = law.sample(64, budget.generator("training.density", seed))
    truth = law.log_density(x)
    found = exact.log_likelihood(field(law), x, tolerance=1e-8)
    gap = float((found - truth).abs().max())
    below("the log-density's error", gap, 1e-5)  # local errors of 1e-8, some hundred steps
    low, high = (_residual_error(law, x, truth, T) for T in (320, 640))
    if not 1.7 < low / high < 2.3:  # order 1: a ratio of 2, up to O(h)
        raise AssertionError(f"residual steps should halve the error, {low:.4g} to {high:.4g}")
    return Evidence(
        f"log-density within {gap:.1e}; 640 residual steps within {high:.1e}",
        {"adaptive": gap, "320 steps": low, "640 steps": high},
    )


def _residual_error(law: Mixture, x: torch.Tensor, truth: torch.Tensor, T: int) -> float:
    found = exact.fixed_step(field(law), x, ode.euler, grids.uniform(T)).detach()
    return float((found - truth).abs().mean())
