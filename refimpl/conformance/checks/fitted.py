"""Mistakes of a step that have a number of their own, read off what came back.

    one length for every step        predicted data held between −c and c

Each number is read off one answer; whether it holds for all of them is asked afterwards.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from ..adapter.conventions import Conventions
from ..diagnosis.solving import NEAR_ENOUGH, one, plain
from ..formulas.operations import Slip
from ..formulas.steps import levels, step
from ..formulas.values import Formulas, Inputs, Parts
from .widths import by_width


def fitted(cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions) -> Iterator[Slip]:
    """The mistakes that the std suggests, or the first answer with a mean."""
    yield from by_width(cases, told, c)
    for i, parts in zip(cases, told, strict=True):
        if "mean" in parts and "std" in parts:
            yield from _one_length(i, parts, c)
        if "mean" in parts:
            yield from _held_data(i, parts["mean"], c)
            return


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


def _held_data(i: Inputs, mean: np.ndarray, c: Conventions) -> Iterator[Slip]:
    """The limit is the largest predicted data that the mean, affine in v, can have come from."""
    at = levels(i, c, i["x"])
    zero, unit = (step(Formulas(), {**i, "v": y}, c)["mean"] for y in (0 * i["v"], 1 + 0 * i["v"]))
    data = np.abs(i["x"] - at.t * c.velocity((mean - zero) / (unit - zero)))
    top = data.max()
    if np.isfinite(top) and (data >= top * (1 - NEAR_ENOUGH)).sum() > 1:
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
    if not np.isfinite(top) or top == 0 or (np.abs(x) >= top * (1 - NEAR_ENOUGH)).sum() < 2:
        return None
    return f"{name} held between −{plain(top):g} and {plain(top):g}", plain(top)
