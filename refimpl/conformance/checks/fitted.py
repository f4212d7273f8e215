"""Mistakes of a step that have a number of their own, read off what came back.

    churn by γ    one length for every step    a level held in g    predicted data held at ±c

Each number is read off one answer; whether it holds for all of them is asked afterwards.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..adapter.conventions import Conventions
from ..diagnosis.solving import plain
from ..formulas.operations import Slip
from ..formulas.steps import levels, step
from ..formulas.values import Formulas, Inputs, Parts

_SAME = 1e-5
"""How far numbers that are one may lie apart, relative to themselves."""

CHURN = ("Noise is added first, up to a higher level, and the ODE's step leads down from there: on "
         "a flow path the state would have to be scaled as well.")  # fmt: skip


def fitted(cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions) -> Iterator[Slip]:
    """The mistakes that the first answer with a mean suggests, or the first where g is wrong."""
    for i, parts in zip(cases, told, strict=True):
        if "std" in parts and (found := list(_held_level(i, parts, c))):
            yield from found
            break
    yield from _straight(cases, told, c)
    for i, parts in zip(cases, told, strict=True):
        if "mean" in parts and "std" in parts:
            yield from _churn(i, parts, c)
            yield from _one_length(i, parts, c)
        if "mean" in parts:
            yield from _held_data(i, parts["mean"], c)
            return


def one(numbers: Any) -> float | None:
    """The number that they all are, or None."""
    every = np.ravel(numbers)
    if not every.size or not np.isfinite(every).all() or np.ptp(every) > _SAME * abs(every[0]):
        return None
    return plain(float(np.median(every)))


# ---------------------------------------------------------------- churn


def _churn(i: Inputs, parts: Parts, c: Conventions) -> Iterator[Slip]:
    """γ from the mean, x − ((1 + γ) t − s) v; the noise's own factor from the std."""
    at, v = levels(i, c, i["x"]), c.velocity(i["v"])
    far = np.abs(v) > 0.1 * np.abs(v).max()
    up = np.where(far, (i["x"] - parts["mean"]) / np.where(far, v, 1.0) + at.s, np.nan)
    gamma = one((up / at.t - 1)[far])
    if gamma is None or gamma <= 0:
        return
    wide = at.t * np.sqrt((1 + gamma) ** 2 - 1)
    times = one(np.asarray(c.std(parts["std"], at.h)) / wide)
    if times is not None:
        also = "" if times == 1 else f", noise times {times:g}"
        yield Slip(f"churn by {gamma:g}{also}", CHURN, "diffusers' Heun and Euler samplers, EDM",
                   "std = g √h with the score's correction, or no noise at all",
                   lambda i, c: churned(i, c, gamma, times))  # fmt: skip


def churned(i: Inputs, c: Conventions, gamma: float, times: float) -> Parts:
    """x_s = x + std ε − (t̂ − s) v,  t̂ = (1 + γ) t,  std² = t̂² − t²."""
    at, up = levels(i, c, i["x"]), (1 + gamma) * levels(i, c, i["x"]).t
    mean = i["x"] - (up - at.s) * c.velocity(i["v"])
    std = times * np.sqrt(up**2 - at.t**2)
    made = {"mean": mean, "std": c.their_std(std, at.h)}
    return made | ({"x_s": mean + std * i["noise"]} if "noise" in i else {})


# ---------------------------------------------------------------- one length, held data


def _one_length(i: Inputs, parts: Parts, c: Conventions) -> Iterator[Slip]:
    """h from the std, g √h."""
    at, right = levels(i, c, i["x"]), step(Formulas(), i, c)
    if np.ptp(at.h) == 0:
        return
    theirs, ours = (np.asarray(c.std(p["std"], at.h)) for p in (parts, right))
    h = one(at.h * (theirs / np.where(ours > 0, ours, np.nan)) ** 2)
    if h is not None:
        yield Slip(f"h = {h:g} at every step", "The step's length does not follow the levels.",
                   "1/steps on a grid that is shifted", "h = t − s",
                   lambda i, c: _at_length(i, c, h))  # fmt: skip


def _at_length(i: Inputs, c: Conventions, h: float) -> Parts:
    """x − h drift and g √h, of which the right step has its own h."""
    at, right = levels(i, c, i["x"]), step(Formulas(), i, c)
    mean = i["x"] + h / at.h * (right["mean"] - i["x"])
    std = np.sqrt(h / at.h) * np.asarray(c.std(right["std"], at.h))
    made = {"mean": mean, "std": c.their_std(std, h)}
    return made | ({"x_s": mean + std * i["noise"]} if "noise" in i else {})


