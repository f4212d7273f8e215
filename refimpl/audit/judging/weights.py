"""The weights of x_t, of v, and of other recorded velocities in a mean, row by row.

    mean = c_x x_t + c_v v                    is one of the weights another, and is that one known?
    mean = c_x x_t + c_v (a v + b v′)         v′ of the step before: a solver of two steps

Right weights are asked of the step's equation; those that were used are read off the latents.
"""

from collections.abc import Callable, Mapping
from itertools import product

import torch
from torch import Tensor

from ...equations import Step, paths, sde
from .implied import coefficients

_FEWEST = 8
"""Rows, and coordinates, that weights are read off."""

_NEAR = 1e-4
"""Weights from float32 are known to this; of a velocity a step's h of itself loses some."""

_LOOSE = 1e-3

_OF_X: dict[str, Callable[[Tensor], Tensor]] = {
    "√(1 − 2 e)": lambda e: (1 - 2 * e).clamp_min(0).sqrt(), "exp(−e)": lambda e: torch.exp(-e),
    "1/(1 + e)": lambda e: 1 / (1 + e), "1": lambda e: 1 + 0 * e, "1 + e": lambda e: 1 + e,
    "1 − 2 e": lambda e: 1 - 2 * e, "1 − e/2": lambda e: 1 - e / 2,
    "√(1 − e)": lambda e: (1 - e).clamp_min(0).sqrt(),
}  # fmt: skip
"""What may stand for 1 − e, with e = g² h/(2 t)."""


def named(x: Tensor, v: Tensor, mean: Tensor, right: tuple[Tensor, Tensor]) -> str:
    """The weight of x_t that a mean has, where that of v is right, in words.

    Args:
        right: the weights that are meant, (n, 1).
    """
    found = _weights(x, v, mean)
    if found is None or bool(((found[0] - right[0]).abs() <= _NEAR).all()):
        return ""
    if not bool(((found[1] - right[1]).abs() <= _LOOSE * right[1].abs()).all()):
        return ""
    for words, rule in _OF_X.items():
        if bool(((rule(1 - right[0]) - found[0]).abs() <= _NEAR).all()):
            return f"x_t has the weight {words} in it, e = g² h/(2 t), where 1 − e is meant"
    return ""


def of_score(x: Tensor, v: Tensor, mean: Tensor, t: Tensor, s: Tensor, g: Tensor) -> str:
    """What the score in a mean is made of, −(x + w v)/q, at all levels below 1, where a guard that
    a trainer has at 1 hides it: in words, or ""."""
    found, inside = _weights(x, v, mean), ((t > 0) & (t < 1))[:, 0]
    if found is None or bool(inside.all()) or len(torch.unique(t[inside])) < _STEPS:
        return ""
    h = t - s
    drawn = 1 - sde.transition(paths.linear(t), 1 + 0 * t, 0 * t, g, Step(t, s)).mean
    for (over, q), (of, w) in product(_LEVELS.items(), _LEVELS.items()):
        divisor, weight = q(t, s), w(t, s)
        if (over, of) == ("t", "1 − t") or not bool((divisor > 0)[inside].all()):
            continue
        e = drawn * t / divisor
        near = ((found[0] - 1 + e).abs() <= _CLOSE) & ((found[1] + h + weight * e).abs() <= _CLOSE)
        far = ((e - drawn).abs() > _FAR) | ((weight - 1 + t).abs() * e > _FAR)
        told = 2 * int(far[inside].sum()) >= int(inside.sum())
        if told and bool(near[inside].all()) and not bool(near[~inside].any()):
            said = [f"divided by {over} where t is meant"] if over != "t" else []
            said += [f"made of x_t + ({of}) v where x_t + (1 − t) v is meant"] * (of != "1 − t")
            return f"below t = 1 the score in it is {', and '.join(said)}"
    return ""


_STEPS = 3
_CLOSE, _FAR = 1e-5, 1e-3
"""Weights are one within this in float32, and another beyond that."""

_LEVELS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "t": lambda t, s: t, "1 − t": lambda t, s: 1 - t, "s": lambda t, s: s,
    "1 − s": lambda t, s: 1 - s, "t²": lambda t, s: t**2, "√t": lambda t, s: t**0.5,
    "t (1 − t)": lambda t, s: t * (1 - t), "1": lambda t, s: 1 + 0 * t,
    "(1 − t)²": lambda t, s: (1 - t) ** 2, "(t + s)/2": lambda t, s: (t + s) / 2,
}  # fmt: skip
"""What may stand for t, or for 1 − t, in the score."""


def told(x: Tensor, v: Tensor, mean: Tensor, right: tuple[Tensor, Tensor], t: Tensor) -> str:
    """What weights a mean has that nothing names; or that it has none."""
    if x.shape[1] < _FEWEST or len(x) < _FEWEST:
        return ""
    found = _weights(x, v, mean)
    if found is None:
        return (
            "no weights of its row's x_t and v give it: another state or velocity is in it, as of "
            "a second call of the network (Heun's), or numbers that were held or rounded"
        )
    k = int((found[0] - right[0]).abs().argmax())
    a, b, c, d = (float(y[k]) for y in (*found, *right))
    return (
        f"at t = {float(t[k]):.4g} it is {a:.5g} x_t {b:+.5g} v, where {c:.5g} x_t {d:+.5g} v is "
        "meant"
    ).replace("+", "+ ").replace(" -", " − ")  # fmt: skip


def _weights(x: Tensor, v: Tensor, mean: Tensor) -> tuple[Tensor, Tensor] | None:
    """Those of x_t and v, (n, 1), where nothing else is in the mean."""
    if x.shape[1] < _FEWEST or len(x) < _FEWEST:
        return None
    c_x, c_v, left = coefficients(x, v, mean)
    return (c_x, c_v) if bool((left < _NEAR).all()) else None


def of_two(wanted: Tensor, v: Tensor, others: Mapping[str, Tensor], share: Tensor) -> str:
    """The velocity that a mean was made of, as a sum of v and one other, in words.

    Args:
        wanted: that velocity, (n, D).
        others: by name, (n, D); NaN in rows that have none.
        share: the part of v's weight that is the score's, (n, 1).
    """
    for name, other in others.items():
        used = torch.isfinite(other).all(dim=1)
        if int(used.sum()) < _FEWEST or v.shape[1] < _FEWEST:
            continue
        a, b, left = coefficients(v[used], other[used], wanted[used])
        if bool((left < _LOOSE).all()) and bool((b.abs() > _TELLING).any()):
            of, own = share[used], bool(((a + b - 1).abs() <= _LOOSE).all())
            for part, words in ((of, "score"), (1 - of, "drift")):
                rest = "drift" if words == "score" else "score"
                telling = bool((part.max() - part.min() > _TELLING).any())
                if own and telling and bool(((b - part).abs() <= _LOOSE).all()):
                    return f"the {words} in it is of {name}, and the {rest} of v"
            weights = [float(w.median()) for w in (a, b)]
            one = all(
                bool(((w - m).abs() <= _LOOSE).all()) for w, m in zip((a, b), weights, strict=True)
            )
            sum_ = f"{weights[0]:.4g} v {weights[1]:+.4g} of {name}"
            words = sum_ if one else f"v and {name}, with weights that change by row ({sum_})"
            if bool((a.abs() < _LOOSE).all()):
                words = f"{name}, times a number that changes by row ({weights[1]:.4g})"
            return f"the velocity in it is {words}".replace("+", "+ ").replace(" -", " − ")
    return ""


_TELLING = 0.01
"""A weight that is no error of the other."""
