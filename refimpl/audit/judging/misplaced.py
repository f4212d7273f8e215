"""Advantages that no rule gives as they stand: of other samples, of other groups, or scaled.

    sorted(A) = sorted(rule(R))        A = (R − mean of m in a row)/(std + eps)        A = c rule(R)

The rules are those that may have been meant; nothing is fitted but c.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, product
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
    for rule in rules:
        for words, made in _made_of(rule, squares):
            if fits(made, squares):
                return words
        if len(squares) > 1 and fits(rule, _stale(squares)):
            return "they are those of the rewards of the batch before"
    for m in _sizes(squares):
        for words, pooled in _POOLED.items():
            for rule in rules:
                if fits(lambda r, f=rule, p=pooled, m=m: p(f, r, m), squares):  # type: ignore[misc]
                    return f"{words} of {m} samples in a row, where a group has {own}"
    return ""


def in_groups(
    rules: Sequence[Rule], squares: Sequence[Square], fits: Callable[[Rule, Sequence[Square]], bool]
) -> str:  # fmt: skip
    """Whether each group's baseline, or its divisor, is a number of its own, in words."""
    for rule in rules:
        shifts = [(a - rule(r)).mean(dim=1, keepdim=True) for r, a, _ in squares]
        moved = [(r, a - x, u) for (r, a, u), x in zip(squares, shifts, strict=True)]
        if _shown(squares, 1) and fits(rule, moved):
            below = [x / line(r, rule)[0] for (r, _, _), x in zip(squares, shifts, strict=True)]
            return f"each group's baseline is not its mean: it is {_range(below)} below that"
    if not _shown(squares, 2):
        return ""
    lines = [_slopes(r, a) for r, a, _ in squares]
    whole = [(r, (a - a.mean(dim=1, keepdim=True)) / x, u)
             for (r, a, u), x in zip(squares, lines, strict=True)]  # fmt: skip
    if not fits(_plain, whole):
        return ""
    centred = [(r, a / x, u) for (r, a, u), x in zip(squares, lines, strict=True)]
    over = f"what divides is {_range([1 / x for x in lines])}"
    if fits(_plain, centred):
        for k, ddof, eps in product(_sharers(squares), (0, 1), _EPS):
            if fits(lambda r, k=k, d=ddof, e=eps: _by_blocks(r, k, d, e), squares):  # type: ignore[misc]
                own = "" if not eps else f" and eps {eps:g}"
                return (
                    f"they are R − mean over the std (ddof {ddof}) of {k} groups in a row{own}: of "
                    "a part of the batch, as each process has one"
                )
        return f"in each group they are R − mean over a number that is no std of it: {over}"
    return f"in each group they are linear in R, of another baseline and divisor: {over}"


_EPS = (0.0, 1e-8, 1e-6, 1e-5, 1e-4)


