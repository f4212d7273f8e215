"""The exact law of a *discretised* chain, with no sample drawn.

    Gaussian, affine kernel x ↦ k x + b + std ε:     m′ = k m + b,   V′ = k² V + std²,   C′ = k C
    any density in one dimension:                    p′(y) = ∫ N(y; mean(x), std²) p(x) dx

Euler–Maruyama has a bias of its own: at 40 steps it exceeds what 10⁶ samples resolve, so samplers
are tested against these laws and not against the SDE's. The kernels are the production ones; slopes
are read off by calling them. Trapezoid sums of smooth, decaying integrands converge exponentially.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from scipy.interpolate import CubicSpline
from torch import Tensor

from ..typed import held
from .sde import Kernel


@dataclass(frozen=True, eq=False)
class GaussianLaw:
    """Mean, variance and covariance with the start at each of the T + 1 levels."""

    mean: Float64[Tensor, "levels d"]
    variance: Float64[Tensor, "levels d"]
    covariance_with_start: Float64[Tensor, "levels d"]

    @property
    def std(self) -> Float64[Tensor, "levels d"]:
        """√variance."""
        return self.variance.sqrt()

    @property
    def correlation_with_start(self) -> Float64[Tensor, "levels d"]:
        """How much of the initial noise is left: 1 for a flow, less when noise is injected."""
        return self.covariance_with_start / (self.std * self.std[0])


@held
def gaussian_law(
    kernels: Sequence[Kernel], mean: Float64[Tensor, " d"], std: Float64[Tensor, " d"]
) -> GaussianLaw:
    """The law of a chain whose kernels are affine, coordinate by coordinate (Gaussian data).

    Args:
        kernels: of `sde.denoising`, `noising` or `reversal`.
        mean, std: of the start, shape (d,).

    Raises:
        ValueError: a kernel that is not affine; use `density_law`.
    """
    at = torch.stack([mean - 1, mean, mean + 1])[:, None, :]
    m, variance, covariance = mean, std**2, std**2
    rows = [(m, variance, covariance)]
    for i, kernel in enumerate(kernels):
        gaussian = [kernel(point) for point in at]
        left, middle, right = (g.mean[0] for g in gaussian)
        slope = (right - left) / 2
        bend = ((right + left - 2 * middle).abs().max() / (1 + slope.abs().max())).item()
        if bend > 1e-9:  # far above rounding, far below any curvature that matters
            raise ValueError(f"kernel {i} is not affine (it bends by {bend:.3g}): use density_law")
        m = middle + slope * (m - mean)
        variance = slope**2 * variance + gaussian[1].std ** 2
        covariance = slope * covariance
        rows.append((m, variance, covariance))
    return GaussianLaw(*(torch.stack(column) for column in zip(*rows, strict=True)))


@dataclass(frozen=True, eq=False)
class DensityLaw:
    """A density on equally spaced nodes, and what follows from it by the trapezoid rule.

    Attributes:
        nodes: shape (n,), rising, equally spaced; negligible mass lies outside.
        density: shape (n,).
    """

    nodes: Float64[Tensor, " n"]
    density: Float64[Tensor, " n"]

    @property
    def mass(self) -> float:
        """∫ p, which is 1 up to the quadrature's error."""
        return float(self._weight.sum())

    @property
    def mean(self) -> float:
        """E[x]."""
        return float((self._weight * self.nodes).sum())

    @property
    def variance(self) -> float:
        """Var x."""
        return float((self._weight * (self.nodes - self.mean) ** 2).sum())

    @held
    def cdf(self, x: Float64[Tensor, "..."]) -> Float64[Tensor, "..."]:
        """F(x): the integral of a cubic spline through the density, for x of any shape."""
        spline = CubicSpline(self.nodes.numpy(), self.density.numpy()).antiderivative()
        inside = np.clip(x.detach().numpy(), float(self.nodes[0]), float(self.nodes[-1]))
        return torch.from_numpy(np.asarray(spline(inside))).clamp(0, 1)

    @held
    def characteristic(self, w: Float64[Tensor, " m"]) -> Tensor:
        """E[exp(i w x)], shape (m,), complex."""
        phase = w[:, None] * self.nodes
        return (torch.complex(torch.cos(phase), torch.sin(phase)) * self._weight).sum(dim=1)

    @property
    def _weight(self) -> Tensor:
        return self.density * (self.nodes[1] - self.nodes[0])


@held
def density_law(
    kernels: Sequence[Kernel],
    density: Float64[Tensor, " n"],
    nodes: Float64[Tensor, " n"],
    *,
    tolerance: float = 1e-9,
) -> DensityLaw:
    """Push a one-dimensional density through a chain: one matrix product a step.

    Args:
        kernels: on x of shape (n, 1).
        density: of the start, at the nodes.
        nodes: see `nodes_for`.
        tolerance: on the mass at every step. It is 1e-12 when the nodes resolve every kernel.

    Raises:
        ValueError: a step without noise (its kernel is a point), or nodes too coarse or too short.
    """
    law = DensityLaw(nodes, density)
    for i, kernel in enumerate(kernels):
        gaussian = kernel(nodes[:, None])
        std = float(gaussian.std)
        if not std > 0:
            raise ValueError(
                f"kernel {i} has std {std!r}: a deterministic step has no density to push"
            )
        weight = law.density * (nodes[1] - nodes[0])
        heavy = weight > 1e-22  # what is left out adds up to less than n · 1e-22
        z = (nodes[:, None] - gaussian.mean[heavy, 0]) / std
        table = z.square_().mul_(-0.5).exp_()
        law = DensityLaw(nodes, table @ (weight[heavy] / (std * (2 * torch.pi) ** 0.5)))
        if not abs(law.mass - 1) < tolerance:
            raise ValueError(
                f"after kernel {i} (std {std:.3g}) the mass is off by {law.mass - 1:.3g}: "
                "give finer nodes, or a longer interval"
            )
    return law


@held
def nodes_for(smallest_std: float, half_width: float = 9.0, resolution: float = 3.0) -> Tensor:
    """Nodes on [−half_width, half_width], `resolution` of them to the smallest kernel's std."""
    half = int(np.ceil(half_width * resolution / smallest_std))
    return torch.arange(-half, half + 1, dtype=torch.float64) * (half_width / half)
