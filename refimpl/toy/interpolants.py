"""A path between two mixtures, where neither end is Gaussian; and one network with two heads.

    x_t = α z + σ y,   z ~ Σ π_i N(m_i, s_i²),   y ~ Σ ρ_j N(n_j, τ_j²)

Given both components all is Gaussian, so density, velocity and score are exact. Velocity and score
do not determine each other here, so a network learns both: two heads on one trunk, one loss.
"""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..equations import (
    conversions,
    density,
    expand_like,
    gaussian,
    interpolants,
    objectives,
    paths,
)
from ..equations.paths import Coefficients
from .examples import gaussian as gaussian_problem
from .mixture import Mixture
from .networks import MLP, build
from .training import Plan


@dataclass(frozen=True, eq=False)
class Interpolant:
    """The path from a law of data to a law of starts, drawn independently.

    Raises:
        ValueError: laws of different dimensions.
    """

    data: Mixture
    start: Mixture

    def __post_init__(self) -> None:
        if self.data.d != self.start.d:
            raise ValueError(
                f"both ends have one dimension, got d={self.data.d} and d={self.start.d}"
            )

    def at(self, c: Coefficients) -> Mixture:
        """p_t: a mixture again, one component for every pair."""
        pairs = [
            (i, j) for i in range(len(self.data.weights)) for j in range(len(self.start.weights))
        ]
        i, j = (torch.tensor(column) for column in zip(*pairs, strict=True))
        a, b = self.data, self.start
        return Mixture(
            a.weights[i] * b.weights[j],
            c.alpha * a.means[i] + c.sigma * b.means[j],
            ((c.alpha * a.stds[i]) ** 2 + (c.sigma * b.stds[j]) ** 2).sqrt(),
        )

    def velocity(self, c: Coefficients, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """E[α̇ z + σ̇ y | x_t = x]: given the pair, both ends are read off a regression on x."""
        law, (K, J) = self.at(c), (len(self.data.weights), len(self.start.weights))
        posterior = _posterior(law, x)
        found = []
        for k in range(x.shape[1]):
            off = (x[:, k] - law.means[:, k, None]) / law.stds[:, k, None] ** 2
            m, s = (
                v[:, k].repeat_interleave(J)[:, None] for v in (self.data.means, self.data.stds)
            )
            n, r = (v[:, k].repeat(K)[:, None] for v in (self.start.means, self.start.stds))
            z, y = m + c.alpha * s**2 * off, n + c.sigma * r**2 * off
            found.append(density.conditional_mean(posterior, paths.velocity(c, z, y)))
        return torch.stack(found, dim=1)

    def score(self, c: Coefficients, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """∇log p_t, from the mixture that p_t is."""
        return self.at(c).score(x)

    def draw(
        self, t: Float[Tensor, " n"], generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """x_t, the velocity α̇ z + σ̇ y of each sample, and its score target ∇log p_init(y)/σ."""
        z, y = (law.sample(len(t), generator) for law in (self.data, self.start))
        c = paths.linear(expand_like(t, z))
        target = interpolants.score(self.start.score(y), c.sigma)
        return paths.interpolate(c, z, y), paths.velocity(c, z, y), target


def _posterior(law: Mixture, x: Tensor) -> Tensor:
    """The chance of each component given x, (K, n)."""
    K = len(law.weights)
    logs = sum(
        gaussian.log_prob(x[:, k].expand(K, -1), law.means[:, k, None], law.stds[:, k, None])
        for k in range(x.shape[1])
    )
    top = logs.amax(dim=0)
    return density.posterior(law.weights[:, None].expand_as(logs), (logs - top).exp())


class TwoHeads(nn.Module):
    """(x, t) ↦ velocity and σ times score, from one trunk.

    A score grows as 1/σ; times σ both answers are of unit size.
    """

    def __init__(self, d: int, *, width: int = 64, depth: int = 2) -> None:
        super().__init__()
        self.trunk = MLP(d, width=width, depth=depth, out=2 * d)

    def forward(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Both, shaped like x."""
        velocity, score = self.trunk(x, t).chunk(2, dim=1)
        return velocity, score


@dataclass(frozen=True)
class Config:
    """Two modes of data, a start of two modes wide apart."""

    plan: Plan = field(default_factory=lambda: Plan(2000))
    width: int = 64
    batch: int = 256
    lowest: float = 0.05
    held_out: int = 4000


@dataclass(frozen=True)
class Result:
    """Root mean square errors of both heads against the exact fields, over uniform levels.

    Attributes:
        from_velocity: of σ times the score that a Gaussian path would make of the *exact* velocity:
            what one head would be used for.
        size: root mean square of σ times the exact score.
    """

    velocity: float
    score: float
    from_velocity: float
    size: float


def example() -> Interpolant:
    """N(1.5, 0.25) as data, and a start of two modes at −1.5 and 1."""
    half = torch.tensor([0.4, 0.6], dtype=torch.float64)
    means = torch.tensor([[-1.5], [1.0]], dtype=torch.float64)
    stds = torch.tensor([[0.4], [0.3]], dtype=torch.float64)
    return Interpolant(gaussian_problem([1.5], [0.5]), Mixture(half, means, stds))


def run(config: Config, *, generator: torch.Generator) -> Result:
    """Train both heads in one loss, and hold each to its exact field."""
    law = example()
    network = build(lambda: TwoHeads(1, width=config.width), generator).double()
    optimiser = torch.optim.Adam(network.parameters(), config.plan.rate)

    def levels(n: int) -> Tensor:
        drawn = torch.rand(n, generator=generator, dtype=torch.float64)
        return config.lowest + (1 - config.lowest) * drawn

    for step in range(config.plan.steps):
        t = levels(config.batch)
        x, v, score = law.draw(t, generator)
        heads = network(x, t)
        loss = objectives.flow_matching(heads[0], v) + objectives.flow_matching(
            heads[1], t[:, None] * score
        )
        optimiser.param_groups[0]["lr"] = config.plan.rate * (1 - step / config.plan.steps)
        optimiser.zero_grad()
        torch.autograd.backward(loss.mean())
        optimiser.step()
    return _measured(law, network, levels(config.held_out), generator)


@torch.no_grad()
def _measured(
    law: Interpolant, network: nn.Module, t: Tensor, generator: torch.Generator
) -> Result:
    x, _, _ = law.draw(t, generator)
    said = network(x, t)
    rows = []
    for i in range(len(t)):
        c, here = paths.linear(float(t[i])), x[i : i + 1]
        v, score = law.velocity(c, here), law.score(c, here)
        made = conversions.score_from_velocity(c, here, v)
        rows.append(torch.cat([v, t[i] * score, t[i] * made])[:, 0])
    v, score, made = torch.stack(rows, dim=1)

    def off(a: Tensor, b: Tensor) -> float:
        return float(((a - b) ** 2).mean()) ** 0.5

    return Result(
        off(said[0][:, 0], v),
        off(said[1][:, 0], score),
        off(made, score),
        float((score**2).mean()) ** 0.5,
    )
