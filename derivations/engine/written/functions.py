"""Functions of a point and a time, handed to production as functions: the velocity of a step.

    w = Writing(v=function(), x=point())
    w("ode.euler(v, x, Step(t, t - h))")       prints   x - h v(x, t)   under a brace
    w("v(x - h*v(x, t), t - h)")               v at another point and time

An arbitrary one has d arbitrary functions of (x_1, ..., x_d, t) for its coordinates, or of t alone:
`function(time_alone=True)`, then v(t). One with a formula is that formula: `function(lambda x, t:
...)` from nodes to a node.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from .letters import Unnamed
from .node import ATOM, Node, bracketed, tightness_of_letter
from .space import Space

Formula = Callable[[Node, Node], Node]


class Function:
    """A velocity: called on nodes it writes v(x, t), and `of(space)` computes with expressions."""

    def __init__(
        self, name: str, tex: str = "", meaning: Formula | None = None, time_alone: bool = False
    ) -> None:
        self.name, self.tex, self.meaning, self.time_alone = name, tex or name, meaning, time_alone

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Function) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.name, self.tex, self.meaning, self.time_alone))

    def __call__(self, *at: Node) -> Node:
        """v(x, t), in a line of a proof."""
        return self.applied(*at)

    def applied(self, *at: Node) -> Node:
        """The velocity at a point and a time; at a time, where it depends on nothing else."""
        if self.meaning is not None:
            return self.meaning(*at)
        return Applied(self, *(at[-1:] if self.time_alone else at))

    def of(self, space: Space) -> Callable[[Any, Any], Any]:
        """The same for expressions: of a number, or of an array with one entry a coordinate."""

        def call(x: Any, t: Any) -> Any:
            if self.meaning is not None:
                return _array(self.meaning(Value(x), Value(t)).expand(space))
            point = list(x) if isinstance(x, np.ndarray) else [x]
            names = [space.label(self.name, i) for i in range(len(point))]
            seen = () if self.time_alone else point
            return _array([sp.Function(name, real=True)(*seen, t) for name in names])

        return call


class Applied(Node):
    """v(x, t), or v(t): an arbitrary velocity at a point and a time."""

    tight = ATOM

    def write(self) -> str:
        v = self.parts[0]
        head = v.tex if tightness_of_letter(v.tex) == ATOM else bracketed(v.tex)
        return f"{head}{bracketed(', '.join(child.tex for child in self.children))}"

    def expand(self, space: Space) -> Any:
        v, *rest = self.parts
        at = [node.at(space) for node in rest]
        return whole(v.of(space), at if len(at) == 2 else [sp.Integer(0), *at], space)


class Value(Node):
    """An expression, or the coordinates of a vector, as a node: what production hands a field."""

    def __init__(self, value: Any) -> None:
        super().__init__(tuple(value) if isinstance(value, np.ndarray) else value)

    def write(self) -> str:
        return str(self.parts[0])

    def expand(self, space: Space) -> Any:
        value = self.parts[0]
        return list(value) if isinstance(value, tuple) else value


class _UnnamedFunction(Unnamed):
    def __init__(self, tex: str, meaning: Formula | None, time_alone: bool) -> None:
        super().__init__("function", tex)
        self.meaning, self.time_alone = meaning, time_alone

    def called(self, name: str) -> Any:
        """The function of that name."""
        return Function(name, self.tex, self.meaning, self.time_alone)


def function(meaning: Formula | None = None, tex: str = "", *, time_alone: bool = False) -> Unnamed:
    """A function of a point and a time: an arbitrary one, or a formula in nodes.

    Args:
        meaning: from the nodes of a point and a time to the node of the value.
        tex: how it prints; its own name by default.
        time_alone: an arbitrary function of the time.
    """
    return _UnnamedFunction(tex, meaning, time_alone)


def whole(f: Callable[..., Any], values: list[Any], space: Space) -> Any:
    """f of vectors as arrays, in one dimension as numbers, and of functions as functions."""
    given = [v.of(space) if isinstance(v, Function) else _array(v) for v in values]
    result = f(*given)
    if not any(isinstance(v, list) for v in values):
        return result
    return list(result) if isinstance(result, np.ndarray) else [result]


def _array(value: Any) -> Any:
    """A vector as an array; in one dimension, where one number is all there is, as that number."""
    if not isinstance(value, list):
        return value
    return value[0] if len(value) == 1 else np.array(value, dtype=object)
