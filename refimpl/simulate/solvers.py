"""Samplers of the flow as they are deployed, from noise down a grid on the linear path.

    solver.march(field, x, grid, noise)  →  x at the grid's last level

One-step rules, steps that remember, steps that draw noise: all take the same arguments, so that one
function gives the exact law of any of them on Gaussian data (`normal.law`). Noise is an argument:
`solver.draws(grid)` standard normal tensors shaped like x. A network is asked through `field` and
nowhere else, so that calls can be counted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from ..equations import conversions, kernels, multistep, ode, paths, schedules
from ..equations.domain import nonnegative
from ..equations.ode import Field
from ..equations.sde import Step
from ..typed import held
from .grids import Grid
from .ode import Rule, adaptive, solve

March: TypeAlias = Callable[[Field, Tensor, Grid, Tensor], Tensor]

MOST_CHURN = 2**0.5 - 1
"""EDM's bound on γ: a step goes up by a factor √2 in the odds at most."""


@dataclass(frozen=True)
class Solver:
    """A sampler of the flow.

    Attributes:
        name: as the command line knows it.
        march: field, x of shape (B, ...), grid, noise of shape (draws, B, ...) → the end.
        draws: how many noise tensors a grid asks for.
    """

    name: str
    march: March
    draws: Callable[[Grid], int] = lambda grid: 0


@held
@torch.no_grad()
def run(
    solver: Solver,
    field: Field,
    x: Float[Tensor, "B ..."],
    grid: Grid,
    *,
    noise: Float[Tensor, "draws B ..."] | None = None,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "B ..."]:
    """x at the grid's last level, with noise that was given or is drawn.

    Raises:
        ValueError: a solver that draws and has nothing to draw from, or noise of another shape.
    """
    shape = (solver.draws(grid), *x.shape)
    if noise is None:
        if shape[0] and generator is None:
            raise ValueError(f"{solver.name} draws noise: give it, or a generator to draw it from")
        noise = torch.randn(shape, generator=generator, dtype=x.dtype, device=x.device)
    if noise.shape != shape:
        raise ValueError(f"noise must be (draws, *x.shape) = {shape}, got {tuple(noise.shape)}")
    return solver.march(field, x, grid, noise)


# ---------------------------------------------------------------- one step at a time


def one_step(name: str, rule: Rule) -> Solver:
    """Any rule of `equations.ode`, at every step."""
    return Solver(name, lambda field, x, grid, noise: solve(rule, field, x, grid))


@held
def to_tolerance(tolerance: float = 1e-6) -> Solver:
    """DOP853 between the grid's ends, each entry's local error below the tolerance."""

    def march(field: Field, x: Tensor, grid: Grid, noise: Tensor) -> Tensor:
        high, low = grid.levels[0], grid.levels[-1]
        return adaptive(field, x, high, low, tolerance=tolerance).to(x.dtype)

    return Solver("adaptive", march)


# ---------------------------------------------------------------- steps that remember


@dataclass(frozen=True, eq=False)
class Seen:
    """Data that were predicted, and the level at which."""

    level: float
    data: Tensor


def _data(field: Field, x: Tensor, t: float) -> Tensor:
    return torch.as_tensor(conversions.data_from_velocity(paths.linear(t), x, field(x, t)))


def _ratio(before: Seen | None, step: Step) -> float | None:
    """r of a step, or None where the history is empty or lies infinitely far away in λ."""
    if before is None or before.level == 1 or step.s == 0:
        return None
    return float(multistep.reach(Step(before.level, step.t)) / multistep.reach(step))


def _predicted(x: Tensor, data: Tensor, before: Seen | None, step: Step) -> Tensor:
    """DPM-Solver++(2M), or the first order where there is no line to draw."""
    r = _ratio(before, step)
    if before is None or r is None:
        return torch.as_tensor(multistep.first(x, data, step))
    return torch.as_tensor(multistep.dpmpp_2m(x, data, before.data, r, step))


def _dpmpp_2m(field: Field, x: Tensor, grid: Grid, noise: Tensor) -> Tensor:
    before = None
    for step in grid.steps:
        data = _data(field, x, step.t)
        x = _predicted(x, data, before, step)
        before = Seen(step.t, data)
    return x


