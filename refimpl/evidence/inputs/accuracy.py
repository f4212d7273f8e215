"""The flow, the two ends of a path."""

from ..awkward import Awkward

INPUTS: dict[str, Awkward] = {
    "accuracy.left": Awkward(edges=({"kappa": 0.0}, {"alpha": 0.0}, {"sigma": 0.0})),
    "accuracy.rate": Awkward(edges=({"kappa": 0.0}, {"t": 0.0})),
}
