"""verl-omni (github.com/verl-project/verl-omni): three kinds of step, losses as classes.

refimpl check verl_omni --path DIR
"""

from collections import defaultdict
from pathlib import Path
from typing import Any

import torch

from ..checkout import Checkout
from .mm_grpo import Step
from .stepping import FUNCTIONS, Base, settings

STEP = "verl_omni/pipelines/schedulers/flow_match_sde.py"
ALGORITHMS = "verl_omni/trainer/diffusion/diffusion_algos.py"


class Algorithms(Base):
    """Advantages, loss and KL."""

    def __init__(self, checkout: Checkout, library: str, *, whole_batch: bool = True) -> None:
        own = {
            "sign": "loss",
            "advantage_ddof": 1,
            "advantage_eps": 1e-4,
            "dims": 3,
            "std": "g",
            "advantage_std": "batch" if whole_batch else "group",
            "kl_reduction": "mean",
        }
        kind = "training" if whole_batch else "training, std per prompt"
        super().__init__(checkout, library, f"{library}, {kind}", **own)
        file = checkout.file(ALGORITHMS)
        names = {**FUNCTIONS, "defaultdict": defaultdict}
        self._advantage = file.function("compute_flow_grpo_outcome_advantage", **names)
        self._loss = file.function("FlowGRPOLoss.compute_loss", **names)
        self._kl = file.function("KLLoss.compute_loss", **names)
        self._whole = whole_batch

    def advantages(self, rewards: Any, groups: Any) -> Any:
        return self._advantage(rewards[:, None], [int(g) for g in groups], global_std=self._whole)[
            0
        ][:, 0]

    def surrogate(self, ratio: Any, advantage: Any, clip: Any) -> Any:
        config = settings(diffusion_loss=settings(adv_clip_max=1e9, clip_ratio=float(clip)))
        return self._loss(None, old_log_prob=torch.zeros_like(ratio), log_prob=ratio.log(),
                          advantages=advantage, config=config)[0]  # fmt: skip

    def kl(self, mean: Any, mean_ref: Any, std: Any) -> Any:
        # the loss is the mean of a batch: so one sample at a time
        rows = [
            self._kl(
                None,
                prev_sample_mean=mean[i : i + 1],
                ref_prev_sample_mean=mean_ref[i : i + 1],
                std_dev_t=std[i : i + 1],
            )[0]
            for i in range(len(mean))
        ]
        return torch.stack(rows)


class Guard(Base):
    """GRPO-Guard's loss; its ratio is read from the loss, with advantages of −1 and no clipping."""

    def __init__(self, checkout: Checkout, library: str) -> None:
        super().__init__(checkout, library, f"{library}, GRPO-Guard", ratio="guard")
        file = checkout.file(ALGORITHMS)
        self._loss = file.function("GRPOGuardLoss.compute_loss", **FUNCTIONS)

    def ratio(self, log_prob: Any, log_prob_old: Any, divergence: Any, std: Any) -> Any:
        # the loss takes one std for a batch, which stands at one step: so one sample at a time
        config = settings(diffusion_loss=settings(adv_clip_max=1e9, clip_ratio=1e9))
        rows = []
        for i in range(len(std)):
            one = slice(i, i + 1)
            apart = ((2 * divergence[one]) ** 0.5 * std[one]).reshape(1, 1, 1).expand(1, 2, 2)
            rows.append(self._loss(
                None, old_log_prob=log_prob_old[one], log_prob=log_prob[one],
                advantages=-torch.ones_like(log_prob[one]), config=config,
                old_prev_sample_mean=0 * apart, prev_sample_mean=apart, std_dev_t=std[one],
                sqrt_dt=torch.ones_like(std[one]),
            )[0])  # fmt: skip
        return torch.stack(rows)


def everything(path: Path) -> list[Any]:
    """Adapters of a checkout."""
    checkout = Checkout(path, STEP, ALGORITHMS)
    return [
        Step(checkout, "verl_omni", STEP, "sde", 0.7, std="g", boundary="next_level"),
        Step(checkout, "verl_omni", STEP, "cps", 0.8, g="cps", log_prob_terms="bare square"),
        Step(checkout, "verl_omni", STEP, "dance_sde", 0.3, g="constant", boundary="finite"),
        Algorithms(checkout, "verl_omni"),
        Algorithms(checkout, "verl_omni", whole_batch=False),
        Guard(checkout, "verl_omni"),
    ]
