"""Facts about diffusers' guiders beyond the plain one: CFG-Zero*, zeroed steps, rescaling.

pred_uncond · s        zeros for the first steps        std over all coordinates of a sample
"""

from typing import Any

import torch

from ...conformance.checks.register import Finding
from ...equations import guidance, policy
from ..facts import fact, law, near
from ..installed import library
from .facts import UNIT, values

W = 4.5


def _guider(its: Any, name: str, **settings: Any) -> Any:
    with its.hushed():  # guiders announce at birth that they are experimental
        return getattr(its.module, name)(guidance_scale=W, **settings)


def _star(u: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    """CFG-Zero* of a batch, in float64."""
    u, c = u.double(), c.double()
    s = guidance.projection(policy.total(u * c), policy.total(u * u))[:, None, None]
    return torch.as_tensor(guidance.zero_star(u, c, W, s))


@fact("diffusers", "guidance.zero_star", covers=("guidance.projection", "guidance.zero_star"))
def zero_star(its: Any) -> Finding:
    """CFG-Zero* projects over all coordinates of a sample; its first steps are zero."""
    u, c = values(2, 3, 4), values(2, 3, 4, start=1)
    guider = _guider(its, "ClassifierFreeZeroStarGuidance", zero_init_steps=1)
    guider.set_state(step=0, num_inference_steps=10, timestep=torch.tensor(1000.0))
    first = guider.forward(c, u).pred
    law("the first step of CFG-Zero*", bool((first == 0).all()), f"{first.abs().max():.3g}, not 0")
    guider.set_state(step=1, num_inference_steps=10, timestep=torch.tensor(900.0))
    return Finding(near("CFG-Zero*", guider.forward(c, u).pred, _star(u, c), unit=UNIT))


@fact("diffusers", "guidance.rescale", covers=("guidance.rescale",))
def rescale(its: Any) -> Finding:
    """Rescaled guidance has a share of the conditional spread, taken with n − 1 below."""
    u, c = values(2, 3, 4), values(2, 3, 4, start=1)
    rescaled = library("diffusers.guiders.guider_utils").rescale_noise_cfg
    guided = guidance.classifier_free(u.double(), c.double(), W)
    worst = 0.0
    for share in (0.25, 1.0):
        stds = [v.flatten(1).std(dim=1)[:, None, None] for v in (c.double(), guided)]
        want = guidance.rescale(guided, stds[0], stds[1], share)
        got = rescaled(guided.float(), c, guidance_rescale=share)
        worst = max(worst, near(f"rescaled by {share:g}", got, want, unit=UNIT))
    return Finding(worst)
