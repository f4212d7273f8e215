"""Advantages whose baseline is a sum over the group, over another number than was summed.

    A = (a R + b sum)/(std + eps)        R − (sum − R)/G,  R − sum/(G − 1),  R − sum, ...

What is centred on the group's mean, or on that of the others, has b = −a/G and is no matter here.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .misplaced import Rule, Square, slope

_NEAR = 1e-3
"""Numbers that differ by less are one; and what is left of advantages that a sum gives."""

_FEWEST = 3
"""Groups that a factor of one's own for the sum takes; two show one with a name."""


def told(
    rules: Sequence[Rule], squares: Sequence[Square], fits: Callable[[Rule, Sequence[Square]], bool]
) -> str:  # fmt: skip
    """What they are, in words; "" where no sum gives them.

    Args:
        rules: that may have been meant: their divisor is kept.
    """
    sizes = {r.shape[1] for r, _, _ in squares}
    if sum(len(r) for r, _, _ in squares) < 2:
        return ""
    for rule in rules:
        found = _coefficients(rule, squares) if len(sizes) == 1 else None
        if len(sizes) == 1 and found is None:
            continue
        for words, (a, b) in _NAMED.items():
            g = next(iter(sizes))
            near = found is None or all(
                abs(x - y(g)) < _NEAR for x, y in zip(found, (a, b), strict=True)
            )
            if near and fits(_made(rule, a, b), squares):
                return f"they are {words.format(over=_over(rule))}" + _groups(words, squares)
        if found is not None and _own(*found, next(iter(sizes)), squares):
            x, y = found
            if fits(_made(rule, lambda g, x=x: x, lambda g, y=y: y), squares):  # type: ignore[misc]
                sign = "+" if y > 0 else "−"
                return (
                    f"they are ({x:.4g} R {sign} {abs(y):.4g} sum){_over(rule)}, with the sum over "
                    f"the group of {next(iter(sizes))}, where R − sum/{next(iter(sizes))} is meant"
                )
    return ""


Of = Callable[[int], float]
"""A number that follows from the size of a group."""

_NAMED: dict[str, tuple[Of, Of]] = {
    "(R − (sum − R)/G){over}: the sum of the others, G − 1 of them, is divided by G, so that what "
    "all rewards have in common stays in part": (lambda g: 1 + 1 / g, lambda g: -1 / g),
    "(R − sum/(G − 1)){over}: the sum of the whole group is divided by G − 1": (
        lambda g: 1.0, lambda g: -1 / (g - 1)),
    "(R − sum/(G + 1)){over}: the group's sum is divided by one more than were summed": (
        lambda g: 1.0, lambda g: -1 / (g + 1)),
    "(R − sum){over}: the group's sum is not divided by G": (lambda g: 1.0, lambda g: -1.0),
    "(R − (sum − R)){over}: the sum of the others is not divided by G − 1": (
        lambda g: 2.0, lambda g: -1.0),
    "(R − (sum + R)/G){over}: the sample itself is added to the group's sum": (
        lambda g: 1 - 1 / g, lambda g: -1 / g),
    "(R + sum/G){over}: the group's mean is added, and not taken off": (
        lambda g: 1.0, lambda g: 1 / g),
    "(R + (sum − R)/(G − 1)){over}: the mean of the others is added, and not taken off": (
        lambda g: 1 - 1 / (g - 1), lambda g: 1 / (g - 1)),
    "the mean of the others{over}: R itself is not in it": (
        lambda g: -1 / (g - 1), lambda g: 1 / (g - 1)),
    "(G R − sum){over}: nothing is divided by G": (lambda g: float(g), lambda g: -1.0),
}  # fmt: skip
"""Ways to lose a mean, with the weights of R and of the group's sum."""


def _over(rule: Rule) -> str:
    std = getattr(rule, "std", "none")
    return "" if std == "none" else f"/(std + eps), {rule}"


def _groups(words: str, squares: Sequence[Square]) -> str:
    """What else the divisor of the whole sum may be."""
    own = squares[0][0].shape
    return "; or by the number of groups" if "by G − 1" in words and own[0] == own[1] - 1 else ""


def _slope(r: Tensor, rule: Rule) -> Tensor:
    """What the rule divides by, as a factor, (groups, 1)."""
    if getattr(rule, "std", "") == "none":
        return torch.ones_like(r[:, :1])
    return slope(r, rule(r))


def _made(rule: Rule, a: Of, b: Of) -> Rule:
    def made(r: Tensor) -> Tensor:
        g = r.shape[1]
        return _slope(r, rule) * (a(g) * r + b(g) * r.sum(dim=1, keepdim=True))

    return made


def _coefficients(rule: Rule, squares: Sequence[Square]) -> tuple[float, float] | None:
    """a and b, by least squares; None where they leave much, or are those of a mean."""
    parts, got = [], []
    for r, a, _ in squares:
        each = torch.stack([r, r.sum(dim=1, keepdim=True).expand_as(r)], dim=2)
        parts.append((_slope(r, rule)[:, :, None] * each).reshape(-1, 2))
        got.append(a.flatten())
    x, y = torch.cat(parts), torch.cat(got)
    norms = torch.linalg.vector_norm(x, dim=0)
    spread = torch.linalg.svdvals(x / norms.clamp_min(1e-300))
    if not float(spread[1]) > _NEAR * float(spread[0]):
        return None
    a, b = torch.linalg.lstsq(x, y[:, None]).solution[:, 0].tolist()
    left = (x @ torch.tensor([a, b], dtype=x.dtype) - y).abs().max()
    g = squares[0][0].shape[1]
    centred = abs(b + a / g) < _NEAR * abs(a) / g
    return None if centred or not float(left) < _NEAR * float(y.abs().max()) else (a, b)


def _own(a: float, b: float, g: int, squares: Sequence[Square]) -> bool:
    """Whether weights without a name are told: no plain number has one, nor a batch of groups."""
    groups = sum(len(r) for r, _, _ in squares)
    of_batch = abs(b + a / len(squares[0][0])) < _NEAR * abs(a)  # over the number of groups
    return groups >= _FEWEST and abs(b) > _NEAR * abs(a) / g and not of_batch
