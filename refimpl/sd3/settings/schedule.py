"""More sections of a configuration: rollouts, updates, average, evaluation, artefact."""

import math
from dataclasses import dataclass
from typing import Literal

from ...equations.domain import nonnegative, positive
from ...simulate import grids
from ...simulate.grids import Grid
from ...typed import typed
from .sections import counts

GRIDS = {
    "as_shipped": grids.sd35_as_shipped,
    "once_shifted": grids.sd35_once_shifted,
    "uniform": grids.uniform,
}
"""By name; "shifted" is `grids.shifted` by `sampling.shift`."""


@dataclass(frozen=True)
class Sampling:
    """Rollouts.

    Attributes:
        steps, eval_steps: T in training and in evaluation.
        guidance: as diffusers counts it, in rollout and training alike; 1 is none.
        resolution: pixels a side.
        grid: SD3.5's shift of 3 as diffusers ships it ("as_shipped", twice), once, or none: a
            shift is for large pictures, which hide behind more noise. "shifted": once, by `shift`.
        shift: of "shifted"; FLUX.1 and Qwen-Image have e^μ, and μ follows from the resolution.
        after: ODE steps from the end of a "first" or "fixed" window to the data, equal ones, in
            training; null: the grid's own. What is decided by then needs no fine steps to be seen.
        start: whether every image begins at noise of its "own", or all of a "group" at the same;
            those part by what the first noisy step draws, and until then the network is asked once
            for all that a batch has of a group, in rollout and update.
        groups, group: prompts an iteration, and images of each, over all processes.
        batch: images sampled at once on a process.
    """

    steps: int = 10
    eval_steps: int = 40
    guidance: float = 4.5
    resolution: int = 512
    grid: Literal["as_shipped", "once_shifted", "uniform", "shifted"] = "as_shipped"
    shift: float = 3.0
    after: int | None = None
    start: Literal["own", "group"] = "own"
    groups: int = 48
    group: int = 24
    batch: int = 8

    def __post_init__(self) -> None:
        typed(self)
        counts(self, "steps", "eval_steps", "groups", "batch")
        if self.group < 2:
            raise ValueError(f"a group of {self.group} has no baseline: group must be at least 2")
        if self.after is not None:
            counts(self, "after")
        positive(shift=self.shift)
        if self.shift != 3.0 and self.grid != "shifted":
            raise ValueError(
                f"shift={self.shift!r} is of grid=shifted, and grid is {self.grid!r}: SD3.5's "
                "grids have a shift of 3"
            )
        if not (math.isfinite(self.guidance) and self.guidance >= 1):
            raise ValueError(f"guidance must be at least 1 (1 is none), got {self.guidance!r}")
        if self.resolution < 16 or self.resolution % 16:
            near = max(16, round(self.resolution / 16) * 16)
            raise ValueError(
                f"resolution must be a multiple of 16 (8 of the VAE, 2 of a patch), "
                f"got {self.resolution!r}; {near} is"
            )

    def levels(self, steps: int) -> Grid:
        """The grid of that many steps."""
        if self.grid == "shifted":
            return grids.shifted(steps, self.shift)
        return GRIDS[self.grid](steps)


