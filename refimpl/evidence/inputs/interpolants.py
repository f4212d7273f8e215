"""The two ends of the path; no turn."""

from ..awkward import Awkward

INPUTS: dict[str, Awkward] = {
    "interpolants.log_density": Awkward(edges=({"sigma": 1.0},)),
    "interpolants.from_point": Awkward(edges=({"t": 1.0}, {"x": 0.0})),
    "interpolants.turning": Awkward(edges=({"t": 0.0}, {"t": 1.0}, {"turn": 0.0})),
}
