"""Numbers k/16 of every domain: exact in bfloat16, neighbours all different, no randomness.

lattice(argument)("g", 6, seed=0)   →   six numbers that depend on the name and the seed
"""

import zlib
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from ..equations.arguments import Argument

Lattice: TypeAlias = Callable[[str, int, int], np.ndarray]
"""n numbers for an argument of that name: lattice(name, n, seed)."""

_STEPS = (
    (0.75, 0.5),
    (0.9375, 0.25),
    (0.5, 0.4375),
    (0.03125, 0.0078125),
    (0.25, 0.0),
    (1.0, 0.875),
)
_INSIDE = (0.5, 0.875, 0.25, 0.03125, 0.75, 0.9375)


def _walk(first: int, stride: int, around: int) -> Callable[[str, int, int], np.ndarray]:
    """first, first + stride, ... round a circle of `around` numbers, from a place of the name's."""

    def numbers(name: str, n: int, seed: int) -> np.ndarray:
        start = (zlib.crc32(name.encode()) + 13 * seed) % 1009
        return first + (start + stride * np.arange(n, dtype=np.int64)) % around

    return numbers


def _over(numbers: Lattice, denominator: int) -> Lattice:
    return lambda name, n, seed: numbers(name, n, seed) / denominator


real = _over(_walk(-39, 23, 79), 16)
positive = _over(_walk(3, 11, 29), 16)


def level(name: str, n: int, seed: int) -> np.ndarray:
    """Levels t, and for the name "s" the lower ends of the same steps."""
    return np.array([_STEPS[(i + seed) % 6][name == "s"] for i in range(n)])


def inside(name: str, n: int, seed: int) -> np.ndarray:
    """Levels below 1."""
    return np.array([_INSIDE[(i + seed) % 6] for i in range(n)])


_OF_DOMAIN: dict[str, Lattice] = {
    "real": real,
    "nonzero": real,
    "nonnegative": positive,
    "positive": positive,
    "negative": lambda name, n, seed: -_over(_walk(1, 11, 29), 16)(name, n, seed),
    "level": level,
    "level below one": inside,
    "share": _over(_walk(1, 5, 15), 16),
    "inner level": inside,
    "inner share": _over(_walk(3, 11, 27), 32),
    "ratio": _over(_walk(11, 5, 12), 16),
    "clip": _over(_walk(1, 1, 3), 16),
    "correlation": _over(real, 4),
    "network time": lambda name, n, seed: abs(real(name, n, seed)) * 256,
}


def lattice(argument: Argument) -> Lattice:
    """The lattice of an argument's domain, or of the part of it where examples look.

    Raises:
        KeyError: no lattice belongs to the domain; the equation needs one of its own.
    """
    return _OF_DOMAIN[argument.inside.name]
