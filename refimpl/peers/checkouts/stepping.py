"""What the adapters of checkouts share: a stand-in for a scheduler, and the lines of a GRPO loss.

Flow-GRPO and the codes that began from it take a scheduler's levels by index, and write their
losses into the training loop. Here sample i of a batch steps from level 2i to level 2i + 1.
"""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from ..checkout import Checkout, Source, drawing
from ..judging import deviations


class Levels:
    """A scheduler that knows nothing but where each sample stands, and where it goes."""

    def __init__(self, t: Any, s: Any) -> None:
        self.sigmas = torch.stack([t, s], dim=1).reshape(-1)
        self.timesteps = 1000 * self.sigmas
        self.step_index = None
        self.each = list(range(0, len(self.sigmas), 2))

    def index_for_timestep(self, i: Any) -> int:
        """The index itself."""
        return int(i)


class Base:
    """An adapter of a checkout."""

    conventions: dict[str, Any]

    def __init__(self, checkout: Checkout, library: str, name: str, **conventions: Any) -> None:
        self.name, self.version = name, checkout.version
        self.conventions = {"dtype": "float32", "log_prob": "mean", **conventions}
        self.deviations = deviations(library, name)


def randn_tensor(*_: Any, **__: Any) -> Any:
    """Never called: noise is given."""
    raise AssertionError("noise was drawn")


FUNCTIONS = {"torch": torch, "math": math, "np": np, "randn_tensor": randn_tensor}
"""Names that bodies of public step functions refer to."""


def stepped(function: Any, noise: Any, *args: Any, **kwargs: Any) -> Any:
    """A step whose draws are replaced by the noise given."""
    with drawing(function.__globals__, noise):
        return function(*args, **kwargs)


def named(x: Any, **parts: Any) -> dict[str, Any]:
    """The parts of a step, with x_s."""
    return {"x_s": x, **{k: v for k, v in parts.items() if v is not None}}


def settings(**values: Any) -> Any:
    """A configuration that has these values at any depth: `config.train.clip_range`."""

    class Everywhere(SimpleNamespace):
        def __getattr__(self, name: str) -> Any:
            return self

    return Everywhere(**values)


class Column:
    """A stored quantity that a training loop indexes by step: `sample["log_probs"][:, j]`."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __getitem__(self, at: Any) -> Any:
        return self.value


class Loss:
    """Ratio and clipped surrogate as lines of a training loop of Flow-GRPO's kind.

    Attributes:
        source: the training script.
        block: which block with these lines, where there are several.
    """

    def __init__(self, source: Source, new: str = "log_prob", block: int = 0) -> None:
        self._source, self._new, self._block = source, new, block

    def ratio(self, log_prob: Any, log_prob_old: Any) -> Any:
        """exp of the difference."""
        sample = {"log_probs": Column(log_prob_old)}
        return self._source.value("ratio", skip=self._block, torch=torch, sample=sample, j=0, _=0,
                                  **{self._new: log_prob})  # fmt: skip

    def surrogate(self, ratio: Any, advantage: Any, clip: Any, end: str = "policy_loss") -> Any:
        """The mean of the clipped losses."""
        args = settings(clip_range=float(clip), gradient_accumulation_steps=1)
        return self._source.value("unclipped_loss", end, skip=self._block, torch=torch, ratio=ratio,
                                  advantages=advantage, config=args, args=args,
                                  clip_range=float(clip), train_timesteps=_One())  # fmt: skip


class _One(int):
    """1, whether it is a count or the list that is counted."""

    def __new__(cls) -> "_One":
        return super().__new__(cls, 1)

    def __len__(self) -> int:
        return 1
