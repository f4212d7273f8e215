"""Adjoint Matching in one loop you can read aloud, and where it comes to rest.

    roll out → the reward's gradient at the end → back along the sample, by the reference's steps
            → at every step: the control, fitted to what arrives there → climb down

The kernel is any of `refimpl.methods`; with "flow_grpo" at a = √2 it is the memoryless one. The
states are those of the tuned policy, the slopes those of the reference; no gradient flows
through either. On affine chains the resting point of the loop is a closed form.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ... import methods
from ...equations import adjoint
from ...equations.domain import positive
from ...methods import Method
from ...simulate.grids import Grid, uniform
from ...simulate.sde import Kernel
from ..examples import field as exact_field
from ..mixture import Mixture
from .exact import Chain, Quadratic
from .policies import ExactField
from .rollouts import Rollout, kernels, roll

MEMORYLESS = Method(noise=math.sqrt(2), skip_last=False, advantage_std="none")
"""Flow-GRPO's kernel at a = √2, where its sampler is memoryless."""


@dataclass(frozen=True)
class Settings:
    """One run.

    Attributes:
        batch, iterations: rollouts of an iteration, and how many iterations.
        learning_rate: of Adam.
        beta: the weight of the KL.
        T: steps of the uniform grid.
    """

    batch: int = 256
    iterations: int = 200
    learning_rate: float = 0.02
    beta: float = 1.0
    T: int = 10
    seed: int = 0
    method: Method = MEMORYLESS
    grid: Grid = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("batch", "iterations", "T"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)!r}")
        positive(learning_rate=self.learning_rate, beta=self.beta)
        object.__setattr__(self, "grid", uniform(self.T))


class Trainer:
    """A run in progress: the law of the data, a policy that starts as its flow, a reward.

    Attributes:
        reward: of the ends, (B, d) → (B,), differentiable.
    """

    def __init__(
        self,
        law: Mixture,
        policy: nn.Module,
        reward: Callable[[Tensor], Tensor],
        settings: Settings,
    ) -> None:
        self.law, self.policy, self.reward, self.settings = law, policy, reward, settings
        self.plan = methods.plan(settings.method, settings.grid)
        self.reference = ExactField((law,))
        self.chain = kernels(settings.method, self.plan, exact_field(law), settings.grid)
        self.optimiser = torch.optim.Adam(policy.parameters(), settings.learning_rate)
        self.generator = torch.Generator().manual_seed(settings.seed)

    def iterate(self) -> float:
        """One iteration; returns the loss before it."""
        rollout = self.roll(self.settings.batch)
        self.optimiser.zero_grad()
        loss = self.losses(rollout).sum(dim=0).mean()
        torch.autograd.backward(loss)
        self.optimiser.step()
        return float(loss.detach())

    def roll(self, n: int) -> Rollout:
        """n trajectories of the policy, from fresh noise."""
        s = self.settings
        start = torch.randn(n, self.law.d, generator=self.generator, dtype=torch.float64)
        labels = torch.zeros(n, dtype=torch.int64)
        return roll(self.policy, start, labels, s.method, self.plan, s.grid, self.generator)

    def losses(self, rollout: Rollout) -> Float[Tensor, "T B"]:
        """½ ‖u + std ã_s‖² at every step of every sample, gradients kept."""
        s = self.settings
        steps = rollout.steps()
        arrived = adjoints(self.chain, rollout.states, self.begins(rollout.ends), s.grid)[1:]
        lever = torch.tensor(methods.levers(s.method, s.grid), dtype=torch.float64)
        u = adjoint.control(
            steps.velocity(self.policy),
            steps.velocity(self.reference),
            lever.repeat_interleave(len(rollout.labels))[:, None],
            steps.old.std,
        )
        found = adjoint.loss(u, arrived.flatten(0, 1), steps.old.std).sum(dim=1)
        return steps.by_step(found)

    def begins(self, ends: Float[Tensor, "B d"]) -> Float[Tensor, "B d"]:
        """−∇r/β at the ends.

        Raises:
            ValueError: a gradient that is not finite.
        """
        x = ends.detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(self.reward(x).sum(), x)
        return adjoint.end(slope, torch.full((len(x), 1), self.settings.beta, dtype=x.dtype))


def adjoints(
    chain: Sequence[Kernel],
    states: Float[Tensor, "levels B d"],
    start: Float[Tensor, "B d"],
    grid: Grid,
) -> Float[Tensor, "levels B d"]:
    """The lean adjoint at the T + 1 levels of each sample, the noisiest first.

    Args:
        chain: the reference's kernels, differentiable in x.
        start: the adjoint at the end of each sample.
    """
    found = [start]
    for kernel, step, x in reversed(list(zip(chain, grid.steps, states[:-1], strict=True))):
        at = x.detach().requires_grad_(True)
        drift = (at - kernel(at).mean) / step.h
        (pullback,) = torch.autograd.grad(drift, at, found[-1])
        found.append(adjoint.lean(found[-1], pullback, step.h))
    return torch.stack(found[::-1])


def resting(
    reference: Chain, reward: Quadratic, beta: float, *, taken: Literal["after", "before"] = "after"
) -> Chain:
    """Where the loop comes to rest, on an affine chain: u = −std E[ã | x_t] at every step.

    Args:
        taken: at which level of a step its adjoint is read. "after", at s, is what the step's own
            noise leads to, and rests at the best policy of the chain. "before", at t, has one slope
            of the step too many, and is off by the order of h.

    Raises:
        ValueError: β ≤ 0.
    """
    positive(beta=beta)
    slope = reward.curvature / beta
    height = -reward.curvature * reward.goal / beta  # E[ã | x] = slope x + height, at the end
    steps = []
    rows = zip(
        reference.slope.tolist(), reference.offset.tolist(), reference.std.tolist(), strict=True
    )
    for A, B, std in reversed(list(rows)):
        extra = 1.0 if taken == "after" else A
        shrunk = 1 + extra * slope * std**2
        at_x, at_0 = A * slope * extra / shrunk, extra * (B * slope + height) / shrunk
        steps.append((A - std**2 * at_x, B - std**2 * at_0, std))
        slope, height = at_x * A / extra, at_0 * A / extra
    columns = zip(*reversed(steps), strict=True)
    return Chain(*(torch.tensor(column, dtype=torch.float64) for column in columns))
