"""Facts about the levels on which diffusers' SD3 and FLUX scripts train, and how they weigh them.

u drawn by a scheme        level = the scheduler's list of timesteps at index 1000 u, which falls
"""

from typing import Any

import numpy as np
import torch

from ...conformance.checks.register import Finding
from ...equations import levels
from ...simulate import grids
from ..facts import fact, near
from ..installed import library
from .facts import UNIT

N, M, S, LEANING = 64, 0.75, 1.25, 1.29


def _drawn(scheme: str) -> Any:
    """What the library draws with a seeded generator."""
    draw = library("diffusers.training_utils").compute_density_for_timestep_sampling
    return draw(scheme, N, logit_mean=M, logit_std=S, mode_scale=LEANING,
                generator=torch.Generator().manual_seed(7))  # fmt: skip


@fact("diffusers", "training.levels", covers=("levels.logit_normal", "levels.mode"))
def training_levels(its: Any) -> Finding:
    """logit_normal is the logit-normal law, mode the mode law; cosmap and the rest are uniform."""
    again = torch.Generator().manual_seed(7)
    eps = torch.randn(N, generator=again).double()
    u = torch.rand(N, generator=torch.Generator().manual_seed(7)).double()
    worst = near("draws of logit_normal", _drawn("logit_normal"), levels.logit_normal(eps, M, S),
                 unit=UNIT, equation="levels.logit_normal",
                 inputs={"eps": eps.numpy(), "location": M, "scale": S})  # fmt: skip
    worst = max(worst, near("draws of mode", _drawn("mode"), levels.mode(u, LEANING), unit=UNIT,
                            equation="levels.mode",
                            inputs={"u": u.numpy(), "scale": LEANING}))  # fmt: skip
    for scheme in ("cosmap", "sigma_sqrt", "none"):
        worst = max(worst, near(f"draws of {scheme}", _drawn(scheme), u, unit=UNIT))
    return Finding(worst)


@fact("diffusers", "training.weights", covers=("levels.sigma_sqrt", "levels.cosmap_density"))
def training_weights(its: Any) -> Finding:
    """sigma_sqrt weighs by t⁻², cosmap by that law's density; the other schemes do not weigh."""
    weigh = library("diffusers.training_utils").compute_loss_weighting_for_sd3
    t = torch.arange(1, N + 1) / N
    exact = t.double()
    worst = near("weights of sigma_sqrt", weigh("sigma_sqrt", t), levels.sigma_sqrt(exact),
                 unit=UNIT, equation="levels.sigma_sqrt", inputs={"t": exact.numpy()})  # fmt: skip
    worst = max(worst, near("weights of cosmap", weigh("cosmap", t), levels.cosmap_density(exact),
                            unit=UNIT, equation="levels.cosmap_density",
                            inputs={"t": exact.numpy()}))  # fmt: skip
    for scheme in ("logit_normal", "mode", "none"):
        worst = max(worst, near(f"weights of {scheme}", weigh(scheme, t), np.ones(N), unit=UNIT))
    return Finding(worst)


@fact("diffusers", "training.index", covers=("schedules.shift",))
def training_index(its: Any) -> Finding:
    """The list that training looks levels up in falls, from noise, shifted where it is static."""
    worst = 0.0
    for by, dynamic in ((3.0, False), (3.0, True)):
        made = its.module.FlowMatchEulerDiscreteScheduler(shift=by, use_dynamic_shifting=dynamic)
        k = 1.0 if dynamic else by
        want = [1000 * grids.shift(1 - i / 1000, k) for i in range(1000)]
        worst = max(worst, near("training timesteps", made.timesteps, np.array(want), unit=UNIT))
    return Finding(worst)
