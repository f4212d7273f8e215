"""A rotated product of one-dimensional mixtures: many dimensions, nothing approximated.

    x = Q y,   y_i ~ mixture_i independent,   Q orthogonal

The path commutes with Q (noise is isotropic), so p_t, score and velocity are those of the factors,
rotated; and so is a whole denoising chain, whose law is then known from one-dimensional ones. Yet
in the coordinates of x nothing is independent, which is what tests of joint structure need.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..equations.paths import Coefficients
from .mixture import Mixture


@dataclass(frozen=True, eq=False)
class Product:
    """The law of Q y with independent y_i.

    Attributes:
        factors: d mixtures of one dimension.
        rotation: Q, shape (d, d), orthogonal.

    Raises:
        ValueError: a factor with d > 1, or a matrix that is not orthogonal.
    """

    factors: tuple[Mixture, ...]
    rotation: Float[Tensor, "d d"]

    def __post_init__(self) -> None:
        wide = [factor.d for factor in self.factors if factor.d != 1]
        if wide or not self.factors:
            raise ValueError(f"factors must be mixtures of one dimension, got d = {wide}")
        d = len(self.factors)
        if self.rotation.shape != (d, d):
            raise ValueError(
                f"{d} factors need a rotation ({d}, {d}), got {tuple(self.rotation.shape)}"
            )
        gap = float(
            (self.rotation.T @ self.rotation - torch.eye(d, dtype=torch.float64)).abs().max()
        )
        if not gap < 1e-12:  # d roundings of unit-sized entries
            raise ValueError(f"the rotation must be orthogonal: QᵀQ differs from 1 by {gap:.3g}")

    @property
    def d(self) -> int:
        """The number of coordinates."""
        return len(self.factors)

    def unrotate(self, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
        """y = Qᵀ x: independent coordinates, tested factor by factor."""
        if x.shape[-1] != self.d:
            raise ValueError(f"this law has d = {self.d}, got x of shape {tuple(x.shape)}")
        return x @ self.rotation

    def at(self, c: Coefficients) -> Product:
        """p_t: every factor at level t, the same rotation."""
        return Product(tuple(factor.at(c) for factor in self.factors), self.rotation)

    @property
    def mean(self) -> Float[Tensor, " d"]:
        """E[x] = Q E[y]."""
        return self.rotation @ torch.cat([factor.mean for factor in self.factors])

    @property
    def covariance(self) -> Float[Tensor, "d d"]:
        """Q diag(Var y) Qᵀ."""
        variances = torch.cat([factor.covariance[0] for factor in self.factors])
        return (self.rotation * variances) @ self.rotation.T

    def log_density(self, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch"]:
        """log p(x) = Σ_i log p_i(y_i): a rotation leaves volume alone."""
        columns = self._columns(x)
        terms = [p.log_density(y) for p, y in zip(self.factors, columns, strict=True)]
        return torch.stack(terms).sum(dim=0)

    def score(self, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
        """∇ log p(x) = Q (∂ log p_i(y_i))_i."""
        return self._rotated(x, lambda factor, y: factor.score(y))

    def velocity(self, c: Coefficients, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
        """v(x, t) = Q (v_i(y_i, t))_i."""
        return self._rotated(x, lambda factor, y: factor.velocity(c, y))

    def posterior_data(
        self, c: Coefficients, x: Float[Tensor, "*batch d"]
    ) -> Float[Tensor, "*batch d"]:
        """E[data | x_t = x]."""
        return self._rotated(x, lambda factor, y: factor.posterior_data(c, y))

    def posterior_noise(
        self, c: Coefficients, x: Float[Tensor, "*batch d"]
    ) -> Float[Tensor, "*batch d"]:
        """E[noise | x_t = x]."""
        return self._rotated(x, lambda factor, y: factor.posterior_noise(c, y))

    def characteristic(self, w: Float[Tensor, "m d"]) -> Tensor:
        """φ(w) = Π_i φ_i((Qᵀ w)_i), shape (m,), complex."""
        columns = self._columns(w)
        terms = [p.characteristic(u) for p, u in zip(self.factors, columns, strict=True)]
        return torch.stack(terms).prod(dim=0)

    def sample(self, n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """n samples; all randomness comes from `generator`."""
        y = torch.cat([factor.sample(n, generator) for factor in self.factors], dim=1)
        return y @ self.rotation.T

    def _columns(self, x: Tensor) -> list[Tensor]:
        return [y[..., None] for y in self.unrotate(x).unbind(-1)]

    def _rotated(self, x: Tensor, value: Callable[[Mixture, Tensor], Tensor]) -> Tensor:
        columns = self._columns(x)
        parts = [value(p, y) for p, y in zip(self.factors, columns, strict=True)]
        return torch.cat(parts, dim=-1) @ self.rotation.T
