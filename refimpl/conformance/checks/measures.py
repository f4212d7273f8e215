"""Advantages by other measures of a group: what else may be subtracted, and divided by.

    (R − median)/(largest − smallest)        ranks, standardized        (R − 5 %)/(95 % − 5 %)

Every centre with every spread, of rewards and of their ranks. What is added to the spread is the
declared eps, or a number read off the first answer that must hold for all.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from ..adapter.conventions import Conventions
from ..formulas.operations import Slip
from ..formulas.values import Formulas, Inputs, Parts
from .fitted import one

Measure: TypeAlias = Callable[[np.ndarray], Any]
"""A number of each group, from (prompts, G) rewards: (prompts, 1), or one for all."""


def _per_cent(q: float) -> Measure:
    return lambda r: np.quantile(r, q / 100, axis=1, keepdims=True)


def _between(low: float, high: float) -> Measure:
    return lambda r: _per_cent(high)(r) - _per_cent(low)(r)


def _mean(r: np.ndarray) -> Any:
    return r.mean(axis=1, keepdims=True)


def _largest(r: np.ndarray) -> Any:
    return r.max(axis=1, keepdims=True)


def _smallest(r: np.ndarray) -> Any:
    return r.min(axis=1, keepdims=True)


_median = _per_cent(50)

CENTRES: Mapping[str, Measure] = {
    "the group's mean": _mean,
    "the group's median": _median,
    "the group's largest": _largest,
    "the group's smallest": _smallest,
    "the middle between the group's ends": lambda r: (_largest(r) + _smallest(r)) / 2,
    "nothing": lambda r: 0.0,
    "the batch's mean": lambda r: r.mean(),
    "the batch's median": np.median,
    "the batch's largest": np.max,
    "the batch's smallest": np.min,
    **{f"the group's {q} % quantile": _per_cent(q) for q in (1, 5, 10, 25, 75, 90, 95, 99)},
}
"""What may be subtracted."""

SPREADS: Mapping[str, Measure] = {
    "the group's std": lambda r: r.std(axis=1, keepdims=True),
    "the group's std (n − 1)": lambda r: r.std(axis=1, keepdims=True, ddof=1),
    "the batch's std": np.std,
    "the group's range": lambda r: _largest(r) - _smallest(r),
    "half the group's range": lambda r: (_largest(r) - _smallest(r)) / 2,
    "the batch's range": np.ptp,
    "the mean absolute deviation from the mean": lambda r: _mean(np.abs(r - _mean(r))),
    "the mean absolute deviation from the median": lambda r: _mean(np.abs(r - _median(r))),
    "the median absolute deviation": lambda r: _median(np.abs(r - _median(r))),
    "1.4826 times the median absolute deviation":
        lambda r: 1.4826 * _median(np.abs(r - _median(r))),
    **{f"the group's {a} % to {b} % range": _between(a, b)
       for a, b in ((25, 75), (10, 90), (5, 95), (1, 99))},
    "the largest deviation": lambda r: _largest(np.abs(r - _mean(r))),
    "the largest reward's size": lambda r: _largest(np.abs(r)),
    "the rewards' root mean square": lambda r: np.sqrt(_mean(r**2)),
    "the deviations' norm": lambda r: np.sqrt(((r - _mean(r)) ** 2).sum(axis=1, keepdims=True)),
    "the group's variance": lambda r: r.var(axis=1, keepdims=True),
    "the group's mean": _mean,
    "nothing": lambda r: 1.0,
}  # fmt: skip
"""What may be divided by."""


def ranks(r: np.ndarray) -> np.ndarray:
    """0, 1, 2, ... in each group, the smallest first; equal rewards share their mean rank."""
    below = (r[:, None, :] < r[:, :, None]).sum(axis=2)
    same = (r[:, None, :] == r[:, :, None]).sum(axis=2)
    return np.asarray(below + (same - 1) / 2, dtype=np.float64)


OF: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "rewards": lambda r: r,
    "ranks": ranks,
    "places in order": lambda r: np.argsort(np.argsort(r, axis=1, kind="stable"), axis=1) + 0.0,
}
"""What is measured; places in order tell equal rewards apart by their place in the group."""


def measured(cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions) -> Iterator[Slip]:
    """The centres and spreads that the first answer suggests."""
    if not cases or "value" not in told[0]:
        return
    rewards, got = cases[0]["rewards"], told[0]["value"]
    for key in product(OF, CENTRES, SPREADS):
        eps = _eps(key, rewards, got, c)
        if eps is not None:
            yield _slip(key, eps, c)


Key: TypeAlias = tuple[str, str, str]


def _eps(key: Key, r: np.ndarray, got: np.ndarray, c: Conventions) -> float | None:
    """What must be added to the spread, if one number does; the declared one first."""
    if got.shape != r.shape:
        return None
    for eps in (c["advantage_eps"], 0.0):
        told = _values(key, eps, r, c)
        if np.allclose(told, got, rtol=1e-6, atol=1e-6 * np.abs(got).max()):
            return float(eps)
    if key[2] == "nothing" or c["advantage_clip"] != "none":
        return None
    centred, spread = _taken(key, r)
    far = np.abs(centred) > 0.1 * np.abs(centred).max()
    added = one((centred / np.where(far, got, 1.0) - spread)[far])
    return added if added is not None and added > 0 else None


def _taken(key: Key, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    of, centre, spread = key
    r = OF[of](r)
    return r - CENTRES[centre](r), SPREADS[spread](r) + 0 * r


def _values(key: Key, eps: float, r: np.ndarray, c: Conventions) -> np.ndarray:
    centred, spread = _taken(key, r)
    with np.errstate(all="ignore"):
        value = centred if key[2] == "nothing" else centred / (spread + eps)
    value = np.where((r == r[:, :1]).all(axis=1, keepdims=True), 0.0, value)
    if c["advantage_clip"] == "none":
        return value
    return np.asarray(Formulas()("grpo.bounded")(value, float(c["advantage_clip"])))


def _slip(key: Key, eps: float, c: Conventions) -> Slip:
    of, centre, spread = key
    base = "nothing subtracted" if centre == "nothing" else f"less {centre}"
    over = "over nothing" if spread == "nothing" else f"over {spread}"
    also = f", {eps:g} added to it" if eps not in (0.0, c["advantage_eps"]) else ""
    return Slip(f"{of} {base}, {over}{also}", "Another measure of where a reward stands in its "
                "group than the declared one.", "robust and rank-based normalisations",
                "(R − mean)/(std + eps), or say in words what is meant",
                lambda i, c: {"value": _values(key, eps, i["rewards"], c)})  # fmt: skip