def _unipc(field: Field, x: Tensor, grid: Grid, noise: Tensor) -> Tensor:
    """Predict; at the next level correct with the data seen there, which stay as they are."""
    before: Seen | None = None
    began: Began | None = None
    for i, step in enumerate(grid.steps):
        data = _data(field, x, step.t)
        if began is not None:
            x = _corrected(began, data)
        last = i == grid.T - 1
        began = Began(x, data, None if last else before, step)
        x = _predicted(x, data, began.before, step)
        before = Seen(step.t, data)
    return x


@dataclass(frozen=True, eq=False)
class Began:
    """How a step began: its state, the data seen there and before, and where it leads."""

    x: Tensor
    data: Tensor
    before: Seen | None
    step: Step


def _corrected(began: Began, after: Tensor) -> Tensor:
    """UniC of the order that the step was predicted with."""
    x, data, before, step = began.x, began.data, began.before, began.step
    r = _ratio(before, step)
    if before is None or r is None:
        return torch.as_tensor(multistep.unic_1(x, data, after, step))
    reach = float(multistep.reach(step))
    return torch.as_tensor(multistep.unic_2(x, data, before.data, after, r, reach, step))


# ---------------------------------------------------------------- steps that draw


@held
def ddim(eta: float = 0.0) -> Solver:
    """DDIM: the share η of the posterior's noise is drawn, the rest of the level's is predicted."""

    def march(field: Field, x: Tensor, grid: Grid, noise: Tensor) -> Tensor:
        for step, e in zip(grid.steps, noise, strict=True):
            v, c = field(x, step.t), paths.linear(step.t)
            data = conversions.data_from_velocity(c, x, v)
            predicted = conversions.noise_from_velocity(c, x, v)
            std = kernels.ddim_std(step, eta)
            x = kernels.preserving(paths.linear(step.s), data, predicted, std).sample(e)
        return x

    return Solver("ddim", march, lambda grid: grid.T)


@held
def churned(churn: float = 0.0) -> Solver:
    """EDM's sampler: up by 1 + γ in the odds, γ = min(churn/T, √2 − 1), then Heun; Euler to s = 0.

    The grid's noise is drawn at each step; from t = 1 there is nowhere to go up to.
    """
    nonnegative(churn=churn)

    def march(field: Field, x: Tensor, grid: Grid, noise: Tensor) -> Tensor:
        gamma = min(churn / grid.T, MOST_CHURN)
        for step, e in zip(grid.steps, noise, strict=True):
            top = float(schedules.shift(step.t, 1 + gamma))
            if top > step.t:
                x = kernels.renoised(x, Step(top, step.t)).sample(e)
            x = _heun(field, x, Step(top, step.s))
        return x

    return Solver("heun_churn", march, lambda grid: grid.T)


@held
def restarts(times: int = 2, low: float = 0.1, high: float = 0.5) -> Solver:
    """Restart: down the grid, and at its level nearest to `low` back up to `high`, `times` times.

    Each way down is Heun's rule, Euler to s = 0, over the grid's own levels between the two.
    """
    if times < 1:
        raise ValueError(f"times counts restarts and must be a whole number >= 1, got {times!r}")
    if not 0 < low < high <= 1:
        raise ValueError(f"restarts need 0 < low < high <= 1, got low={low!r}, high={high!r}")

    def march(field: Field, x: Tensor, grid: Grid, noise: Tensor) -> Tensor:
        turn = min(grid.levels[1:], key=lambda t: abs(t - low))
        again = (high, *(t for t in grid.levels if turn <= t < high))
        if len(again) < 2:
            raise ValueError(f"no level of the grid lies between low={low!r} and high={high!r}")
        for step in grid.steps:
            x = _heun(field, x, step)
            if step.s == turn:
                for e in noise:
                    x = kernels.renoised(x, Step(high, turn)).sample(e)
                    for back in Grid(again).steps:
                        x = _heun(field, x, back)
        return x

    return Solver("restart", march, lambda grid: times)


def _heun(field: Field, x: Tensor, step: Step) -> Tensor:
    """Heun's rule, and Euler's for the step to clean data, as EDM has it."""
    rule = ode.euler if step.s == 0 else ode.heun
    return torch.as_tensor(rule(field, x, step))


# ---------------------------------------------------------------- by name

EULER, HEUN, MIDPOINT, RK4 = (
    one_step(rule.__name__, rule) for rule in (ode.euler, ode.heun, ode.midpoint, ode.rk4)
)
DPMPP_2M = Solver("dpmpp_2m", _dpmpp_2m)
UNIPC = Solver("unipc", _unipc)
