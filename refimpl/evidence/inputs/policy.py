"""The same step twice; log-probabilities near ten thousand."""

from ..awkward import OF_COMPONENTS, OFFSET, Awkward, grid

_SAMPLES = grid(
    [[[[0.5, -1.25]], [[2.0, 0.125]], [[-0.75, 1.5]]], [[[3.0, 0.25]], [[-2.5, 1.0]], [[0.5, 4.0]]]]
)

INPUTS: dict[str, Awkward] = {
    "policy.total": Awkward(whole=({"values": _SAMPLES}, {"values": OF_COMPONENTS[0]})),
    "policy.average": Awkward(whole=({"values": _SAMPLES}, {"values": OF_COMPONENTS[0]})),
    "policy.log_ratio": Awkward(further=({"log_prob": -OFFSET, "log_prob_old": 64 - OFFSET},)),
    "policy.ratio": Awkward(
        edges=({"log_prob": 1.5, "log_prob_old": 1.5},),
        further=(
            {"log_prob": -OFFSET, "log_prob_old": -OFFSET},
            {"log_prob": -OFFSET, "log_prob_old": 64 - OFFSET},
        ),
    ),
    "policy.log_ratio_of_means": Awkward(edges=({"mean": 1.0, "mean_old": 1.0}, {"std": 2.0**-4})),
    "policy.log_ratio_of_products": Awkward(
        edges=({"along": 0.0, "squared": 0.0}, {"lever": -0.5})
    ),
}
