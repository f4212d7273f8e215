"""What forms of the KL and of the trust region do to one step's gradient, by quadrature.

    two Gaussians d standard deviations apart: KL = d²/2, log r = d ε − d²/2

A sample enters through one number ε ~ N(0, 1); expectations are sums over 20 Gauss–Hermite nodes,
or, where a mask jumps, over a fine grid.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ..equations import gaussian, grpo, kl, policy, weights

DISTANCES = (0.05, 0.2, 0.5, 1.0)
MOVES = (0.05, 0.1, 0.15, 0.25, 0.5)
FORMS: dict[str, Callable[[Tensor], Tensor]] = {"k1": kl.k1, "k2": kl.k2, "k3": kl.k3}
CLIP, LIMIT, CORRELATION = 0.2, 0.02, 0.3
"""ε of the clip; the KL at which the mask stops (d = 0.2); the advantage's with a step's noise."""


def divergences() -> dict[str, dict[str, float]]:
    """For each estimator and distance: mean and std of value and gradient, over those of the KL.

    The draw is from the policy being trained, as at the first update of a batch, and is held fixed
    in the gradient. A std of 1 is as large as what is estimated.
    """
    nodes, masses = (torch.from_numpy(x) for x in np.polynomial.hermite_e.hermegauss(20))
    masses = masses / masses.sum()
    found = {}
    for d in DISTANCES:
        mean = torch.full_like(nodes, d, requires_grad=True)
        drawn = gaussian.sample(d, 1.0, nodes)
        ours = gaussian.log_prob(drawn, mean, torch.ones_like(nodes))
        theirs = gaussian.log_prob(drawn, torch.zeros_like(nodes), torch.ones_like(nodes))
        exact = kl.of_means(d, 0.0, 1.0)
        for name, form in FORMS.items():
            value = form(policy.log_ratio(theirs, ours))
            (slope,) = torch.autograd.grad(value.sum(), mean, retain_graph=True)
            found[f"{name}, d = {d}"] = {
                "value": float(masses @ value.detach()) / exact,
                "value std": _std(masses, value.detach()) / exact,
                "gradient": float(masses @ slope) / d,  # the KL's own is d
                "gradient std": _std(masses, slope) / d,
            }
    return found


def _std(masses: Tensor, values: Tensor) -> float:
    mean = masses @ values
    return float(masses @ (values - mean) ** 2) ** 0.5


def trust() -> dict[str, dict[str, float]]:
    """The share of the gradient's mean that clipping and the divergence mask let through, by d.

    An advantage correlated 0.3 with the step's noise; the policy has moved by d standard deviations
    along its gradient. Below 0 what is let through leads back. Masks jump: errors are below 0.01.
    """
    z = torch.linspace(-7, 7, 701, dtype=torch.float64)
    eps, other = (x.reshape(-1) for x in torch.meshgrid(z, z, indexing="ij"))
    one = torch.ones_like(eps)
    advantage = gaussian.sample(CORRELATION * eps, (1 - CORRELATION**2) ** 0.5, other)
    mass = (gaussian.log_prob(eps, 0.0, 1.0) + gaussian.log_prob(other, 0.0, 1.0)).exp()
    found = {}
    for d in MOVES:
        moved = torch.full((), d, dtype=torch.float64, requires_grad=True)
        drawn = gaussian.log_prob(eps, moved, 1.0)
        ratio = policy.ratio(drawn, gaussian.log_prob(eps, 0.0, 1.0))
        apart = kl.of_means(d, 0.0, 1.0) * one
        mask = weights.divergence_mask(ratio.detach(), advantage, apart, LIMIT)
        terms = {
            "all": ratio * advantage,
            "clip": grpo.surrogate(ratio, advantage, CLIP),
            "mask": mask * ratio * advantage,
        }
        slopes = {
            name: float(torch.autograd.grad((mass * term).sum(), moved, retain_graph=True)[0])
            for name, term in terms.items()
        }
        found[f"d = {d}"] = {name: slopes[name] / slopes["all"] for name in ("clip", "mask")}
    return found
