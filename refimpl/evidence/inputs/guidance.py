"""No guidance, the conditional field, strong guidance."""

import numpy as np

from ..awkward import Awkward
from ..lattices import Lattice, positive, real

_WIDER: dict[str, Lattice | int] = {
    "std_uncond": lambda name, n, seed: positive(name, n, seed) + 2,
    "w": lambda name, n, seed: abs(real(name, n, seed)),
}
"""The unconditional law the wider one, and w ≥ 0: then the tilted law exists."""


def _quarter(name: str, n: int, seed: int) -> np.ndarray:
    return np.full(n, 0.25)


def _three_quarters(name: str, n: int, seed: int) -> np.ndarray:
    return np.full(n, 0.75)


def _around(name: str, n: int, seed: int) -> np.ndarray:
    """Levels inside, above and below the interval from 1/4 to 3/4, in turn."""
    return np.array([(0.5, 0.9375, 0.625, 0.125, 0.6875, 0.375)[(i + seed) % 6] for i in range(n)])


INPUTS: dict[str, Awkward] = {
    "guidance.classifier": Awkward(lattices={"a": positive}),
    "guidance.classifier_free": Awkward(
        edges=({"w": 0.0}, {"w": 1.0}, {"w": 4.5}),
        further=({"w": 7.5}, {"v_uncond": 1.5, "v_cond": 1.5}),
    ),
    "guidance.ho_salimans": Awkward(edges=({"omega": 0.0}, {"omega": -1.0})),
    "guidance.diffusers": Awkward(
        edges=({"guidance_scale": 0.0}, {"guidance_scale": 1.0}),
        further=({"guidance_scale": 7.5}, {"v_uncond": 1.5, "v_cond": 1.5}),
    ),
    "guidance.gaussian_std": Awkward(lattices=_WIDER, edges=({"w": 0.0}, {"w": 1.0}, {"w": 4.5})),
    "guidance.projection": Awkward(edges=({"along": 0.0},)),
    "guidance.zero_star": Awkward(edges=({"w": 1.0}, {"projection": 1.0})),
    "guidance.rescale": Awkward(edges=({"share": 0.0}, {"share": 1.0})),
    "guidance.interval": Awkward(
        lattices={"low": _quarter, "high": _three_quarters, "t": _around},
        edges=({"t": 0.25, "low": 0.25}, {"t": 0.75, "high": 0.75}, {"t": 1.0}, {"t": 0.0}),
    ),
    "guidance.plus_plus": Awkward(
        edges=({"t": 1.0, "s": 0.875}, {"t": 0.25, "s": 0.0}, {"strength": 0.0})
    ),
    "guidance.tilted_std": Awkward(lattices=_WIDER, edges=({"w": 0.0}, {"w": 1.0})),
}
