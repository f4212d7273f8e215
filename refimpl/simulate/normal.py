"""Gaussians with a full covariance, and what exact laws of chains make of them.

    data ~ N(m, C)   ⇒   x_t ~ N(α m, α² C + σ² I),   E[data | x_t] = m + α C S⁻¹ (x − α m)

Every map of a Gaussian that is affine gives a Gaussian: a chain of kernels, or a whole sampler with
all the noise that it draws, is read off at d + 1 points and one for each number of noise. Nothing
asks that matrices commute. In two dimensions `equations.correlated` writes the same out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from jaxtyping import Float64
from torch import Tensor

from ..equations import paths
from ..equations.ode import Field
from ..equations.paths import Coefficients
from ..typed import held, typed
from .sde import Kernel, Path

Affine: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""A sampler: x of shape (n, d) and noise of shape (k, n, d) give the end, shape (n, d)."""

BENDS = 1e-9
"""How far a map may be from affine: far above rounding, far below a curvature that matters."""


@dataclass(frozen=True, eq=False)
class Normal:
    """N(mean, covariance), in float64.

    Attributes:
        mean: shape (d,).
        covariance: shape (d, d), symmetric, no eigenvalue below 0.

    Raises:
        ValueError: shapes that do not fit, or a matrix that is no covariance.
    """

    mean: Float64[Tensor, " d"]
    covariance: Float64[Tensor, "d d"]

    def __post_init__(self) -> None:
        typed(self)
        largest = float(self.covariance.abs().max())
        gap = float((self.covariance - self.covariance.T).abs().max())
        if not gap <= 1e-12 * largest:  # d roundings of the largest entry
            raise ValueError(f"a covariance is symmetric, this one differs by {gap:.3g}")
        least = float(torch.linalg.eigvalsh(self.covariance)[0])
        if not least >= -1e-12 * largest:
            raise ValueError(f"a covariance has no negative eigenvalue, this one has {least:.3g}")

    @property
    def d(self) -> int:
        """The number of coordinates."""
        return int(self.mean.shape[0])

    def at(self, c: Coefficients) -> "Normal":
        """p_t: the law of α data + σ noise, where this is the law of the data."""
        noise = c.sigma**2 * torch.eye(self.d, dtype=torch.float64)
        return Normal(c.alpha * self.mean, c.alpha**2 * self.covariance + noise)

    @held
    def score(self, x: Float64[Tensor, "n d"]) -> Float64[Tensor, "n d"]:
        """∇ log p = −C⁻¹ (x − m)."""
        return -torch.linalg.solve(self.covariance, (x - self.mean).T).T

    @held
    def data(self, c: Coefficients, x: Float64[Tensor, "n d"]) -> Float64[Tensor, "n d"]:
        """E[data | x_t = x]."""
        return self.mean - c.alpha * self.at(c).score(x) @ self.covariance

    @held
    def noise(self, c: Coefficients, x: Float64[Tensor, "n d"]) -> Float64[Tensor, "n d"]:
        """E[noise | x_t = x] = −σ ∇ log p_t."""
        return -c.sigma * self.at(c).score(x)

    @held
    def velocity(self, c: Coefficients, x: Float64[Tensor, "n d"]) -> Float64[Tensor, "n d"]:
        """E[α̇ data + σ̇ noise | x_t = x]."""
        return torch.as_tensor(paths.velocity(c, self.data(c, x), self.noise(c, x)))

    @held
    def sample(self, n: int, generator: torch.Generator) -> Float64[Tensor, "n d"]:
        """n samples: the root of the covariance, times standard normal numbers."""
        e = torch.randn(n, self.d, generator=generator, dtype=torch.float64)
        return self.mean + e @ root(self.covariance)


@held
def standard(d: int) -> Normal:
    """N(0, I): where samplers start."""
    return Normal(torch.zeros(d, dtype=torch.float64), torch.eye(d, dtype=torch.float64))


def field(data: Normal, path: Path = paths.linear) -> Field:
    """The exact velocity field(x, t) of correlated Gaussian data."""
    return lambda x, t: data.velocity(path(t), x)


@held
def root(covariance: Float64[Tensor, "d d"]) -> Float64[Tensor, "d d"]:
    """The symmetric square root √C."""
    values, axes = torch.linalg.eigh(covariance)
    return axes * values.clamp(min=0).sqrt() @ axes.T


