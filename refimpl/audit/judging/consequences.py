"""Of several tests that noise fails, those that follow from another are no news.

Where one dependence is taken out and another vanishes with it, only the first is told: noise that
goes on from the step before moves with x_t and v, which were made of it, and a wrong velocity in
the mean makes the noise of two steps alike.
"""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import torch
from torch import Tensor

from ...statistics.gaussian import normal
from ...statistics.outcome import ALPHA
from . import alike

Pairs: TypeAlias = tuple[Tensor | slice, Tensor | slice]
"""Which rows are held against which: those before, and those after, by their places."""

MARGINAL = ("variance", "mean", "shape")
"""Tests of single numbers; their laws ask for rows that are independent."""

_PLAIN = 6.0
"""A statistic this far beyond its bound stands, whatever the rows have in common."""


def told(
    broken: Mapping[str, float], rows: Tensor, on: Mapping[str, Tensor], lags: Mapping[str, Pairs]
) -> list[str]:  # fmt: skip
    """The failed tests that no other explains, in the order given.

    Args:
        broken: by key, how many times its bound a statistic is.
        rows: noise, (n, w).
        on: what it may move with, by key, (n, w).
        lags: by key, the rows whose noise it may be again, and those.
    """
    left = list(broken)

    def drop(gone: Iterable[str]) -> None:
        dropped = set(gone)
        left[:] = [k for k in left if k not in dropped]

    again = [k for k in left if k in lags]
    if broken.get("mean", 0.0) > _PLAIN:  # numbers that have one in common are alike
        plain = (rows - rows.mean()) / rows.std()
        if all(_lagged(plain, lags[k]) <= 1 for k in again):
            drop([*again, "pairs", "within", "expanded"])
        drop(k for k in left if k in on and _moving(plain, on[k]) <= 1)
        drop(["near"] if _near(plain) <= 1 else [])
    elif "mean" in left and all(_moving(rows - rows.mean(), on[k]) <= 1 for k in left if k in on):
        drop(k for k in left if k in on)
    moves, again = [k for k in left if k in on], [k for k in left if k in lags]
    if again and (moves or "pairs" in left):
        first = max(again, key=lambda k: broken[k])
        rest = _without_past(rows, lags[first])
        once = ~_again(rows, lags[first])
        if 2 < 2 * int(once.sum()) < len(rows) and all(
            _moving(rows[once], on[k][once]) <= 1 for k in moves
        ):
            drop([*moves, "pairs", "within", *(k for k in again if k != first)])
        elif moves and all(_moving(rest, on[k][lags[first][1]]) <= 1 for k in moves):
            drop(moves)
    if any(k in left for k in moves):
        rest = _beside(rows, [on[k] for k in moves])
        drop(k for k in again if _lagged(rest, lags[k]) <= 1)
        both = shared(rest)
        if not bool(both.any()):
            drop(["pairs"])
        elif all(_moving(rows[~both], on[k][~both]) <= 1 for k in moves):
            drop(moves)
        drop(["within", *(["near"] if _near(rest) <= 1 else [])])
    moves = [k for k in left if k in on]
    if len(moves) > 1:
        main = max(moves, key=lambda k: broken[k])
        rest = _beside(rows, [on[main]])
        drop(k for k in moves if k != main and _moving(rest, on[k]) <= 1)
    if "near" in left or "cut" in left:  # of rows that have one draw each is to count once
        copies = shared(rows, before=True)
        drop(["near"] if bool(copies.any()) and _near(rows[~copies]) <= 1 else [])
        drop(["cut"] if 2 * int(copies.sum()) > len(rows) else [])
    if "standardised" in left:  # sums that cannot vary are no sums of independent numbers
        drop(k for k in ("near", "within", *MARGINAL) if broken.get(k, 0.0) < _PLAIN)
    drop(["copies"] if any(k in left for k in lags) else [])
    for alone in ("expanded", "shared", "still"):
        if alone in left:
            return [alone]
    if "near" in left:  # numbers that go together count as fewer: other sums are wider
        drop(k for k in (*again, "pairs", "within", *MARGINAL) if broken.get(k, 0.0) < _PLAIN)
    if "cut" in left:
        drop(["variance"])
    common = any(k in left for k in (*again, "pairs", "copies"))
    left = [k for k in left if not (common and k in MARGINAL and broken[k] < _PLAIN)]
    return left or [max(broken, key=lambda k: broken[k])]


def state(broken: Mapping[str, float], rows: Tensor, on: Mapping[str, Tensor]) -> int:
    """How many rows are the state that they were added to, where the others do not move with it;
    0 where some do."""
    moves = [k for k in broken if k in on]
    if "x_t" not in moves:
        return 0
    size = torch.linalg.vector_norm(rows, dim=1)
    wide = torch.linalg.vector_norm(rows - on["x_t"], dim=1)
    same = wide <= _NEARLY * size
    others = ~same
    still = int(others.sum()) > 2 and all(_moving(rows[others], on[k][others]) <= 1 for k in moves)
    return int(same.sum()) if still else 0


def _lagged(rows: Tensor, pairs: Pairs) -> float:
    """The strain of the test against rows before."""
    before, now = (rows[k] for k in pairs)
    z = torch.linalg.vecdot(before, now) / torch.linalg.vector_norm(before, dim=1)
    return _strain(float(z.sum()) / len(z) ** 0.5)


def _near(rows: Tensor) -> float:
    """The strain of the test against neighbours."""
    part, *_ = alike.near(rows)
    return part.statistic / part.bound


def shared(rows: Tensor, *, before: bool = False) -> Tensor:
    """Rows that have their noise in common with another, (n,); or with one before."""
    size = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
    share = ((rows @ rows.T) / (size * size.T).clamp_min(1e-300)).fill_diagonal_(0.0)
    share[(size < _NOTHING * size.max())[:, 0]] = 0.0
    share = share.tril() if before else share
    return (share.abs() > _SAME).any(dim=1)


_SAME = 0.9
_NEARLY = 0.1
"""What half precision leaves between rows that are one, at most; of two draws it is √2."""

_NOTHING = 1e-6
"""What is left of a row that was taken out, in units of the largest row."""


def _moving(rows: Tensor, on: Tensor) -> float:
    size = torch.linalg.vector_norm(on, dim=1)
    used = size > 0
    z = (torch.linalg.vecdot(on, rows)[used] / size[used]).sum() / max(1, int(used.sum())) ** 0.5
    return _strain(float(z / rows.std()))


def _strain(z: float) -> float:
    part = normal("", z, ALPHA)
    return part.statistic / part.bound


def _without_past(rows: Tensor, pairs: Pairs) -> Tensor:
    """What is left of rows beyond a multiple of those before."""
    before, now = (rows[k] for k in pairs)
    share = (before * now).sum() / (before**2).sum()
    return now - share * before


def _again(rows: Tensor, pairs: Pairs) -> Tensor:
    """Rows that are those before, number by number, (n,)."""
    same = torch.zeros(len(rows), dtype=torch.bool)
    before, now = (rows[k] for k in pairs)
    apart = torch.linalg.vector_norm(now - before, dim=1)
    same[pairs[1]] = apart <= _NEARLY * torch.linalg.vector_norm(now, dim=1)
    return same


def _beside(rows: Tensor, directions: Iterable[Tensor]) -> Tensor:
    """Rows without what lies along these, each row by itself."""
    for d in directions:
        size = torch.linalg.vecdot(d, d).clamp_min(1e-300)
        rows = rows - (torch.linalg.vecdot(rows, d) / size)[:, None] * d
    return rows
