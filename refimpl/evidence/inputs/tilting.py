"""No slope, no memory; three outcomes."""

from ..awkward import OF_COMPONENTS, PRIOR, Awkward

INPUTS: dict[str, Awkward] = {
    "tilting.linear": Awkward(edges=({"slope": 0.0},)),
    "tilting.fixed_start": Awkward(edges=({"correlation": 0.0}, {"slope": 0.0})),
    "tilting.weights": Awkward(whole=({"prior": PRIOR, "reward": OF_COMPONENTS, "beta": 0.5},)),
    "tilting.value": Awkward(whole=({"prior": PRIOR, "reward": OF_COMPONENTS, "beta": 0.5},)),
}
