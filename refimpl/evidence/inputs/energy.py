"""Short steps, so that the chain rests; samples that are one point."""

import numpy as np

from ..awkward import Awkward
from ..lattices import positive


def _short(name: str, n: int, seed: int) -> np.ndarray:
    return np.asarray(positive(name, n, seed) / 512)


INPUTS: dict[str, Awkward] = {
    "energy.after": Awkward(edges=({"variance": 0.0},)),
    "energy.contrastive": Awkward(edges=({"moved": 0.0},)),
    "energy.resting": Awkward(
        lattices={"step_size": _short, "std": lambda n, k, s: positive(n, k, s) + 1}
    ),
    "energy.tempered": Awkward(edges=({"score": 0.0}, {"temperature": 1.0})),
}
