"""What runs over an index: sums over a group, its size, its mean and its deviation, and cases.

    sum(R)          Σ_i R_i            mean(R)        mean_i R_i           std(R)      std_i R_i
    prod(p)         Π_i p_i            groups(R, Q)   two groups, a row each

A sum over members divided by their number prints as the mean over the group.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from .node import ATOM, FUNCTION, PRODUCT, SUM, Node, Over, Times
from .space import Space, lift


class Total(Node):
    """Σ over an axis of an array; over all of it where no axis is named."""

    tight = FUNCTION

    def __init__(
        self, inside: Node, axis: int | None = None, keep: bool = False, index: str = ""
    ) -> None:
        super().__init__(inside, axis, keep, index or _index(inside, axis))

    @property
    def indices(self) -> tuple[str, ...]:
        return tuple(i for i in self.parts[0].indices if i not in self.parts[3])

    def write(self) -> str:
        return rf"\sum_{{{self.parts[3]}}} {self.parts[0].within(PRODUCT, leading=False)}"

    def expand(self, space: Space) -> Any:
        inside, axis, keep, _ = self.parts
        return over_arrays(lambda v: v.sum(axis=axis, keepdims=keep), inside.at(space))


def _index(inside: Node, axis: int | None) -> str:
    found = inside.indices or ("i",)
    return ",".join(found) if axis is None else found[-1 if axis else 0]


def over_arrays(f: Callable[[np.ndarray], Any], value: Any) -> Any:
    """f of an array, or of the array in each coordinate of a vector."""
    if isinstance(value, list):
        return [over_arrays(f, part) for part in value]
    return f(np.asarray(value, dtype=object)) if not isinstance(value, np.ndarray) else f(value)


AXES = ("t", "i", "z")
"""Steps, members of a group, atoms: the order of the axes of whatever runs over several."""


def over_outermost(kind: type[Total], inside: Node) -> Total:
    """Σ or Π over the only index inside, or over the outermost of several: Σ_t before Σ_i."""
    found = [index for index in AXES if index in inside.indices]
    if len(found) < 2:
        return kind(inside)
    return kind(inside, 0, False, found[0])


class Product(Total):
    """Π over an axis of an array, as `Total` is Σ."""

    def write(self) -> str:
        return super().write().replace(r"\sum", r"\prod", 1)

    def expand(self, space: Space) -> Any:
        inside, axis, keep, _ = self.parts
        return over_arrays(lambda v: v.prod(axis=axis, keepdims=keep), inside.at(space))


class Groups(Node):
    """Groups of rewards, a row each: what is normalised in groups takes them so."""

    indices = ("i",)

    def write(self) -> str:
        rows = ",\\ ".join(child.tex for child in self.children)
        return rows if self._bare else rf"\left({rows}\right)"

    @property
    def _bare(self) -> bool:
        """Whether it is one plain group, which prints as what it is made of."""
        return len(self.children) == 1 and not isinstance(self.children[0], Groups)

    @property
    def tight(self) -> int:  # type: ignore[override]
        return self.children[0].tight if self._bare else ATOM

    def expand(self, space: Space) -> Any:
        return np.array([child.at(space) for child in self.children], object)


class Count(Node):
    """How many entries an array has along an axis."""

    def __init__(self, array: Node, axis: int, tex: str = "n") -> None:
        super().__init__(array, axis, tex)

    indices = ()

    def write(self) -> str:
        return str(self.parts[2])

    def expand(self, space: Space) -> Any:
        return sp.Integer(self.parts[0].at(space).shape[self.parts[1]])


class GroupMean(Node):
    """The mean over the group, or over the whole batch."""

    tight = FUNCTION
    indices = ()

    def __init__(self, inside: Node, axis: int | None = -1, keep: bool = False) -> None:
        super().__init__(inside, axis, keep, _index(inside, axis))

    def write(self) -> str:
        return rf"\operatorname{{mean}}_{{{self.parts[3]}}} {self.parts[0].within(ATOM)}"

    def expand(self, space: Space) -> Any:
        inside, axis, keep, _ = self.parts

        def mean(v: np.ndarray) -> Any:
            count = v.size if axis is None else v.shape[axis]
            return v.sum(axis=axis, keepdims=keep) / sp.Integer(count)

        return over_arrays(mean, inside.at(space))


class GroupStd(Node):
    """The standard deviation over the group, with divisor n − ddof."""

    tight = FUNCTION
    indices = ()

    def __init__(self, inside: Node, ddof: Node | int = 0) -> None:
        super().__init__(inside, ddof if isinstance(ddof, int) else int(ddof.parts[0]))

    def write(self) -> str:
        divisor = rf"^{{(n-{self.parts[1]})}}" if self.parts[1] else ""
        return rf"\operatorname{{std}}{divisor}_{{i}} {self.children[0].within(ATOM)}"

    def expand(self, space: Space) -> Any:
        def deviation(v: np.ndarray) -> sp.Expr:
            return sp.sqrt(((v - v.sum() / v.size) ** 2).sum() / (v.size - self.parts[1]))

        return over_arrays(deviation, self.children[0].at(space))


def as_mean(node: Node) -> Node:
    """Σ a over the number of a's, as the mean of a; anything else as it is."""
    if not isinstance(node, Over) or not isinstance(node.children[0], Total):
        return node
    total, count = node.children
    inside, axis, keep, _ = total.parts
    whole = isinstance(count, Times) and all(isinstance(c, Count) for c in count.children)
    if (axis is None and whole) or (axis is not None and isinstance(count, Count)):
        return GroupMean(inside, axis, keep)
    return node


class Above(Node):
    """a > b: a condition."""

    tight = SUM

    def write(self) -> str:
        a, b = self.children
        return f"{a.tex} > {b.tex}"

    def expand(self, space: Space) -> Any:
        return lift(lambda a, b: a > b, *(c.at(space) for c in self.children))


class Both(Node):
    """Two conditions at once."""

    tight = SUM

    def write(self) -> str:
        a, b = self.children
        return rf"{a.tex} \land {b.tex}"

    def expand(self, space: Space) -> Any:
        return lift(lambda a, b: sp.And(a, b), *(c.at(space) for c in self.children))


class Where(Node):
    """a where a condition holds, b elsewhere."""

    tight = SUM

    def write(self) -> str:
        condition, a, b = self.children
        return (
            rf"\begin{{cases}} {a.tex} & \text{{if }} {condition.tex} \\ "
            rf"{b.tex} & \text{{else}} \end{{cases}}"
        )

    def expand(self, space: Space) -> Any:
        return lift(
            lambda c, a, b: a if bool(c) else b, *(child.at(space) for child in self.children)
        )
