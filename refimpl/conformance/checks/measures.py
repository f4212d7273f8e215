"""Measures of a group: what else may be subtracted from its rewards, and divided by.

CENTRES    the median, the largest, ...        SPREADS    the range, a mean absolute deviation, ...
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

Measure: TypeAlias = Callable[[np.ndarray], Any]
"""A number of each group, from (prompts, G) rewards: (prompts, 1), one for all, or one for each."""


def _per_cent(q: float) -> Measure:
    return lambda r: np.quantile(r, q / 100, axis=1, keepdims=True)


def _between(low: float, high: float) -> Measure:
    return lambda r: _per_cent(high)(r) - _per_cent(low)(r)


def _mean(r: np.ndarray) -> Any:
    return r.mean(axis=1, keepdims=True)


def _some(r: np.ndarray) -> Any:
    """The mean of what is left of a group, if anything is."""
    return _mean(r) if r.shape[1] else np.nan


def _largest(r: np.ndarray) -> Any:
    return r.max(axis=1, keepdims=True)


def _smallest(r: np.ndarray) -> Any:
    return r.min(axis=1, keepdims=True)


_median = _per_cent(50)


def _lower_median(r: np.ndarray) -> Any:
    """Of an even number, the lower of the two in the middle, as torch has it."""
    return np.sort(r, axis=1)[:, (r.shape[1] - 1) // 2, None]


def _std(r: np.ndarray, ddof: int = 0) -> Any:
    return r.std(axis=1, keepdims=True, ddof=ddof)


def _freed(r: np.ndarray) -> float:
    """G/(G − 1): a deviation from the others' mean over one from the group's."""
    n = r.shape[1]
    return n / (n - 1) if n > 1 else np.nan


def _upper_half(r: np.ndarray) -> Any:
    return _mean(np.sort(r, axis=1)[:, (r.shape[1] + 1) // 2 :])


def _without_ends(r: np.ndarray) -> Any:
    """The mean of all but the largest and the smallest."""
    if r.shape[1] < 3:
        return np.nan
    return _mean(np.sort(r, axis=1)[:, 1:-1])


def _others(measure: Callable[[np.ndarray], Any]) -> Measure:
    """A measure of the group without the sample itself, for each sample."""

    def of_each(r: np.ndarray) -> Any:
        if r.shape[1] < 2:
            return np.nan
        rest = [measure(np.delete(r, k, axis=1)) for k in range(r.shape[1])]
        return np.concatenate(rest, axis=1)

    return of_each


CENTRES: Mapping[str, Measure] = {
    "the group's mean": _mean,
    "the group's median": _median,
    "the lower of the group's two medians": _lower_median,
    "the group's largest": _largest,
    "the group's smallest": _smallest,
    "the middle between the group's ends": lambda r: (_largest(r) + _smallest(r)) / 2,
    "nothing": lambda r: 0.0,
    "the batch's mean": lambda r: r.mean(),
    "the batch's median": np.median,
    "the batch's largest": np.max,
    "the batch's smallest": np.min,
    "the group's mean without its ends": _without_ends,
    "the mean of the group's better half": _upper_half,
    "the mean of the group before": lambda r: np.roll(_mean(r), 1, axis=0),
    "the mean of the group after": lambda r: np.roll(_mean(r), -1, axis=0),
    "the group's mean without its last sample": lambda r: _some(r[:, :-1]),
    "the group's mean without its first sample": lambda r: _some(r[:, 1:]),
    "the group's mean without its largest": lambda r: _some(np.sort(r, axis=1)[:, :-1]),
    "the group's mean without its smallest": lambda r: _some(np.sort(r, axis=1)[:, 1:]),
    "the first sample's reward": lambda r: r[:, :1],
    "the last sample's reward": lambda r: r[:, -1:],
    **{
        f"the group's {q} % quantile": _per_cent(q)
        for q in (1, *range(5, 50, 5), *range(55, 100, 5), 99)
    },
}
"""What may be subtracted, one number for a group."""

OF_EACH: Mapping[str, Measure] = {
    "the others' mean": _others(_mean),
    "the others' median": _others(_median),
    "the others' largest": _others(_largest),
    "the others' smallest": _others(_smallest),
    "the previous sample's reward": lambda r: np.roll(r, 1, axis=1),
    "the next sample's reward": lambda r: np.roll(r, -1, axis=1),
}
"""What may be subtracted, another number for each sample of a group."""

SPREADS: Mapping[str, Measure] = {
    "the group's std": _std,
    "the group's std (n − 1)": lambda r: _std(r, 1),
    "the batch's std": np.std,
    "the batch's std (n − 1)": lambda r: r.std(ddof=1),
    "the mean of all groups' stds": lambda r: _std(r).mean(),
    "the largest of all groups' stds": lambda r: _std(r).max(),
    "the others' std": _others(_std),
    "the others' std (n − 1)": _others(lambda r: _std(r, 1)),
    "the group's std times its size": lambda r: _std(r) * r.shape[1],
    "the group's std over its size": lambda r: _std(r) / r.shape[1],
    "the group's std times G/(G − 1), G its size": lambda r: _std(r) * _freed(r),
    "the group's std times (G − 1)/G, G its size": lambda r: _std(r) / _freed(r),
    "G/(G − 1), G the size of the group": lambda r: _freed(r),
    "(G − 1)/G, G the size of the group": lambda r: 1 / _freed(r),
    "the group's standard error": lambda r: _std(r) / r.shape[1] ** 0.5,
    "the group's range": lambda r: _largest(r) - _smallest(r),
    "the batch's range": np.ptp,
    "the mean absolute deviation from the mean": lambda r: _mean(np.abs(r - _mean(r))),
    "the mean absolute deviation from the median": lambda r: _mean(np.abs(r - _median(r))),
    "the median absolute deviation": lambda r: _median(np.abs(r - _median(r))),
    **{f"the group's {a} % to {b} % range": _between(a, b)
       for a, b in ((25, 75), (20, 80), (10, 90), (5, 95), (1, 99))},
    "the largest deviation": lambda r: _largest(np.abs(r - _mean(r))),
    "the sum of absolute deviations from the mean":
        lambda r: np.abs(r - _mean(r)).sum(axis=1, keepdims=True),
    "the batch's mean absolute deviation": lambda r: np.abs(r - r.mean()).mean(),
    "the largest above the mean": lambda r: _largest(r) - _mean(r),
    "the smallest below the mean": lambda r: _mean(r) - _smallest(r),
    "the mean reward's size": lambda r: np.abs(_mean(r)),
    "the largest reward's size": lambda r: _largest(np.abs(r)),
    "the rewards' mean size": lambda r: _mean(np.abs(r)),
    "the rewards' root mean square": lambda r: np.sqrt(_mean(r**2)),
    "the deviations' norm": lambda r: np.sqrt(((r - _mean(r)) ** 2).sum(axis=1, keepdims=True)),
    "the group's variance": lambda r: r.var(axis=1, keepdims=True),
    "the group's mean": _mean,
    "the group's sum": lambda r: r.sum(axis=1, keepdims=True),
    "the size of the group": lambda r: r.shape[1],
    "the deviation from the batch's mean": lambda r: np.sqrt(_mean((r - r.mean()) ** 2)),
}  # fmt: skip
"""What may be divided by."""

OF_OTHERS = ("the others' std", "the others' std (n − 1)")
"""Those that are another number for each sample of a group."""


def _exponentials(times: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda r: np.asarray(np.exp(times * r))


def ranks(r: np.ndarray) -> np.ndarray:
    """0, 1, 2, ... in each group, the smallest first; equal rewards share their mean rank."""
    below = (r[:, None, :] < r[:, :, None]).sum(axis=2)
    same = (r[:, None, :] == r[:, :, None]).sum(axis=2)
    return np.asarray(below + (same - 1) / 2, dtype=np.float64)


def _held(low: float, high: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda r: np.clip(r, low, high)


HELD: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    **{f"rewards held between {low:g} and {high:g}".replace("-", "−"): _held(low, high)
       for low, high in ((-1, 1), (0, 1), (-2, 2), (-3, 3), (-5, 5), (0, 5), (-10, 10), (0, 10))},
    **{f"rewards held at {low:g} from below".replace("-", "−"): _held(low, np.inf)
       for low in (-1, 0)},
    **{f"rewards held at {high:g} from above": _held(-np.inf, high) for high in (1, 2, 5, 10)},
}  # fmt: skip
"""Rewards between limits that people choose."""

OF: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "rewards": lambda r: r,
    "ranks": ranks,
    "exponentials": np.exp,
    **{f"exponentials of {c:g} times the rewards": _exponentials(c) for c in (0.1, 0.5, 2, 10)},
    "tanh(rewards)": np.tanh,
    "sigmoid(rewards)": lambda r: 1 / (1 + np.exp(-r)),
    "squared rewards": lambda r: r**2,
    **HELD,
    "1 for the best": lambda r: (r == _largest(r)) + 0.0,
    "log(1 + rewards above the smallest)": lambda r: np.log1p(r - _smallest(r)),
    "places in order": lambda r: np.argsort(np.argsort(r, axis=1, kind="stable"), axis=1) + 0.0,
}
"""What is measured; places in order tell equal rewards apart by their place in the group."""
