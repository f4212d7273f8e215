"""Null evidence: does a test keep the false-alarm rate that it states?

    replicate an exact sampler R times;   #{p ≤ q} ~ Binomial(R, q)   for exact p-values

and at most that many for conservative ones (DKW, Bernstein). The binomial bounds are exact, and
share one α, so a calibration is an assertion like any other: listed, with R for its n.
"""

from collections.abc import Callable, Sequence

import torch
from scipy import stats

from .budget import seed_of
from .outcome import Claim, Outcome, StatisticalFailure

LEVELS = (0.05, 0.2, 0.5)


def calibrate(
    test: Callable[[torch.Generator], Outcome],
    claim: Claim,
    *,
    exact: bool,
    seed: int = 0,
    levels: Sequence[float] = LEVELS,
) -> dict[float, float]:
    """Raise unless the p-values of `test` on right samples are what they claim.

    Args:
        test: draws right samples from the generator, and tests them.
        claim: its n is the number of replicates.
        exact: p-values are uniform; otherwise they are at least as large as uniform ones.

    Returns:
        The observed share of p ≤ q, by q.

    Raises:
        StatisticalFailure: a share outside its binomial bounds.
    """
    side = claim.alpha / (2 * len(levels))
    p_values = []
    for r in range(claim.n):
        generator = torch.Generator().manual_seed(seed_of(f"{claim.name}/{r}", seed))
        try:
            p_values.append(test(generator).p_value)
        except StatisticalFailure as failure:
            p_values.append(failure.p_value)
    shares = {}
    for q in levels:
        count = sum(p <= q for p in p_values)
        high = int(stats.binom.isf(side, claim.n, q))
        low = int(stats.binom.ppf(side, claim.n, q)) if exact else 0
        tail = min(stats.binom.cdf(count, claim.n, q), stats.binom.sf(count - 1, claim.n, q))
        if not low <= count <= high:
            bound = high if count > high else low
            raise StatisticalFailure(
                claim, f"the count of p <= {q}", float(count), float(bound), float(tail)
            )
        shares[q] = count / claim.n
    return shares
