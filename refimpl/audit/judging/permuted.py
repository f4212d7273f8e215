"""Rewards that were recorded in another order than their samples: which gives the advantages.

    within a group A is a line of R: two rewards give the others, and each of them has to be there

An order is told where there is one alone, and chance would hardly have found any.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ...evidence.rounding import ROUNDINGS
from .misplaced import Rule, Square

_LARGEST = 2**9
"""Samples of a batch whose pairs are tried."""

_CHANCE = 1e-6
"""How often an order may be found where there is none."""


def told(
    rules: Sequence[Rule], squares: Sequence[Square], fits: Callable[[Rule, Sequence[Square]], bool]
) -> str:
    """Whose rewards give the advantages, in words; "" where no order does, or several do."""
    orders = list[Tensor]()
    for square in squares:
        order = _order(*square)
        if order is None:
            return ""
        orders.append(order)
    moved = [
        (r.flatten()[order].reshape(r.shape), a, u)
        for (r, a, u), order in zip(squares, orders, strict=True)
    ]
    rows = (orders[0] != torch.arange(len(orders[0]))).nonzero()[:, 0]
    if not len(rows) or not any(fits(rule, moved) for rule in rules):
        return ""
    first = int(rows[0])
    return (
        "they are right for the same rewards in another order than that of their samples: counted "
        f"group by group, sample {first} has that of sample {int(orders[0][first])}"
    )


def _order(rewards: Tensor, advantages: Tensor, roundoff: tuple[float, float]) -> Tensor | None:
    """Which reward each sample has, (B,), if its group's advantages leave no choice."""
    values, rows = rewards.flatten().sort()
    n, size = len(values), rewards.shape[1]
    u = ROUNDINGS * sum(roundoff)
    slack = u * float(values.abs().max()) + u * float(values[-1] - values[0])
    if n > _LARGEST or size < 3 or not bool((values.diff() > 0).all()):
        return None
    low, high = torch.triu_indices(n, n, 1)
    share = 2 * slack * n / float(values[-1] - values[0])  # of numbers, that some reward is near
    if len(rewards) * (math.log(len(low)) + (size - 2) * math.log(share)) > math.log(_CHANCE):
        return None
    found = []
    for a in advantages:
        if not float(a.max()) > float(a.min()):
            return None
        one = _of_group(a, values, low, high, slack)
        if one is None:
            return None
        found.append(one)
    order = rows[torch.cat(found)]
    return order if len(torch.unique(order)) == n else None


def _of_group(a: Tensor, values: Tensor, low: Tensor, high: Tensor, slack: float) -> Tensor | None:
    """The places of a group's rewards among all, where one line alone leads to some."""
    least, most = int(a.argmin()), int(a.argmax())
    made = torch.empty(len(low), len(a), dtype=torch.int64)
    made[:, least], made[:, most] = low, high
    for k in range(len(a)):
        if k in (least, most):
            continue
        start, end = values[made[:, least]], values[made[:, most]]
        wanted = start + (a[k] - a[least]) / (a[most] - a[least]) * (end - start)
        after = torch.searchsorted(values, wanted).clamp(1, len(values) - 1)
        near = torch.where(wanted - values[after - 1] < values[after] - wanted, after - 1, after)
        made[:, k] = near
        made = made[(values[near] - wanted).abs() <= slack]
    return made[0] if len(made) == 1 else None
