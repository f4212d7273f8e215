"""Inputs with full significands, at the precision in which the adapter is called.

    filled(conventions, {"x": ..., "t": ...})    the same to a per cent or two, every digit in use

The kit's plain inputs are exact in bfloat16: whoever rounds them on the way in loses nothing, and
is not seen. Levels 0 and 1 stay, zeros stay, and what was one number for the whole batch remains
one.
"""

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from .conventions import Conventions
from .inputs import received

LARGEST = 2.0**-6
"""How far a number moves, relative to itself; half of it at least."""

_FREE = ("w", "beta", "clip", "clip_low", "clip_high")
"""Numbers that are chosen at will; the ends of a clip move together."""

_ONE = ("t", "s", "h", "g", "std")


def filled(c: Conventions, inputs: Mapping[str, Any], seed: int = 0) -> dict[str, Any]:
    """The inputs with their digits filled."""
    kept = ("levels",) if inputs.get("own_grid") else ()  # a sampler that makes them sees no other
    made = {n: x if n in kept else _filled(c, n, x, seed) for n, x in inputs.items()}
    if {"t", "s", "g", "std"} <= set(made):  # g and std are one number told twice
        h = np.abs(np.asarray(c.level(made["t"])) - np.asarray(c.level(made["s"])))
        std = c.std(made["std"], h)
        made["g"] = received(c, Conventions({"std": "g"}).their_std(std, h))
    return made


def _filled(c: Conventions, name: str, x: Any, seed: int) -> Any:
    if name in _FREE and isinstance(x, float):
        return float(x * (1 + _moves(name.partition("_")[0], 1, seed)[0]))
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
        return x
    moves = _moves(name, x.size, seed).reshape(x.shape)
    if name in _ONE and c["t"] == "scalar":
        moves = np.full(x.shape, moves.ravel()[0])
    if name not in ("t", "s", "levels"):
        return received(c, x * (1 + moves))
    level = np.asarray(c.level(x))
    inner = (level > 0) & (level < 1)
    return np.where(inner, received(c, c.clock(level * (1 - moves * (1 - level)))), x)


def _moves(name: str, n: int, seed: int) -> np.ndarray:
    """Numbers between half of `LARGEST` and all of it, of no short binary form."""
    return LARGEST * (1 + fractions(name, n, seed)) / 2


def fractions(name: str, n: int, seed: int) -> np.ndarray:
    """Numbers between 0 and 1, evenly strewn: multiples of the golden section."""
    start = (zlib.crc32(name.encode()) + 977 * seed) % 1009
    return np.mod((start + np.arange(n)) * (np.sqrt(5) - 1) / 2, 1.0)