@dataclass(frozen=True)
class Training:
    """Updates.

    Attributes:
        iterations: rollouts made.
        updates: optimiser steps an epoch, each on its own share of every group.
        epochs: times that a rollout is used.
        rows: samples × steps in one backward pass on a process; more are accumulated.
        unconditional_gradient: whether the gradient flows through the unconditional half of
            guidance; flow_grpo held it fixed at ac4c86e, and later (1f4ca40) does not.
        unconditional_kept: take the unconditional half from the rollout instead of computing it
            again: the same in the first update of an iteration (to the bit where `rows` is
            `sampling.batch`); in later ones it stays that of the policy that sampled, and only the
            conditional half follows the weights.
        skip_silent: without a KL, leave out images whose advantage is 0: their gradient is 0.
            Batches then have other sizes than in the rollout, and ratios are 1 up to rounding.
        optimiser: "adamw", or "adamw8bit" of bitsandbytes.
        learning_rate, betas, eps, weight_decay: of AdamW; the rate's default is for a LoRA.
        schedule: of the learning rate, after `warmup` optimiser steps that raise it from 0:
            "constant", or falling to 0 at the run's end as "linear" or "cosine".
        warmup: see `schedule`.
        max_grad_norm: gradients longer than this are shortened to it.
    """

    iterations: int = 1000
    updates: int = 1
    epochs: int = 1
    rows: int = 8
    learning_rate: float = 3e-4
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 1e-4
    max_grad_norm: float = 1.0
    unconditional_gradient: bool = False
    unconditional_kept: bool = False
    skip_silent: bool = False
    optimiser: Literal["adamw", "adamw8bit"] = "adamw"
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    warmup: int = 0

    def __post_init__(self) -> None:
        typed(self)
        counts(self, "iterations", "updates", "epochs", "rows")
        positive(learning_rate=self.learning_rate, eps=self.eps, max_grad_norm=self.max_grad_norm)
        nonnegative(weight_decay=self.weight_decay, warmup=self.warmup)
        if self.unconditional_gradient and self.unconditional_kept:
            raise ValueError(
                "unconditional_gradient and unconditional_kept exclude each other: what is kept "
                "from the rollout has no gradient"
            )
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must lie in [0, 1), got {self.betas!r}")

    @property
    def steps(self) -> int:
        """Steps of the optimiser in the whole run."""
        return self.iterations * self.updates * self.epochs


@dataclass(frozen=True)
class Ema:
    """The average of the adapter that is evaluated and exported.

    Attributes:
        decay: kept of the average at a step of it; 0 follows the weights.
        every: optimiser steps between two of its own.
    """

    decay: float = 0.9
    every: int = 8

    def __post_init__(self) -> None:
        typed(self)
        counts(self, "every")
        if not 0 <= self.decay < 1:
            raise ValueError(f"decay must lie in [0, 1), got {self.decay!r}")


@dataclass(frozen=True)
class Evaluation:
    """What is measured on held-out prompts, by the flow's ODE, with the averaged weights.

    Attributes:
        every: iterations between evaluations.
        prompts: how many held-out prompts, at most.
        pictures: how many of them are drawn, always the same with the same noise.
    """

    every: int = 20
    prompts: int = 512
    pictures: int = 16

    def __post_init__(self) -> None:
        typed(self)
        counts(self, "every", "prompts", "pictures")


@dataclass(frozen=True)
class Run:
    """The artefact.

    Attributes:
        seed: of everything random in the run.
        checkpoint_every: iterations between checkpoints; `keep` newest stay, and every
            `milestone`-th for good.
        keep, milestone: see `checkpoint_every`.
        checkpoint_minutes: also one whenever so many minutes have passed; null: none but those.
        record_every: iterations between records of `record_rows` rows for `refimpl audit`; 0: none.
        record_rows: see `record_every`.
        signal_every: iterations between reports of the gradient's signal by step; 0: none.
        tensorboard: write curves.
        tracker: also send the numbers to "trackio" or "wandb"; a resumed run adds to its curves.
        tracker_project: its project there.
        deterministic: refuse operations whose result may differ between two equal runs.
        tf32: allow TensorFloat-32 in float32 matrix products on a GPU.
    """

    seed: int = 42
    checkpoint_every: int = 20
    checkpoint_minutes: float | None = None
    keep: int = 2
    milestone: int | None = None
    record_every: int = 20
    record_rows: int = 4
    signal_every: int = 0
    tensorboard: bool = True
    tracker: Literal["trackio", "wandb"] | None = None
    tracker_project: str = "refimpl-sd3"
    deterministic: bool = False
    tf32: bool = True

    def __post_init__(self) -> None:
        typed(self)
        counts(self, "checkpoint_every", "record_rows")
        if self.checkpoint_minutes is not None:
            positive(checkpoint_minutes=self.checkpoint_minutes)
        nonnegative(record_every=self.record_every, signal_every=self.signal_every)
        if self.keep < 2:
            raise ValueError(
                f"keep must be at least 2: a damaged one is replaced by the one before, "
                f"got {self.keep!r}"
            )
