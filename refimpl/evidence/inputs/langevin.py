"""Step sizes at which the chain is stable."""

from ..awkward import Awkward
from ..lattices import positive

INPUTS: dict[str, Awkward] = {
    "langevin.stationary_variance": Awkward(
        lattices={"eps": lambda name, n, seed: positive(name, n, seed) / 64}
    ),
}
