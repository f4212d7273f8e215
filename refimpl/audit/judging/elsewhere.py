"""Numbers that are right, and stand in the rows of others: shifted, reversed, or shuffled.

    found[i] = wanted[j]        →   "the same sample in the step after: row 0 has that of row 16"

Rows are held against each other in a window; a few may have theirs beyond its ends.
"""

import torch
from torch import Tensor

_MOST = 0.9
"""What counts as nearly all rows."""

_APART = 8
"""Numbers of different rows lie at least so many tolerances apart, half of them: what a formula
that is not this one gives is then met by accident in few rows."""


def places(
    found: Tensor, wanted: Tensor, allowed: Tensor, most: float = _MOST
) -> Tensor | None:  # fmt: skip
    """The row whose number each row holds, (n,), −1 for none; or None where that is no story.

    Args:
        found, wanted: recorded, and what the formula gives, (n, k).
        allowed: what rounding allows of either, (n,).
        most: the share of rows that must be met by another row's number, each by its own.
    """
    n = len(found)
    if n < 8:
        return None
    apart = torch.cdist(found, wanted, p=torch.inf)
    gap, at = apart.min(dim=1)
    fits = gap <= allowed + allowed[at]
    others = torch.cdist(wanted, wanted, p=torch.inf).fill_diagonal_(torch.inf).amin(dim=1)
    if float((others > _APART * allowed).double().mean()) < 0.5:
        return None
    at = torch.where(fits, at, -1)
    moved = (at >= 0) & (at != torch.arange(n))
    alone = len(torch.unique(at[at >= 0]))
    edges = most * n - _shift(at)
    return at if alone >= edges and float(moved.double().mean()) > 0.5 else None


def _shift(at: Tensor) -> int:
    """How many rows of a window have theirs beyond its ends, if all have moved alike."""
    by = (at - torch.arange(len(at)))[at >= 0]
    return 0 if not len(by) else min(len(at) // 2, abs(int(by.mode().values)))


def told(at: Tensor, lag: int, t: Tensor | None = None) -> str:
    """Whose they are, in words.

    Args:
        lag: rows from a step to the next of the same sample; 0 where that is not known.
        t: levels of the rows, (n,), which tell a step where a sample's rows follow each other.
    """
    rows = torch.arange(len(at))[at >= 0]
    to = at[at >= 0]
    by = int((to - rows).mode().values)
    whole = _mostly((to - rows - by) % len(at) == 0)  # what is moved on may begin again at the top
    k = int((to - rows == by if whole else to != rows).double().argmax())
    first = f"row {int(rows[k])} has that of row {int(to[k])}"
    if whole and lag and abs(by) == lag:
        return f"the same sample in the step {'after' if by > 0 else 'before'}: {first}"
    same = lag > 1 and bool((to // lag == rows // lag).all())
    across = lag == 1 and t is not None and by != 0 and bool((t[to] == t[rows]).all())
    if across:
        return f"other samples of the same step: {first}"
    if same and _mostly(to % lag == lag - 1 - rows % lag):
        return f"other samples of the same step, in reversed order: {first}"
    if same:
        return f"other samples of the same step: {first}"
    if whole:
        return f"the row {abs(by)} {'later' if by > 0 else 'earlier'}: {first}"
    return f"other rows: {first}"


def _mostly(x: Tensor) -> bool:
    return float(x.double().mean()) >= _MOST
