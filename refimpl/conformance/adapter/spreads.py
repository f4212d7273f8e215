"""Inputs of many sizes, so that nothing is mistaken for what it becomes at order 1.

    spread(conventions, {"advantage": [1.5, −1.25], ...})   →   {"advantage": [2.2, −0.17], ...}

The kit's plain inputs are of order 1, and so is the limit that somebody writes: of 1.5 and −1.25,
the sign and what is held between −1 and 1 are the same numbers. Here every number keeps its sign
and is multiplied by something between 1/16 and 2; a standard deviation by 1/8 to 1, a ratio by 5/8
to 8/5. Levels, and log-probabilities, of which a difference is exponentiated, keep their size.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .conventions import Conventions
from .inputs import received
from .significands import filled, fractions

_RANGES = {"std": (-3.0, 0.0), "ratio": (-0.7, 0.7)}
"""Powers of two; between which a number is multiplied."""

_FREE = ("x", "x_s", "v", "v_ref", "noise", "mean", "mean_ref", "data", "score", "rewards",
         "advantage", "kl", "v_uncond", "v_cond")  # fmt: skip

_RANGE = (-4.0, 1.0)


def spread(c: Conventions, inputs: Mapping[str, Any], seed: int = 0) -> dict[str, Any]:
    """The inputs with their digits filled, and of many sizes."""
    made = filled(c, inputs, seed)
    ranges = dict.fromkeys(_FREE, _RANGE) | _RANGES
    if "g" in made:  # g and std are one number told twice
        del ranges["std"]
    return {n: _spread(c, n, x, ranges[n], seed) if n in ranges else x for n, x in made.items()}


def _spread(c: Conventions, name: str, x: Any, ends: tuple[float, float], seed: int) -> Any:
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
        return x
    low, high = ends
    power = low + (high - low) * fractions(f"{name}, spread", x.size, seed).reshape(x.shape)
    if name == "std" and c["t"] == "scalar":
        power = np.full(x.shape, power.ravel()[0])
    return received(c, x * 2.0**power)