def _sharers(squares: Sequence[Square]) -> list[int]:
    """How many groups in a row may share a std: parts of every batch, and not all of it."""
    least = min(len(r) for r, _, _ in squares)
    return [k for k in range(2, least // 2 + 1) if all(len(r) % k == 0 for r, _, _ in squares)]


def _by_blocks(r: Tensor, k: int, ddof: int, eps: float) -> Tensor:
    """Advantages by the group's mean and the std of k groups in a row."""
    blocks = r.reshape(-1, k * r.shape[1])
    made = grpo.advantage(blocks, std="group", ddof=ddof, eps=eps)
    spread = blocks.amax(dim=1) - blocks.amin(dim=1)
    slope = (made.amax(dim=1) - made.amin(dim=1)) / spread.clamp_min(1e-300)
    return _plain(r) * slope.repeat_interleave(k)[:, None]


def _plain(r: Tensor) -> Tensor:
    return grpo.advantage(r, std="none", ddof=0, eps=0.0)


def _shown(squares: Sequence[Square], free: int) -> bool:
    """Whether a few numbers for each group leave enough to be told by: different rewards are."""
    left = [max(0, len(torch.unique(g)) - 1 - free) for r, _, _ in squares for g in r]
    return sum(left) >= _TELLING and all(left)


_TELLING = 6


def _slopes(r: Tensor, a: Tensor) -> Tensor:
    """What advantages are per reward, in each group, (groups, 1)."""
    d = _plain(r)
    return (a * d).sum(dim=1, keepdim=True) / (d * d).sum(dim=1, keepdim=True)


def _range(parts: Sequence[Tensor]) -> str:
    x = torch.cat(list(parts))
    low, high = (f"{float(v):.4g}".replace("-", "−") for v in (x.min(), x.max()))
    return low if low == high else f"{low} to {high}"


def _made_of(rule: Rule, squares: Sequence[Square]) -> Iterator[tuple[str, Rule]]:
    """Other ways from the same rewards, each in words."""
    for eps, ddof in product((0.0, 1e-8, 1e-6, 1e-4), (0, 1)):
        then = f"then over all (ddof {ddof}, eps {eps:g})"
        told = f"they are whitened twice: {rule} first, {then}"
        yield told, lambda r, d=ddof, e=eps: _again(rule(r), d, e)  # type: ignore[misc]
        for most in _LIMITS:
            told = f"they are whitened twice: {rule} first, held to ±{most:g}, {then}"
            yield told, lambda r, d=ddof, e=eps, k=most: _again(grpo.bounded(rule(r), k), d, e)  # type: ignore[misc]
    for of, by in (("the group before", 1), ("the next group", -1)):
        for what, own in (("the baseline and the std are those", False), ("the baseline is", True)):
            words = f"{what} of {of}" if not own else f"{what} that of {of}"
            yield words, lambda r, b=by, o=own: _by_others(r, rule, b, o)  # type: ignore[misc]
    yield "they are 0 but for the best and the worst of each group", lambda r: _ends(r, rule(r))
    if len(squares) == 1:
        r, a, _ = squares[0]
        off = ((rule(r) - a).abs() > _FAR * (1 + a.abs())).any(dim=1)
        rows = off.nonzero()[:, 0].tolist()
        if 2 <= len(rows) <= max(2, len(r) // 2):
            names = ", ".join(str(k) for k in rows)
            yield f"groups {names} (from 0) share one baseline and std, as one prompt's", (
                lambda r: _merged(r, rule, off))  # fmt: skip


_LIMITS = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
"""That advantages may have been held to before they were whitened again."""

_FAR = 1e-4
"""Advantages this far off belong to a group that another rule made."""


def _ends(r: Tensor, made: Tensor) -> Tensor:
    best, worst = r.amax(dim=1, keepdim=True), r.amin(dim=1, keepdim=True)
    return torch.where((r == best) | (r == worst), made, 0.0)


def _again(x: Tensor, ddof: int, eps: float) -> Tensor:
    flat = x.reshape(1, -1)
    return grpo.advantage(flat, std="group", ddof=ddof, eps=eps).reshape(x.shape)


def _by_others(r: Tensor, rule: Rule, by: int, own: bool) -> Tensor:
    """Rewards against another group's baseline, over its std or their own: within a group a rule is
    linear."""
    (theirs, base), (mine, _) = line(r.roll(by, 0), rule), line(r, rule)
    return (mine if own else theirs) * (r - base)


def line(r: Tensor, rule: Rule) -> tuple[Tensor, Tensor]:
    """The slope of a rule within each group, and the reward that it makes 0 of, (groups, 1)."""
    made, top, low = rule(r), r.argmax(dim=1, keepdim=True), r.argmin(dim=1, keepdim=True)
    per = (made.gather(1, top) - made.gather(1, low)) / (r.gather(1, top) - r.gather(1, low))
    return per, r.gather(1, low) - made.gather(1, low) / per


def slope(r: Tensor, made: Tensor) -> Tensor:
    """What advantages are per reward in each group, (groups, 1); 0 where its rewards are one."""
    return line(r, lambda _: made)[0].nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)


def _merged(r: Tensor, rule: Rule, which: Tensor) -> Tensor:
    made = rule(r).clone()
    made[which] = rule(r[which].reshape(1, -1)).reshape(-1, r.shape[1])
    return made


def _stale(squares: Sequence[Square]) -> list[Square]:
    """The advantages of each batch beside the rewards of the one before."""
    return [(r, a, u) for (r, _, _), (_, a, u) in pairwise(squares) if r.shape == a.shape]


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
