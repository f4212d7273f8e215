"""Clips that just bind, samples that are all good or all bad."""

from ..awkward import Awkward

INPUTS: dict[str, Awkward] = {
    "forward_process.optimality": Awkward(
        edges=({"advantage": 2.0, "limit": 2.0}, {"advantage": 0.0})
    ),
    "forward_process.nft": Awkward(
        edges=({"optimal": 0.0}, {"optimal": 1.0}, {"optimal": 0.5}, {"b": 1.0})
    ),
    "forward_process.awm": Awkward(edges=({"advantage": 0.0},)),
}
