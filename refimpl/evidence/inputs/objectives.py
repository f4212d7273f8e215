"""Targets of three components."""

from ..awkward import OF_COMPONENTS, POSTERIOR, Awkward

INPUTS: dict[str, Awkward] = {
    "objectives.gap": Awkward(whole=({"posterior": POSTERIOR, "targets": OF_COMPONENTS},)),
}
