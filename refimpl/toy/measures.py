"""How far off: fields against the exact one, samples against the exact law.

    E‖v_θ − v‖²/E‖v‖²   at x ~ p_t                        a field
    2E‖X − Y‖ − E‖X − X'‖ − E‖Y − Y'‖                     samples: energy distance, 0 iff one law
    how often each mode is hit                             mode weights

Each is a number with a zero, so that a picture is never the only evidence.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..equations import gaussian, paths
from ..equations.ode import Field
from ..equations.paths import Coefficients
from .mixture import Mixture
from .product import Product


@dataclass(frozen=True)
class FieldError:
    """E‖v_θ − v‖²/E‖v‖² at each level, and both expectations averaged over levels before dividing.

    Attributes:
        levels: t.
        relative: at each of them.
        overall: of the averages: the relative L² distance over x and t.
    """

    levels: tuple[float, ...]
    relative: tuple[float, ...]
    overall: float


@torch.no_grad()
def field_error(
    field: Field,
    exact: Field,
    law: Mixture | Product,
    *,
    generator: torch.Generator,
    path: Callable[[float], Coefficients] = paths.linear,
    levels: Sequence[float] = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95),
    n: int = 2000,
) -> FieldError:
    """The distance of `field` from `exact` where x ~ p_t really is, n samples a level."""
    errors, sizes = [], []
    for t in levels:
        x = law.at(path(t)).sample(n, generator)
        truth = exact(x, t)
        errors.append(float(((field(x, t) - truth) ** 2).sum(dim=1).mean()))
        sizes.append(float((truth**2).sum(dim=1).mean()))
    relative = tuple(e / s for e, s in zip(errors, sizes, strict=True))
    return FieldError(tuple(levels), relative, sum(errors) / sum(sizes))


@torch.no_grad()
def energy_distance(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> float:
    """2E‖X − Y‖ − E‖X − X'‖ − E‖Y − Y'‖ ≥ 0, estimated without bias: slightly negative can occur.

    Raises:
        ValueError: fewer than two samples on a side, or different dimensions.
    """
    if min(len(x), len(y)) < 2 or x.shape[1:] != y.shape[1:]:
        raise ValueError(f"two samples of one dimension, got {tuple(x.shape)}, {tuple(y.shape)}")
    n, m = len(x), len(y)
    between = torch.cdist(x, y).mean()
    within_x = torch.cdist(x, x).sum() / (n * (n - 1))
    within_y = torch.cdist(y, y).sum() / (m * (m - 1))
    return float(2 * between - within_x - within_y)


def kolmogorov(x: Float[Tensor, " n"], law: Mixture) -> float:
    """sup |F_n − F|, in one dimension."""
    levels = law.cdf(x.double().sort().values)
    i = torch.arange(1, len(x) + 1, dtype=torch.float64)
    return float(torch.maximum(i / len(x) - levels, levels - (i - 1) / len(x)).max())


def nearest_mode(x: Float[Tensor, "n d"], law: Mixture) -> Int[Tensor, " n"]:
    """The component that most probably made each sample."""
    log_likelihood = torch.stack(
        [
            gaussian.log_prob(x.double(), mean[None], std[None]).sum(dim=1)
            for mean, std in zip(law.means, law.stds, strict=True)
        ]
    )
    return (log_likelihood + law.weights.log()[:, None]).argmax(dim=0)


def mode_weights(x: Float[Tensor, "n d"], law: Mixture) -> tuple[float, ...]:
    """How large a share of the samples each component most probably made."""
    counts = torch.bincount(nearest_mode(x, law), minlength=len(law.weights))
    return tuple((counts / len(x)).tolist())
