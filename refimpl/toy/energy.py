"""An energy learnt by its exact likelihood, and by contrastive divergence with k steps.

    ∇_θ log p_θ(x) = −∇_θ f(x) + E_model[∇_θ f]

The expectation is a sum over the line, or k Langevin steps from the data (CD-k). In one dimension
what any energy has learnt can be measured: KL(data ‖ model), with no sample.
"""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..equations import langevin, objectives
from .examples import mixture_1d
from .mixture import Mixture
from .networks import build
from .training import Plan

NODES = torch.linspace(-8, 8, 1601, dtype=torch.float64)[:, None]
"""Where a density on the line is summed."""


class Energy(nn.Module):
    """f(x) = x²/(2 w²) + network(x): the parabola makes e^{−f} integrable whatever is learnt."""

    def __init__(self, width: int = 64, confined: float = 3.0) -> None:
        super().__init__()
        self.confined = confined
        self.layers = nn.Sequential(
            nn.Linear(1, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 1)
        )

    def forward(self, x: Float[Tensor, "n 1"]) -> Float[Tensor, " n"]:
        """The energy of each point."""
        learnt: Tensor = self.layers(x)
        return learnt[:, 0] + x[:, 0] ** 2 / (2 * self.confined**2)


@dataclass(frozen=True)
class Config:
    """Data with three modes; one plan for all.

    Attributes:
        eps: of a Langevin step.
        chains: k of CD-k.
    """

    plan: Plan = field(default_factory=lambda: Plan(1500, rate=3e-3))
    batch: int = 512
    eps: float = 0.02
    chains: tuple[int, ...] = (1, 10)
    law: Mixture = field(default_factory=mixture_1d)


def moved(energy: nn.Module, x: Tensor, k: int, eps: float, generator: torch.Generator) -> Tensor:
    """k Langevin steps on the energy, from x."""
    for _ in range(k):
        at = x.detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(energy(at).sum(), at)
        drawn = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = langevin.step(x.detach(), objectives.energy_score(slope), eps).sample(drawn)
    return x


def log_density(energy: nn.Module) -> Float[Tensor, " nodes"]:
    """log p_θ at the nodes, normalised by the trapezoid rule; differentiable."""
    f: Tensor = energy(NODES)
    step = float(NODES[1, 0] - NODES[0, 0])
    return -f - torch.logsumexp(-f, dim=0) - torch.tensor(step, dtype=f.dtype).log()


def divergence(energy: nn.Module, law: Mixture) -> float:
    """KL(data ‖ model) in nats."""
    with torch.no_grad():
        p = law.log_density(NODES)
        step = float(NODES[1, 0] - NODES[0, 0])
        return float((p.exp() * (p - log_density(energy))).sum()) * step


def learn(config: Config, k: int | None, generator: torch.Generator) -> Energy:
    """An energy trained by CD-k, or for k = None by its exact likelihood."""
    energy = build(Energy, generator).double()
    optimiser = torch.optim.Adam(energy.parameters(), config.plan.rate)
    for step in range(config.plan.steps):
        x = config.law.sample(config.batch, generator)
        if k is None:
            p = log_density(energy)
            weight = p.detach().exp() * float(NODES[1, 0] - NODES[0, 0])
            loss = energy(x).mean() - (weight * energy(NODES)).sum()
        else:
            samples = moved(energy, x, k, config.eps, generator)
            loss = energy(x).mean() - energy(samples).mean()
        optimiser.param_groups[0]["lr"] = config.plan.rate * (1 - step / config.plan.steps)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
    return energy


def run(config: Config, *, generator: torch.Generator) -> dict[str, float]:
    """KL(data ‖ model) of every way of training, and of an energy that has learnt nothing."""
    found = {"untrained": divergence(build(Energy, generator).double(), config.law)}
    for k in config.chains:
        found[f"CD-{k}"] = divergence(learn(config, k, generator), config.law)
    found["exact likelihood"] = divergence(learn(config, None, generator), config.law)
    return found
