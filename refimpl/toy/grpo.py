"""Flow-GRPO in one loop you can read aloud, on a problem whose answer is known.

    rollout → rewards → advantages → min(r A, clip(r) A) − β KL → one step uphill → again

Data N(m, s²), reward k·x, and a policy that adds a constant b_i to the exact velocity at each
step: the optimum is then a closed form. The end's mean moves by k (1 − ρ²) Var/β, where ρ is how
much of its start the chain remembers (`tilting.fixed_start`); the baseline of a group of G takes
the factor (G − 1)/G. Every formula below is imported.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..equations import grpo, kl, ode, policy, sde, tilting
from ..equations.domain import fields, nonnegative, positive
from ..equations.gaussian import Gaussian
from ..simulate import diffusion, grids, laws
from ..simulate import sde as chains
from .examples import field
from .mixture import Mixture


@dataclass(frozen=True)
class Settings:
    """One run.

    Attributes:
        groups, group: rollouts of an iteration, (groups, G).
        iterations, epochs: rollouts made, and updates on each of them.
        learning_rate: of Adam, on the T shifts.
        clip, beta: ε of the ratio (of whole samples), and the weight of the summed KL.
        std: "group", "batch" or "none", see `grpo.advantage`.
        a, T: noise level and number of steps; flow_grpo's remedy at t = 1.

    Raises:
        ValueError: a value that the loop cannot run with, named.
    """

    groups: int = 64
    group: int = 16
    iterations: int = 200
    epochs: int = 1
    learning_rate: float = 0.02
    clip: float = 0.2
    beta: float = 1.0
    std: Literal["group", "batch", "none"] = "none"
    a: float = 0.7
    T: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("groups", "iterations", "epochs", "T"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)!r}")
        if self.group < 2:
            raise ValueError(
                f"a group of one has no baseline: group must be >= 2, got {self.group!r}"
            )
        positive(learning_rate=self.learning_rate, a=self.a)
        nonnegative(clip=self.clip, beta=self.beta)


class Shifted(nn.Module):
    """v(x, t) + b_i, i the step that starts at t: enough to be optimal for a linear reward."""

    def __init__(self, reference: ode.Field, grid: grids.Grid) -> None:
        super().__init__()
        self.reference, self.levels = reference, grid.levels
        self.shift = nn.Parameter(torch.zeros(grid.T, dtype=torch.float64))

    def forward(self, x: Tensor, t: float) -> Tensor:
        """The velocity at a level of the grid."""
        return self.reference(x, t) + self.shift[self.levels.index(t)]


@dataclass(frozen=True, eq=False)
class Iteration:
    """What one iteration measured.

    Attributes:
        reward: the mean reward of its rollouts.
        ratio_gap: max |r − 1| before the first update: 0, or the policy scored is not the one that
            sampled.
        kl: the mean summed KL to the reference, before the update.
        clipped: the share of ratios outside the trust region in the last epoch.
        zero_groups: groups whose rewards were all equal.
        shift: the T shifts after the update.
    """

    reward: float
    ratio_gap: float
    kl: float
    clipped: float
    zero_groups: int
    shift: Tensor


def train(
    problem: Mixture,
    reward: Callable[[Tensor], Tensor],
    settings: Settings,
    on_iteration: Callable[[int, Iteration], None] = lambda i, measured: None,
) -> tuple[Shifted, list[Iteration]]:
    """Fine-tune the exact flow of `problem` towards `reward`, by Flow-GRPO.

    Args:
        reward: of the ends, shape (B, d) → (B,).

    Raises:
        ValueError: a reward of another shape, NaN or infinity.
    """
    grid, g = grids.uniform(settings.T), diffusion.flow_grpo(settings.a, sde.next_level)
    reference = field(problem)
    model = Shifted(reference, grid)
    optimiser = torch.optim.Adam(model.parameters(), settings.learning_rate)
    generator = torch.Generator().manual_seed(settings.seed)
    history = []
    for i in range(settings.iterations):
        start = torch.randn(
            settings.groups * settings.group, problem.d, generator=generator, dtype=torch.float64
        )
        sampled = chains.rollout(model, start, grid, diffusion=g, generator=generator)
        rewards = _scored(reward, sampled.states[-1]).reshape(settings.groups, settings.group)
        advantages = grpo.advantage(rewards, std=settings.std, ddof=0, eps=0.0).reshape(-1)
        old = [policy.total(sampled.log_prob(step)) for step in range(grid.T)]
        anchors = chains.replay(sampled, reference)
        for epoch in range(settings.epochs):
            objective, ratios, divergence = _objective(
                model, sampled, old, anchors, advantages, settings
            )
            if epoch == 0:
                ratio_gap = float((ratios - 1).abs().max())
                first = float(divergence)
            optimiser.zero_grad()
            torch.autograd.backward(-objective)
            optimiser.step()
        clipped = float(((ratios - 1).abs() > settings.clip).double().mean())
        equal = int((rewards == rewards[:, :1]).all(dim=1).sum())
        shift = model.shift.detach().clone()
        history.append(Iteration(float(rewards.mean()), ratio_gap, first, clipped, equal, shift))
        on_iteration(i, history[-1])
    return model, history


def _objective(
    model: Shifted,
    sampled: chains.Rollout,
    old: list[Tensor],
    anchors: tuple[Gaussian, ...],
    advantages: Float[Tensor, " B"],
    settings: Settings,
) -> tuple[Tensor, Tensor, Tensor]:
    """J summed over steps and averaged over samples, the ratios, and the summed KL."""
    terms, ratios, divergences = [], [], []
    for step, kernel in enumerate(chains.replay(sampled, model)):
        ratio = policy.ratio(policy.total(kernel.log_prob(sampled.states[step + 1])), old[step])
        divergence = policy.total(kl.of_means(kernel.mean, anchors[step].mean, kernel.std))
        surrogate = grpo.surrogate(ratio, advantages, settings.clip)
        terms.append(grpo.objective(surrogate, divergence, settings.beta))
        ratios.append(ratio.detach())
        divergences.append(divergence.detach())
    return (
        torch.stack(terms).sum(0).mean(),
        torch.stack(ratios),
        torch.stack(divergences).sum(0).mean(),
    )


def averaged(shifts: Sequence[Tensor]) -> Tensor:
    """The mean of the second half of the iterates: their noise averages out, the optimum stays."""
    return torch.stack(list(shifts[len(shifts) // 2 :])).mean(0)


def _scored(reward: Callable[[Tensor], Tensor], ends: Tensor) -> Tensor:
    scores = reward(ends)
    if scores.shape != ends.shape[:1]:
        raise ValueError(
            f"a reward returns one number per sample, ({len(ends)},), got {tuple(scores.shape)}"
        )
    fields(reward=scores)
    return scores


def end_law(model: ode.Field, settings: Settings) -> Gaussian:
    """The exact law at t = 0 of the chain under a policy, for Gaussian data in one dimension."""
    law = _law(model, settings)
    return Gaussian(float(law.mean[-1]), float(law.std[-1]))


def predicted(problem: Mixture, slope: float, settings: Settings) -> Gaussian:
    """Where the loop must lead for the reward slope·x: the fixed-start optimum, baseline included.

    Centring a group on its own mean keeps (G − 1)/G of the gradient's mean.

    Raises:
        ValueError: rewards divided by a standard deviation, which rescales β by an unknown.
    """
    if settings.std != "none":
        raise ValueError(f"a prediction needs std='none', got std={settings.std!r}")
    law = _law(field(problem), settings)
    share = (settings.group - 1) / settings.group
    return tilting.fixed_start(
        Gaussian(float(law.mean[-1]), float(law.std[-1])),
        slope * share,
        settings.beta,
        float(law.correlation_with_start[-1]),
    )


def _law(model: ode.Field, settings: Settings) -> laws.GaussianLaw:
    one = torch.ones(1, dtype=torch.float64)
    kernels = chains.denoising(
        model, grids.uniform(settings.T), diffusion=diffusion.flow_grpo(settings.a, sde.next_level)
    )
    with torch.no_grad():
        return laws.gaussian_law(kernels, 0 * one, one)
