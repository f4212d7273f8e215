"""MixGRPO (github.com/Tencent-Hunyuan/MixGRPO): both kinds of step, from a checkout.

    refimpl check mix_grpo --path DIR

Its KL is against the policy that sampled: half the mean square of the log-ratio.
"""

from pathlib import Path
from typing import Any

import torch

from ..checkout import Checkout
from .dance_grpo import TRAIN, Dance, two
from .stepping import FUNCTIONS, Base, Column, Loss, named, settings, stepped

STEPS = "fastvideo/utils/sampling_utils.py"


class Flow(Base):
    """flow_grpo_step."""

    def __init__(self, checkout: Checkout, library: str, file: str) -> None:
        own = {"t": "scalar", "boundary": "next_level"}
        super().__init__(checkout, library, f"{library}, flow_grpo_step", **own)
        self._step = checkout.file(file).function("flow_grpo_step", **FUNCTIONS)

    def sde_step(self, x: Any, v: Any, t: Any, s: Any, noise: Any) -> dict[str, Any]:
        got = stepped(self._step, noise, v, x, 0.7, two(t, s), 0, None)
        more = dict(zip(("mean", "std"), got[3:], strict=False))
        return named(got[0], log_prob=got[2], **more)

    def replay(self, x: Any, v: Any, t: Any, s: Any, x_s: Any) -> Any:
        return self._step(v, x, 0.7, two(t, s), 0, x_s)[2]


class Training(Base):
    """Advantages, loss and KL of the training script."""

    def __init__(self, checkout: Checkout, library: str) -> None:
        own = {"sign": "loss", "advantage_ddof": 1, "advantage_eps": 1e-8, "kl": "k2"}
        super().__init__(checkout, library, f"{library}, training", **own)
        self._script = checkout.file(TRAIN)
        self._loss = Loss(self._script, new="new_log_probs")

    def advantages(self, rewards: Any, group_size: Any) -> Any:
        args = settings(num_generations=int(group_size), trimmed_ratio=0.0)
        samples = {"rewards": rewards}
        return self._script.value("n", "advantages", at=1, torch=torch, samples=samples,
                                  args=args)  # fmt: skip

    def ratio(self, log_prob: Any, log_prob_old: Any) -> Any:
        return self._loss.ratio(log_prob, log_prob_old)

    def surrogate(self, ratio: Any, advantage: Any, clip: Any) -> Any:
        return self._loss.surrogate(ratio, advantage, clip)

    def kl(self, log_prob: Any, log_prob_ref: Any) -> Any:
        # the script reports the mean of a batch: so one sample at a time
        args = settings(gradient_accumulation_steps=1)
        pairs = zip(log_prob, log_prob_ref, strict=True)
        rows = [self._script.value("kl_loss", torch=torch, new_log_probs=new, args=args, _=0,
                                   sample={"log_probs": Column(old)}, train_timesteps=[0])
                for new, old in pairs]  # fmt: skip
        return torch.stack(rows)


def everything(path: Path) -> list[Any]:
    """Adapters of a checkout."""
    checkout = Checkout(path, STEPS, TRAIN)
    dance = Dance(checkout, "mix_grpo", STEPS, "dance_grpo_step")
    return [Flow(checkout, "mix_grpo", STEPS), dance, Training(checkout, "mix_grpo")]
