"""What one trained step adds to the objective: ratio, trust region, divergence, per sample.

Likelihoods are taken of the latent that was stored, in the precision it was stored in.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..equations import grpo, kl, policy, weights
from ..equations.elementary import Num
from ..equations.gaussian import Gaussian
from ..equations.gaussian import log_prob as log_density
from ..equations.sde import Step
from ..typed import held
from .method import Method
from .steps import Affine, diffusion


@dataclass(frozen=True, eq=False)
class Terms:
    """One step's terms, one value per sample, shape (B,).

    Attributes:
        objective: weight · surrogate − β KL, to be maximised.
        ratio: r, or GRPO-Guard's r′.
        kl: the penalty before its weight; zeros without a reference.
        stopped: where the trust region stopped the gradient.
    """

    objective: Tensor
    ratio: Tensor
    kl: Tensor
    stopped: Tensor


def reduced(method: Method, values: Tensor) -> Tensor:
    """Over coordinates, (B, ...) → (B,), as the method says: `policy.total` or `average`.

    What there is one of a sample is float64 from here on, whatever the coordinates are.
    """
    rows = policy.total(values) if method.reduction == "total" else policy.average(values)
    return rows.double()


def log_prob(method: Method, kernel: Gaussian, x_s: Tensor) -> Tensor:
    """log p(x_s | x_t), reduced: shape (B,).

    Where all coordinates of a sample share their std, their log-densities average to that of one
    coordinate at the root of the residuals' mean square (proved with `policy.average`): one pass
    over memory in place of five.

    Raises:
        ValueError: a step without noise.
    """
    std = kernel.std
    one_a_sample = (len(x_s),) + (1,) * (x_s.ndim - 1)
    if x_s.ndim < 2 or (isinstance(std, Tensor) and std.shape not in ((), one_a_sample)):
        return reduced(method, kernel.log_prob(x_s))
    rows = (x_s - kernel.mean).flatten(1)
    rms = torch.linalg.vector_norm(rows, dim=1).double() / math.sqrt(rows.shape[1])
    each = log_density(rms, 0.0, std.flatten().double() if isinstance(std, Tensor) else std)
    return rows.shape[1] * each if method.reduction == "total" else each


@held
def advantages(method: Method, rewards: Tensor) -> Tensor:
    """Rewards (prompts, G) to advantages (prompts, G): `grpo.advantage`, then `grpo.bounded`."""
    centred = grpo.advantage(rewards, std=method.advantage_std, ddof=method.ddof, eps=method.eps)
    if method.advantage_bound is None:
        return centred
    return grpo.bounded(centred, method.advantage_bound)


def terms(
    method: Method,
    new: Gaussian,
    old: Gaussian,
    x_s: Tensor,
    advantage: Tensor,
    *,
    weight: Num = 1.0,
    reference: Gaussian | None = None,
    velocities: tuple[Tensor, Tensor] | None = None,
    step: Step | None = None,
) -> Terms:
    """The terms of one step, or of a batch of steps of any levels.

    Args:
        new: the step's law under the policy being trained, with its gradient.
        old: its law under the policy that sampled, as it was then.
        x_s: the stored next state, shape (B, ...).
        advantage: shape (B,).
        weight: the step's, a number or shape (B,).
        reference, velocities, step: see `penalty`.

    Raises:
        ValueError: an argument that the method's kl needs is missing; or see the equations.
    """
    between = Between(
        _log_ratio(method, new, old, x_s),
        reduced(method, kl.of_means(new.mean, old.mean, new.std)),
        reduced(method, new.std + 0 * new.mean.detach()),
    )
    cost = penalty(method, new, x_s, reference=reference, velocities=velocities, step=step)
    return weighed(method, between, advantage, weight=weight, penalty=cost)


@dataclass(frozen=True, eq=False)
class Between:
    """The policy that is trained and the one that sampled, compared on a step: one value a sample.

    Attributes:
        log_ratio: log r, with its gradient.
        kl: of the trained one's step from the other's, with its gradient.
        std: of the step, reduced as the others are; GRPO-Guard reads it.
    """

    log_ratio: Tensor
    kl: Tensor
    std: Num


def between(method: Method, law: Affine, moved: Tensor, drawn: Tensor) -> Between:
    """The same of a step that is known by three numbers: two inner products a sample.

    Args:
        law: the step's, its numbers plain or of shape (B, 1, ...).
        moved: v − v_old, shape (B, ...), with its gradient.
        drawn: x_s − the mean under the old policy, which is `law.drawn`.

    Raises:
        ValueError: see `policy.log_ratio_of_products`.
    """
    lever, std = (
        value.flatten().double() if isinstance(value, Tensor) else value
        for value in (law.of_v, law.std)
    )
    along, squared = reduced(method, moved * drawn), reduced(method, moved**2)
    return Between(
        policy.log_ratio_of_products(along, squared, lever, std),
        -policy.log_ratio_of_products(0 * squared, squared, lever, std),
        std,
    )


def weighed(
    method: Method,
    between: Between,
    advantage: Tensor,
    *,
    weight: Num = 1.0,
    penalty: Tensor | None = None,
) -> Terms:
    """The terms from what there is one of a sample.

    Args:
        advantage: shape (B,).
        weight: the step's, a number or shape (B,).
        penalty: the KL against the reference, shape (B,).

    Raises:
        ValueError: see the equations.
    """
    log_ratio = between.log_ratio
    advantage = advantage.to(log_ratio.dtype)
    if method.ratio == "guard":
        log_ratio = weights.guard_log_ratio(log_ratio, between.kl, between.std)
    ratio = policy.ratio(log_ratio, 0 * log_ratio)
    if method.trust == "clip":
        surrogate = grpo.surrogate(ratio, advantage, method.limit)
        stopped = (surrogate != ratio * advantage).detach()
    elif method.trust == "divergence":
        mask = weights.divergence_mask(ratio.detach(), advantage, between.kl.detach(), method.limit)
        surrogate = mask * ratio * advantage
        stopped = mask == 0
    else:
        surrogate = ratio * advantage
        stopped = 0 * ratio.detach() > 0
    cost = 0 * ratio.detach() if penalty is None else penalty
    return Terms(
        grpo.objective(weight * surrogate, cost, method.beta),
        ratio.detach(),
        cost.detach(),
        stopped,
    )


def _log_ratio(method: Method, new: Gaussian, old: Gaussian, x_s: Tensor) -> Tensor:
    return reduced(method, policy.log_ratio_of_means(x_s, new.mean, old.mean, new.std))


def penalty(
    method: Method,
    new: Gaussian,
    x_s: Tensor,
    *,
    reference: Gaussian | None = None,
    velocities: tuple[Tensor, Tensor] | None = None,
    step: Step | None = None,
) -> Tensor | None:
    """The KL against the reference policy, before its weight: shape (B,), or None without one.

    Args:
        new: the step's law under the policy being trained, with its gradient.
        x_s: the stored next state; k1, k2 and k3 are estimated at it.
        reference: the step's law under the reference policy; needed where β > 0, for all kl but
            "velocity".
        velocities: (v, v_ref), for kl="velocity".
        step: the levels, for kl="without_h".

    Raises:
        ValueError: an argument that the method's kl needs is missing.
    """
    if method.kl == "velocity" and velocities is not None:
        return reduced(method, kl.velocity(*velocities))
    if method.kl in ("none", "velocity") or reference is None:
        if method.beta > 0:
            needed = "velocities" if method.kl == "velocity" else "reference"
            raise ValueError(f"beta={method.beta!r} with kl={method.kl!r} needs {needed}")
        return None
    if method.kl == "steps":
        return reduced(method, kl.of_means(new.mean, reference.mean, new.std))
    if method.kl == "without_h":
        if step is None:
            raise ValueError("kl='without_h' divides by g and needs the step")
        g = diffusion(method, step)
        return reduced(method, kl.without_h(new.mean, reference.mean, g))
    log_ratio = _log_ratio(method, reference, new, x_s)
    return {"k1": kl.k1, "k2": kl.k2, "k3": kl.k3}[method.kl](log_ratio)
