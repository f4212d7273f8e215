"""Independent ends, trajectories of four steps."""

import numpy as np

from ..awkward import GROUPS, Awkward

_VELOCITIES = np.stack([GROUPS + 0.5, GROUPS * 2, GROUPS - 0.125, GROUPS[:, ::-1]])

INPUTS: dict[str, Awkward] = {
    "coupling.correlated_velocity_variance": Awkward(edges=({"correlation": 0.0}, {"t": 1.0})),
    "coupling.straightness": Awkward(whole=({"ends": GROUPS, "velocities": _VELOCITIES},)),
}
