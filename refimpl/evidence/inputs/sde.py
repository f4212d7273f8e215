"""No noise, the singular start, the first and the last step."""

from ..awkward import (
    LINEAR_AT_1,
    LINEAR_AT_3_4,
    LINEAR_NEAR_DATA,
    LINEAR_NEAR_NOISE,
    NEAR_DATA,
    NEAR_NOISE,
    Awkward,
)

INPUTS: dict[str, Awkward] = {
    "sde.forward_drift": Awkward(edges=({"g": 0.0},)),
    "sde.reverse_drift": Awkward(edges=({"g": 0.0},)),
    "sde.drift": Awkward(edges=({"g": 0.0}, {"score": 0.0})),
    "sde.probability_flow": Awkward(edges=({"g": 0.0},)),
    "sde.flow_grpo_drift": Awkward(
        edges=({"g": 0.0}, {"t": 1.0}, {"t": 2.0**-7}), further=({"t": NEAR_NOISE}, {"t": 2.0**-10})
    ),
    "sde.flow_grpo_g": Awkward(
        edges=({"t": 1.0, "inside": 0.875}, {"t": 0.0, "inside": 0.0}, {"a": 0.0}),
        further=(
            {"t": NEAR_NOISE, "inside": NEAR_NOISE},
            {"t": 2.0**-10, "inside": 2.0**-10},
            {"t": 1.0, "inside": 1 - 2.0**-5},
        ),
    ),
    "sde.euler_maruyama": Awkward(edges=({"g": 0.0}, {"h": 2.0**-7}), vanishing="g"),
    "sde.transition": Awkward(
        edges=(
            {"t": 0.75, "s": 0.5, **LINEAR_AT_3_4},
            {"t": 1.0, "s": 0.875, **LINEAR_AT_1},
            {"t": 0.75, "s": 0.0, **LINEAR_AT_3_4, "g": 0.0},
        ),
        further=(
            {"t": NEAR_NOISE, "s": 0.875, **LINEAR_NEAR_NOISE},
            {"t": NEAR_DATA, "s": 0.0, **LINEAR_NEAR_DATA},
        ),
        vanishing="g",
    ),
}
