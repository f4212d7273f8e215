"""A single data point, standard normal data, steps of small variance."""

import numpy as np

from ..awkward import Awkward
from ..lattices import positive


def _beta(name: str, n: int, seed: int) -> np.ndarray:
    return positive(name, n, seed) / 4


INPUTS: dict[str, Awkward] = {
    "ddpm.forward": Awkward(lattices={"beta": _beta}, further=({"beta": 2.0**-10},)),
    "ddpm.posterior": Awkward(lattices={"beta": _beta}),
    "ddpm.reverse_variance": Awkward(
        lattices={"beta": _beta}, edges=({"data_variance": 0.0}, {"data_variance": 1.0})
    ),
}
