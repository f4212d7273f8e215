"""Rollouts as data: states, the laws they were drawn from, labels; and their steps, side by side.

    state x_t,  action x_s ~ N(mean_old, std²),  reward at the end

What is stored is what was scored, in the precision it was scored in. Replaying looks at stored
states alone: all trained steps of all samples go through the network in one pass.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ...equations.gaussian import Gaussian
from ...equations.ode import Field
from ...equations.sde import Step
from ...methods import Method, Plan, kernel
from ...simulate import sde as chains
from ...simulate.grids import Grid


@dataclass(frozen=True, eq=False)
class Rollout:
    """A batch of trajectories under one plan.

    Attributes:
        labels: shape (B,).
        states: x_0 … x_T, shape (T + 1, B, d).
        means: of the laws that were sampled from, shape (T, B, d).
        stds: T numbers; 0 for a step that drew no noise.
        velocities, noise: what the network said, and what was drawn, shaped like means.
    """

    method: Method
    grid: Grid
    plan: Plan
    labels: Int[Tensor, " B"]
    states: Float[Tensor, "levels B d"]
    means: Float[Tensor, "T B d"]
    stds: tuple[float, ...]
    velocities: Float[Tensor, "T B d"]
    noise: Float[Tensor, "T B d"]

    @property
    def ends(self) -> Float[Tensor, "B d"]:
        """The samples."""
        return self.states[-1]

    def rows(self, index: Int[Tensor, " b"]) -> "Rollout":
        """Some of its trajectories."""
        return replace(
            self,
            labels=self.labels[index],
            states=self.states[:, index],
            means=self.means[:, index],
            velocities=self.velocities[:, index],
            noise=self.noise[:, index],
        )

    def steps(self) -> "Steps":
        """Its trained steps, one after the other."""
        K, B = len(self.plan.trained), len(self.labels)
        trained = torch.tensor(self.plan.trained)

        def spread(values: list[float]) -> Tensor:
            column = torch.tensor(values, dtype=self.states.dtype)
            return column.repeat_interleave(B)[:, None]

        every = self.grid.steps
        steps = [every[i] for i in self.plan.trained]
        return Steps(
            x=self.states[trained].flatten(0, 1),
            x_s=self.states[trained + 1].flatten(0, 1),
            labels=self.labels.repeat(K),
            step=Step(spread([s.t for s in steps]), spread([s.s for s in steps])),
            old=Gaussian(
                self.means[trained].flatten(0, 1), spread([self.stds[i] for i in self.plan.trained])
            ),
            weight=spread(list(self.plan.weights))[:, 0],
            K=K,
        )


@dataclass(frozen=True, eq=False)
class Steps:
    """K steps of B trajectories as one batch of K · B rows, steps first.

    Attributes:
        x, x_s: the states and the actions, shape (K B, d).
        step: levels, each (K B, 1).
        old: the law that x_s was drawn from.
        weight: of the step, shape (K B,).
    """

    x: Float[Tensor, "rows d"]
    x_s: Float[Tensor, "rows d"]
    labels: Int[Tensor, " rows"]
    step: Step
    old: Gaussian
    weight: Float[Tensor, " rows"]
    K: int

    def only(self, k: int) -> "Steps":
        """The k-th of its steps."""
        B = len(self.x) // self.K
        rows = slice(k * B, (k + 1) * B)
        return Steps(
            x=self.x[rows],
            x_s=self.x_s[rows],
            labels=self.labels[rows],
            step=Step(self.step.t[rows], self.step.s[rows]),
            old=Gaussian(self.old.mean[rows], self.old.std[rows]),
            weight=self.weight[rows],
            K=1,
        )

    def velocity(self, network: nn.Module) -> Float[Tensor, "rows d"]:
        """What a network says at every state."""
        answer: Tensor = network(self.x, self.step.t[:, 0], self.labels)
        return answer

    def law(self, method: Method, velocity: Float[Tensor, "rows d"]) -> Gaussian:
        """The law of every step under a velocity; with that of the sampler it equals `old`."""
        return kernel(method, self.x, velocity, self.step)

    def by_step(self, values: Float[Tensor, " rows"]) -> Float[Tensor, "K B"]:
        """One row a step."""
        return values.reshape(self.K, -1)


def kernels(method: Method, plan: Plan, field: Field, grid: Grid) -> tuple[chains.Kernel, ...]:
    """The chain of a method under a plan, from the grid's first level down to its last."""

    def one(i: int, step: Step) -> chains.Kernel:
        return lambda x: kernel(method, x, field(x, step.t), step, noisy=plan.noisy[i])

    return tuple(one(i, step) for i, step in enumerate(grid.steps))


def as_field(network: nn.Module, labels: Int[Tensor, " B"]) -> Field:
    """field(x, t) of a network, in the precision of x: nothing is cast on the way."""

    def field(x: Tensor, t: float) -> Tensor:
        answer: Tensor = network(x, torch.full((len(x),), t, dtype=x.dtype), labels)
        return answer

    return field


@torch.no_grad()
def roll(
    network: nn.Module,
    start: Float[Tensor, "B d"],
    labels: Int[Tensor, " B"],
    method: Method,
    plan: Plan,
    grid: Grid,
    generator: torch.Generator,
) -> Rollout:
    """Sample the chain from `start`, noise at the grid's first level."""
    field, said = as_field(network, labels), []

    def listened(x: Tensor, t: float) -> Tensor:
        said.append(field(x, t))
        return said[-1]

    run = chains.run(kernels(method, plan, listened, grid), start, generator=generator)
    velocities = torch.stack(said)
    return Rollout(
        method, grid, plan, labels, run.states, run.means, run.stds, velocities, run.noise
    )
