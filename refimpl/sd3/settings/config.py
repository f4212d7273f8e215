"""Everything that decides a run of SD3.5, as one tree of frozen dataclasses, checked at birth.

    Config(model, adapter, text, vae, data, rewards,            what is trained, on what, for what
           sampling, method, training, ema, evaluation, run)    how, and when

The defaults are the article's settings where it states them (`presets` lists the others). A
resolved copy is saved with every run.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ... import methods
from ...methods import Method
from ...simulate import grids
from ...simulate.grids import Grid
from .schedule import Ema, Evaluation, Run, Sampling, Training
from .sections import DTYPES, Adapter, Data, Model, Precision, Rewards, Texts, Vae

__all__ = ["DTYPES", "PAPER", "Config", "Precision", "plain"]

PAPER = methods.preset("paper")
"""The article's method."""


@dataclass(frozen=True)
class Config:
    """A run. The sections are described above, `method` in `refimpl.methods`.

    Raises:
        ValueError: settings that do not go together.
    """

    model: Model = field(default_factory=Model)
    adapter: Adapter = field(default_factory=Adapter)
    text: Texts = field(default_factory=Texts)
    vae: Vae = field(default_factory=Vae)
    data: Data = field(default_factory=Data)
    rewards: Rewards = field(default_factory=Rewards)
    sampling: Sampling = field(default_factory=Sampling)
    method: Method = PAPER
    training: Training = field(default_factory=Training)
    ema: Ema = field(default_factory=Ema)
    evaluation: Evaluation = field(default_factory=Evaluation)
    run: Run = field(default_factory=Run)

    def __post_init__(self) -> None:
        if self.adapter.applied == "merged" and self.model.dtype != "fp32":
            raise ValueError(
                f"adapter.applied=merged needs model.dtype=fp32, got {self.model.dtype!r}: a "
                "weight of 16 bits would round away most of what an adapter adds"
            )
        self.sampling.levels(self.sampling.eval_steps)
        methods.plan(self.method, self.grid)  # a window that does not fit T is refused here
        if self.sampling.group % self.training.updates:
            raise ValueError(
                f"training.updates={self.training.updates} must divide sampling.group="
                f"{self.sampling.group}: every update takes its share of every group"
            )

    @property
    def grid(self) -> Grid:
        """The levels of training.

        Raises:
            ValueError: `sampling.after` without a window that stands still and ends early.
        """
        grid, after = self.sampling.levels(self.sampling.steps), self.sampling.after
        if after is None:
            return grid
        window, end = self.method.window, self.method.start + self.method.size
        if window not in ("first", "fixed") or end >= grid.T:
            raise ValueError(
                f"sampling.after={after} counts steps after a window that is first or fixed and "
                f"ends before the data: method.window is {window!r}, and of T={grid.T} steps it "
                f"takes {end}; leave sampling.after=null"
            )
        return grids.ending(grid, end, after)

    @property
    def images(self) -> int:
        """Images an iteration, over all processes."""
        return self.sampling.groups * self.sampling.group


def plain(config: Config) -> dict[str, Any]:
    """As nested plain values: what is saved, and what `settings.read` takes back."""

    def simple(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: simple(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [simple(inner) for inner in value]
        return str(value) if isinstance(value, Path) else value

    return simple(dataclasses.asdict(config))
