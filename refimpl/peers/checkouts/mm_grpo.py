"""mm_grpo (github.com/leibniz-csi/mm_grpo): GRPO for diffusers models on verl, from a checkout.

refimpl check mm_grpo --path DIR
"""

from collections import defaultdict
from pathlib import Path
from typing import Any

import torch

from ..checkout import Checkout
from .stepping import FUNCTIONS, Base, Levels, named, settings, stepped

STEP = "gerl/workers/diffusers_model/schedulers/scheduling_flow_match_sde_discrete.py"
CORE = "gerl/trainer/ppo/core_algos.py"
SCHEDULER = "FlowMatchSDEDiscreteScheduler.sample_previous_step"


class Step(Base):
    """sample_previous_step of its scheduler."""

    def __init__(self, checkout: Checkout, library: str, file: str, kind: str, a: float,
                 **conventions: Any) -> None:  # fmt: skip
        super().__init__(checkout, library, f"{library}, {kind}", a=a, **conventions)
        self._step = checkout.file(file).function(SCHEDULER, **FUNCTIONS)
        self._more = {"sde_type": kind, "noise_level": a}

    def sde_step(self, x: Any, v: Any, t: Any, s: Any, noise: Any) -> dict[str, Any]:
        levels = Levels(t, s)
        got = stepped(self._step, noise, levels, x, v, timestep=levels.each, **self._more)
        return named(got[0], log_prob=got[1], mean=got[2], std=got[3])

    def replay(self, x: Any, v: Any, t: Any, s: Any, x_s: Any) -> Any:
        levels = Levels(t, s)
        return self._step(levels, x, v, timestep=levels.each, prev_sample=x_s, **self._more)[1]


class Core(Base):
    """Advantages, loss and KL of core_algos."""

    def __init__(self, checkout: Checkout, library: str, *, whole_batch: bool = True) -> None:
        own = {
            "sign": "loss",
            "advantage_ddof": 1,
            "advantage_eps": 1e-4,
            "dims": 4,
            "std": "g",
            "advantage_std": "batch" if whole_batch else "group",
            "kl_reduction": "mean",
        }
        kind = "training" if whole_batch else "training, std per prompt"
        super().__init__(checkout, library, f"{library}, {kind}", **own)
        core = checkout.file(CORE)
        names = {**FUNCTIONS, "defaultdict": defaultdict}
        self._advantage = core.function("compute_flow_grpo_outcome_advantage", **names)
        self._loss = core.function("compute_policy_loss_flow_grpo", **names)
        self._kl = core.function("kl_penalty", **names)
        self._whole = whole_batch

    def advantages(self, rewards: Any, groups: Any) -> Any:
        keys = [int(g) for g in groups]
        return self._advantage(rewards.clone(), keys, global_std=self._whole)[0]

    def surrogate(self, ratio: Any, advantage: Any, clip: Any) -> Any:
        config = settings(clip_max=1e9, clip_ratio=float(clip))
        return self._loss(torch.zeros_like(ratio), ratio.log(), advantage, config)[0]

    def kl(self, mean: Any, mean_ref: Any, std: Any) -> Any:
        return self._kl(mean, mean_ref, std)


class AsCalled(Base):
    """The advantages without the copy that the other adapter makes first."""

    def __init__(self, checkout: Checkout, library: str) -> None:
        own = {"advantage_std": "batch", "advantage_ddof": 1, "advantage_eps": 1e-4}
        super().__init__(checkout, library, f"{library}, advantages as called", **own)
        core = checkout.file(CORE)
        names = {**FUNCTIONS, "defaultdict": defaultdict}
        self._advantage = core.function("compute_flow_grpo_outcome_advantage", **names)

    def advantages(self, rewards: Any, groups: Any) -> Any:
        return self._advantage(rewards, [int(g) for g in groups])[0]


def everything(path: Path) -> list[Any]:
    """Adapters of a checkout."""
    checkout = Checkout(path, STEP, CORE)
    return [
        Step(checkout, "mm_grpo", STEP, "sde", 0.7, std="g", boundary="next_level"),
        Step(checkout, "mm_grpo", STEP, "cps", 0.8, g="cps", log_prob_terms="bare square"),
        Core(checkout, "mm_grpo"),
        Core(checkout, "mm_grpo", whole_batch=False),
        AsCalled(checkout, "mm_grpo"),
    ]
