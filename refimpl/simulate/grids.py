"""Grids of noise levels, validated where they are made.

    levels t_0 > t_1 > … > t_T ≥ 0,     step i goes from t = levels[i] down to s = levels[i + 1]

A grid of T steps has T + 1 levels, the last one included: no solver can run one step short.
SD3.5's grid exists in two readings (its shift of 3 applied once, or twice as diffusers ships it);
both have a name here and neither is a default.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, SupportsFloat

import torch

from ..equations import schedules
from ..equations.kinds import is_array, kind
from ..equations.sde import Step
from ..typed import held
from ..typed.problems import shown


@dataclass(frozen=True)
class Grid:
    """A strictly falling sequence of noise levels.

    Attributes:
        levels: T + 1 numbers in [0, 1]; 1 is noise, 0 is data.

    Raises:
        ValueError: fewer than two levels, one outside [0, 1], NaN, or a level that does not fall.
    """

    levels: tuple[float, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.levels, tuple):
            raise TypeError(f"levels must be a tuple of floats, got {shown(self.levels)}")
        if len(self.levels) < 2:
            raise ValueError(f"a grid needs at least two levels, got {self.levels!r}")
        for i, t in enumerate(self.levels):
            if not (isinstance(t, float) and 0 <= t <= 1):
                raise ValueError(
                    f"level {i} must be a float in [0, 1] (0 = data, 1 = noise), got {shown(t)}"
                )
        for i, (before, now) in enumerate(zip(self.levels, self.levels[1:], strict=False), 1):
            if not now < before:
                raise ValueError(f"a grid must fall: level {i} is {now!r} after {before!r}")

    @property
    def T(self) -> int:
        """The number of steps."""
        return len(self.levels) - 1

    @property
    def steps(self) -> tuple[Step, ...]:
        """The T steps, from the noisiest down."""
        pairs = zip(self.levels, self.levels[1:], strict=False)
        return tuple(Step(t=t, s=s) for t, s in pairs)

    @held
    def between(self, high: float, low: float) -> "Grid":
        """The part of the grid with high ≥ level ≥ low."""
        return Grid(tuple(t for t in self.levels if low <= t <= high))


@held
def from_levels(levels: Iterable[SupportsFloat]) -> Grid:
    """A grid from any sequence of numbers, one-dimensional tensors and arrays included.

    Raises:
        TypeError: text, whose characters are no levels, or entries that are no real numbers.
        ValueError: levels that make no grid, see `Grid`.
    """
    return Grid(tuple(_level(i, t) for i, t in enumerate(levels)))


def _level(i: int, t: Any) -> float:
    if is_array(kind(f"level {i}", t)) and t.ndim:
        raise ValueError(f"level {i} must be one number, got shape {tuple(t.shape)}")
    return float(t.detach() if isinstance(t, torch.Tensor) else t)


@held
def uniform(T: int, start: float = 1.0, end: float = 0.0) -> Grid:
    """T equal steps from `start` down to `end`: t_i = start + (end − start) i/T."""
    _count(T)
    return Grid(tuple(end if i == T else start + (end - start) * i / T for i in range(T + 1)))


@held
def shift(t: float, by: float) -> float:
    """t ↦ by · t/(1 + (by − 1) t): SD3's timestep shift, which dwells near noise for by > 1.

    Source: Esser et al. 2024, arXiv:2403.03206, Section 5.3.2.

    Raises:
        ValueError: t outside [0, 1], or a shift that is not positive.
        TypeError: what is no number.
    """
    return float(schedules.shift(t, by))


@held
def shifted(T: int, by: float) -> Grid:
    """The uniform grid, every level shifted once; both ends stay."""
    return Grid(tuple(shift(t, by) for t in uniform(T).levels))


@held
def ending(grid: Grid, step: int, steps: int) -> Grid:
    """The grid up to a step, and `steps` equal ones from there to its end.

    Args:
        step: how many of the grid's own steps stay, 0 ≤ step < T.
        steps: how many follow.

    Raises:
        ValueError: nothing is left after that step, or no step is to follow.
    """
    _count(steps)
    if not 0 <= step < grid.T:
        raise ValueError(
            f"step must lie in 0 ... {grid.T - 1} on a grid of T={grid.T}, got {step!r}"
        )
    rest = uniform(steps, grid.levels[step], grid.levels[-1])
    return Grid((*grid.levels[:step], *rest.levels))


@held
def sd35_once_shifted(T: int) -> Grid:
    """SD3.5's shift of 3, once, on the uniform grid: 1, .9643, .9231, … .25, 0 for T = 10."""
    return shifted(T, 3.0)


@held
def sd35_as_shipped(T: int) -> Grid:
    """SD3.5's grid as diffusers 0.42.1 makes it: 1, .9601, .9133, … .0089, 0 for T = 10.

    The scheduler shifts its thousand training levels at birth, so the lowest is shift(1/1000) =
    .0029940; `set_timesteps` then spaces T levels evenly from 1 to that one, shifts *again*, and
    appends 0 (diffusers issue 13243).

    Raises:
        ValueError: T < 2 (the lowest level is then the highest).
    """
    _count(T)
    if T < 2:
        raise ValueError(f"this grid needs T >= 2, got {T!r}")
    lowest = shift(1 / 1000, 3.0)
    even = [1 - (1 - lowest) * i / (T - 1) for i in range(T)]
    return Grid((*(shift(u, 3.0) for u in even), 0.0))


def _count(T: int) -> None:
    if T < 1:
        raise ValueError(f"T counts steps and must be a whole number >= 1, got {T!r}")
