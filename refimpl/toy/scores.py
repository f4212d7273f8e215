"""Learning a score: three objectives, and why the plain one blows up near data.

    E‖s_θ + ε/σ‖² = E‖s_θ − ∇log p_t‖² + E‖ε/σ + ∇log p_t‖²,      the last ~ d/σ² as σ → 0

At the *right* answer the plain denoising loss still is about d/σ², and its derivative has a
variance of 4d/σ². Multiplied by σ² they stay near d and 4d at every level.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..equations import conversions, expand_like, objectives, paths
from .losses import Path
from .mixture import Mixture


class NoiseScore(nn.Module):
    """s_θ(x, t) = −ε_θ(x/√(α² + σ²), t)/σ_t: a network of unit size, turned into a score.

    Networks like inputs and answers near 1. A score is not near 1: it grows like 1/σ. On paths that
    keep variance the division of x does nothing much; on the variance-exploding path it is needed.
    """

    def __init__(self, network: nn.Module, path: Path) -> None:
        super().__init__()
        self.network, self.path = network, path

    def forward(
        self, x: Float[Tensor, "B d"], t: Float[Tensor, " B"], y: Int[Tensor, " B"] | None = None
    ) -> Float[Tensor, "B d"]:
        """The score at x_t = x.

        Raises:
            ValueError: a level where σ = 0.
        """
        c = self.path(expand_like(t, x))
        scale = (c.alpha**2 + c.sigma**2) ** 0.5
        return conversions.score_from_noise(c, self.network(x / scale, t, y))


@dataclass(frozen=True)
class BlowUp:
    """The denoising loss at the exact score, level by level.

    Attributes:
        sigma: the levels' noise scales.
        plain, weighted: mean of the summed loss per sample.
        plain_gradient, weighted_gradient: the total variance of the loss's derivative with respect
            to the network's answer, over samples: what one sample tells an optimiser, as noise.
    """

    sigma: tuple[float, ...]
    plain: tuple[float, ...]
    weighted: tuple[float, ...]
    plain_gradient: tuple[float, ...]
    weighted_gradient: tuple[float, ...]


def blow_up(
    law: Mixture, *, generator: torch.Generator, levels: tuple[float, ...], n: int = 4000
) -> BlowUp:
    """Measure both losses at the exact score of `law` on the linear path.

    In the weighted form the network's answer is the noise prediction −σ s, so that its derivative
    is with respect to a quantity of unit size, as `NoiseScore` trains it.
    """
    columns: list[tuple[float, float, float, float, float]] = []
    for t in levels:
        c = paths.linear(t)
        data = law.sample(n, generator)
        noise = torch.randn(data.shape, generator=generator, dtype=data.dtype)
        x = paths.interpolate(c, data, noise)
        score = law.at(c).score(x).requires_grad_()
        plain = objectives.denoising(score, noise, c.sigma).sum(dim=1)
        (slope,) = torch.autograd.grad(plain.sum(), score)
        predicted = conversions.noise_from_score(c, score.detach()).requires_grad_()
        again = conversions.score_from_noise(c, predicted)
        weighted = objectives.weighted_denoising(again, noise, c.sigma).sum(dim=1)
        (weighted_slope,) = torch.autograd.grad(weighted.sum(), predicted)
        columns.append(
            (
                float(c.sigma),
                float(plain.detach().mean()),
                float(weighted.detach().mean()),
                float(slope.var(dim=0).sum()),
                float(weighted_slope.var(dim=0).sum()),
            )
        )
    return BlowUp(*(tuple(column) for column in zip(*columns, strict=True)))
