"""Whole steps from noise to data."""

from ..awkward import Awkward

INPUTS: dict[str, Awkward] = {
    "ode.euler": Awkward(further=({"t": 1.0, "s": 0.0}, {"t": 2.0**-7, "s": 0.0})),
    "ode.heun": Awkward(further=({"t": 1.0, "s": 0.0},)),
    "ode.midpoint": Awkward(further=({"t": 1.0, "s": 0.0},)),
    "ode.rk4": Awkward(further=({"t": 1.0, "s": 0.0},)),
}
