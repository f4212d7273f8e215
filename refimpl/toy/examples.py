"""Named problems with exact answers, small enough to remember.

    gaussian_1d    N(1.5, 0.5²): the field is affine, everything has a closed form
    mixture_1d     three unequal modes: nothing is symmetric, no mean is zero
    mixture_2d     eight modes on an off-centre ring
    rotated_2d, rotated_8d     products of 1-D mixtures, turned: joint structure

On the cosine path the mean α_t m of each of them is curved, so that errors in a mean show; on the
straight linear path a test of means alone would be vacuous.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..equations import paths
from ..equations.ode import Field
from ..equations.paths import Coefficients
from .mixture import Mixture
from .product import Product


def mixture(weights: list[float], means: list[list[float]], stds: list[list[float]]) -> Mixture:
    """A mixture from plain numbers: weights (K,), means (K, d), stds (K, d)."""
    as_tensor = [torch.tensor(x, dtype=torch.float64) for x in (weights, means, stds)]
    return Mixture(*as_tensor)


def gaussian(mean: list[float], std: list[float]) -> Mixture:
    """N(mean, diag std²), as a mixture of one."""
    return mixture([1.0], [mean], [std])


def gaussian_1d() -> Mixture:
    """N(1.5, 0.25): the case whose discrete chains are known in closed form."""
    return gaussian([1.5], [0.5])


def mixture_1d() -> Mixture:
    """0.5 N(−1.5, 0.35²) + 0.3 N(0.5, 0.25²) + 0.2 N(2, 0.5²)."""
    return mixture([0.5, 0.3, 0.2], [[-1.5], [0.5], [2.0]], [[0.35], [0.25], [0.5]])


def mixture_2d() -> Mixture:
    """Eight Gaussians of std 0.25 on a ring of radius 2 round (0.5, −0.3), with unequal weights."""
    angles = [2 * math.pi * k / 8 for k in range(8)]
    means = [[0.5 + 2 * math.cos(u), -0.3 + 2 * math.sin(u)] for u in angles]
    return mixture([(k + 4) / 60 for k in range(8)], means, [[0.25, 0.25]] * 8)


def rotated_2d() -> Product:
    """Two one-dimensional mixtures, turned by 30 degrees."""
    turn = math.pi / 6
    rotation = [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
    two = mixture([0.6, 0.4], [[-1.0], [1.5]], [[0.3], [0.4]])
    return Product((mixture_1d(), two), torch.tensor(rotation, dtype=torch.float64))


def rotated_8d() -> Product:
    """Eight factors, three kinds of them, mixed by a rotation without a zero entry."""
    two = mixture([0.6, 0.4], [[-1.0], [1.5]], [[0.3], [0.4]])
    kinds = (mixture_1d(), two, gaussian_1d())
    return Product(tuple(kinds[i % 3] for i in range(8)), _rotation(8))


def _rotation(d: int) -> Tensor:
    """Two reflections are a rotation: exact to rounding, the same on every machine."""
    rotation = torch.eye(d, dtype=torch.float64)
    for u in (torch.arange(1, d + 1, dtype=torch.float64), torch.ones(d, dtype=torch.float64)):
        u = u / u.norm()
        rotation = rotation @ (torch.eye(d, dtype=torch.float64) - 2 * torch.outer(u, u))
    return rotation


def field(
    problem: Mixture | Product, path: Callable[[float], Coefficients] = paths.linear
) -> Field:
    """The exact velocity field(x, t) of a problem on a path, for any solver."""
    return lambda x, t: problem.velocity(path(t), x)


def examples() -> dict[str, Mixture | Product]:
    """Every named problem."""
    made = (gaussian_1d, mixture_1d, mixture_2d, rotated_2d, rotated_8d)
    return {make.__name__: make() for make in made}
