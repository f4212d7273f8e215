"""No guidance, the conditional field, strong guidance."""

from ..awkward import Awkward, grid
from ..lattices import Lattice, positive, real

_WIDER: dict[str, Lattice | int] = {
    "std_uncond": lambda name, n, seed: positive(name, n, seed) + 2,
    "w": lambda name, n, seed: abs(real(name, n, seed)),
}
"""The unconditional law the wider one, and w ≥ 0: then the tilted law exists."""


_AT = {"w": 2.5, "low": 0.25, "high": 0.75, "v_uncond": 1.5, "v_cond": -0.625}
_LEVELS = tuple({**_AT, "t": t} for t in (0.5, 0.75, 0.25, 0.9375, 0.125, 1.0, 0.0))
"""Inside, at both ends of the interval, outside, and the ends of the path."""

_INTERVAL = {
    "v_uncond": grid([[1.5, -2.0], [0.25, 3.0], [-0.5, 4.0], [2.5, 0.75]]),
    "v_cond": grid([[0.5, 1.25], [-1.5, 2.25], [1.0, -3.0], [5.0, -0.25]]),
    "w": grid([[2.5], [4.5], [-1.0], [0.5]]),
    "t": grid([[0.5], [0.9375], [0.125], [0.6875]]),
    "low": grid([[0.25], [0.25], [0.25], [0.5]]),
    "high": grid([[0.75], [0.75], [0.75], [0.875]]),
}
"""Two samples inside, one above, one below."""

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
    "guidance.interval": Awkward(whole=(_INTERVAL, *_LEVELS)),
    "guidance.plus_plus": Awkward(
        edges=({"t": 1.0, "s": 0.875}, {"t": 0.25, "s": 0.0}, {"strength": 0.0})
    ),
    "guidance.tilted_std": Awkward(lattices=_WIDER, edges=({"w": 0.0}, {"w": 1.0})),
}
