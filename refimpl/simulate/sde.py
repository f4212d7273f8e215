"""Chains of Gaussian steps: rolled out once, replayed exactly.

    kernel_i(x) = N(mean_i(x), std_i²),      x_{i+1} = mean_i(x_i) + std_i ε_i

A sampler is a tuple of kernels made by `equations.sde`; the same kernels sample, score and (in
`laws`) push a whole density along. Randomness is an argument. What was drawn is recorded, so that
training can replay it: with the same field, bit by bit on a CPU.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from ..equations import paths, sde
from ..equations.gaussian import Gaussian
from ..equations.ode import Field
from ..equations.paths import Coefficients
from ..equations.sde import Step
from ..typed import held
from .diffusion import Diffusion
from .grids import Grid

Path: TypeAlias = Callable[[float], Coefficients]
Kernel: TypeAlias = Callable[[Tensor], Gaussian]
"""One step of a chain, as the Gaussian it draws from."""


def denoising(
    field: Field, grid: Grid, *, diffusion: Diffusion, path: Path = paths.linear
) -> tuple[Kernel, ...]:
    """Flow-GRPO's chain: `sde.transition` from every level down to the next."""

    def kernel(step: Step) -> Kernel:
        return lambda x: sde.transition(path(step.t), x, field(x, step.t), diffusion(step), step)

    return tuple(kernel(step) for step in grid.steps)


def noising(f: Field, grid: Grid, *, g: Callable[[float], float]) -> tuple[Kernel, ...]:
    """Euler–Maruyama for dx = f dt + g dw with t *rising*: the grid read from its low end up.

    Args:
        f: the forward drift f(x, t), for instance `marginal_preserving(...)` (the paper's Eq. 16).
        g: the diffusion coefficient at a level.
    """

    def kernel(step: Step) -> Kernel:
        return lambda x: sde.euler_maruyama(x, f(x, step.s), g(step.s), step.h)

    return tuple(kernel(step) for step in reversed(grid.steps))


def reversal(
    f: Field, score: Field, grid: Grid, *, g: Callable[[float], float]
) -> tuple[Kernel, ...]:
    """The same process run backwards (the paper's Eq. 19): drift f − g² ∇log p_t, t falling."""

    def kernel(step: Step) -> Kernel:
        def at(x: Tensor) -> Gaussian:
            level = g(step.t)
            drift = sde.reverse_drift(f(x, step.t), score(x, step.t), level)
            return sde.euler_maruyama(x, -drift, level, step.h)

        return at

    return tuple(kernel(step) for step in grid.steps)


def marginal_preserving(field: Field, score: Field, *, g: Callable[[float], float]) -> Field:
    """f = v + ½ g² ∇log p_t (the paper's Eq. 16), as a drift for `noising` and `reversal`."""
    return lambda x, t: sde.forward_drift(field(x, t), score(x, t), g(t))


@dataclass(frozen=True, eq=False)
class Run:
    """A chain that ran, with all that is needed to score it again.

    Attributes:
        states: x_0 … x_T, shape (T + 1, B, ...), the start included.
        means: the kernels' means, shape (T, B, ...).
        stds: T numbers, the standard deviation of each whole step.
        noise: the ε that were used, shape (T, B, ...).
    """

    states: Float[Tensor, "levels B ..."]
    means: Float[Tensor, "T B ..."]
    stds: tuple[float, ...]
    noise: Float[Tensor, "T B ..."]

    @property
    def T(self) -> int:
        """The number of steps."""
        return len(self.stds)

    def log_prob(self, i: int) -> Float[Tensor, "B ..."]:
        """log N(x_{i+1}; mean_i, std_i²) of step i, elementwise.

        Raises:
            ValueError: a step without noise: it has no density.
        """
        return Gaussian(self.means[i], self.stds[i]).log_prob(self.states[i + 1])


@dataclass(frozen=True, eq=False)
class Rollout(Run):
    """A denoising run that remembers its sampler: grid, path and diffusion, for `replay`."""

    grid: Grid
    path: Path
    diffusion: Diffusion


@held
@torch.no_grad()
def run(
    kernels: Sequence[Kernel],
    x: Float[Tensor, "B ..."],
    *,
    noise: Float[Tensor, "T B ..."] | None = None,
    generator: torch.Generator | None = None,
) -> Run:
    """Run a chain from x, with noise that was given or that is drawn from `generator`.

    Every step takes its share of the noise, deterministic ones too: which steps are noisy does not
    change what the others are given.

    Raises:
        ValueError: neither or both sources of randomness, or noise of another shape.
    """
    shape = (len(kernels), *x.shape)
    if (noise is None) == (generator is None):
        raise ValueError("give the noise, or a generator to draw it from: exactly one of the two")
    if noise is None:
        noise = torch.randn(shape, generator=generator, dtype=x.dtype, device=x.device)
    if noise.shape != shape:
        raise ValueError(f"noise must be (T, *x.shape) = {shape}, got {tuple(noise.shape)}")
    states, means, stds = [x], [], []
    for kernel, e in zip(kernels, noise, strict=True):
        gaussian = kernel(states[-1])
        states.append(gaussian.sample(e))
        means.append(gaussian.mean)
        stds.append(float(gaussian.std))
    return Run(torch.stack(states), torch.stack(means), tuple(stds), noise)


@held
def rollout(
    field: Field,
    x: Float[Tensor, "B ..."],
    grid: Grid,
    *,
    diffusion: Diffusion,
    path: Path = paths.linear,
    noise: Float[Tensor, "T B ..."] | None = None,
    generator: torch.Generator | None = None,
) -> Rollout:
    """Sample Flow-GRPO's chain from x at the grid's first level down to its last.

    Args:
        field: the velocity field(x, t).
        x: the start, distributed as p at grid.levels[0]; shape (B, ...).
        diffusion: g of a step, its boundary policy included.

    Raises:
        ValueError: see `run`; and what `equations.sde` refuses.
    """
    kernels = denoising(field, grid, diffusion=diffusion, path=path)
    done = run(kernels, x, noise=noise, generator=generator)
    return Rollout(done.states, done.means, done.stds, done.noise, grid, path, diffusion)


def replay(rollout: Rollout, field: Field) -> tuple[Gaussian, ...]:
    """The transitions of the stored states under another field (or the same), with gradients.

    Step i's log-probability is `replay(r, field)[i].log_prob(r.states[i + 1])`. With the field that
    sampled, it equals the recorded one bit by bit on a CPU.
    """
    kernels = denoising(field, rollout.grid, diffusion=rollout.diffusion, path=rollout.path)
    return tuple(kernel(x) for kernel, x in zip(kernels, rollout.states[:-1], strict=True))
