"""How far apart equal runs lie, and so which differences are differences; Student's t throughout.

    interval(values)      (mean, half): the mean of all such runs lies within, in 95 of 100 cases
    further(values)       (mean, half): one run more lies within

Values are taken as independent and normal, and what one run is compared with as of the same spread.
"""

import statistics
from collections.abc import Sequence

CONFIDENCE = 0.95


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """mean ± t s/√n, the mean's; None for one value, which has no spread."""
    return _around(values, 1 / len(values))


def further(values: Sequence[float]) -> tuple[float, float] | None:
    """mean ± t s √(1 + 1/n), one more value's; None for one value."""
    return _around(values, 1 + 1 / len(values))


def _around(values: Sequence[float], times: float) -> tuple[float, float] | None:
    from scipy.stats import t

    if len(values) < 2:
        return None
    far = float(t.ppf((1 + CONFIDENCE) / 2, len(values) - 1))
    return statistics.fmean(values), far * statistics.stdev(values) * times**0.5
