"""The loop's data, handed to the monitors that every trainer shares."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ...methods import Method
from ...runs import monitors
from ...runs.monitors import Reading
from .problem import Judged
from .rollouts import Rollout, Steps
from .settings import Settings


@dataclass(frozen=True, eq=False)
class Update:
    """One step uphill, as it was measured before it was made.

    Attributes:
        objective, kl: per sample: summed over steps, averaged over samples.
        ratio: shape (K, B).
        clipped: share of (sample, step) pairs whose gradient the trust region stopped.
        norm: of the gradient, before any shortening.
        means: of the trained steps, replayed.
    """

    steps: Steps
    objective: float
    kl: float
    ratio: Float[Tensor, "K B"]
    clipped: float
    norm: float
    means: Float[Tensor, "rows d"]


@dataclass(frozen=True, eq=False)
class Iteration:
    """What one iteration measured.

    Attributes:
        reward: the mean of its rollouts' rewards.
        ratio_gap: max |r − 1| before the first update.
        kl: to the reference, summed over trained steps, before the first update.
        clipped: in the last epoch.
        zero_groups, dropped_groups: a share, and a number.
        readings: the invariants.
        signal: per trained step, the cosine of two half batches' gradients; empty if not read.
        rollout, judged: the data.
    """

    reward: float
    ratio_gap: float
    kl: float
    objective: float
    norm: float
    clipped: float
    zero_groups: float
    dropped_groups: int
    readings: tuple[Reading, ...]
    signal: tuple[float, ...]
    rollout: Rollout = field(repr=False)
    judged: Judged = field(repr=False)
    advantages: Float[Tensor, "groups G"] = field(repr=False)


def measured(
    rollout: Rollout,
    judged: Judged,
    advantages: Tensor,
    updates: list[list[Update]],
    signal: tuple[float, ...],
    settings: Settings,
    done: int,
) -> Iteration:
    """An iteration from its data and its updates, `updates[epoch][minibatch]`; `done` counts it."""
    first, last = updates[0][0], updates[-1]
    clipped = sum(update.clipped for update in last) / len(last)
    return Iteration(
        reward=judged.mean,
        ratio_gap=float((first.ratio - 1).abs().max()),
        kl=first.kl,
        objective=first.objective,
        norm=first.norm,
        clipped=clipped,
        zero_groups=judged.equal,
        dropped_groups=judged.dropped,
        readings=(
            *before_update(first.steps, first.means, first.ratio, settings.method),
            *([] if done > 1 else at_start(first.kl, first.steps)),
            *unseen([update.ratio for update in updates[0][1:]], settings.method),
            *of_advantages(advantages, settings.method),
            monitors.gradient_norm(first.norm, bool((advantages != 0).any())),
            *monitors.shares(
                clipped=clipped, zero_groups=judged.equal, dropped_groups=judged.dropped
            ),
        ),
        signal=signal,
        rollout=rollout,
        judged=judged,
        advantages=advantages,
    )


def before_update(steps: Steps, means: Tensor, ratio: Tensor, method: Method) -> list[Reading]:
    """What must hold while the policy is still the one that sampled."""
    coordinates = steps.x.shape[1] if method.reduction == "total" else 1
    means, old, x_s = (
        values.reshape(steps.K, -1, values.shape[-1])
        for values in (means, steps.old.mean, steps.x_s)
    )
    stds = steps.by_step(steps.old.std[:, 0])[:, 0].tolist()
    return [
        monitors.ratio_gap(ratio, steps.x.dtype, coordinates),
        monitors.replay_gap(old, means, stds),
        *monitors.whiteness(x_s, means, stds),
    ]


def at_start(kl: float, steps: Steps) -> list[Reading]:
    """What must hold before the first update of the whole run."""
    return [monitors.kl_start(kl, steps.x.dtype, steps.x.shape[1])]


def unseen(ratios: Sequence[Tensor], method: Method) -> list[Reading]:
    """E_old[r] = 1 on the minibatches after the first: no update so far has seen their samples.

    Only whole ratios have mean 1: averaged or recentred ones do not.
    """
    if not ratios or method.reduction != "total" or method.ratio != "plain":
        return []
    return [monitors.mean_ratio(torch.cat([r.flatten() for r in ratios]))]


def of_advantages(advantages: Tensor, method: Method) -> list[Reading]:
    """Mean zero by group; and the spread, where the method's divisor fixes it."""
    G = advantages.shape[1]
    known = method.advantage_std == "group" and method.advantage_bound is None and method.eps == 0
    expected = ((G - method.ddof) / G) ** 0.5 if known else None
    return monitors.advantages(advantages, expected)


def signal(
    objective: Callable[[Steps, Tensor], Tensor],
    halves: Sequence[tuple[Rollout, Tensor]],
    parameters: list[nn.Parameter],
) -> tuple[float, ...]:
    """Per trained step, the cosine between the gradients of two halves of the groups."""
    parts = [(rollout.steps(), advantages) for rollout, advantages in halves]
    cosines = []
    for k in range(parts[0][0].K):
        one, other = (
            torch.autograd.grad(
                objective(steps.only(k), a).mean(), parameters, materialize_grads=True
            )
            for steps, a in parts
        )
        cosines.append(monitors.cosine(one, other))
    return tuple(cosines)