def kl(p: Normal, q: Normal) -> float:
    """KL(p, q) = ½ [tr(Q⁻¹P) + ‖√Q⁻¹ d‖² − dim + log(det Q/det P)], in nats.

    Raises:
        ValueError: a law without a density, or two dimensions.
    """
    _alike(p, q)
    for name, law in (("p", p), ("q", q)):
        if not float(torch.linalg.eigvalsh(law.covariance)[0]) > 0:
            raise ValueError(f"{name} has no density: its covariance is singular")
    lower = torch.linalg.cholesky(q.covariance)
    shift = torch.linalg.solve_triangular(lower, (p.mean - q.mean)[:, None], upper=False)
    seen = torch.linalg.solve_triangular(lower, root(p.covariance), upper=False)
    logs = torch.linalg.slogdet(q.covariance)[1] - torch.linalg.slogdet(p.covariance)[1]
    return float(((seen**2).sum() + (shift**2).sum() - p.d + logs) / 2)


def wasserstein(p: Normal, q: Normal) -> float:
    """W₂ = √(‖d‖² + tr P + tr Q − 2 tr √(√P Q √P)): the distance, in the unit of x.

    A difference of traces: what lies below 1e-8 of the width is rounding.

    Raises:
        ValueError: two dimensions.
    """
    _alike(p, q)
    shared = torch.linalg.svdvals(root(p.covariance) @ root(q.covariance)).sum()
    traces = p.covariance.trace() + q.covariance.trace()
    return float((((p.mean - q.mean) ** 2).sum() + traces - 2 * shared).clamp(min=0).sqrt())


def _alike(p: Normal, q: Normal) -> None:
    if p.d != q.d:
        raise ValueError(f"both laws need one dimension, got d = {p.d} and d = {q.d}")


def pushed(kernels: Sequence[Kernel], start: Normal) -> tuple[Normal, ...]:
    """The laws along a chain of affine kernels: m′ = K m + b, C′ = K C Kᵀ + std² I.

    Raises:
        ValueError: a kernel that is not affine.
    """
    found = [start]
    for i, kernel in enumerate(kernels):
        now = found[-1]
        steps = torch.eye(now.d, dtype=torch.float64)
        far = -2 * torch.ones_like(now.mean)[None]  # where no slope is read off
        at = now.mean + torch.cat([torch.zeros_like(far), steps, far])
        gaussian = kernel(at)
        images = torch.as_tensor(gaussian.mean)
        matrix = (images[1:-1] - images[0]).T
        _affine(f"kernel {i}", images[-1] - images[0], -2 * matrix.sum(1))
        added = float(gaussian.std) ** 2 * steps
        found.append(Normal(images[0], _symmetric(matrix @ now.covariance @ matrix.T + added)))
    return tuple(found)


def law(sampler: Affine, start: Normal, draws: int = 0) -> Normal:
    """The exact law of an affine sampler's end: m′ = f(m), C′ = K C Kᵀ + Σ_i L_i L_iᵀ.

    Args:
        sampler: all of it, from its start to its end, with the noise that it draws as an argument.
        start: the law of x.
        draws: how many standard normal tensors, shaped like x, the sampler uses.

    Raises:
        ValueError: a sampler that is not affine, such as any on data that are not Gaussian.
    """
    d, n = start.d, 2 + (1 + draws) * start.d
    x = start.mean.repeat(n, 1)
    noise = torch.zeros(draws, n, d, dtype=torch.float64)
    x[1:].diagonal().add_(1)
    for i in range(draws):
        noise[i, 1 + (1 + i) * d :].diagonal().fill_(1)
    x[-1] -= 2  # where no slope was read off
    noise[:, -1] = -2
    ends = sampler(x, noise)
    slopes = ends[1:-1] - ends[0]
    _affine("the sampler", ends[-1] - ends[0], -2 * slopes.sum(0))
    of_start, of_noise = slopes[:d].T, slopes[d:].T
    covariance = of_start @ start.covariance @ of_start.T + of_noise @ of_noise.T
    return Normal(ends[0], _symmetric(covariance))


def _affine(what: str, found: Tensor, wanted: Tensor) -> None:
    bend = float((found - wanted).abs().max() / (1 + wanted.abs().max()))
    if not bend <= BENDS:
        raise ValueError(
            f"{what} is not affine (it bends by {bend:.3g}): its law is no Gaussian; in one "
            "dimension there is simulate.laws.density_law"
        )


def _symmetric(matrix: Tensor) -> Tensor:
    return (matrix + matrix.T) / 2