def _held_level(i: Inputs, parts: Parts, c: Conventions) -> Iterator[Slip]:
    """c from the std where it is wrong: g = a √(c/(1 − c)) there, whatever the level."""
    if c["g"] != "flow_grpo" or "g" in i:
        return
    at, a, right = levels(i, c, i["x"]), i.get("a", c["a"]), step(Formulas(), i, c)
    theirs, ours = (np.asarray(c.std(p["std"], at.h)) for p in (parts, right))
    other = np.abs(theirs - ours) > _SAME * np.abs(ours)
    odds = (theirs**2 / (a**2 * at.h))[other]
    limit = one(odds / (1 + odds))
    if limit is None or not 0 < limit < 1:
        return
    above = bool((at.t[other] > limit).all())
    if above or bool((at.t[other] < limit).all()):
        hold, word = (np.minimum, "most") if above else (np.maximum, "least")
        made = c.but(g=lambda t: a * np.sqrt(hold(t, limit) / (1 - hold(t, limit))),
                     boundary="finite")  # fmt: skip
        yield Slip(f"t at {word} {limit:g} in g, and as it is in the score",
                   "The level is held in both places of g, in the numerator as well.",
                   "clamps of the level before √(t/(1 − t))",
                   f"declare g as that function of the level, and boundary = 'finite', or a "
                   f"boundary that is meant: 'clamp {limit:g}' holds it inside 1/(1 − t) alone",
                   lambda i, c: step(Formulas(), i, made))  # fmt: skip


def _straight(cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions) -> Iterator[Slip]:
    """g = α + β t, read off every std: a line between a schedule's ends."""
    seen = dict[float, float]()
    for i, parts in zip(cases, told, strict=True):
        if "std" in parts and "g" not in i and "a" not in i:
            at = levels(i, c, i["x"])
            g = np.asarray(c.std(parts["std"], at.h)) / np.sqrt(at.h)
            seen |= dict(zip(np.ravel(at.t + 0 * g), np.ravel(g + 0 * at.t), strict=True))
    line = _line(np.array(list(seen)), np.array(list(seen.values())))
    if line is None:
        return
    alpha, beta = line
    form = f"{beta:g} t" if alpha == 0 else f"{alpha:g} + {beta:g} t"
    other = c.but(g=lambda t: alpha + beta * t, boundary="finite")
    whole = all(np.allclose(step(Formulas(), i, other)["mean"], p["mean"], 1e-3, 1e-3)
                for i, p in zip(cases, told, strict=True) if "mean" in p)  # fmt: skip
    yield Slip(f"g = {form}", "g is a straight line of the level, between a schedule's ends.",
               "early flow_grpo, and code after it at noise level 1", "a √(t/(1 − t)), or declare "
               "g as that function of the level, and boundary = 'finite'",
               lambda i, c: (step(Formulas(), i, other) if whole
                             else _as_wide(i, c, other)))  # fmt: skip


def _line(t: np.ndarray, g: np.ndarray) -> tuple[float, float] | None:
    """α and β with g = α + β t everywhere, β not 0."""
    if len(t) < _FEWEST or not np.isfinite(g).all():
        return None
    near = _EXACT * np.abs(g).max()
    made = np.polynomial.Polynomial.fit(t, g, 1).convert().coef
    alpha, beta = (plain(float(x)) if abs(x) > near else 0.0 for x in [*made, 0.0][:2])
    return (alpha, beta) if beta and np.abs(alpha + beta * t - g).max() <= near else None


def _as_wide(i: Inputs, c: Conventions, other: Conventions) -> Parts:
    """The right mean with another's std."""
    return {"mean": step(Formulas(), i, c)["mean"], "std": step(Formulas(), i, other)["std"]}


_FEWEST = 4
"""So many levels, at least, tell a line."""

_EXACT = 1e-6
"""How far a std may lie off a line, relative to the largest: a few roundings of float32."""


def _held_data(i: Inputs, mean: np.ndarray, c: Conventions) -> Iterator[Slip]:
    """The limit is the largest predicted data that the mean, affine in v, can have come from."""
    at = levels(i, c, i["x"])
    zero, unit = (step(Formulas(), {**i, "v": y}, c)["mean"] for y in (0 * i["v"], 1 + 0 * i["v"]))
    data = np.abs(i["x"] - at.t * c.velocity((mean - zero) / (unit - zero)))
    top = data.max()
    if np.isfinite(top) and (data >= top * (1 - _SAME)).sum() > 1:
        limit = plain(float(top))
        yield Slip(f"predicted data held between −{limit:g} and {limit:g}",
                   "x − t v is clamped, and the velocity follows it.",
                   "clip_sample of DDPM code, whose images end at 1",
                   "no clamp: latents have no such bound",
                   lambda i, c: _holding(i, c, limit))  # fmt: skip


def _holding(i: Inputs, c: Conventions, limit: float) -> Parts:
    at = levels(i, c, i["x"])
    data = np.clip(i["x"] - at.t * c.velocity(i["v"]), -limit, limit)
    return step(Formulas(), {**i, "v": c.velocity((i["x"] - data) / at.t)}, c)


def held(name: str, x: np.ndarray) -> tuple[str, float] | None:
    """A quantity that ends at ±c, more than once: what to call it, and c."""
    top = float(np.abs(x).max(initial=0.0))
    if not np.isfinite(top) or (np.abs(x) >= top * (1 - _SAME)).sum() < 2:
        return None
    return f"{name} held between −{plain(top):g} and {plain(top):g}", plain(top)
