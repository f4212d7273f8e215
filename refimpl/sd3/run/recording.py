"""What a run writes down for others to check: its conventions, and rows of tensors.

    refimpl audit RUN/record/00000020

recomputes every number of the record from the latents and velocities in it.
"""

import shutil
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ... import methods
from ...runs import Recorder
from ..loop.rollout import law
from ..loop.update import Experience, batches, score
from ..model.policy import Policy
from ..settings.config import Config


def manifest(config: Config) -> dict[str, Any]:
    """The conventions of a run, as `refimpl audit` names them."""
    method = config.method
    reduction = "sum" if method.reduction == "total" else "mean"
    known: dict[str, Any] = {
        "time": "noise",
        "time_scale": 1,
        "layout": "rows",
        "std": "step",
        "log_prob": reduction,
        "constants": "kept",
        "advantage_std": method.advantage_std,
        "ddof": method.ddof,
        "eps": method.eps,
        "group": config.sampling.group,
        "beta": method.beta,
        "on_policy": True,
    }
    if config.sampling.grid in _GRIDS:
        known["grid"] = _GRIDS[config.sampling.grid]
    if method.kernel in ("flow_grpo", "constant"):
        known |= {"sampler": "sde.transition", "schedule": method.kernel, "a": method.noise}
    elif method.kernel == "cps":
        known |= {"sampler": "kernels.preserving", "schedule": "cps", "a": method.noise}
    if method.kernel == "flow_grpo" and method.boundary == "next_level":
        known["boundary"] = "next_level"
    if method.trust == "clip":
        known["clip"] = method.limit
    if method.advantage_bound is not None:
        known["advantage_limit"] = method.advantage_bound
    kl = {"steps": "kl.flow_grpo", "none": None}.get(method.kl, f"kl.{method.kl}")
    if kl is not None:
        known |= {"kl": kl, "kl_reduction": reduction}
    return known


_GRIDS = {
    "as_shipped": "sd35_as_shipped",
    "once_shifted": "sd35_once_shifted",
    "uniform": "uniform",
}


def record(
    folder: Path,
    config: Config,
    policy: Policy,
    experience: Experience,
    rewards: Tensor,
    advantages: Tensor,
    iteration: int,
) -> None:
    """Write a few rows of an iteration, before its first update.

    Args:
        folder: of all records; this one gets a folder of its own in it, replaced if it is there.
        rewards, advantages: of all images, shape (prompts, G).
    """
    path, method = folder / f"{iteration:08d}", config.method
    shutil.rmtree(path, ignore_errors=True)
    groups = torch.arange(rewards.numel()) // rewards.shape[1]
    kept = range(min(config.run.record_rows, len(experience.advantages)))
    held, steps = experience.trajectory, range(experience.steps)
    with Recorder(path, manifest(config)) as recorder, torch.no_grad():
        recorder.rollout(rewards=rewards.flatten(), groups=groups, advantages=advantages.flatten())
        for rows in batches(kept, steps, len(kept), experience.advantages.device):
            x, x_s, v = rows.of(held.states), rows.of(held.states, 1), rows.of(held.velocities)
            t, s = (rows.each(held.levels[k:], experience.advantages) for k in (0, 1))
            sample = rows.sample
            text = experience.text.rows(experience.prompt[sample])
            old = law(method, x, v, t, s)
            new = law(method, x, policy.velocity(x, t.float(), text), t, s)
            scored = score(policy, method, experience, rows)
            fields = {}
            if method.beta > 0:
                fields["v_ref"] = policy.reference(x, t.float(), text)
                if method.kl in ("k1", "k2", "k3"):  # estimates, from how far x_s lies from it
                    fields["mean_ref"] = law(method, x, fields["v_ref"], t, s).mean
            recorder.update(
                x_t=x,
                x_s=x_s,
                t=t,
                s=s,
                v=v,
                mean=old.mean,
                std=old.std.flatten(),
                log_prob_old=methods.log_prob(method, old, x_s.double()),
                log_prob=methods.log_prob(method, new, x_s.double()),
                ratio=scored.ratio,
                kl=scored.kl,
                advantages=experience.advantages[sample],
                step=rows.step,
                **fields,
            )
