"""Ends of the curves, no leaning; levels where a bell is not the difference of equal numbers."""

import numpy as np

from ..awkward import ENDS, Awkward
from ..lattices import real

U_ENDS = ({"u": 0.0}, {"u": 1.0})


def _middle(name: str, n: int, seed: int) -> np.ndarray:
    """Levels k/64 from 3/8 to 5/8."""
    return (24 + (5 * np.arange(n) + 3 * seed) % 17) / 64


def _leaning(name: str, n: int, seed: int) -> np.ndarray:
    """Within the bounds of a: k/64 from −39/64 to 39/64, plus 1/2."""
    return real(name, n, seed) / 4 + 0.5


INPUTS: dict[str, Awkward] = {
    "levels.mode": Awkward(
        lattices={"scale": _leaning}, edges=(*U_ENDS, {"scale": 0.0}, {"scale": -1.0})
    ),
    "levels.mode_density": Awkward(lattices={"scale": _leaning}, edges=(*U_ENDS, {"scale": 0.0})),
    "levels.cosmap": Awkward(edges=U_ENDS),
    "levels.cosmap_density": Awkward(edges=ENDS),
    "levels.shifted_density": Awkward(edges=(*ENDS, {"by": 1.0}, {"density": 0.0})),
    "levels.sigma_sqrt": Awkward(edges=({"t": 1.0},)),
    "levels.min_snr": Awkward(edges=({"t": 1.0}, {"t": 0.5, "gamma": 1.0})),
    "levels.bell": Awkward(lattices={"t": _middle}),
    "levels.importance": Awkward(edges=({"weight": 0.0}, {"wanted": 0.0})),
}
