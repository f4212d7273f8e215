"""DiffusionNFT and AWM in one loop you can read aloud: reward learning without a likelihood.

    sample → reward → advantage → noise the samples → regress on v*, weighed → the new old policy

Where it must lead is known. Data N(m, s²), reward x, centred advantages: the minimiser of a round
moves v(x, t) by −V_t/(t b A_max), V_t = Var[x_0 | x_t], and that is the velocity of
N(m + s²/(b A_max), s²): the law tilted by e^{x/β}, β = b A_max. Every formula below is imported.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..equations import forward_process, grpo, ode, paths, tilting
from ..equations.domain import fields, nonnegative, positive
from ..equations.elementary import expand_like
from ..equations.gaussian import Gaussian
from ..simulate import grids
from ..simulate.ode import solve
from ..typed import typed
from .examples import field
from .mixture import Mixture


@dataclass(frozen=True)
class Settings:
    """One run.

    Attributes:
        objective: "nft" (DiffusionNFT), or "awm": advantage-weighted matching.
        b, limit: b of DiffusionNFT, and A_max of `forward_process.optimality`.
        proximity: AWM's weight of (v − v_old)², without which it has no minimum.
        levels: levels of noise, the middles of equal parts of [0, 1].
        rounds, updates, batch: rounds of sampling, gradient steps in each, samples in each.
        learning_rate: of gradient descent.

    Raises:
        ValueError: a value that the loop cannot run with, named.
    """

    objective: Literal["nft", "awm"] = "nft"
    b: float = 0.5
    limit: float = 5.0
    proximity: float = 2.5
    levels: int = 10
    rounds: int = 1
    updates: int = 100
    batch: int = 512
    learning_rate: float = 0.4
    seed: int = 0

    def __post_init__(self) -> None:
        typed(self)
        for name in ("levels", "rounds", "updates"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)!r}")
        if self.batch < 2:
            raise ValueError(f"one sample has no baseline: batch must be >= 2, got {self.batch!r}")
        positive(b=self.b, limit=self.limit, learning_rate=self.learning_rate)
        nonnegative(proximity=self.proximity)

    @property
    def grid(self) -> tuple[float, ...]:
        """The levels, rising."""
        return tuple((i + 0.5) / self.levels for i in range(self.levels))


class Shifted(nn.Module):
    """v(x, t) + b_i, i the part of [0, 1] that t lies in: enough for a linear reward."""

    def __init__(self, reference: ode.Field, levels: int, d: int) -> None:
        super().__init__()
        self.reference = reference
        self.shift = nn.Parameter(torch.zeros(levels, d, dtype=torch.float64))

    def forward(self, x: Float[Tensor, "B d"], t: float) -> Float[Tensor, "B d"]:
        """The velocity at any level."""
        last = len(self.shift) - 1
        return self.reference(x, t) + self.shift[min(int(t * len(self.shift)), last)]


def rollout(model: Shifted, start: Float[Tensor, "B d"]) -> Float[Tensor, "B d"]:
    """The samples of a policy, by its ODE: four of Heun's steps to each part of [0, 1]."""
    return solve(ode.heun, model, start, grids.uniform(4 * len(model.shift)))


def objective(
    model: Shifted,
    old: Float[Tensor, "levels d"],
    samples: Float[Tensor, "B d"],
    noise: Float[Tensor, "levels B d"],
    advantage: Float[Tensor, " B"],
    settings: Settings,
) -> Tensor:
    """The loss of a batch, averaged over samples and coordinates and summed over levels.

    Args:
        old: the shifts of the policy that sampled.
        samples: x_0, with its advantage each.
        noise: ε ~ N(0, I), fresh at every level.
    """
    total, weight = noise.new_zeros(()), expand_like(advantage, samples)
    for i, t in enumerate(settings.grid):
        c = paths.linear(t)
        x_t = paths.interpolate(c, samples, noise[i])
        target = paths.velocity(c, samples, noise[i])
        v = model(x_t, t)
        v_old = (v - model.shift[i] + old[i]).detach()
        if settings.objective == "nft":
            good = forward_process.optimality(weight, settings.limit)
            loss = forward_process.nft(v, v_old, target, good, settings.b)
        else:
            held = forward_process.awm(v, v_old, settings.proximity)
            loss = forward_process.awm(v, target, weight) + held
        total = total + loss.mean()
    return total


@dataclass(frozen=True, eq=False)
class Round:
    """What a round measured: the mean reward of its samples, and the shifts it ended with."""

    reward: float
    shift: Float[Tensor, "levels d"]


def train(
    problem: Mixture, reward: Callable[[Tensor], Tensor], settings: Settings
) -> tuple[Shifted, list[Round]]:
    """Learn from the rewards of the old policy's samples, round after round.

    Args:
        reward: of samples, (B, d) → (B,).

    Raises:
        ValueError: a reward of another shape, NaN or infinite.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    model = Shifted(field(problem), settings.levels, problem.d)
    history = []

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, problem.d, generator=generator, dtype=torch.float64)

    for _ in range(settings.rounds):
        old = model.shift.detach().clone()
        samples = rollout(model, normal(settings.updates * settings.batch))
        scores = reward(samples)
        if scores.shape != samples.shape[:1]:
            raise ValueError(
                f"a reward returns one number per sample, ({len(samples)},), "
                f"got {tuple(scores.shape)}"
            )
        fields(reward=scores)
        advantage = grpo.advantage(scores[None], std="none", ddof=0, eps=0.0)[0]
        batches = zip(
            torch.split(samples, settings.batch),
            torch.split(advantage, settings.batch),
            strict=True,
        )
        optimiser = torch.optim.SGD(model.parameters(), settings.learning_rate)
        shifts = []
        for x, a in batches:
            loss = objective(model, old, x, normal(settings.levels, len(x)), a, settings)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            shifts.append(model.shift.detach().clone())
        with torch.no_grad():  # the second half's average: SGD's noise leaves, the optimum stays
            model.shift.copy_(torch.stack(shifts[len(shifts) // 2 :]).mean(0))
        history.append(Round(float(scores.mean()), model.shift.detach().clone()))
    return model, history


def temperature(settings: Settings) -> float:
    """β of the tilted law that a round moves towards: b A_max, or AWM's proximity."""
    return settings.b * settings.limit if settings.objective == "nft" else settings.proximity


def predicted(problem: Mixture, settings: Settings) -> Gaussian:
    """Where N(m, s²) is after all rounds of the reward x: tilted as often, further each time.

    Nothing holds it: without a KL to the reference, rounds add up. Advantages beyond A_max are
    clipped, which shortens the shift; the prediction is for A_max well above s.
    """
    law = Gaussian(problem.means[0], problem.stds[0])
    for _ in range(settings.rounds):
        law = tilting.linear(law, 1.0, temperature(settings))
    return law
