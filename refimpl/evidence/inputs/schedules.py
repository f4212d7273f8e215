"""Both ends, no shift at all; levels of a stretch above its lowest, tokens beyond the longest."""

from ..awkward import ENDS, Awkward
from ..calls import Inputs


def _above(case: Inputs) -> dict[str, object]:
    """The levels above one half, the lowest of them below it, and a low terminal level."""
    return {"t": (1 + case["t"]) / 2, "last": case["last"] / 2, "terminal": case["terminal"] / 8}


def _longer(case: Inputs) -> dict[str, object]:
    """n_1 above n_0."""
    return {"max_tokens": case["base_tokens"] + case["max_tokens"]}


INPUTS: dict[str, Awkward] = {
    "schedules.shift": Awkward(edges=(*ENDS, {"by": 1.0})),
    "schedules.dynamic": Awkward(edges=(*ENDS, {"mu": 0.0})),
    "schedules.mu": Awkward(tie=_longer),
    "schedules.stretch": Awkward(tie=_above),
    "schedules.karras": Awkward(edges=({"u": 0.0}, {"u": 1.0}, {"rho": 1.0})),
    "schedules.exponential": Awkward(edges=({"u": 0.0}, {"u": 1.0})),
    "schedules.level_of_sigma": Awkward(edges=({"sigma": 0.0},)),
}
