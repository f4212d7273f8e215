"""Second routes for GRPO: pairwise differences, a table of cases.

No mean is subtracted from anything: R_i − mean R is the average of R_i − R_j, and a variance is the
average of squared differences of pairs. The clipped surrogate is decided case by case.
"""

from typing import Any

import mpmath as mp
import numpy as np

from ..route import route


@route("grpo.advantage", whole=True)
def advantage(rewards: Any, std: str, ddof: int, eps: float) -> Any:
    """Pairwise differences, no mean."""
    batch = list(rewards.ravel())
    out = np.empty(rewards.shape, dtype=object)
    for i, row in enumerate(rewards):
        group = list(row)
        spread = {"group": group, "batch": batch, "none": None}[std]
        scale = mp.mpf(1) if spread is None else mp.sqrt(_variance(spread, ddof)) + mp.mpf(eps)
        for j, r in enumerate(group):
            centred = mp.fsum(r - other for other in group) / len(group)
            out[i, j] = centred / scale if centred else mp.mpf(0)
    return out


def _variance(values: list[Any], ddof: int) -> Any:
    n = len(values)
    pairs = mp.fsum((a - b) ** 2 for i, a in enumerate(values) for b in values[:i])
    return pairs / (n * (n - ddof))


@route("grpo.bounded")
def bounded(advantage: Any, limit: Any) -> Any:
    """Three cases."""
    if abs(advantage) <= limit:
        return advantage
    return limit if advantage > 0 else -limit


@route("grpo.surrogate")
def surrogate(ratio: Any, advantage: Any, clip: Any) -> Any:
    """Two cases: a good action's ratio counts up to 1 + ε, a bad one's down to 1 − ε."""
    if advantage >= 0:
        return (ratio if ratio < 1 + clip else 1 + clip) * advantage
    return (ratio if ratio > 1 - clip else 1 - clip) * advantage


@route("grpo.objective")
def objective(surrogate: Any, kl: Any, beta: Any) -> Any:
    """The real part of (1 + iβ)(surrogate + i KL)."""
    return (mp.mpc(1, beta) * mp.mpc(surrogate, kl)).real


@route("grpo.leave_one_out", whole=True)
def leave_one_out(rewards: Any) -> Any:
    """The average of the differences from every other sample."""
    out = np.empty(rewards.shape, dtype=object)
    for i, row in enumerate(rewards):
        for j, r in enumerate(row):
            out[i, j] = mp.fsum(r - other for other in row) / (len(row) - 1)
    return out
