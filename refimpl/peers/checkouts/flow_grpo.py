"""flow_grpo (github.com/yifan123/flow_grpo) and what is forked from it, from a checkout.

    refimpl check flow_grpo --path DIR

The step's function, the tracker of advantages, and the lines of ratio, loss, KL and guidance in the
SD3 training script.
"""

import inspect
from pathlib import Path
from typing import Any

import torch

from ..checkout import Checkout
from .stepping import FUNCTIONS, Base, Column, Levels, Loss, named, settings, stepped

STEP = "flow_grpo/diffusers_patch/sd3_sde_with_logprob.py"
TRAIN = "scripts/train_sd3.py"
GUARD = "scripts/train_sd3_GRPO_Guard.py"


class Step(Base):
    """sde_step_with_logprob."""

    def __init__(self, checkout: Checkout, library: str, kind: str, **conventions: Any) -> None:
        super().__init__(checkout, library, f"{library}, {kind}", **conventions)
        self._step = checkout.file(STEP).function("sde_step_with_logprob", **FUNCTIONS)
        takes = inspect.signature(self._step).parameters
        self._more = {"sde_type": kind} if "sde_type" in takes else {}
        self._a = float(conventions.get("a", 0.7))

    def sde_step(self, x: Any, v: Any, t: Any, s: Any, noise: Any) -> dict[str, Any]:
        levels = Levels(t, s)
        got = stepped(
            self._step, noise, levels, v, levels.each, x, noise_level=self._a, **self._more
        )
        return named(got[0], log_prob=got[1], mean=got[2], std=got[3])

    def replay(self, x: Any, v: Any, t: Any, s: Any, x_s: Any) -> Any:
        levels = Levels(t, s)
        return self._step(levels, v, levels.each, x, noise_level=self._a, prev_sample=x_s,
                          **self._more)[1]  # fmt: skip


class Training(Base):
    """The lines of the training loop, and the tracker."""

    def __init__(self, checkout: Checkout, library: str, *, whole_batch: bool = True,
                 script: str = TRAIN, **conventions: Any) -> None:  # fmt: skip
        over = {"advantage_std": "batch" if whole_batch else "group", "advantage_eps": 1e-4}
        kind = "training" if whole_batch else "training, std per prompt"
        super().__init__(
            checkout,
            library,
            f"{library}, {kind}",
            **over,
            **{"sign": "loss", "kl_reduction": "mean", "dims": 4, **conventions},
        )
        self._script = checkout.file(script)
        self._loss = Loss(self._script)
        tracker = checkout.file("flow_grpo/stat_tracking.py")
        self._tracker = tracker.function("PerPromptStatTracker", **FUNCTIONS)
        self._whole = whole_batch

    def advantages(self, rewards: Any, groups: Any) -> Any:
        prompts = [f"prompt {int(g)}" for g in groups]
        return self._tracker(global_std=self._whole).update(prompts, rewards)

    def ratio(self, log_prob: Any, log_prob_old: Any) -> Any:
        return self._loss.ratio(log_prob, log_prob_old)

    def surrogate(self, ratio: Any, advantage: Any, clip: Any) -> Any:
        return self._loss.surrogate(ratio, advantage, clip)

    def kl(self, mean: Any, mean_ref: Any, std: Any) -> Any:
        return self._script.value("kl_loss", torch=torch, prev_sample_mean=mean,
                                  prev_sample_mean_ref=mean_ref, std_dev_t=std)  # fmt: skip

    def guidance(self, v_uncond: Any, v_cond: Any, w: Any) -> Any:
        return self._script.value("noise_pred_uncond", "noise_pred", inside="compute_log_prob",
                                  noise_pred=torch.cat([v_uncond, v_cond]),
                                  config=settings(guidance_scale=float(w)))  # fmt: skip


class Guard(Base):
    """GRPO-Guard's ratio, as the lines of a training script.

    Attributes:
        script: the training script; what else its lines name is in `names`.
    """

    def __init__(self, checkout: Checkout, name: str, script: str, **names: Any) -> None:
        super().__init__(checkout, name.partition(",")[0], name, ratio="guard")
        self._script, self._names = checkout.file(script), names

    def ratio(self, log_prob: Any, log_prob_old: Any, divergence: Any, std: Any) -> Any:
        # the script takes one std for a batch, which stands at one step: so one std at a time
        rows = [self._at(one, log_prob, log_prob_old, divergence) for one in std]
        return torch.stack([row[i] for i, row in enumerate(rows)])

    def _at(self, std: Any, log_prob: Any, log_prob_old: Any, divergence: Any) -> Any:
        # means whose distance has the divergence that is given
        apart = ((2 * divergence) ** 0.5 * std).reshape(-1, 1, 1, 1).expand(-1, 2, 2, 2)
        sample = {"log_probs": Column(log_prob_old), "prev_sample_mean": Column(0 * apart)}
        return self._script.value("sigma_t", "ratio", torch=torch, std_dev_t=std, j=0,
                                  prev_sample_mean=apart, sample=sample, log_prob=log_prob,
                                  **self._names)  # fmt: skip


SDE = {"std": "g", "boundary": "next_level"}
CPS = {"g": "cps", "a": 0.8, "log_prob_terms": "bare square"}


def everything(path: Path) -> list[Any]:
    """Adapters of a checkout; the steps that its version has."""
    checkout = Checkout(path, STEP, TRAIN, "flow_grpo/stat_tracking.py")
    step = Step(checkout, "flow_grpo", "sde", **SDE)
    newer = bool(step._more)
    if not newer:
        step.conventions["dims"] = 4
    adapters: list[Any] = [step]
    if newer:
        adapters.append(Step(checkout, "flow_grpo", "cps", **CPS))
    adapters.append(Training(checkout, "flow_grpo", std="g"))
    adapters.append(Training(checkout, "flow_grpo", whole_batch=False, std="g"))
    if (path / GUARD).is_file():  # with sqrt_dt = 1 its std_dev_t is the std of the step
        adapters.append(Guard(checkout, "flow_grpo, GRPO-Guard", GUARD, sqrt_dt=torch.ones(1)))
    return adapters
