"""What functions take and return in one piece: a path's coefficients, a step, a Gaussian.

    Step(t, s).h  prints  t - s            Coefficients(...).alpha  prints  \\alpha_t

A record is written by its parts, and its parts are nodes.
"""

from __future__ import annotations

from typing import Any

from refimpl.equations import Coefficients, Gaussian, Step

from .chance import Law
from .node import Minus, Node
from .space import Space, lift


class Record(Node):
    """A dataclass of the equations, each of its fields a node."""

    def __init__(self, kind: type, **fields: Node) -> None:
        super().__init__(kind, tuple(fields.items()))

    @property
    def children(self) -> tuple[Node, ...]:
        return tuple(node for _, node in self.parts[1])

    def part(self, name: str) -> Node:
        """One of its parts; a step's length as the difference of its levels, h for t → t − h."""
        fields = dict(self.parts[1])
        if name == "h" and self.parts[0] is Step:
            t, s = fields["t"], fields["s"]
            return s.children[1] if isinstance(s, Minus) and s.children[0] == t else t - s
        return fields[name]

    def write(self) -> str:
        if self.parts[0] is Step:
            t, s = self.children
            return rf"{t.tex} \to {s.tex}"
        return rf"\left({', '.join(child.tex for child in self.children)}\right)"

    def expand(self, space: Space) -> Any:
        names = [name for name, _ in self.parts[1]]
        make = self.parts[0]
        return lift(
            lambda *values: make(**dict(zip(names, values, strict=True))),
            *(child.at(space) for child in self.children),
        )


def step(t: Node, s: Node) -> Record:
    """The step from level t down to s."""
    return Record(Step, t=t, s=s)


def coefficients(alpha: Node, sigma: Node, d_alpha: Node, d_sigma: Node) -> Record:
    """A path's coefficients at one moment."""
    return Record(Coefficients, alpha=alpha, sigma=sigma, d_alpha=d_alpha, d_sigma=d_sigma)


def record_of(value: Any, make: Any) -> Any:
    """A dataclass value as a record of nodes, its entries made nodes by `make`."""
    if isinstance(value, Gaussian):
        return Law(make(value.mean), make(value.std))
    names = value.__dataclass_fields__
    return Record(type(value), **{name: make(getattr(value, name)) for name in names})
