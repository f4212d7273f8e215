"""A Gaussian mixture with independent coordinates: the family whose every p_t is known.

    data ~ Σ_k w_k N(m_k, s_k²)      ⇒      x_t ~ Σ_k w_k N(α m_k, α² s_k² + σ²)

Given x and the component, data and noise are Gaussian too; averaging over the components
(`density.posterior`, `density.conditional_mean`) gives posterior means, velocity and score.
Samples are (..., d). Inside, components come first: the fast layout, thirty times on softmax alone.
What comes in is validated by the first formula that sees it; what follows is not read again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..equations import density, gaussian, paths
from ..equations.kinds import unread
from ..equations.paths import Coefficients


@dataclass(frozen=True, eq=False)
class Mixture:
    """Σ_k w_k N(m_k, diag s_k²), in float64.

    Attributes:
        weights: shape (K,), positive, adding up to 1.
        means: shape (K, d).
        stds: shape (K, d), ≥ 0: standard deviations. A zero is a point mass: it has no density of
            its own, but every noised law `at(c)` with σ > 0 has one.

    Raises:
        ValueError: shapes that do not fit, weights that are no probabilities, a negative std, NaN.
        TypeError: not float64.
    """

    weights: Float[Tensor, " K"]
    means: Float[Tensor, "K d"]
    stds: Float[Tensor, "K d"]

    def __post_init__(self) -> None:
        for name, x in (("weights", self.weights), ("means", self.means), ("stds", self.stds)):
            if x.dtype != torch.float64:
                raise TypeError(f"{name} must be float64 (this is the reference), got {x.dtype}")
            if not bool(torch.isfinite(x).all()):
                raise ValueError(f"{name} must be finite, got {x}")
        shape = tuple(self.means.shape)
        if len(shape) != 2 or self.stds.shape != shape or self.weights.shape != shape[:1]:
            raise ValueError(
                "a mixture needs weights (K,), means (K, d) and stds (K, d), got "
                f"{tuple(self.weights.shape)}, {shape}, {tuple(self.stds.shape)}"
            )
        total = float(self.weights.sum())
        if not (bool((self.weights > 0).all()) and abs(total - 1) < 1e-12):  # K roundings
            raise ValueError(
                f"weights must be positive and add up to 1, got {self.weights.tolist()}"
            )
        if bool((self.stds < 0).any()):
            raise ValueError(f"stds must not be negative, got {self.stds.tolist()}")

    @property
    def d(self) -> int:
        """The number of coordinates."""
        return int(self.means.shape[1])

    @property
    def components(self) -> tuple[Mixture, ...]:
        """The K Gaussians, each as a mixture of one."""
        one = torch.ones(1, dtype=torch.float64)
        pairs = zip(self.means, self.stds, strict=True)
        return tuple(Mixture(one, mean[None], std[None]) for mean, std in pairs)

    def at(self, c: Coefficients) -> Mixture:
        """p_t: the law of x = α data + σ noise, again a mixture."""
        _one_level(c)
        stds = (c.alpha**2 * self.stds**2 + c.sigma**2).sqrt()
        return Mixture(self.weights, c.alpha * self.means, stds)

    @property
    def mean(self) -> Float[Tensor, " d"]:
        """E[x]."""
        return self.weights @ self.means

    @property
    def covariance(self) -> Float[Tensor, "d d"]:
        """E[x xᵀ] − E[x] E[x]ᵀ: within the components, and between them."""
        centred = self.means - self.mean
        return torch.diag(self.weights @ self.stds**2) + (centred.T * self.weights) @ centred

    def log_density(self, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch"]:
        """log p(x) of the whole sample."""
        log_likelihood = self._log_components(x)
        top = log_likelihood.amax(dim=0)
        with unread():
            p = density.marginal(self.weights[:, None], (log_likelihood - top).exp_())
        return (p.log() + top).reshape(x.shape[:-1])

    def score(self, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
        """∇ log p(x), averaged from the components' own scores (no noise prediction enters)."""
        weight = self._posterior(x)
        with unread():
            columns = [
                density.conditional_mean(weight, gaussian.score(column, m, s))
                for column, m, s in self._columns(x)
            ]
        return torch.stack(columns, dim=-1).reshape(x.shape)

    def posterior_data(
        self, c: Coefficients, x: Float[Tensor, "*batch d"]
    ) -> Float[Tensor, "*batch d"]:
        """E[data | x_t = x], where this mixture is the law of the data."""
        return self._average(c, x, lambda data, noise: data)

    def posterior_noise(
        self, c: Coefficients, x: Float[Tensor, "*batch d"]
    ) -> Float[Tensor, "*batch d"]:
        """E[noise | x_t = x]."""
        return self._average(c, x, lambda data, noise: noise)

    def velocity(self, c: Coefficients, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
        """v(x, t) = E[α̇ data + σ̇ noise | x_t = x]: the marginal velocity."""
        return self._average(c, x, lambda data, noise: paths.velocity(c, data, noise))

    def cdf(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """F(x) in one dimension, for x of any shape.

        Raises:
            ValueError: d > 1.
        """
        if self.d != 1:
            raise ValueError(
                f"a CDF needs d = 1, got d = {self.d}; test projections or factors instead"
            )
        z = (x.reshape(1, -1) - self.means) / self.stds
        return (self.weights[:, None] * torch.special.ndtr(z)).sum(dim=0).reshape(x.shape)

    def characteristic(self, w: Float[Tensor, "m d"]) -> Tensor:
        """φ(w) = E[exp(i w·x)], shape (m,), complex."""
        phase = w @ self.means.T
        decay = -((w**2) @ (self.stds**2).T) / 2
        return (torch.complex(decay, phase).exp() * self.weights).sum(dim=1)

    def place(
        self, uniform: Float[Tensor, " n"], noise: Float[Tensor, "n d"]
    ) -> Float[Tensor, "n d"]:
        """Samples from given randomness: uniform in [0, 1) picks components, noise ~ N(0, I)."""
        if noise.shape != (*uniform.shape, self.d):
            raise ValueError(
                f"noise must be (n, {self.d}) for uniform (n,), got {tuple(noise.shape)} and "
                f"{tuple(uniform.shape)}"
            )
        last = len(self.weights) - 1
        k = torch.searchsorted(self.weights.cumsum(0), uniform, right=True).clamp(max=last)
        return gaussian.sample(self.means[k], self.stds[k], noise)

    def sample(self, n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """n samples; all randomness comes from `generator`."""
        uniform = torch.rand(n, generator=generator, dtype=torch.float64)
        return self.place(uniform, torch.randn(n, self.d, generator=generator, dtype=torch.float64))

    def _columns(self, x: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
        if x.ndim < 1 or x.shape[-1] != self.d:
            raise ValueError(
                f"this mixture has d = {self.d}: x must be (..., {self.d}), got {tuple(x.shape)}"
            )
        flat = x.reshape(-1, self.d)
        return [
            (flat[:, i].expand(len(self.means), -1), self.means[:, i, None], self.stds[:, i, None])
            for i in range(self.d)
        ]

    def _log_components(self, x: Tensor) -> Tensor:
        first, *rest = [gaussian.log_prob(column, m, s) for column, m, s in self._columns(x)]
        for more in rest:
            first = first + more
        return first

    def _posterior(self, x: Tensor) -> Tensor:
        log_likelihood = self._log_components(x)
        scaled = (log_likelihood - log_likelihood.amax(dim=0)).exp_()  # a common factor cancels
        with unread():
            return density.posterior(self.weights[:, None], scaled)

    def _average(
        self, c: Coefficients, x: Tensor, value: Callable[[Tensor, Tensor], Tensor]
    ) -> Tensor:
        """E[value(data, noise) | x], value linear; both ends are lines in a component's score."""
        noised = self.at(c)
        weight = noised._posterior(x)
        columns = []
        with unread():
            for i, (column, mean, std) in enumerate(noised._columns(x)):
                m, s = self.means[:, i, None], self.stds[:, i, None]
                # data = m − α s² score, noise = −σ score, score = −(x − α m)/(α² s² + σ²)
                origin = value(m, torch.zeros_like(m))
                slope = value(-c.alpha * s**2, -c.sigma * torch.ones_like(m))
                given = torch.addcmul(origin, slope, gaussian.score(column, mean, std))
                columns.append(density.conditional_mean(weight, given))
        return torch.stack(columns, dim=-1).reshape(x.shape)


def _one_level(c: Coefficients) -> None:
    if getattr(c.alpha, "ndim", 0) or getattr(c.sigma, "ndim", 0):
        raise ValueError(
            "p_t is one law at one level: give coefficients of a single t, not of a batch"
        )
