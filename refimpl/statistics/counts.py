"""Exact tests of counts: how often something happened in n independent trials.

    #{happened} ~ Binomial(n, p)

The null law is exact at every n, and so is the power: both are binomial tails.
"""

from jaxtyping import Bool
from scipy import stats
from torch import Tensor

from ..typed import held
from .outcome import BETA, Claim, Outcome, Part, judge


@held
def share(
    happened: Bool[Tensor, " n"], probability: float, claim: Claim, *, detects: float
) -> Outcome:
    """Two-sided binomial on the number of trials in which it happened.

    Args:
        probability: of each trial, under the stated law.
        detects: a change of the probability, to either side, that must be found.

    Raises:
        TypeError: not a boolean per trial.
        ValueError: another n, or a probability outside (0, 1).
    """
    if tuple(happened.shape) != (claim.n,):
        raise ValueError(
            f"{claim.name} fixed n={claim.n} beforehand, got {tuple(happened.shape)}: "
            "n is not a knob"
        )
    if not 0 < probability < 1:
        raise ValueError(f"the probability must lie in (0, 1), got {probability!r}")
    n, count = claim.n, int(happened.sum())
    low = int(stats.binom.ppf(claim.alpha / 2, n, probability))
    high = int(stats.binom.isf(claim.alpha / 2, n, probability))
    tail = min(stats.binom.cdf(count, n, probability), stats.binom.sf(count - 1, n, probability))
    centre = n * probability
    side = high - centre if count > centre else centre - low
    part = Part(
        f"the count, off its mean {centre:g} by", abs(count - centre), side, min(1.0, 2 * tail)
    )
    missed = max(
        stats.binom.cdf(high, n, min(1.0, probability + detects)),
        stats.binom.sf(low - 1, n, max(0.0, probability - detects)),
    )
    return judge(claim, [part], detects if missed <= BETA else float("inf"), detects)
