"""Positive controls: samplers with one mistake each, which a designated test must reject.

    states = mistake(field, x, grid, g, noise)

Each is the production step with one thing wrong, so a test that accepts it has lost its power. One
of them, g wrong by 1 % in drift *and* noise, is the documented null space: the SDE keeps its
marginals for every g, so marginal tests must not see it, while residuals of the kernel must.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from ..equations import conversions, paths, sde
from ..equations.gaussian import Gaussian
from ..equations.ode import Field
from ..equations.sde import Step
from ..simulate.diffusion import Diffusion
from ..simulate.grids import Grid, from_levels
from ..simulate.sde import run
from ..statistics import residuals

Sampler: TypeAlias = Callable[[Field, Tensor, Grid, Diffusion, Tensor], Tensor]
"""States (T + 1, B, ...) from a field, a start, a grid, a diffusion and the noise."""


@dataclass(frozen=True)
class Mistake:
    """A mistaken sampler.

    Attributes:
        name: what is wrong.
        test: the test designated to reject it: the steps' residuals, or the law at the end.
        sampler: produces states.
    """

    name: str
    test: Literal["residuals", "marginal"]
    sampler: Sampler


Wrong: TypeAlias = Callable[[Field, Tensor, Step, Diffusion], Gaussian]


def _from_kernel(wrong: Wrong) -> Sampler:
    def sample(field: Field, x: Tensor, grid: Grid, g: Diffusion, noise: Tensor) -> Tensor:
        kernels = [lambda x, step=step: wrong(field, x, step, g) for step in grid.steps]
        return run(kernels, x, noise=noise).states

    return sample


def _with_drift(drift: Callable[[Tensor, Tensor, float], Tensor], noise: float = 1.0) -> Sampler:
    def wrong(field: Field, x: Tensor, step: Step, g: Diffusion) -> Gaussian:
        v = field(x, step.t)
        score = conversions.score_from_velocity(paths.linear(step.t), x, v)
        kernel = sde.euler_maruyama(x, -drift(v, score, g(step)), g(step), step.h)
        return Gaussian(kernel.mean, noise * kernel.std)

    return _from_kernel(wrong)


def _right(field: Field, x: Tensor, step: Step, g: Diffusion) -> Gaussian:
    return sde.transition(paths.linear(step.t), x, field(x, step.t), g(step), step)


def _no_root(field: Field, x: Tensor, step: Step, g: Diffusion) -> Gaussian:
    return Gaussian(_right(field, x, step, g).mean, g(step))


def _late_velocity(field: Field, x: Tensor, step: Step, g: Diffusion) -> Gaussian:
    return sde.transition(paths.linear(step.t), x, field(x, step.s), g(step), step)


def _late_g(field: Field, x: Tensor, step: Step, g: Diffusion) -> Gaussian:
    late = g(Step(step.s, step.s / 2)) if step.s > 0 else g(step)
    return sde.transition(paths.linear(step.t), x, field(x, step.t), late, step)


def _flipped_g(field: Field, x: Tensor, step: Step, g: Diffusion) -> Gaussian:
    flipped = g(Step(1 - step.t, 0.0)) if step.t < 1 else g(step)
    return sde.transition(paths.linear(step.t), x, field(x, step.t), flipped, step)


def _scaled_g(factor: float) -> Sampler:
    def wrong(field: Field, x: Tensor, step: Step, g: Diffusion) -> Gaussian:
        return sde.transition(paths.linear(step.t), x, field(x, step.t), factor * g(step), step)

    return _from_kernel(wrong)


def _with_noise(change: Callable[[Tensor], Tensor]) -> Sampler:
    def sample(field: Field, x: Tensor, grid: Grid, g: Diffusion, noise: Tensor) -> Tensor:
        return _from_kernel(_right)(field, x, grid, g, change(noise))

    return sample


def _with_grid(change: Callable[[Sequence[float]], Sequence[float]]) -> Sampler:
    def sample(field: Field, x: Tensor, grid: Grid, g: Diffusion, noise: Tensor) -> Tensor:
        wrong = from_levels(change(grid.levels))
        return _from_kernel(_right)(field, x, wrong, g, noise[: wrong.T])

    return sample


RIGHT: Sampler = _from_kernel(_right)
"""The right sampler, which every test must accept."""

CONSISTENT_G: Sampler = _scaled_g(1.01)
"""g wrong by 1 % in drift and noise alike: the null space of marginal tests."""

MISTAKES: tuple[Mistake, ...] = (
    Mistake("no ½ in the score correction", "residuals", _with_drift(lambda v, s, g: v - g**2 * s)),
    Mistake(
        "wrong sign of the score correction",
        "residuals",
        _with_drift(lambda v, s, g: v + g**2 / 2 * s),
    ),
    Mistake("no score correction", "marginal", _with_drift(lambda v, s, g: v)),
    Mistake(
        "g for g² in the score correction", "residuals", _with_drift(lambda v, s, g: v - g / 2 * s)
    ),
    Mistake(
        "drift times 1.01", "residuals", _with_drift(lambda v, s, g: 1.01 * sde.drift(v, s, g))
    ),
    Mistake("noise times 1.01", "residuals", _with_drift(sde.drift, noise=1.01)),
    Mistake("√h missing", "residuals", _from_kernel(_no_root)),
    Mistake("velocity at the end of the step", "residuals", _from_kernel(_late_velocity)),
    Mistake("g at the end of the step", "residuals", _from_kernel(_late_g)),
    Mistake("g at 1 − t", "residuals", _from_kernel(_flipped_g)),
    Mistake("g times 1.01 in drift and noise", "residuals", CONSISTENT_G),
    Mistake(
        "one noise for the whole batch", "residuals", _with_noise(lambda e: e[:, :1].expand_as(e))
    ),
    Mistake("one noise for all steps", "residuals", _with_noise(lambda e: e[:1].expand_as(e))),
    Mistake("last step dropped", "marginal", _with_grid(lambda t: t[:-1])),
    Mistake(
        "grid shifted by one level", "marginal", _with_grid(lambda t: [*t[1:-1], t[-2] / 2, 0.0])
    ),
)


def residuals_of(states: Tensor, kernels: Sequence[Callable[[Tensor], Gaussian]]) -> Tensor:
    """The residuals of a sampler's states under the declared kernels, (T, B, D)."""
    with torch.no_grad():
        return residuals.residuals(
            states, [k(x) for k, x in zip(kernels, states[:-1], strict=True)]
        )
