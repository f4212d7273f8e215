"""Three components in a 2 × 2 image; no noise."""

from ..awkward import LIKELIHOOD, OF_COMPONENTS, POSTERIOR, PRIOR, Awkward

INPUTS: dict[str, Awkward] = {
    "density.fokker_planck": Awkward(edges=({"g": 0.0},)),
    "density.marginal": Awkward(whole=({"prior": PRIOR, "likelihood": LIKELIHOOD},)),
    "density.posterior": Awkward(whole=({"prior": PRIOR, "likelihood": LIKELIHOOD},)),
    "density.conditional_mean": Awkward(whole=({"posterior": POSTERIOR, "values": OF_COMPONENTS},)),
}
