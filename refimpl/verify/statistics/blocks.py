"""An affine coupling block: where its samples lie, and the density that it states."""

from functools import partial

import torch
from torch import Tensor

from ...equations import likelihood
from ...statistics import budget, distribution
from ...statistics.budget import claim
from ...statistics.ledger import N
from ..accepting import evidence_of, must_reject, standard_normal
from ..check import Evidence, check

NODES = torch.linspace(-9, 9, 1201, dtype=torch.float64)


def _scale(z: Tensor) -> Tensor:
    return torch.sin(z) / 2


def _shift(z: Tensor) -> Tensor:
    return z**2 / 4 - 0.5


@check(
    "statistics",
    covers=("likelihood.coupled", "likelihood.uncoupled", "likelihood.through_block"),
    rows=("NF-5",),
)
def a_block_moves_a_law_as_its_density_says(seed: int) -> Evidence:
    """y = x e^s(z) + b(z) with z, x ~ N(0, 1) has the CDF ∫ φ(z) Φ((y − b)/e^s) dz (DKW).

    And the block's own density, summed over z, is the derivative of that CDF.
    """
    generator = budget.generator("blocks.image", seed)
    z, x = (standard_normal(N, generator=generator) for _ in range(2))
    y = likelihood.coupled(x, _scale(z), _shift(z))
    grid = torch.linspace(-8, 20, 4001, dtype=torch.float64)
    mass = torch.exp(-(NODES**2) / 2) / (2 * torch.pi) ** 0.5 * (NODES[1] - NODES[0])
    table = torch.special.ndtr((grid[:, None] - _shift(NODES)) / torch.exp(_scale(NODES))) @ mass

    def below(at: Tensor) -> Tensor:
        place = torch.searchsorted(grid, at).clamp(1, len(grid) - 1)
        share = (at - grid[place - 1]) / (grid[place] - grid[place - 1])
        return table[place - 1] + share * (table[place] - table[place - 1])

    # chords of a CDF whose slope changes by less than 1: 0.007²/8
    held = partial(distribution.cdf, claim=claim("blocks.image"), detects=0.017, slack=1e-5)
    must_reject("the law before the block", partial(held, y, torch.special.ndtr))
    evidence = evidence_of([held(y, below)])
    evidence.figures["density off the CDF's slope"] = _density(grid, table, mass)
    return evidence


def _density(grid: Tensor, table: Tensor, mass: Tensor) -> float:
    """The largest gap of the summed density from differences of the CDF.

    Raises:
        AssertionError: it is more than differences can explain.
    """
    y = grid[1:-1:40, None].expand(-1, len(NODES))
    scale, shift = (f(NODES)[None, :].expand_as(y) for f in (_scale, _shift))
    x = likelihood.uncoupled(y, scale, shift)
    start = -(x**2) / 2 - torch.log(torch.tensor(2 * torch.pi, dtype=torch.float64)) / 2
    stated = likelihood.through_block(start, scale).exp() @ mass
    slope = ((table[2:] - table[:-2]) / (grid[2] - grid[0]))[::40]
    worst = float((stated - slope).abs().max())
    if not worst < 1e-4:  # central differences: h²/6 times a third derivative
        raise AssertionError(f"the block's density is off the slope of its CDF by {worst:.3g}")
    return worst
