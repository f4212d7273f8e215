"""The start, no noise, a solution that waits."""

from ..awkward import Awkward

INPUTS: dict[str, Awkward] = {
    "dynamics.linear_flow": Awkward(edges=({"t": 0.0},)),
    "dynamics.root_flow": Awkward(edges=({"t": 0.5, "delay": 0.0}, {"t": 0.25, "delay": 0.75})),
    "dynamics.picard_bound": Awkward(lattices={"n": 3}),
    "dynamics.brownian": Awkward(columns=("w",)),
    "dynamics.ornstein_uhlenbeck": Awkward(
        edges=({"t": 1.0, "theta": 2.0**-7}, {"sigma": 0.0}), vanishing="sigma"
    ),
    "dynamics.euler_on_linear": Awkward(
        lattices={"steps": 4}, edges=({"steps": 1}, {"theta": -0.5})
    ),
}
