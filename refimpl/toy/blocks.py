"""A normalising flow of affine coupling blocks, trained by maximum likelihood.

    y = x e^s + b  on every second coordinate, s and b of the others, from data to noise
    log p(x) = log N(noise; 0, I) + Σ s

Each block is inverted with the networks that it has, so that sampling costs what a likelihood does.
Blocks take turns with the coordinates that they move. No ODE is solved, but the map is not free:
what is learnt is what such blocks can make.
"""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..equations import gaussian, likelihood
from .examples import mixture_2d
from .mixture import Mixture
from .networks import build
from .training import Plan


class Block(nn.Module):
    """One coupling block; `first` says whether the even coordinates are moved, or the odd ones."""

    mask: Tensor

    def __init__(self, d: int, first: bool, width: int) -> None:
        super().__init__()
        moved = (torch.arange(d) % 2 == 0) == first
        self.register_buffer("mask", moved.double())
        self.layers = nn.Sequential(
            nn.Linear(d, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, 2 * d),
        )  # fmt: skip
        last = self.layers[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def _read(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """s and b of the coordinates that are moved, 0 for the others; s lies between −2 and 2."""
        scale, shift = self.layers(x * (1 - self.mask)).chunk(2, dim=1)
        return 2 * torch.tanh(scale / 2) * self.mask, shift * self.mask

    def forward(self, x: Float[Tensor, "n d"]) -> tuple[Tensor, Tensor]:
        """y, and s summed over coordinates."""
        scale, shift = self._read(x)
        return likelihood.coupled(x, scale, shift), scale.sum(dim=1)

    def inverse(self, y: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """x."""
        return likelihood.uncoupled(y, *self._read(y))


class Flow(nn.Module):
    """Blocks, one after the other, from data to noise."""

    def __init__(self, d: int, blocks: int, width: int) -> None:
        super().__init__()
        self.d = d
        self.blocks = nn.ModuleList(Block(d, i % 2 == 0, width) for i in range(blocks))

    def log_density(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """log p(x): that of the noise it becomes, plus all s."""
        total = torch.zeros(len(x), dtype=x.dtype)
        for block in self.blocks:
            x, scale = block(x)
            total = total + scale
        noise = gaussian.log_prob(x, torch.zeros_like(x), torch.ones_like(x)).sum(dim=1)
        return likelihood.through_block(noise, -total)

    def sample(self, n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """n samples: noise, through the inverses in turn."""
        x = torch.randn(n, self.d, generator=generator, dtype=torch.float64)
        for block in reversed(self.blocks):
            assert isinstance(block, Block)
            x = block.inverse(x)
        return x


@dataclass(frozen=True)
class Config:
    """Eight blocks on a mixture in the plane."""

    plan: Plan = field(default_factory=lambda: Plan(2000))
    blocks: int = 8
    width: int = 64
    batch: int = 256
    held_out: int = 4000
    law: Mixture = field(default_factory=mixture_2d)


@dataclass(frozen=True)
class Result:
    """What was learnt.

    Attributes:
        gap: −log p less the entropy, on fresh data: an estimate of KL(data ‖ model).
        gap_error: its standard error.
        untrained: the gap of N(0, I), which the flow is at its start.
        round_trip: the largest error of data → noise → data.
    """

    gap: float
    gap_error: float
    untrained: float
    round_trip: float


def run(config: Config, *, generator: torch.Generator) -> Result:
    """Train by maximum likelihood, and measure on fresh data."""
    law = config.law
    flow = build(lambda: Flow(law.d, config.blocks, config.width), generator).double()
    fresh = law.sample(config.held_out, generator)
    before = float((law.log_density(fresh) - flow.log_density(fresh)).mean().detach())
    optimiser = torch.optim.Adam(flow.parameters(), config.plan.rate)
    for step in range(config.plan.steps):
        loss = -flow.log_density(law.sample(config.batch, generator)).mean()
        optimiser.param_groups[0]["lr"] = config.plan.rate * (1 - step / config.plan.steps)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
    with torch.no_grad():
        lost = law.log_density(fresh) - flow.log_density(fresh)
        error = float(lost.std()) / len(lost) ** 0.5
        return Result(float(lost.mean()), error, before, _round_trip(flow, fresh))


def _round_trip(flow: Flow, x: Tensor) -> float:
    y = x
    for block in flow.blocks:
        y, _ = block(y)
    for block in reversed(flow.blocks):
        assert isinstance(block, Block)
        y = block.inverse(y)
    return float((y - x).abs().max())
