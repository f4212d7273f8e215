"""Schedules run monotonically between the right ends."""

import numpy as np

from ...equations import paths
from ..check import Evidence, check
from ..identities import Disagreement


@check(
    "numbers",
    covers=("paths.linear", "paths.cosine", "paths.vp", "paths.ve"),
    rows=("PATH-2", "PATH-4", "PATH-5"),
)
def schedules_are_monotone_between_the_right_ends(seed: int) -> Evidence:
    """Every schedule loses data and gains noise; linear and cosine run from pure to pure."""
    levels, gaps = np.linspace(0.0, 1.0, 65), {}
    for name, c in (("linear", paths.linear(levels)), ("cosine", paths.cosine(levels))):
        ends = (c.alpha[0] - 1, c.alpha[-1], c.sigma[0], c.sigma[-1] - 1)
        gaps[name] = float(np.abs(ends).max())
        if gaps[name] > 2.0**-52:  # cos(π/2) is 6e-17, for π/2 is rounded
            raise Disagreement(f"{name} does not run from data to noise: {ends}")
    for name, c in (
        ("linear", paths.linear(levels)),
        ("cosine", paths.cosine(levels)),
        ("vp", paths.vp(levels[1:], 0.1, 20.0)),
        ("ve", paths.ve(levels[1:], 0.01, 50.0)),
    ):
        fall, rise = np.diff(np.broadcast_to(c.alpha, c.sigma.shape)), np.diff(c.sigma)
        if (rise <= 0).any() or (fall > 0).any() or (name != "ve" and (fall == 0).any()):
            raise Disagreement(f"{name} is not monotone")
    return Evidence(f"4 schedules at 64 levels, ends within {max(gaps.values()):.1e}", gaps)
