"""Flow-Factory (github.com/X-GenGroup/Flow-Factory): three dynamics in one scheduler.

refimpl check flow_factory --path DIR
"""

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from ..checkout import Checkout
from .stepping import FUNCTIONS, Base, Column, named, stepped

STEP = "src/flow_factory/scheduler/flow_match_euler_discrete.py"
BASE = "src/flow_factory/utils/base.py"
ADVANTAGE = "src/flow_factory/advantage/advantage_processor.py"
TRAIN = "src/flow_factory/trainers/grpo.py"


class Step(Base):
    """FlowMatchEulerDiscreteSDEScheduler.step with one of its dynamics."""

    def __init__(self, checkout: Checkout, kind: str, a: float, **conventions: Any) -> None:
        super().__init__(checkout, "flow_factory", f"flow_factory, {kind}", a=a, **conventions)
        broadcast = checkout.file(BASE).function("to_broadcast_tensor", torch=torch)
        self._step = checkout.file(STEP).function(
            "FlowMatchEulerDiscreteSDEScheduler.step", to_broadcast_tensor=broadcast,
            logger=logging.getLogger("flow_factory"), SDESchedulerOutput=None, **FUNCTIONS,
        )  # fmt: skip
        self._kind, self._a = kind, a

    def sde_step(self, x: Any, v: Any, t: Any, s: Any, noise: Any) -> dict[str, Any]:
        got = stepped(self._step, noise, self._its(s), v, 1000 * t, x, timestep_next=1000 * s,
                      noise_level=self._a, return_dict=False, dynamics_type=self._kind)  # fmt: skip
        return named(got[0], mean=got[1], log_prob=got[3], std=got[4])

    def replay(self, x: Any, v: Any, t: Any, s: Any, x_s: Any) -> Any:
        return self._step(
            self._its(s),
            v,
            1000 * t,
            x,
            next_latents=x_s,
            timestep_next=1000 * s,
            noise_level=self._a,
            return_dict=False,
            dynamics_type=self._kind,
        )[3]

    def _its(self, s: Any) -> Any:
        return SimpleNamespace(is_eval=False, sigmas=torch.stack([s[0], s[0]]))


class Training(Base):
    """Advantages, ratio, loss and the two KL terms of the trainer."""

    def __init__(self, checkout: Checkout, kl_type: str, *, whole_batch: bool = True) -> None:
        over = "whole batch" if whole_batch else "per prompt"
        own = {
            "sign": "loss",
            "advantage_std": "batch" if whole_batch else "group",
            "kl_reduction": "mean",
            "kl": {"v-based": "velocity", "x-based": "means"}[kl_type],
        }
        super().__init__(checkout, "flow_factory", f"flow_factory, {kl_type} KL, std {over}", **own)
        self._script, self._kind, self._whole = checkout.file(TRAIN), kl_type, whole_batch
        sums = checkout.file(ADVANTAGE)
        self._sum = sums.function("AdvantageProcessor.compute_weighted_sum", **FUNCTIONS)
        self._spread = sums.function("AdvantageProcessor._global_mean_std", **FUNCTIONS)

    def advantages(self, rewards: Any, groups: Any) -> Any:
        collected = {"reward": rewards.numpy()}, np.array([int(g) for g in groups])
        its = SimpleNamespace(
            collect_group_rewards=lambda samples, rewards: collected, global_std=self._whole,
            group_size=int(np.bincount(collected[1]).max()), reward_weights={"reward": 1.0},
            accelerator=None, group_on_same_rank=False, _to_local=torch.as_tensor,
            _build_weighted_sum_log_data=lambda *_: None,
        )  # fmt: skip
        its._global_mean_std = lambda values: self._spread(its, values)
        return self._sum(its, [], {}, False)

    def ratio(self, log_prob: Any, log_prob_old: Any) -> Any:
        return self._script.value("ratio", torch=torch, output=SimpleNamespace(log_prob=log_prob),
                                  old_log_prob=log_prob_old)  # fmt: skip

    def surrogate(self, ratio: Any, advantage: Any, clip: Any) -> Any:
        either = (-float(clip), float(clip))
        return self._script.value("unclipped_loss", "policy_loss", torch=torch, ratio=ratio,
                                  adv=advantage, ratio_clip_range=either)  # fmt: skip

    def kl(self, v: Any, v_ref: Any, mean: Any, mean_ref: Any) -> Any:
        output = SimpleNamespace(noise_pred=v, next_latents_mean=mean)
        other = SimpleNamespace(noise_pred=v_ref, next_latents_mean=mean_ref)
        at = 1 + ("v-based", "x-based").index(self._kind)
        return self._script.value("kl_div", inside="GRPOTrainer", skip=at, torch=torch,
                                  output=output, ref_output=other)  # fmt: skip


class VelocityKL(Training):
    """With the trainer's KL between velocities."""

    def kl(self, v: Any, v_ref: Any) -> Any:  # type: ignore[override]
        return super().kl(v, v_ref, v, v_ref)


class MeansKL(Training):
    """With the trainer's KL between means."""

    def kl(self, mean: Any, mean_ref: Any) -> Any:  # type: ignore[override]
        return super().kl(mean, mean_ref, mean, mean_ref)


class Guard(Base):
    """GRPO-Guard's ratio, as the lines of its trainer."""

    def __init__(self, checkout: Checkout) -> None:
        super().__init__(checkout, "flow_factory", "flow_factory, GRPO-Guard", ratio="guard")
        self._script = checkout.file(TRAIN)

    def ratio(self, log_prob: Any, log_prob_old: Any, divergence: Any, std: Any) -> Any:
        column = (-1, 1, 1)
        apart = ((2 * divergence) ** 0.5 * std).reshape(column).expand(-1, 2, 2)
        output = SimpleNamespace(
            dt=-torch.ones_like(std).reshape(column),
            log_prob=log_prob,
            std_dev_t=std.reshape(column),
            next_latents_mean=apart,
        )
        return self._script.value(
            "scale_factor",
            "ratio",
            torch=torch,
            output=output,
            batch={"next_latents_mean": Column(0 * apart)},
            old_log_prob=log_prob_old,
            callback_index_map=[0],
            timestep_index=0,
        )


def everything(path: Path) -> list[Any]:
    """Adapters of a checkout."""
    checkout = Checkout(path, STEP, BASE, ADVANTAGE, TRAIN)
    return [
        Step(checkout, "Flow-SDE", 0.7, std="g", boundary="next_level"),
        Step(checkout, "Dance-SDE", 0.3, std="g", g="constant", boundary="finite"),
        Step(checkout, "CPS", 0.8, g="cps", log_prob_terms="bare square"),
        VelocityKL(checkout, "v-based"),
        MeansKL(checkout, "x-based", whole_batch=False),
        Guard(checkout),
    ]
