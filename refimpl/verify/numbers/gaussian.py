"""Gradients of a step's log-density in the velocity."""

import torch

from ...equations import kl
from ..check import Evidence, check
from ..identities import draw, levels, report, same, step_of


@check("numbers", covers=("gaussian.log_prob", "kl.flow_grpo", "sde.transition"), rows=("GRPO-5",))
def gradients_in_the_velocity(seed: int) -> Evidence:
    """∂log p/∂v = −h c (x_s − mean)/std², ∂KL/∂v = h c² (v − v_ref)/g², c = 1 + g²(1 − t)/(2t)."""
    d = draw(seed, "x", "v", "v_ref", "noise")
    t, s, g = levels()
    h, c = t - s, 1 + g**2 * (1 - t) / (2 * t)
    v = d["v"].requires_grad_()
    p = step_of(d["x"], v)
    x_s = p.sample(d["noise"]).detach()
    (score,) = torch.autograd.grad(p.log_prob(x_s).sum(), v)
    (pull,) = torch.autograd.grad(kl.flow_grpo(v, d["v_ref"], g, t, h).sum(), v)
    return report({
        "log-probability": same("∂log p/∂v", score, -h * c * (x_s - p.mean) / p.std**2),
        "KL": same("∂KL/∂v", pull, h * c**2 * (v - d["v_ref"]) / g**2),
    })  # fmt: skip
