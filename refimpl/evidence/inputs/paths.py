"""Both ends of every path, and next to them."""

from ..awkward import ENDS, LINEAR_AT_0, LINEAR_AT_1, NEAR_DATA, NEAR_NOISE, Awkward
from ..lattices import positive

INPUTS: dict[str, Awkward] = {
    "paths.linear": Awkward(edges=ENDS, further=({"t": NEAR_NOISE}, {"t": NEAR_DATA})),
    "paths.cosine": Awkward(edges=ENDS, further=({"t": NEAR_NOISE}, {"t": 2.0**-10})),
    "paths.vp": Awkward(
        lattices={
            "beta_min": lambda name, n, seed: positive(name, n, seed) / 16,
            "beta_max": lambda name, n, seed: positive(name, n, seed) * 8,
        },
        edges=({"t": 1.0}, {"t": 2.0**-10}, {"beta_min": 2.0**-7, "beta_max": 160.0}),
    ),
    "paths.ve": Awkward(
        lattices={"sigma_max": lambda name, n, seed: 4 + positive("sigma_min", n, seed + 1)},
        edges=({"t": 1.0}, {"t": 2.0**-10}, {"sigma_min": 2.0**-7, "sigma_max": 80.0}),
    ),
    "paths.interpolate": Awkward(edges=(LINEAR_AT_0, LINEAR_AT_1)),
    "paths.conditional": Awkward(edges=(LINEAR_AT_0, LINEAR_AT_1), vanishing="sigma"),
    "paths.velocity": Awkward(edges=(LINEAR_AT_0, LINEAR_AT_1)),
}
