"""Precise (github.com/Tencent-Hunyuan/Precise): the predicted data frozen, from a checkout.

    refimpl check precise --path DIR

Five kernels in one function, of which `precise` is the exact step of Flow-GRPO's SDE and
`dance_precise` that of a constant g; the tracker of advantages; ratio and loss of the training.
"""

from pathlib import Path
from typing import Any

import torch

from ..checkout import Checkout
from .flow_grpo import Guard
from .stepping import FUNCTIONS, Base, Levels, Loss, named, settings, stepped

STEP = "precise_sde/diffusers_patch/sde_with_logprob.py"
TRAIN = "precise_sde/train/rl_trainer.py"
TRACKER = "precise_sde/core/stat_tracking.py"
HELPERS = ("_clamped_sqrt", "_get_step_indices", "_get_step_sigmas", "compute_std_dev_t")
KERNELS: dict[str, dict[str, Any]] = {
    "flow_grpo": {"g": "flow_grpo", "a": 0.7, "boundary": "next_level"},
    "dance_grpo": {"g": "constant", "a": 0.3},
    "cps": {"g": "cps", "a": 0.7},
    "precise": {"g": "frozen data", "a": 1.5},
    "dance_precise": {"g": "frozen data, constant", "a": 0.3},
}
"""The kernels by their names there, at the noise levels that its launcher gives them."""

FIRST = torch.zeros(1)
"""Where a sample stands in levels of its own."""


class Step(Base):
    """sde_step_with_logprob, a sample at a time: at t = 1 it looks at the grid's second level."""

    def __init__(self, checkout: Checkout, kind: str, **conventions: Any) -> None:
        super().__init__(checkout, "precise", f"precise, {kind}", std_min=1e-6, **conventions)
        file, known = checkout.file(STEP), dict(FUNCTIONS)
        known["canonicalize_sde_type"] = lambda name: name
        for name in HELPERS:
            known[name] = file.function(name, **known)
        self._step = file.function("sde_step_with_logprob", **known)
        self._more = {"sde_type": kind, "noise_level": float(conventions["a"])}

    def sde_step(self, x: Any, v: Any, t: Any, s: Any, noise: Any) -> dict[str, Any]:
        rows = [
            stepped(self._step, e, Levels(a, b), u, FIRST, z, **self._more)
            for z, u, a, b, e in zip(*(y.split(1) for y in (x, v, t, s, noise)), strict=True)
        ]
        x_s, log_prob, mean = (torch.cat(part) for part in zip(*rows, strict=True))
        return named(x_s, log_prob=log_prob, mean=mean)

    def replay(self, x: Any, v: Any, t: Any, s: Any, x_s: Any) -> Any:
        return torch.cat([
            self._step(Levels(a, b), u, FIRST, z, prev_sample=y, **self._more)[1]
            for z, u, a, b, y in zip(*(q.split(1) for q in (x, v, t, s, x_s)), strict=True)
        ])  # fmt: skip


class Training(Base):
    """The tracker and the lines of the loss, with its ratio plain."""

    def __init__(self, checkout: Checkout) -> None:
        super().__init__(
            checkout, "precise", "precise, training", advantage_eps=1e-4, sign="loss", kl="means",
            kl_reduction="mean", dims=4,
        )  # fmt: skip
        self._script = checkout.file(TRAIN)
        self._loss = Loss(self._script)
        self._tracker = checkout.file(TRACKER).function("PerPromptStatTracker", **FUNCTIONS)

    def advantages(self, rewards: Any, groups: Any) -> Any:
        return self._tracker(global_std=False).update([int(g) for g in groups], rewards)

    def surrogate(self, ratio: Any, advantage: Any, clip: Any) -> Any:
        return self._loss.surrogate(ratio, advantage, clip)

    def kl(self, mean: Any, mean_ref: Any, std: Any) -> Any:
        return self._script.value("kl_loss", torch=torch, prev_sample_mean=mean,
                                  prev_sample_mean_ref=mean_ref)  # fmt: skip


def everything(path: Path) -> list[Any]:
    """Adapters of a checkout."""
    checkout = Checkout(path, STEP, TRAIN, TRACKER)
    steps = [Step(checkout, kind, **said) for kind, said in KERNELS.items()]
    adapter = settings(ratio_mean_bias_dims=lambda log_prob, _: tuple(range(1, log_prob.ndim)))
    guarded = Guard(checkout, "precise, guarded ratio", TRAIN, adapter=adapter)
    return [*steps, Training(checkout), guarded]
