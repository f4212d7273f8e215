"""Inputs of many sizes and either sign, so that nothing is mistaken for what it becomes at order 1.

    spread(conventions, {"advantage": [1.5, −1.25], ...})   →   {"advantage": [−2.2, −0.17], ...}

The kit's plain inputs are of order 1, and so is the limit that somebody writes: of 1.5 and −1.25,
the sign and what is held between −1 and 1 are the same numbers. Here every number is multiplied by
something between 1/16 and 2, of either sign; a KL by as much and a standard deviation by 1/8 to 1
(by 1/64 to 1 among small numbers), a ratio by 5/8 to 8/5, all three of one sign. Levels stay, and
so do log-probabilities, of which a difference is exponentiated.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .conventions import Conventions
from .inputs import received
from .significands import filled, fractions

_FREE = ("x", "x_s", "v", "v_ref", "noise", "mean", "mean_ref", "data", "score", "rewards",
         "advantage", "v_uncond", "v_cond")  # fmt: skip
"""What may be of either sign."""

_POSITIVE = {"kl": (-4.0, 1.0), "std": (-3.0, 0.0), "ratio": (-0.7, 0.7)}
"""What is positive; powers of two, between which it is multiplied."""

RANGES = dict.fromkeys(_FREE, (-4.0, 1.0)) | _POSITIVE
"""What is multiplied, and between which powers of two."""

_NARROW = (-6.0, 0.0)
"""What a std is multiplied by among small numbers: a floor of .1 holds some, and leaves some."""

SMALL = 2.0**-6
"""A size at which sums over all coordinates lie below 1 as well."""


def spread(
    c: Conventions, inputs: Mapping[str, Any], seed: int = 0, by: float = 1.0
) -> dict[str, Any]:
    """The inputs with their digits filled, and of many sizes; all that is free times `by`."""
    made = filled(c, inputs, seed)
    kept = {"std"} if "g" in made else set[str]()  # these are one number told twice
    return {n: x if n in kept else _spread(c, n, x, seed, by) for n, x in made.items()}


def _spread(c: Conventions, name: str, x: Any, seed: int, by: float) -> Any:
    if name not in RANGES or not isinstance(x, np.ndarray) or x.dtype.kind != "f":
        return x
    low, high = _NARROW if name == "std" and by < 1 else RANGES[name]
    times = 2.0 ** (low + (high - low) * fractions(f"{name}, its size", x.size, seed))
    if name == "std" and c["t"] == "scalar":
        times = np.full(x.size, times[0])
    if name in _FREE:
        times = by * np.where(fractions(f"{name}, its sign", x.size, seed) < 0.5, -times, times)
    return received(c, x * times.reshape(x.shape))


_PAIRS = ((0.6107, 0.2203), (0.9713, 0.6007), (0.0453, 0.0087), (0.6611, 0.1109),
          (0.1303, 0.0311))  # fmt: skip
"""Levels of which none is asked for otherwise, nor a whole number of thousandths, and their steps'
ends.
"""


def elsewhere(c: Conventions, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs at levels of their own; {} where something else hangs on the level.

    A floor that lies below all levels but one is told from whatever meets it there.
    """
    levels = {n for n in ("t", "s") if n in inputs}
    if not levels or {"g", "std", "h", "levels", "x_s"} & set(inputs):
        return {}
    pairs = [_PAIRS[0 if c["t"] == "scalar" else k % len(_PAIRS)] for k in range(len(inputs["t"]))]
    table = dict(zip(("t", "s"), np.array(pairs).T, strict=True))
    return {**inputs, **{n: received(c, np.asarray(c.clock(table[n]))) for n in levels}}
