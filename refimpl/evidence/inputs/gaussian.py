"""No noise, the mean itself, narrow and far laws."""

from ..awkward import OFFSET, Awkward

INPUTS: dict[str, Awkward] = {
    "gaussian.sample": Awkward(
        edges=({"std": 0.0}, {"noise": 0.0}),
        further=({"mean": OFFSET, "std": 2.0**-7},),
        vanishing="std",
    ),
    "gaussian.log_prob": Awkward(
        edges=({"x": 1.0, "mean": 1.0}, {"std": 2.0**-14}, {"std": 1.0}),
        further=({"x": OFFSET, "mean": OFFSET - 64, "std": 64.0},),
    ),
    "gaussian.score": Awkward(edges=({"x": 1.0, "mean": 1.0}, {"std": 2.0**-7})),
}
