"""Maps that turn space over; probes."""

from ..awkward import GROUPS, Awkward

INPUTS: dict[str, Awkward] = {
    "likelihood.change_of_variables": Awkward(edges=({"determinant": -0.5}, {"determinant": 1.0})),
    "likelihood.hutchinson": Awkward(
        whole=({"eps": GROUPS, "jacobian_eps": GROUPS[::-1] * 2 - 1},)
    ),
}
