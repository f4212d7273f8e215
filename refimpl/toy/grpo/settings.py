"""What decides a run: the method, how much is rolled out, and how it is climbed."""

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from ...equations.domain import positive
from ...methods import Method
from ...simulate.grids import Grid, uniform
from ...typed import typed

EXACT = Method(advantage_std="none", skip_last=False, beta=1.0)
"""Flow-GRPO on every step and with undivided advantages: its optimum is known where p is."""


@dataclass(frozen=True)
class Settings:
    """One run.

    Attributes:
        method: kernel, window, weights, trust region, KL, advantage.
        groups, group: rollouts of an iteration, (groups, G).
        iterations, epochs, minibatches: rollouts made, passes over each, updates in a pass.
        learning_rate: of Adam.
        max_norm: gradients longer than this are shortened; None for never.
        average: the decay of the weights' exponential average; None for none.
        T: steps of the uniform grid in training.
        signal: iterations between readings of the gradient's signal; 0 for never.
        bad_rewards: "refuse" stops at a reward that is NaN or infinite; "drop" leaves its whole
            group out of the iteration, and counts it.

    Raises:
        ValueError: a value that the loop cannot run with, named.
    """

    method: Method = EXACT
    groups: int = 64
    group: int = 16
    iterations: int = 200
    epochs: int = 1
    minibatches: int = 1
    learning_rate: float = 0.02
    max_norm: float | None = None
    average: float | None = None
    T: int = 10
    seed: int = 0
    signal: int = 0
    bad_rewards: Literal["refuse", "drop"] = "refuse"
    grid: Grid = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        typed(self)
        for name in ("groups", "iterations", "epochs", "minibatches", "T"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)!r}")
        if self.group < 2:
            raise ValueError(
                f"a group of one has no baseline: group must be >= 2, got {self.group!r}"
            )
        if self.groups % self.minibatches:
            raise ValueError(
                "minibatches hold whole groups, the same number each: "
                f"{self.groups} groups do not fall into minibatches={self.minibatches}"
            )
        positive(learning_rate=self.learning_rate)
        if self.max_norm is not None:
            positive(max_norm=self.max_norm)
        if self.average is not None and not 0 < self.average < 1:
            raise ValueError(f"average is a decay in (0, 1), got {self.average!r}")
        if self.signal < 0 or (self.signal and self.groups < 2):
            raise ValueError(
                f"signal={self.signal!r}: 0 for never, or iterations between readings, which "
                f"compare two halves of the groups (groups={self.groups})"
            )
        object.__setattr__(self, "grid", uniform(self.T))

    def but(self, **changes: Any) -> "Settings":
        """A copy with changes; names of the method's settings are passed on to it.

        Raises:
            ValueError: a name that neither has, with the nearest one.
        """
        own = {f.name for f in fields(self) if f.init}
        its = {f.name for f in fields(Method)}
        for name in changes:
            if name not in own | its:
                near = difflib.get_close_matches(name, own | its, 1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise ValueError(f"no setting {name!r}{hint} (see Settings and Method)")
        method = changes.pop("method", self.method)
        passed = {name: changes.pop(name) for name in list(changes) if name not in own}
        return replace(self, method=method.but(**passed), **changes)

    @property
    def config(self) -> Mapping[str, Any]:
        """All settings, flat, as plain values."""
        rows = asdict(self)
        rows.pop("grid")
        return {**{k: v for k, v in rows.items() if k != "method"}, **rows["method"]}
