"""Mixtures in the plane, one a label, and a linear reward: where tuning leads is a mixture again.

    p*(x | y) ∝ p(x | y) e^{k_y·x/β}        every label has its own slope k_y

The policy is the exact field plus a small network, so at the start nothing is wrong but the number
of steps. Near a = √2 a chain forgets its start, and p* is nearly attainable.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ... import methods
from ...methods import Method
from ...simulate.grids import Grid
from ..labelled import Labelled, three_labels
from ..measures import energy_distance
from ..mixture import Mixture
from ..networks import MLP, build
from ..tilted import tilted
from .policies import Corrected, ExactField
from .problem import Problem
from .rollouts import roll


@dataclass(frozen=True, eq=False)
class Plane:
    """A law, a slope for each label, and what follows from them.

    Attributes:
        slopes: shape (labels, 2).
    """

    law: Labelled
    slopes: Float[Tensor, "labels 2"]

    def reward(self, x: Float[Tensor, "B 2"], y: Int[Tensor, " B"]) -> Float[Tensor, " B"]:
        """k_y·x."""
        return (self.slopes[y] * x).sum(dim=1)

    def optimum(self, beta: float) -> tuple[Mixture, ...]:
        """p*(x | y) for every label."""
        pairs = zip(self.law.given, self.slopes, strict=True)
        return tuple(tilted(law, slope, beta) for law, slope in pairs)

    def mean_reward(self, laws: tuple[Mixture, ...]) -> float:
        """E[k_y·x] when x ~ laws[y] and every label is equally frequent."""
        each = [float(k @ law.mean) for k, law in zip(self.slopes, laws, strict=True)]
        return sum(each) / len(each)

    def problem(self, generator: torch.Generator, *, width: int = 64, depth: int = 2) -> Problem:
        """The exact field, and the same with a network beside it."""
        reference = ExactField(self.law.given)
        network = build(
            lambda: MLP(2, width=width, depth=depth, labels=len(self.slopes)), generator
        )
        policy = Corrected(reference, network.double())
        return Problem(2, torch.float64, len(self.slopes), reference, policy, self.reward)


def three() -> Plane:
    """Three labels of two modes each; every reward asks for the rarer mode and for more."""
    law = three_labels()
    apart = torch.stack([given.means[1] - given.means[0] for given in law.given])
    return Plane(law, apart / apart.norm(dim=1, keepdim=True))


@torch.no_grad()
def samples(
    network: torch.nn.Module,
    labels: int,
    method: Method,
    grid: Grid,
    n: int,
    generator: torch.Generator,
    d: int = 2,
    dtype: torch.dtype = torch.float64,
) -> tuple[Tensor, Tensor]:
    """n ends of every label, by the method's chain with all its steps: x and y."""
    y = torch.arange(labels).repeat_interleave(n)
    start = torch.randn(len(y), d, generator=generator, dtype=dtype)
    every = method.but(window="all")
    done = roll(network, start, y, every, methods.plan(every, grid), grid, generator)
    return done.ends, y


def distance(x: Tensor, y: Tensor, laws: tuple[Mixture, ...], generator: torch.Generator) -> float:
    """The energy distance to the law of each label, averaged over labels."""
    each = []
    for label, law in enumerate(laws):
        rows = x[y == label]
        each.append(energy_distance(rows, law.sample(len(rows), generator)))
    return sum(each) / len(each)
