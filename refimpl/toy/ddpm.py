"""DDPM, trained and sampled: predict the noise, then walk back one Gaussian at a time.

    train    ‖ε_θ(√ᾱ_k x_0 + √(1 − ᾱ_k) ε, k) − ε‖²
    sample   x_{k−1} ~ N(posterior mean at E_θ[x_0 | x_k], β or β̃),     the last step without noise

β and β̃ are the two standard variances; with many steps they agree, with few they do not, and
neither is right. The same chain with the exact ε tells the steps' error from the network's.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..equations import conversions, ddpm, expand_like, objectives, paths
from ..equations.gaussian import Gaussian
from ..equations.ode import Field
from ..equations.paths import Coefficients
from .batches import Batch, from_law
from .examples import mixture_1d
from .measures import kolmogorov
from .networks import MLP, as_field, build
from .training import Loss, Plan, train

Variance: TypeAlias = Literal["beta", "posterior"]


@dataclass(frozen=True)
class Schedule:
    """β_k and ᾱ_k for k = 1 … T, such that √ᾱ_k is the VP path at t = k/T.

    Raises:
        ValueError: T < 2.
    """

    T: int
    beta_min: float = 0.1
    beta_max: float = 20.0

    def __post_init__(self) -> None:
        if self.T < 2:
            raise ValueError(f"a chain needs at least two steps, got T={self.T!r}")

    def path(self, t: Tensor | float) -> Coefficients:
        """The Gaussian path that the T levels lie on."""
        return paths.vp(t, self.beta_min, self.beta_max)

    @property
    def alpha_bar(self) -> Float[Tensor, " levels"]:
        """ᾱ_0 = 1, ᾱ_1, …, ᾱ_T."""
        t = torch.arange(1, self.T + 1, dtype=torch.float64) / self.T
        return torch.cat([torch.ones(1, dtype=torch.float64), self.path(t).alpha ** 2])

    @property
    def beta(self) -> Float[Tensor, " T"]:
        """β_k = 1 − ᾱ_k/ᾱ_{k−1}, k = 1 first."""
        return 1 - self.alpha_bar[1:] / self.alpha_bar[:-1]


def noise_prediction(schedule: Schedule) -> Loss:
    """‖ε_θ(x_k, k/T) − ε‖² with k uniform: DDPM's simple loss (arXiv:2006.11239, Eq. 14)."""
    alpha_bar = schedule.alpha_bar[1:]

    def loss(network: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
        k = torch.randint(schedule.T, (len(batch.data),), generator=generator)
        law = ddpm.marginal(batch.data, expand_like(alpha_bar[k], batch.data).to(batch.data.dtype))
        noise = torch.randn(batch.data.shape, generator=generator, dtype=batch.data.dtype)
        predicted = network(law.sample(noise), ((k + 1) / schedule.T).to(batch.data.dtype))
        error = objectives.weighted_denoising(-predicted / law.std, noise, law.std)
        return error.sum(dim=1).mean()

    return loss


def reverse(schedule: Schedule, k: int, x: Tensor, noise: Tensor, variance: Variance) -> Gaussian:
    """p(x_{k−1} | x_k), k ≥ 2, from a prediction of the noise.

    Raises:
        ValueError: a variance that is not one of the two.
    """
    beta, before = float(schedule.beta[k - 1]), float(schedule.alpha_bar[k - 1])
    data = conversions.data_from_noise(schedule.path(k / schedule.T), x, noise)
    step = ddpm.posterior(x, data, beta, before)
    if variance == "posterior":
        return step
    if variance == "beta":
        return Gaussian(step.mean, beta**0.5)
    raise ValueError(f"the reverse variance is 'beta' or 'posterior', got {variance!r}")


@torch.no_grad()
def sample(
    epsilon: Field,
    schedule: Schedule,
    x: Float[Tensor, "B d"],
    *,
    variance: Variance,
    generator: torch.Generator,
) -> Float[Tensor, "B d"]:
    """Ancestral sampling from x_T; the last step returns E[x_0 | x_1], as in the paper.

    Args:
        epsilon: the noise prediction epsilon(x, t) at t = k/T.
        x: x_T ~ N(0, I).
    """
    for k in range(schedule.T, 1, -1):
        step = reverse(schedule, k, x, epsilon(x, k / schedule.T), variance)
        x = step.sample(torch.randn(x.shape, generator=generator, dtype=x.dtype))
    t = 1 / schedule.T
    data: Tensor = conversions.data_from_noise(schedule.path(t), x, epsilon(x, t))
    return data


@dataclass(frozen=True)
class Config:
    """One network, trained on the finest chain; chains of several lengths, which T divides."""

    T: int = 200
    lengths: tuple[int, ...] = (10, 20, 50, 200)
    n: int = 10_000
    train: Plan = field(default_factory=lambda: Plan(3000))
    batch: int = 512
    width: int = 128

    def __post_init__(self) -> None:
        if any(self.T % length for length in self.lengths):
            raise ValueError(f"every length must divide T={self.T}, got {self.lengths}")


@dataclass(frozen=True)
class Result:
    """Kolmogorov distances to the exact law, per (who predicts, variance, number of steps).

    Attributes:
        distance: keys ("learnt" or "exact", variance, T).
        floor: the distance of as many exact samples: what chance alone makes.
        loss: the mean of the last hundred training losses.
    """

    distance: dict[tuple[str, Variance, int], float]
    floor: float
    loss: float


def run(config: Config, *, generator: torch.Generator) -> Result:
    """Train on a mixture in one dimension; sample with both variances, learnt and exact."""
    law, fine = mixture_1d(), Schedule(config.T)
    network = build(lambda: MLP(1, width=config.width), generator)
    draw = from_law(law, config.batch)
    trained = train(network, noise_prediction(fine), draw, config.train, generator=generator)
    who: dict[str, Callable[[Tensor, float], Tensor]] = {
        "learnt": as_field(trained.network),
        "exact": lambda x, t: law.posterior_noise(fine.path(t), x),
    }
    distance: dict[tuple[str, Variance, int], float] = {}
    variances: tuple[Variance, ...] = ("beta", "posterior")
    for length in config.lengths:
        schedule = Schedule(length)
        for name, epsilon in who.items():
            for variance in variances:
                start = torch.randn(config.n, 1, generator=generator, dtype=torch.float64)
                x = sample(epsilon, schedule, start, variance=variance, generator=generator)
                distance[name, variance, length] = kolmogorov(x[:, 0], law)
    floor = kolmogorov(law.sample(config.n, generator)[:, 0], law)
    losses = trained.losses[-100:]
    return Result(distance, floor, sum(losses) / len(losses))
