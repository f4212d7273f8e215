"""The steps of a method: the law of each, which are noisy, which are trained, how much each counts.

Levels may be numbers, or tensors shaped to meet x, so that many steps are scored in one pass.
"""

import functools
import random
from dataclasses import dataclass

import numpy as np

from ..equations import conversions, coupling, kernels, paths, sde, weights
from ..equations.elementary import Num, add_scaled, add_scaled_to, where
from ..equations.gaussian import Gaussian
from ..equations.sde import Step
from ..simulate.grids import Grid
from ..typed import held
from .method import KernelName, Method


def kernel(
    method: Method,
    x: Num,
    v: Num,
    step: Step,
    *,
    noisy: bool = True,
    variance: Num | None = None,
) -> Gaussian:
    """The law of x_s given x_t: a Gaussian, or a point (std 0) where the step draws no noise.

    Args:
        x: x_t, shape (B, ...).
        v: the velocity at (x_t, t), shaped like x.
        step: from t down to s, numbers or tensors shaped to meet x.
        noisy: False for the steps that a plan leaves to the ODE.
        variance: for "matched" alone: E Var[data | x_t], where it is known better than by
            `data_std`; from a validation loss by `kernels.posterior_variance`.

    Raises:
        ValueError: a variance for another kernel; and see the equations: `sde.transition`,
            `kernels.preserving`, `frozen_data`, `moment_matched`.
    """
    if variance is not None and method.kernel != "matched":
        raise ValueError(f"variance is what kernel='matched' draws; kernel is {method.kernel!r}")
    start = paths.linear(step.t)
    if not noisy:
        return sde.transition(start, x, v, 0.0, step)
    if method.kernel in ("flow_grpo", "constant"):
        return sde.transition(start, x, v, diffusion(method, step), step)
    data = conversions.data_from_velocity(start, x, v)
    noise = conversions.noise_from_velocity(start, x, v)
    if method.kernel == "cps":
        std = kernels.cps_std(step.s, method.noise)
        return kernels.preserving(paths.linear(step.s), data, noise, std)
    if method.kernel == "matched":
        std = kernels.cps_std(step.s, method.noise)
        left = left_open(method, step) if variance is None else variance
        return kernels.moment_matched(data, noise, std, left, step)
    return kernels.frozen_data(data, noise, step.s, kept(method.kernel, step, method.noise))


def kept(kernel: KernelName, step: Step, noise: Num) -> Num:
    """The share of the noise variance that a step of an exact kernel keeps: none on its way to 0.

    Args:
        kernel: "exact" or "exact_constant".
        noise: a of the first, g of the second.

    Raises:
        ValueError: see `kernels.kept_flow_grpo`, `kernels.kept_constant`.
    """
    if kernel == "exact":
        return kernels.kept_flow_grpo(step, noise)
    last = step.s == 0
    above = Step(step.t, where(last, step.t / 2, step.s))  # at 0 the share is a limit, exp(−∞)
    return where(last, 0 * step.s, kernels.kept_constant(above, noise))


def left_open(method: Method, step: Step) -> Num:
    """E Var[data | x_t] of Gaussian data of the method's `data_std`: t² Var[v | x_t].

    Raises:
        ValueError: a level outside [0, 1].
    """
    if method.data_std == 0:
        return 0 * step.t
    gap = coupling.correlated_velocity_variance(step.t, method.data_std, 0.0)
    return kernels.posterior_variance(step.t, gap)


def diffusion(method: Method, step: Step) -> Num:
    """g of a step, for the kernels that have one.

    Raises:
        ValueError: a kernel without g, or g at its singularity.
    """
    if method.kernel == "constant":
        return method.noise
    if method.kernel != "flow_grpo":
        raise ValueError(f"kernel={method.kernel!r} has no g")
    rules = {"next_level": sde.next_level, "refuse": sde.refuse}
    rule = rules.get(method.boundary) or sde.clamp(method.clamp_at)
    return sde.flow_grpo_g(step.t, method.noise, rule(step))


