"""Chains whose every number is known: affine velocities, linear or quadratic rewards.

    x_{i+1} = A_i x_i + B_i + std_i ε          A_i, B_i read off the production kernel

Moments of the chain, the expected reward, its gradient in the policy's parameters, the KL to the
reference and the best policy are then closed forms, and differentiable ones. The best policy tilts
every step by what the rest of the chain makes of the reward: a linear reward stays linear on its
way back, a quadratic one stays a Gaussian likelihood whose goal and width move.
"""

from dataclasses import dataclass
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ... import methods
from ...equations import grpo, kl, tilting
from ...equations.gaussian import Gaussian
from ...methods import Method
from ...simulate.grids import Grid
from ..mixture import Mixture
from .policies import ExactField
from .rollouts import as_field, kernels


class Affine(nn.Module):
    """v(x, t) + b_i + c_i x at the T levels of a grid: best for linear and for quadratic rewards.

    Attributes:
        b, c: shape (T,), zero at the start.
    """

    levels: Tensor

    def __init__(self, law: Mixture, grid: Grid) -> None:
        super().__init__()
        self.reference = ExactField((law,))
        self.register_buffer("levels", -torch.tensor(grid.levels, dtype=torch.float64))
        self.b = nn.Parameter(torch.zeros(grid.T, dtype=torch.float64))
        self.c = nn.Parameter(torch.zeros(grid.T, dtype=torch.float64))

    def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """The velocity, in one dimension."""
        i = torch.searchsorted(self.levels, -t, right=True) - 1
        velocity: Tensor = self.reference(x, t, y)
        return velocity + self.b[i][:, None] + self.c[i][:, None] * x


@dataclass(frozen=True, eq=False)
class Chain:
    """A chain of affine Gaussian steps in one dimension, from N(0, 1).

    Attributes:
        slope, offset, std: A, B and std of the T steps, shape (T,).
    """

    slope: Float[Tensor, " T"]
    offset: Float[Tensor, " T"]
    std: Float[Tensor, " T"]

    def moments(self) -> tuple[Float[Tensor, " levels"], Float[Tensor, " levels"]]:
        """Mean and variance at the T + 1 levels; differentiable."""
        mean = [torch.zeros((), dtype=torch.float64)]
        variance = [torch.ones((), dtype=torch.float64)]
        for A, B, std in zip(self.slope, self.offset, self.std, strict=True):
            mean.append(A * mean[-1] + B)
            variance.append(A**2 * variance[-1] + std**2)
        return torch.stack(mean), torch.stack(variance)

    def expected(self, reward: "Reward") -> Tensor:
        """E[R(end)]."""
        mean, variance = self.moments()
        return reward.expected(mean[-1], variance[-1])

    def kl(self, reference: "Chain") -> Tensor:
        """KL of the two chains' trajectories: the expected sum of their steps' divergences.

        A step's divergence is quadratic in x, and its expectation the mean of its values one
        standard deviation to either side.
        """
        mean, variance = self.moments()
        total = torch.zeros((), dtype=torch.float64)
        for x in (mean[:-1] + variance[:-1].sqrt(), mean[:-1] - variance[:-1].sqrt()):
            one, other = (chain.slope * x + chain.offset for chain in (self, reference))
            total = total + kl.of_means(one, other, self.std).sum() / 2
        return total

    def objective(self, reference: "Chain", reward: "Reward", beta: float) -> Tensor:
        """E[R(end)] − β KL: what GRPO climbs."""
        value: Tensor = grpo.objective(self.expected(reward), self.kl(reference), beta)
        return value


@dataclass(frozen=True)
class Linear:
    """R(x) = k x."""

    k: float

    def __call__(self, x: Tensor) -> Tensor:
        """The reward, elementwise."""
        return self.k * x

    def expected(self, mean: Tensor, variance: Tensor) -> Tensor:
        """E[R] under N(mean, variance)."""
        return self.k * mean

    def tilt(self, step: Gaussian, beta: float) -> Gaussian:
        """The step that earns most when its divergence costs β."""
        return tilting.linear(step, self.k, beta)

    def before(self, slope: float, offset: float, std: float, beta: float) -> "Linear":
        """What it is worth one step earlier, up to a constant."""
        return Linear(self.k * slope)


@dataclass(frozen=True)
class Quadratic:
    """R(x) = −(curvature/2) (x − goal)²; e^{R/β} is a likelihood of variance β/curvature."""

    goal: float
    curvature: float = 1.0

    def __call__(self, x: Tensor) -> Tensor:
        """The reward, elementwise."""
        return -self.curvature * (x - self.goal) ** 2 / 2

    def expected(self, mean: Tensor, variance: Tensor) -> Tensor:
        """E[R] under N(mean, variance)."""
        return -self.curvature * ((mean - self.goal) ** 2 + variance) / 2

    def tilt(self, step: Gaussian, beta: float) -> Gaussian:
        """The tilted step's mean; a policy cannot change its std."""
        mean = tilting.quadratic(step, self.goal, beta / self.curvature).mean
        return Gaussian(mean, step.std)

    def before(self, slope: float, offset: float, std: float, beta: float) -> "Quadratic":
        """What it is worth one step earlier, up to a constant: the step's noise widens it."""
        width = (beta / self.curvature + std**2) / slope**2
        return Quadratic((self.goal - offset) / slope, beta / width)


Reward: TypeAlias = Linear | Quadratic


def chain(network: nn.Module, method: Method, grid: Grid) -> Chain:
    """The chain of a policy whose velocity is affine in x, gradients kept.

    Raises:
        ValueError: steps that are left to the ODE.
    """
    plan = methods.plan(method, grid)
    if not all(plan.noisy):
        raise ValueError(
            "a chain has noise in every step: use window='all', a grid not ending in it"
        )
    label, dtype = torch.zeros(1, dtype=torch.int64), torch.float64
    rows = []
    for kernel in kernels(method, plan, as_field(network, label), grid):
        zero, one = (kernel(torch.full((1, 1), x, dtype=dtype)) for x in (0.0, 1.0))
        rows.append(
            ((one.mean - zero.mean)[0, 0], zero.mean[0, 0], torch.as_tensor(zero.std, dtype=dtype))
        )
    return Chain(*(torch.stack(column) for column in zip(*rows, strict=True)))


def best(reference: Chain, reward: Reward, beta: float) -> Chain:
    """The policy with the largest E[R] − β KL among all that may move every step's mean.

    Backwards through the chain each step is tilted by the reward as it is seen from there.
    """
    steps = []
    rows = zip(
        reference.slope.tolist(), reference.offset.tolist(), reference.std.tolist(), strict=True
    )
    for A, B, std in reversed(list(rows)):
        zero, one = (float(reward.tilt(Gaussian(A * x + B, std), beta).mean) for x in (0.0, 1.0))
        steps.append((one - zero, zero, std))
        reward = reward.before(A, B, std, beta)
    columns = zip(*reversed(steps), strict=True)
    return Chain(*(torch.tensor(column, dtype=torch.float64) for column in columns))
