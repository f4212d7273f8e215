"""The law of the ratio."""

import math

import numpy as np

from ...equations import gaussian, policy
from ..check import Evidence, check
from ..identities import Disagreement, draw, report, same, step_of


@check(
    "numbers",
    covers=("policy.ratio", "policy.log_ratio", "policy.total", "policy.average"),
    rows=("GRPO-5",),
)
def law_of_the_ratio(seed: int) -> Evidence:
    """Replay gives ratio 1 to the bit; E_old[r] = 1; the averaged ratio has exp(−c(1 − c)d²/2)."""
    d = draw(seed, "x", "v", "noise")
    old = step_of(d["x"], d["v"])
    x_s = old.sample(d["noise"])
    stored = policy.total(old.log_prob(x_s))
    replayed = policy.total(step_of(d["x"].clone(), d["v"].clone()).log_prob(x_s))
    if not bool((policy.ratio(replayed, stored) == 1).all()):
        raise Disagreement("replaying a stored step with unchanged weights must give ratio 1")
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / math.sqrt(2 * math.pi)
    shift, dimensions = np.array([0.5, -0.25, 0.125, 0.375]), 4
    gaps = {}
    for name, reduce, c in (("sum", policy.total, 1.0), ("mean", policy.average, 0.25)):
        # one coordinate moved at a time: E factorises over coordinates
        expected = 1.0
        for m in shift:
            noise = np.repeat(nodes[:, None], dimensions, axis=1)
            mean = np.zeros((1, dimensions))
            moved = mean + np.where(np.arange(dimensions) == 0, m, 0.0)[None]
            new, before = (
                reduce(gaussian.log_prob(noise, at, np.ones((1, 1)))) for at in (moved, mean)
            )
            expected *= float(weights @ policy.ratio(new, before))
        want = math.exp(-c * (1 - c) * float((shift**2).sum()) / 2)
        # the 40 weights and nodes carry some 40 roundings of their own
        gaps[name] = same(f"E_old of the {name}-reduced ratio", expected, want)
    return report(gaps)
