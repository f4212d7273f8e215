"""The likelihood that training climbs."""

import torch

from ...equations import ode
from ...simulate import grids
from ...toy import batches, field, mixture_2d
from ...toy.likelihood import fixed_step
from ..check import Evidence, check


@check("numbers", covers=("likelihood.instantaneous",), rows=("NF-3", "NF-4"))
def the_likelihood_that_is_climbed_is_exact(seed: int) -> Evidence:
    """The differentiable likelihood (RK4) at the exact field is the mixture's log-density."""
    law = mixture_2d()
    x = batches.from_law(law, 32, torch.float64)(torch.Generator().manual_seed(seed)).data
    truth = law.log_density(x)
    coarse, fine = (
        float((fixed_step(field(law), x, ode.rk4, grids.uniform(T)).detach() - truth).abs().max())
        for T in (80, 160)
    )
    if not (fine < 2e-4 and coarse / fine > 8):  # order 4 gives 16 once steps are small
        raise AssertionError(f"errors {coarse:.3g} at 80 steps and {fine:.3g} at 160")
    return Evidence(f"within {fine:.1e} at 160 steps, {coarse / fine:.0f} times better than at 80")
