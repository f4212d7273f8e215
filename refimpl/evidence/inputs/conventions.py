"""The ends of the clocks, a weight of zero."""

from ..awkward import ENDS, Awkward

INPUTS: dict[str, Awkward] = {
    "conventions.flip_time": Awkward(edges=ENDS),
    "conventions.network_time": Awkward(edges=ENDS),
    "conventions.beta_for_mean_without_h": Awkward(
        lattices={"dimensions": 16}, edges=({"beta": 0.0},)
    ),
}
