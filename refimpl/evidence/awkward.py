"""What the inputs of one equation have of their own, beside what its declarations say.

    "sde.drift": Awkward(edges=({"g": 0.0}, {"score": 0.0}))

All numbers have at most 8 significant bits, like those of the lattices.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .calls import Inputs
from .lattices import Lattice


@dataclass(frozen=True)
class Awkward:
    """The inputs of one equation beyond its lattices.

    Attributes:
        edges: changes to a scalar case: ends of a range, values at which a branch turns.
        further: changes for the test vectors alone: nearer the ends, further from zero.
        lattices: by argument, a lattice of its own, or a count that stays the same.
        tie: what other arguments ask of an argument, from the case so far.
        columns: arguments per coordinate that are given per sample.
        whole: complete cases, of equations that reduce arrays; `further` then holds such too.
        vanishing: an argument at whose zero the limit is returned, where an error is as good.
    """

    edges: tuple[dict[str, Any], ...] = ()
    further: tuple[Mapping[str, Any], ...] = ()
    lattices: dict[str, Lattice | int] = field(default_factory=dict)
    tie: Callable[[Inputs], dict[str, Any]] | None = None
    columns: tuple[str, ...] = ()
    whole: tuple[Inputs, ...] = ()
    vanishing: str = ""


def grid(rows: list[Any]) -> np.ndarray:
    """Rows of numbers as a float64 array."""
    return np.array(rows, dtype=np.float64)


LINEAR_AT_0 = {"alpha": 1.0, "sigma": 0.0, "d_alpha": -1.0, "d_sigma": 1.0}
LINEAR_AT_3_4 = {"alpha": 0.25, "sigma": 0.75, "d_alpha": -1.0, "d_sigma": 1.0}
LINEAR_AT_1 = {"alpha": 0.0, "sigma": 1.0, "d_alpha": -1.0, "d_sigma": 1.0}
"""The linear path's coefficients at three levels."""

NEAR_NOISE, NEAR_DATA = 1 - 2.0**-8, 2.0**-8
LINEAR_NEAR_NOISE = {"alpha": NEAR_DATA, "sigma": NEAR_NOISE, "d_alpha": -1.0, "d_sigma": 1.0}
LINEAR_NEAR_DATA = {"alpha": NEAR_NOISE, "sigma": NEAR_DATA, "d_alpha": -1.0, "d_sigma": 1.0}
"""And next to both ends."""

ENDS = ({"t": 0.0}, {"t": 1.0})

OFFSET = 10240.0
"""A large number; such numbers, 64 apart, are exact in bfloat16."""

PRIOR = np.broadcast_to(grid([[[0.25]], [[0.625]], [[0.125]]]), (3, 2, 2)).copy()
LIKELIHOOD = grid(
    [[[0.5, 2.0], [0.125, 0.75]], [[1.5, 0.25], [3.0, 1.0]], [[0.0625, 4.0], [0.375, 0.0]]]
)
POSTERIOR = grid(
    [[[0.5, 0.25], [0.125, 0.0]], [[0.25, 0.5], [0.25, 1.0]], [[0.25, 0.25], [0.625, 0.0]]]
)
OF_COMPONENTS = grid(
    [[[1.5, -2.0], [0.25, 3.0]], [[-0.5, 4.0], [2.5, 0.75]], [[2.25, 1.0], [-3.0, 5.0]]]
)
"""Three components, leading axis: weights, likelihoods, weights given x, and values."""

GROUPS = grid([[1.0, 2.5, 0.25, -1.5], [3.0, 3.5, 4.0, 8.0], [-2.0, 0.5, 0.75, 1.25]])
"""Three groups of four rewards, or three samples of four coordinates."""
