"""Numbers that are given to adapters: exact in bfloat16, of several shapes, never two alike.

    shapes(conventions) → (3, 2, 4, 5), (3, 7), ...        step_inputs(...)   t and s per sample

One shape has a last dimension as long as the batch: there an outer broadcast goes unnoticed by
shapes alone, and is seen in the numbers.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from . import arrays
from .conventions import Conventions

STEPS = (
    (0.75, 0.5),
    (0.9375, 0.25),
    (0.5, 0.4375),
    (0.0625, 0.03125),
    (0.25, 0.125),
    (0.875, 0.75),
)
"""Pairs (t, s) whose levels and lengths are exact in bfloat16, on either clock."""

_SHAPES = ((3, 2, 4, 5), (3, 7), (3, 5, 3), (2, 3, 2, 2, 2))
_OF_DIMS = {
    2: ((3, 7), (4, 4)),
    3: ((2, 5, 4), (3, 5, 3)),
    4: ((3, 2, 4, 5), (3, 2, 4, 3)),
    5: ((3, 2, 3, 2, 2), (2, 3, 4, 2, 2)),
    6: ((3, 2, 3, 1, 2, 2), (2, 2, 2, 2, 3, 2)),
}


def shapes(c: Conventions) -> tuple[tuple[int, ...], ...]:
    """The shapes of x to try."""
    return _SHAPES if c["dims"] == "any" else _OF_DIMS[int(c["dims"])]


def values(name: str, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Numbers k/16 of either sign, below 2.5, that depend on name, place and seed."""
    start = (zlib.crc32(name.encode()) + 131 * seed) % 1009
    k = np.arange(int(np.prod(shape)), dtype=np.int64)
    return (((start + 23 * k) % 79 - 39) / 16.0).reshape(shape)


def positive(name: str, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Numbers k/16 from 3/16 to 31/16."""
    start = (zlib.crc32(name.encode()) + 131 * seed) % 1009
    k = np.arange(int(np.prod(shape)), dtype=np.int64)
    return ((3 + (start + 11 * k) % 29) / 16.0).reshape(shape)


def times(c: Conventions, batch: int, seed: int) -> Iterator[dict[str, np.ndarray]]:
    """t and s on their clock: mixed within a batch, or one at a time where t is a scalar."""
    if c["t"] == "scalar":
        for k in (seed, seed + 1, seed + 3):
            yield _on_clock(c, [STEPS[k % len(STEPS)]] * batch)
    else:
        yield _on_clock(c, [STEPS[(seed + k) % len(STEPS)] for k in range(batch)])


def _on_clock(c: Conventions, pairs: list[tuple[float, float]]) -> dict[str, np.ndarray]:
    table = np.array(pairs)
    return {"t": received(c, c.clock(table[:, 0])), "s": received(c, c.clock(table[:, 1]))}


def at(c: Conventions, t: float, s: float, batch: int) -> dict[str, np.ndarray]:
    """One step for the whole batch."""
    return _on_clock(c, [(t, s)] * batch)


def received(c: Conventions, x: np.ndarray) -> np.ndarray:
    """x as it arrives in the adapter's precision."""
    return arrays.given_exactly(np.asarray(x, dtype=np.float64), c["arrays"], c["dtype"])


ANOTHER_A = 0.5
"""A level of noise that is not the usual one, and exact in every precision."""


def linear(rate: float, slope: float) -> dict[str, Any]:
    """v(x, t) = rate x + slope t, as inputs."""
    return {"rate": rate, "slope": slope, "bend": 0.0}


def curved(rate: float, slope: float, bend: float) -> dict[str, Any]:
    """v(x, t) = rate x + slope t + bend x², as inputs: no two rules agree on it."""
    return linear(rate, slope) | {"bend": bend}


def field_of(i: Mapping[str, Any]) -> Callable[[Any, Any], Any]:
    """The field that these inputs describe, on the house clock."""
    return lambda x, t: i["rate"] * x + i["slope"] * t + i["bend"] * x * x


def levels_of(i: Mapping[str, Any], c: Conventions) -> list[float]:
    """A chain's noise levels."""
    return [float(t) for t in np.asarray(c.level(i["levels"]))]
