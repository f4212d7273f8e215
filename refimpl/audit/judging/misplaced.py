"""Advantages that no rule gives as they stand: of other samples, of other groups, or scaled.

    sorted(A) = sorted(rule(R))        A = (R − mean of m in a row)/(std + eps)        A = c rule(R)

The rules are those that may have been meant; nothing is fitted but c.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from ...equations import grpo

Square: TypeAlias = tuple[Tensor, Tensor, tuple[float, float]]
"""Rewards and advantages, (groups, G), and their roundoff."""

Rule: TypeAlias = Callable[[Tensor], Tensor]


def told(
    rules: Sequence[Rule], scaled: Sequence[Rule], squares: Sequence[Square],
    fits: Callable[[Rule, Sequence[Square]], bool],
) -> str:  # fmt: skip
    """What they are, in words; "" where none of this fits.

    Args:
        rules: that may have been meant.
        scaled: those of which a multiple is told, other than a turned sign and the mean of the
            others, which the kit names; the batch's std, not declared, is a number like any other.
        fits: whether a rule gives the advantages of these squares to their rounding.
    """
    own = squares[0][0].shape[1]
    for rule in rules:
        for words, change in _ORDERS.items():
            if fits(lambda r, f=rule, c=change: c(f(r)), squares):  # type: ignore[misc]
                return f"they are the group's, {words}"
        if fits(lambda r, f=rule: f(r).sort(dim=1).values, _changed(squares, _within)):  # type: ignore[misc]
            return "they are those of the group's other samples: their order is another"
        if fits(lambda r, f=rule: _across(f(r)), _changed(squares, _across)):  # type: ignore[misc]
            return "they are those of other groups' samples: their order is another"
        c = _factor(rule, squares) if rule in scaled else 1.0
        told_by_kit = any(abs(abs(c) - x) < 1e-3 for x in (1.0, own / (own - 1), 1 - 1 / own))
        if not told_by_kit and fits(lambda r, f=rule, c=c: c * f(r), squares):  # type: ignore[misc]
            return f"they are {c:.6g} times those of {rule}"
    for m in _sizes(squares):
        for words, pooled in _POOLED.items():
            for rule in rules:
                if fits(lambda r, f=rule, p=pooled, m=m: p(f, r, m), squares):  # type: ignore[misc]
                    return f"{words} of {m} samples in a row, where a group has {own}"
    return ""


def _within(x: Tensor) -> Tensor:
    return x.sort(dim=1).values


def _across(x: Tensor) -> Tensor:
    return x.flatten().sort().values.reshape(x.shape)


_ORDERS: dict[str, Callable[[Tensor], Tensor]] = {
    "in reversed order": lambda x: x.flip(1),
    "in rising order": _within,
    "in falling order": lambda x: x.sort(dim=1, descending=True).values,
    "each a place later": lambda x: x.roll(1, 1),
    "each a place earlier": lambda x: x.roll(-1, 1),
    "each group's in the place of the next": lambda x: x.roll(1, 0),
    "each group's in the place of the one before": lambda x: x.roll(-1, 0),
}


def _changed(squares: Sequence[Square], change: Callable[[Tensor], Tensor]) -> list[Square]:
    return [(r, change(a), u) for r, a, u in squares]


def _factor(rule: Rule, squares: Sequence[Square]) -> float:
    made = torch.cat([rule(r).flatten() for r, _, _ in squares])
    got = torch.cat([a.flatten() for _, a, _ in squares])
    return float((made * got).sum() / (made**2).sum().clamp_min(1e-300))


def _sizes(squares: Sequence[Square]) -> Iterator[int]:
    """Numbers of samples that all batches can be cut into, other than a group's and all."""
    own, every = squares[0][0].shape[1], [r.numel() for r, _, _ in squares]
    yield from (m for m in range(2, min(every)) if m != own and all(n % m == 0 for n in every))


def _whole(rule: Rule, r: Tensor, m: int) -> Tensor:
    return rule(r.reshape(-1, m)).reshape(r.shape)


def _centre(rule: Rule, r: Tensor, m: int) -> Tensor:
    middle = grpo.advantage(r.reshape(-1, m), std="none", ddof=0, eps=0.0).reshape(r.shape)
    plain = grpo.advantage(r, std="none", ddof=0, eps=0.0)
    return middle * (rule(r) / plain).nanmedian(dim=1, keepdim=True).values


_POOLED: dict[str, Callable[[Rule, Tensor, int], Tensor]] = {
    "the baseline and the std are": _whole, "the baseline is the mean": _centre,
}  # fmt: skip
