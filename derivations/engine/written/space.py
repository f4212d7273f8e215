"""Where written mathematics is expanded: d coordinates and the time.

    Space(3).x == [x_1, x_2, x_3]

A scalar expands to one expression, a vector to a list of d of them, whatever runs over an index
(a group of samples, the atoms of a law) to a numpy array of expressions. `lift` applies a function
of scalars to any mixture of these.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

DIMENSIONS = (1, 2, 3, 4)
"""Vectorial lines are decided in each of these; the operators are sums over coordinates."""

TIME = sp.Symbol("t", positive=True)


class Space:
    """d coordinates x_1, ..., x_d, and a memory of what was expanded there.

    In one dimension the coordinate is plain x.
    """

    def __init__(self, d: int) -> None:
        self.d = d
        names = ["x"] if d == 1 else [f"x_{i + 1}" for i in range(d)]
        self.x = [sp.Symbol(name, real=True) for name in names]
        self.memory: dict[Any, Any] = {}

    def expand(self, node: Any) -> Any:
        """What a node is here; a space of another kind may expand it another way."""
        return node.expand(self)

    def function(self, name: str, **assumptions: bool) -> sp.Expr:
        """An arbitrary function of all coordinates and of t."""
        return sp.Function(name, **assumptions)(*self.x, TIME)

    def label(self, name: str, i: int) -> str:
        """The name of a vector's i-th coordinate: the vector's own in one dimension."""
        return name if self.d == 1 else f"{name}_{i + 1}"


SPACES = {d: Space(d) for d in DIMENSIONS}


def lift(f: Callable[..., Any], *values: Any) -> Any:
    """f applied to each coordinate of vectors and to each entry of arrays."""
    sizes = {len(v) for v in values if isinstance(v, list)}
    if sizes:
        (d,) = sizes
        return [lift(f, *(v[i] if isinstance(v, list) else v for v in values)) for i in range(d)]
    if any(isinstance(v, np.ndarray) for v in values):
        return np.frompyfunc(f, len(values), 1)(*values)
    return f(*values)


def flat(value: Any) -> list[sp.Expr]:
    """All scalars of a value, in order: coordinates, entries, the parts of a Gaussian or an SDE."""
    if isinstance(value, (list, tuple)):
        return [scalar for part in value for scalar in flat(part)]
    if isinstance(value, np.ndarray):
        return [scalar for part in value.ravel() for scalar in flat(part)]
    if hasattr(value, "__dataclass_fields__"):
        return [s for name in value.__dataclass_fields__ for s in flat(getattr(value, name))]
    return [sp.sympify(value)]
