"""No noise, no divergence; the four quadrants of the mask."""

import numpy as np

from ..awkward import Awkward, grid
from ..lattices import real

# Every quadrant of (r − 1, A); within the limit, at it, past it, whatever the ratio.
_MASK = {
    "ratio": grid([[1.25, 0.75, 1.25, 0.75], [1.25, 0.75, 1.0, 2.0], [1.5, 0.5, 1.0625, 0.9375]]),
    "advantage": grid([[1.0, -1.0, -0.5, 0.5], [2.0, -2.0, 1.0, 0.0], [1.0, -1.0, 3.0, -3.0]]),
    "divergence": grid([[0.5, 0.75, 1.0, 2.0], [0.25, 0.25, 0.5, 0.5], [0.125, 0.0, 0.5, 1.0]]),
    "limit": grid([[0.25], [0.25], [0.25]]),
}

INPUTS: dict[str, Awkward] = {
    "weights.lever": Awkward(edges=({"g": 0.0}, {"t": 1.0})),
    "weights.tempflow": Awkward(whole=({"std": np.array([0.75, 0.5, 0.4375, 0.25, 0.0625])},)),
    "weights.guard_log_ratio": Awkward(
        lattices={"divergence": lambda name, n, seed: abs(real(name, n, seed))},
        edges=({"divergence": 0.0}, {"log_ratio": 0.0}),
    ),
    "weights.divergence_mask": Awkward(whole=(_MASK,)),
    "weights.signal": Awkward(edges=({"correlation": 0.0},)),
}
