"""Steps of any length, but not from noise or to data where λ is asked for; even steps in λ."""

from ..awkward import Awkward
from ..calls import Inputs


def _above_data(case: Inputs) -> dict[str, object]:
    """s above 0 and t below 1, both inside: no level at which λ is infinite."""
    return {
        "s": case["s"] + (case["s"] == 0) / 128,
        "t": case["t"] - (case["t"] == 1) / 128,
    }


INPUTS: dict[str, Awkward] = {
    "multistep.reach": Awkward(tie=_above_data, edges=({"t": 0.75, "s": 0.25},)),
    "multistep.first": Awkward(edges=({"t": 1.0, "s": 0.5}, {"t": 0.5, "s": 0.0})),
    "multistep.dpmpp_2m": Awkward(
        edges=({"ratio": 1.0}, {"t": 1.0, "s": 0.5}, {"t": 0.5, "s": 0.0})
    ),
    "multistep.unic_1": Awkward(edges=({"t": 1.0, "s": 0.5}, {"t": 0.5, "s": 0.0})),
    "multistep.unic_2": Awkward(edges=({"ratio": 1.0}, {"reach": 2.0**-4})),
}
