"""A law with labels whose classifier is exact: a mixture per label.

    p_t(x) = Σ_y π_y p_t(x | y)         p_t(y | x) = π_y p_t(x | y)/p_t(x)

Everything that guidance needs is known: conditional and unconditional fields, the classifier at
every noise level and its gradient. What training and sampling add can then be measured apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..equations import conversions, guidance, paths
from ..equations.ode import Field
from ..equations.paths import Coefficients
from .batches import Batch
from .examples import mixture
from .mixture import Mixture


@dataclass(frozen=True, eq=False)
class Labelled:
    """p(x, y) = π_y p(x | y).

    Attributes:
        prior: π, shape (labels,), positive, adding up to 1.
        given: p(x | y), one mixture per label.

    Raises:
        ValueError: another number of mixtures, or mixtures of different dimensions.
    """

    prior: Float[Tensor, " labels"]
    given: tuple[Mixture, ...]

    def __post_init__(self) -> None:
        if len(self.given) != len(self.prior) or len({law.d for law in self.given}) != 1:
            raise ValueError(
                f"one mixture per label, all of one dimension: got {len(self.prior)} labels and "
                f"mixtures of d = {[law.d for law in self.given]}"
            )
        _ = self.law  # refuses a prior that is none

    @property
    def labels(self) -> int:
        """How many labels there are."""
        return len(self.given)

    @property
    def law(self) -> Mixture:
        """p(x): all components of all labels."""
        return Mixture(
            torch.cat([p * law.weights for p, law in zip(self.prior, self.given, strict=True)]),
            torch.cat([law.means for law in self.given]),
            torch.cat([law.stds for law in self.given]),
        )

    def sample(
        self, n: int, generator: torch.Generator
    ) -> tuple[Float[Tensor, "n d"], Int[Tensor, " n"]]:
        """n pairs (x, y)."""
        y = torch.multinomial(self.prior, n, replacement=True, generator=generator)
        drawn = torch.stack([law.sample(n, generator) for law in self.given])
        return drawn[y, torch.arange(n)], y

    def draw(self, n: int) -> Callable[[torch.Generator], Batch]:
        """Labelled batches for training, in float32."""

        def draw(generator: torch.Generator) -> Batch:
            x, y = self.sample(n, generator)
            return Batch(x.float(), y)

        return draw

    def log_posterior(self, c: Coefficients, x: Float[Tensor, "B d"]) -> Float[Tensor, "B labels"]:
        """log p_t(y | x): the exact classifier of noised data."""
        terms = [
            torch.log(p) + law.at(c).log_density(x)
            for p, law in zip(self.prior, self.given, strict=True)
        ]
        return torch.stack(terms, dim=1).log_softmax(dim=1)

    def classifier_score(
        self, c: Coefficients, x: Float[Tensor, "B d"], y: int
    ) -> Float[Tensor, "B d"]:
        """∇ₓ log p_t(y | x), by differentiating the exact classifier."""
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            (slope,) = torch.autograd.grad(self.log_posterior(c, x)[:, y].sum(), x)
        return slope

    def guided(self, y: int, w: float) -> Field:
        """(1 − w) v(x) + w v(x | y), both exact, on the linear path."""
        whole, part = self.law, self.given[y]

        def field(x: Tensor, t: float) -> Tensor:
            c = paths.linear(t)
            answer: Tensor = guidance.classifier_free(whole.velocity(c, x), part.velocity(c, x), w)
            return answer

        return field


def classifier_field(v: Field, classifier_score: Field, w: float) -> Field:
    """ṽ = v + w a_t ∇log p_t(y | x) on the linear path, a_t read off v = a_t score + b_t x.

    At t = 1 the classifier knows nothing (its gradient is zero) and a_t is infinite: start below.

    Raises:
        ValueError: t = 1.
    """

    def field(x: Tensor, t: float) -> Tensor:
        a = conversions.velocity_from_score(paths.linear(t), 0.0, 1.0)
        answer: Tensor = guidance.classifier(v(x, t), a, classifier_score(x, t), w)
        return answer

    return field


def three_labels() -> Labelled:
    """Three labels round the origin, two modes each, close enough that labels overlap."""
    given = []
    for k in range(3):
        u = 2 * math.pi * k / 3
        near = [1.2 * math.cos(u), 1.2 * math.sin(u)]
        far = [2.2 * math.cos(u + 0.5), 2.2 * math.sin(u + 0.5)]
        given.append(mixture([0.6, 0.4], [near, far], [[0.5, 0.5], [0.35, 0.35]]))
    return Labelled(torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64), tuple(given))
