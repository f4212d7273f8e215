"""Rollouts of a run, kept as `refimpl.runs.Recorder` writes them, for `refimpl audit`.

One record is one iteration, written at once; a run that is taken up removes those that came after
its checkpoint, and makes them again.
"""

from pathlib import Path
from typing import Any

import torch

from ...methods import log_prob
from ...runs import Recorder
from .settings import Settings
from .watching import Iteration


def keep(path: Path, measured: Iteration, settings: Settings, shards: int) -> None:
    """One iteration's trained steps, as they were sampled and scored, and its rewards."""
    rollout, judged = measured.rollout, measured.judged
    forget_after(path, shards)
    with Recorder(path, manifest(settings), resume=True) as record:
        for k, i in enumerate(rollout.plan.trained):
            step, one = rollout.grid.steps[i], rollout.steps().only(k)
            record.step(
                x_t=one.x,
                x_s=one.x_s,
                t=float(step.t),
                s=float(step.s),
                v=rollout.velocities[i],
                mean=one.old.mean,
                std=rollout.stds[i],
                noise=rollout.noise[i],
                log_prob=log_prob(settings.method, one.old, one.x_s),
                step=i,
            )
        record.rollout(
            rewards=judged.rewards.flatten(),
            groups=torch.arange(settings.groups).repeat_interleave(settings.group),
            advantages=measured.advantages.flatten(),
        )


_SAMPLERS = {
    "flow_grpo": "sde.transition",
    "constant": "sde.transition",
    "cps": "kernels.preserving",
    "exact": "kernels.preserving",
}
"""What the audit calls a kernel; a matched step has no name there."""


def manifest(settings: Settings) -> dict[str, Any]:
    """The conventions that the numbers follow, in the audit's words."""
    method = settings.method
    told = {
        "time": "noise",
        "layout": "rows",
        "std": "step",
        "sampler": _SAMPLERS.get(method.kernel),
        "schedule": None
        if method.kernel in ("exact", "exact_constant", "matched")
        else method.kernel,
        "a": None if method.kernel in ("exact", "exact_constant", "matched") else method.noise,
        "log_prob": "sum" if method.reduction == "total" else "mean",
        "constants": "kept",
        "advantage_std": method.advantage_std,
        "ddof": method.ddof,
        "eps": method.eps,
        "advantage_limit": method.advantage_bound,
        "group": settings.group,
        "grid": "uniform",
    }
    if method.kernel == "flow_grpo":
        names = {"next_level": "next_level", "refuse": "none", "clamp": f"clamp {method.clamp_at}"}
        told["boundary"] = names[method.boundary]
    return {key: value for key, value in told.items() if value is not None}


def forget_after(path: Path, shards: int) -> None:
    """Remove the records after the first `shards` iterations that were kept."""
    for file in path.glob("*.safetensors"):
        if int(file.stem.rpartition("-")[2]) >= shards:
            file.unlink()