@dataclass(frozen=True)
class Affine:
    """A step's law, N(of_x · x + of_v · v, std²): what `kernel` is once its levels are numbers.

    A trainer's inner loop needs no more than these three, and no more than float32: `law` to draw
    x_s, and to score it `drawn`, or `push` of every velocity against the `rest`, which
    leaves out what all policies share.

    Attributes:
        of_x, of_v: the mean's coefficients; of_v is negative.
        std: of the step; 0 where it draws no noise.
    """

    of_x: Num
    of_v: Num
    std: Num

    def law(self, x: Num, v: Num) -> Gaussian:
        """The law of x_s given x_t."""
        return Gaussian(add_scaled_to(self.of_x * x, self.of_v, v), self.std)

    def rest(self, x: Num, x_s: Num) -> Num:
        """x_s − of_x · x: what `push` is the law of."""
        return add_scaled(x_s, -self.of_x, x)

    def drawn(self, x: Num, x_s: Num, v: Num) -> Num:
        """x_s − mean: std times the noise that was drawn, if v is the velocity that it was drawn
        with.
        """
        return add_scaled_to(self.rest(x, x_s), -self.of_v, v)

    def push(self, v: Num) -> Gaussian:
        """The law of the rest: N(of_v · v, std²)."""
        return Gaussian(self.of_v * v, self.std)


@functools.lru_cache(maxsize=64)
def affine(method: Method, grid: Grid, *, noisy: bool = True) -> tuple[Affine, ...]:
    """Every step of a grid: `kernel` at (x, v) = (1, 0) and at (0, 1), which is all of it."""

    def read(step: Step) -> Affine:
        of_x, of_v = (kernel(method, *at, step, noisy=noisy) for at in ((1.0, 0.0), (0.0, 1.0)))
        return Affine(float(of_x.mean), float(of_v.mean), float(of_x.std))

    return tuple(read(step) for step in grid.steps)


def stds(method: Method, grid: Grid) -> tuple[float, ...]:
    """The std of every step of a grid, were it noisy."""
    return tuple(float(step.std) for step in affine(method, grid))


def levers(method: Method, grid: Grid) -> tuple[float, ...]:
    """−∂ mean/∂v of every step."""
    return tuple(-float(step.of_v) for step in affine(method, grid))


@dataclass(frozen=True)
class Plan:
    """What an iteration does with the steps of its grid.

    Attributes:
        noisy: for each step, whether it draws noise.
        trained: the steps that are trained, by index; all of them noisy.
        weights: for each trained step, the weight of its surrogate.
    """

    noisy: tuple[bool, ...]
    trained: tuple[int, ...]
    weights: tuple[float, ...]


@held
def plan(method: Method, grid: Grid, iteration: int = 0, seed: int = 0) -> Plan:
    """The plan of one iteration; the same for the same arguments, on every process.

    Raises:
        ValueError: a window wider than the grid, or nothing left to train.
    """
    inside = _window(method, grid.T, iteration, seed)
    spread = stds(method, grid)
    noisy = tuple(i in inside and spread[i] > 0 for i in range(grid.T))
    last = grid.T - 1 if method.skip_last else grid.T
    trained = tuple(i for i in range(last) if noisy[i])
    if not trained:
        raise ValueError(
            f"no step is left to train: of T={grid.T} steps the window covers {sorted(inside)}, "
            f"skip_last={method.skip_last!r}; widen the window"
        )
    return Plan(noisy, trained, _weights(method, grid, trained))


def _window(method: Method, T: int, iteration: int, seed: int) -> range:
    if method.window == "all":
        return range(T)
    if method.end is not None and method.end > T:
        raise ValueError(f"end={method.end} lies beyond the last of T={T} steps: reduce end")
    first_end = method.start + method.size
    if first_end > T:
        after = f" from step {method.start}" if method.start else ""
        raise ValueError(f"a window of {method.size} steps{after} does not fit T={T}: reduce size")
    last = min(T - 1 if method.skip_last and first_end < T else T, method.end or T)
    places = last - first_end + 1
    if method.window in ("first", "fixed"):
        start = method.start
    elif method.window == "sliding":
        start = iteration // method.every * method.stride % places
    else:
        start = method.start + random.Random(f"{seed}:{iteration}").randrange(places)
    return range(start, start + method.size)


def _weights(method: Method, grid: Grid, trained: tuple[int, ...]) -> tuple[float, ...]:
    if method.weight == "equal":
        return (1.0,) * len(trained)
    if method.weight == "guard":
        return tuple(float(weights.guard(grid.steps[i].h)) for i in trained)
    if method.weight == "guard_lever":
        return tuple(float(weights.guard_lever(levers(method, grid)[i])) for i in trained)
    spread = np.array([stds(method, grid)[i] for i in trained])
    if method.weight == "tempflow":
        return tuple(float(w) for w in weights.tempflow(spread))
    sensitivity = np.array([levers(method, grid)[i] for i in trained])
    return tuple(float(w) for w in weights.levelled(spread, sensitivity))
