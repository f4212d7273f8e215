"""The ends of the linear path, where some views of a sample are lost."""

from ..awkward import LINEAR_AT_0, LINEAR_AT_1, LINEAR_AT_3_4, Awkward

INPUTS: dict[str, Awkward] = {
    "conversions.noise_from_velocity": Awkward(edges=(LINEAR_AT_0, LINEAR_AT_1)),
    "conversions.data_from_velocity": Awkward(edges=(LINEAR_AT_0, LINEAR_AT_1)),
    "conversions.velocity_from_score": Awkward(
        edges=(LINEAR_AT_3_4, LINEAR_AT_0), vanishing="sigma"
    ),
    "conversions.score_from_velocity": Awkward(edges=(LINEAR_AT_3_4, LINEAR_AT_1)),
}
