"""Langevin sampling with a learnt score: what goes wrong between modes, and the remedy.

    plain        x ← x + ε s_θ(x) + √(2ε) z                  mode weights are those of the start
    annealed     the same at σ_L, …, σ_1 in turn, ε_i ~ σ_i²     mode weights are those of the data

Two faults, apart: a score is learnt badly where p is small (there are no data there), and even the
exact score says nothing about the weights of modes that the chain cannot travel between. Noise at a
large scale fills the gap, and the chain starts where there is one mode only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from ..equations import langevin, paths
from ..equations.ode import Field
from ..equations.paths import Coefficients
from ..simulate.grids import uniform
from .batches import from_law
from .examples import mixture
from .losses import among, denoising
from .measures import mode_weights
from .mixture import Mixture
from .networks import MLP, as_field, build
from .scores import NoiseScore
from .training import Plan, train


@dataclass(frozen=True)
class Config:
    """A two-mode law, L scales and the chains' lengths.

    Attributes:
        weight: of the mode at (4, 4); the other, at (−4, −4), has the rest.
        scales: L, levels of the VE path from σ_1 to sigma_max, evenly spaced in log σ.
        eps: the plain chain's step; the exact chain then is too wide by eps/(2 std²), 4 %.
        eps_annealed: the step at the smallest scale, a fifth of its σ².
        inner: Langevin steps at each scale; the plain chain makes as many in all.
        width: of the networks.

    Raises:
        ValueError: a number out of range.
    """

    weight: float = 0.8
    std: float = 0.5
    sigma_min: float = 0.1
    sigma_max: float = 20.0
    scales: int = 20
    eps: float = 0.02
    eps_annealed: float = 0.0014
    inner: int = 20
    chains: int = 2000
    train: Plan = field(default_factory=lambda: Plan(3000, rate=3e-3))
    batch: int = 256
    width: int = 128

    def __post_init__(self) -> None:
        if not 0 < self.weight < 1 or self.scales < 2 or self.inner < 1 or self.chains < 2:
            raise ValueError(f"weights lie in (0, 1) and counts are positive, got {self!r}")

    @property
    def law(self) -> Mixture:
        """Σ w_k N(±(4, 4), std²)."""
        return mixture(
            [1 - self.weight, self.weight], [[-4.0, -4.0], [4.0, 4.0]], [[self.std] * 2] * 2
        )

    def path(self, t: Tensor | float) -> Coefficients:
        """The VE path between the two extreme scales."""
        return paths.ve(t, self.sigma_min, self.sigma_max)

    @property
    def levels(self) -> tuple[float, ...]:
        """t of the L scales, from 1 down; their σ fall nearly geometrically."""
        return uniform(self.scales).levels[:-1]


@dataclass(frozen=True)
class Result:
    """Mode weights that chains end with, and where the score is wrong.

    Attributes:
        weights: share of the mode at (4, 4), per sampler; the truth is `Config.weight`.
        error_where_dense, error_between: E‖s_θ − s‖²/E‖s‖² of the score learnt at the smallest
            scale, at samples of p, and at points evenly spread between the modes.
        samples: what each sampler ended with, shape (chains, 2).
    """

    weights: dict[str, float]
    error_where_dense: float
    error_between: float
    samples: dict[str, Float[Tensor, "n 2"]] = field(repr=False)


def plain(
    score: Field, x: Tensor, t: float, *, eps: float, steps: int, generator: torch.Generator
) -> Tensor:
    """`steps` steps of Langevin dynamics under one score."""
    for _ in range(steps):
        z = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = langevin.step(x, score(x, t), eps).sample(z)
    return x


@torch.no_grad()
def annealed(
    score: Field,
    x: Float[Tensor, "n d"],
    levels: Sequence[float],
    sigmas: Sequence[float],
    *,
    eps: float,
    inner: int,
    generator: torch.Generator,
) -> Float[Tensor, "n d"]:
    """Langevin dynamics at every scale in turn, the largest first, with steps ε σ_i²/σ_1².

    Raises:
        ValueError: levels that do not fall, or another number of sigmas.
    """
    if len(levels) != len(sigmas) or list(levels) != sorted(levels, reverse=True):
        raise ValueError(f"levels must fall, one sigma each, got {levels!r} and {sigmas!r}")
    for t, sigma in zip(levels, sigmas, strict=True):
        step = langevin.annealed_eps(eps, sigma, sigmas[-1])
        x = plain(score, x, t, eps=step, steps=inner, generator=generator)
    return x


def run(config: Config, *, generator: torch.Generator) -> Result:
    """Train one score at the smallest scale and one at all scales; sample in five ways."""
    law, levels = config.law, config.levels
    sigmas = [float(config.path(t).sigma) for t in levels]
    lowest = levels[-1]

    def learnt(at: Sequence[float]) -> Field:
        network = build(lambda: NoiseScore(MLP(2, width=config.width), config.path), generator)
        loss = denoising(config.path, levels=among(torch.tensor(at)), weighted=True)
        draw = from_law(law, config.batch)
        return as_field(train(network, loss, draw, config.train, generator=generator).network)

    def exact(x: Tensor, t: float | Tensor) -> Tensor:
        return law.at(config.path(t)).score(x)

    single, multiple = learnt([lowest]), learnt(levels)
    n = config.chains
    spread = 12 * torch.rand(n, 2, generator=generator, dtype=torch.float64) - 6
    wide = sigmas[0] * torch.randn(n, 2, generator=generator, dtype=torch.float64)
    steps = config.inner * config.scales
    eps = config.eps
    with torch.no_grad():
        plainly = {
            name: plain(score, spread, lowest, eps=eps, steps=steps, generator=generator)
            for name, score in (("plain, exact", exact), ("plain, learnt", single))
        }
    eps, inner = config.eps_annealed, config.inner
    samples = plainly | {
        name: annealed(score, wide, levels, sigmas, eps=eps, inner=inner, generator=generator)
        for name, score in (("annealed, exact", exact), ("annealed, learnt", multiple))
    }
    dense = law.at(config.path(lowest)).sample(n, generator)
    along = torch.linspace(-2.5, 2.5, n, dtype=torch.float64)[:, None].expand(n, 2)
    return Result(
        weights={name: mode_weights(x, law)[1] for name, x in samples.items()},
        error_where_dense=_relative(single, exact, dense, lowest),
        error_between=_relative(single, exact, along, lowest),
        samples=samples,
    )


@torch.no_grad()
def _relative(score: Field, exact: Field, x: Tensor, t: float) -> float:
    truth = exact(x, t)
    return float(((score(x, t) - truth) ** 2).sum() / (truth**2).sum())
