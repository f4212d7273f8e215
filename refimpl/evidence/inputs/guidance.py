"""No guidance, the conditional field, strong guidance."""

from ..awkward import Awkward
from ..lattices import Lattice, positive, real

_WIDER: dict[str, Lattice | int] = {
    "std_uncond": lambda name, n, seed: positive(name, n, seed) + 2,
    "w": lambda name, n, seed: abs(real(name, n, seed)),
}
"""The unconditional law the wider one, and w ≥ 0: then the tilted law exists."""

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
    "guidance.tilted_std": Awkward(lattices=_WIDER, edges=({"w": 0.0}, {"w": 1.0})),
}
