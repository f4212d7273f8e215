"""The two ends of a path; no reward, no change, nothing carried."""

from ..awkward import Awkward

INPUTS: dict[str, Awkward] = {
    "adjoint.memory": Awkward(edges=({"alpha": 0.0}, {"sigma": 0.0})),
    "adjoint.end": Awkward(edges=({"slope": 0.0},)),
    "adjoint.lean": Awkward(edges=({"pullback": 0.0},)),
    "adjoint.carried": Awkward(edges=({"alpha": 0.0}, {"sigma": 0.0})),
    "adjoint.control": Awkward(edges=({"lever": 0.0},)),
    "adjoint.loss": Awkward(edges=({"control": 0.0}, {"adjoint": 0.0})),
    "adjoint.target": Awkward(edges=({"adjoint": 0.0},)),
    "adjoint.quadratic": Awkward(edges=({"alpha": 0.0}, {"sigma": 0.0})),
}
