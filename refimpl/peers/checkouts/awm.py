"""AWM (github.com/scxue/advantage_weighted_matching): its step and tracker, from a checkout.

refimpl check awm --path DIR
"""

from pathlib import Path
from typing import Any

from ..checkout import Checkout
from .stepping import FUNCTIONS, Base, Levels, named, stepped

STEP = "advantage_weighted_matching/flow_grpo/diffusers_patch/sd3_sde_with_logprob.py"
TRACKER = "advantage_weighted_matching/flow_grpo/stat_tracking.py"


class Step(Base):
    """sde_step_with_logprob, whose std is that of the step."""

    def __init__(self, checkout: Checkout) -> None:
        super().__init__(checkout, "awm", "awm, sde_step_with_logprob", boundary="next_level")
        self._step = checkout.file(STEP).function("sde_step_with_logprob", **FUNCTIONS)

    def sde_step(self, x: Any, v: Any, t: Any, s: Any, noise: Any) -> dict[str, Any]:
        levels = Levels(t, s)
        got = stepped(self._step, noise, levels, v, levels.each, x)
        return named(got[0], log_prob=got[1], mean=got[2], std=got[3])

    def replay(self, x: Any, v: Any, t: Any, s: Any, x_s: Any) -> Any:
        levels = Levels(t, s)
        return self._step(levels, v, levels.each, x, prev_sample=x_s)[1]


class Tracker(Base):
    """Advantages per prompt."""

    def __init__(self, checkout: Checkout, *, whole_batch: bool) -> None:
        over = "whole batch" if whole_batch else "per prompt"
        own = {"advantage_std": "batch" if whole_batch else "group", "advantage_eps": 1e-4}
        super().__init__(checkout, "awm", f"awm, std {over}", **own)
        self._tracker = checkout.file(TRACKER).function("PerPromptStatTracker", **FUNCTIONS)
        self._whole = whole_batch

    def advantages(self, rewards: Any, groups: Any) -> Any:
        prompts = [f"prompt {int(g)}" for g in groups]
        return self._tracker(global_std=self._whole).update(prompts, rewards)


def everything(path: Path) -> list[Any]:
    """Adapters of a checkout."""
    checkout = Checkout(path, STEP, TRACKER)
    return [
        Step(checkout),
        Tracker(checkout, whole_batch=True),
        Tracker(checkout, whole_batch=False),
    ]
