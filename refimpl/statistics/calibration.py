"""Null evidence: does a test keep the false-alarm rate that it states?

    replicate right samples R times;      p-values uniform      ⇒      −2 Σ log p ~ χ²_{2R}

for exact tests, and no smaller than that for conservative ones (DKW, Bernstein). Two statistics are
read: the Kolmogorov distance of the p-values from uniform ones, and Fisher's sum, which weighs
small p-values most. Both are exact or bounds at every R, and share one α, so a calibration is an
assertion like any other: listed, with R for its n, and with the effect that it finds.
"""

import math
from collections.abc import Callable

import torch
from scipy import stats

from ..typed import held
from .budget import seed_of
from .distribution import band
from .gaussian import chi_square
from .outcome import BETA, Claim, Outcome, Part, StatisticalFailure, judge, raising


@held
def calibrate(
    test: Callable[[torch.Generator], Outcome],
    claim: Claim,
    *,
    exact: bool,
    detects: float,
    seed: int = 0,
) -> Outcome:
    """Raise unless the p-values of `test` on right samples are what they claim.

    Args:
        test: draws right samples from the generator, and tests them.
        claim: its n is the number of replicates.
        exact: p-values are uniform; otherwise they are at least as large as uniform ones.
        detects: by how much the mean of −log p may exceed its 1 before it must be found: a test
            that exaggerates its evidence.

    Raises:
        StatisticalFailure: p-values that are not uniform, or smaller than uniform ones.
        DesignError: too few replicates for what is promised.
    """
    p = [_p_value(test, seed_of(f"{claim.name}/{r}", seed)) for r in range(claim.n)]
    side, n = claim.alpha / 2, claim.n
    fisher = -2 * sum(math.log(max(x, 1e-300)) for x in p)
    high = float(stats.chi2.isf(side / 2 if exact else side, 2 * n))
    detectable = high / float(stats.chi2.ppf(BETA, 2 * n)) - 1
    ranks = torch.tensor(sorted(p), dtype=torch.float64)
    if exact:
        parts = [
            band("the p-values' Kolmogorov distance", ranks, side),
            chi_square("−2 Σ log p", fisher, 2 * n, side)[0],
        ]
    else:
        share = torch.arange(1, n + 1, dtype=torch.float64) / n
        over = float((share - ranks).max())
        parts = [
            Part("the excess of small p-values", over, math.sqrt(-math.log(side) / (2 * n)),
                 min(1.0, math.exp(-2 * n * max(0.0, over) ** 2))),
            Part("−2 Σ log p", fisher, high, float(stats.chi2.sf(fisher, 2 * n))),
        ]  # fmt: skip
    return judge(claim, parts, detectable, detects)


def _p_value(test: Callable[[torch.Generator], Outcome], seed: int) -> float:
    """Of one replicate; a test that fails has one too."""
    try:
        with raising():
            return test(torch.Generator().manual_seed(seed)).p_value
    except StatisticalFailure as failure:
        return failure.p_value
