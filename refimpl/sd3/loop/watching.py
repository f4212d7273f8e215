"""The run's numbers, handed to the monitors that every trainer shares.

With a float32 network the ratio before the first update is 1 up to rounding, and that is required.
In half precision the network itself rounds differently from batch to batch: the gap is shown.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...equations import grpo
from ...methods import Method
from ...runs import monitors
from ...runs.monitors import Reading
from ..engine.processes import Stepped
from ..model.policy import Policy
from ..rewards import Judged
from .rollout import law
from .scores import mean_of_scored
from .update import Experience, Scored, batches, score

PROBED = 8
"""Rollouts whose residuals are tested for whiteness."""


def before_update(
    scored: Scored, experience: Experience, method: Method, dtype: torch.dtype
) -> list[Reading]:
    """What must hold while the policy is still the one that sampled."""
    coordinates = experience.trajectory.ends[0].numel()
    exact = dtype == torch.float32
    counted = coordinates if method.reduction == "total" else 1
    ratio_room = monitors.rounding(torch.float32, counted) if exact else math.inf
    mean_room = monitors.rounding(torch.float32, 1) if exact else math.inf
    moved = monitors.shift(float(scored.moved.max()), counted)
    return [
        Reading("ratio_gap", float((scored.ratio - 1).abs().max()), 0.0, ratio_room),
        Reading("replay_gap", moved, 0.0, mean_room),
        *_whiteness(experience, method),
    ]


def _whiteness(experience: Experience, method: Method) -> list[Reading]:
    held = experience.trajectory
    states, means, stds = [x[:PROBED].double() for x in held.states], [], []
    for i, (t, s) in enumerate(zip(held.levels, held.levels[1:], strict=False)):
        levels = [states[i].new_full((len(states[i]),), x) for x in (t, s)]
        step = law(method, states[i], held.velocities[i][:PROBED], *levels)
        means.append(step.mean)
        stds.append(float(step.std.flatten()[0]))
    return monitors.whiteness(torch.stack(states[1:]), torch.stack(means), stds)


def at_start(scored: Scored, experience: Experience, dtype: torch.dtype) -> Reading:
    """KL = 0 before the first update of the run: the adapter starts as the identity."""
    coordinates = experience.trajectory.ends[0].numel()
    room = monitors.rounding(torch.float32, coordinates) if dtype == torch.float32 else math.inf
    return Reading("kl_start", float(scored.kl.mean()), 0.0, room)


def unseen(ratios: Sequence[Tensor], method: Method) -> list[Reading]:
    """E_old[r] = 1 on samples that no update has seen; not of averaged or recentred ratios."""
    if not ratios or method.reduction != "total" or method.ratio != "plain":
        return []
    return [monitors.mean_ratio(torch.cat(list(ratios)))]


def of_gradient(made: Stepped, experience: Experience, *, alone: bool) -> list[Reading]:
    """Its length; 0 is a fault where this process has all advantages and some are not 0.

    A gradient that overflowed in fp16 was not used, and has none.
    """
    if made.skipped:
        return []
    differ = bool((experience.advantages != 0).any())
    return [monitors.gradient_norm(made.norm, differ and alone)]


def of_scaler(made: Sequence[Stepped]) -> dict[str, float]:
    """Under fp16: how many updates of an iteration were skipped, and the loss's scale after it."""
    if made[-1].scale is None:
        return {}
    return {"skipped": sum(one.skipped for one in made), "loss_scale": made[-1].scale}


def of_rewards(
    judged: Judged, advantages: Tensor, method: Method, normalise: str
) -> dict[str, Any]:
    """Rewards and advantages, for the line of metrics."""
    silent = float((advantages == 0).all(dim=1).double().mean())
    readings = [
        *of_advantages(advantages, method, normalise),
        Reading("zero_groups", silent, 0.0, 0.5),
    ]
    return {
        "reward": mean_of_scored(judged.total),
        **{f"reward/{name}": mean_of_scored(x) for name, x in judged.scores.items()},
        **{f"extra/{name}": mean_of_scored(x) for name, x in judged.extras.items()},
        "unscored": sum(judged.unscored.values()),
        "zero_groups": silent,
        "readings": {r.name: r.row for r in readings},
    }


def of_advantages(advantages: Tensor, method: Method, normalise: str) -> list[Reading]:
    """Mean zero by group, unless advantages are bounded; and the spread, where it is known."""
    if method.advantage_bound is not None and bool(
        (advantages.abs() >= method.advantage_bound).any()
    ):
        return []
    known = method.advantage_std == "group" and method.eps == 0 and normalise == "together"
    any_group = torch.arange(advantages.shape[1], dtype=torch.float64)[None]
    one = grpo.advantage(any_group, std="group", ddof=method.ddof, eps=0.0)
    expected = float(one.std(correction=0)) if known else None
    return monitors.advantages(advantages.float(), expected)


def by_step(scored: Scored, steps: int) -> list[float]:
    """The largest |r − 1| of each trained step."""
    gaps = (scored.ratio - 1).abs()
    return [float(gaps[scored.step == k].max()) for k in range(steps)]


def signal(
    policy: Policy,
    method: Method,
    experience: Experience,
    parameters: Sequence[Tensor],
    *,
    rows: int,
) -> list[float]:
    """Per trained step, the cosine between the gradients of two halves of this process's rollouts.

    Well above 0: the step has something to teach. Round 0: it only adds noise.
    """
    count = len(experience.advantages)
    device = experience.advantages.device
    halves = [range(start, count, 2) for start in (0, 1)]
    found = []
    for step in range(experience.steps):
        sides = []
        for half in halves:
            total = [torch.zeros_like(p) for p in parameters]
            for part in batches(half, [step], rows, device):
                scored = score(policy, method, experience, part)
                slopes = torch.autograd.grad(
                    scored.objective.sum() / len(half), list(parameters), materialize_grads=True
                )
                for into, slope in zip(total, slopes, strict=True):
                    into += slope
            sides.append(total)
        found.append(monitors.cosine(*sides))
    return found
