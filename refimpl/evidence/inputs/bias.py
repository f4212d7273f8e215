"""Groups of two or more; certain success, and none; one coordinate; the same policy."""

import numpy as np

from ..awkward import Awkward
from ..lattices import real


def _groups(name: str, n: int, seed: int) -> np.ndarray:
    return np.asarray(2 + abs(real(name, n, seed)))


INPUTS: dict[str, Awkward] = {
    "bias.centred": Awkward(lattices={"samples": _groups}),
    "bias.silent": Awkward(lattices={"samples": _groups}, edges=({"p": 0.0}, {"p": 1.0})),
    "bias.mean_ratio": Awkward(edges=({"divergence": 0.0}, {"dimensions": 1.0})),
    "bias.effective": Awkward(edges=({"divergence": 0.0},)),
    "bias.stale": Awkward(edges=({"moved": 0.0},)),
}
