"""A node of written mathematics has two faces: how the paper writes it, and what algebra decides.

    node.tex                LaTeX, in the order in which its author wrote it
    node.at(SPACES[3])      the same in coordinates: an expression, a list of them, or an array

Nodes are values: equal when they are built alike. Arithmetic on nodes builds nodes and evaluates
nothing, so `x + x` prints as x + x.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import sympy as sp

from .space import Space, lift

SUM, PRODUCT, FUNCTION, POWER, ATOM = 1, 2, 3, 4, 5
"""How tightly a printed node holds together; a looser one is put in brackets."""


class Node:
    """Something written. Subclasses say how it prints and what it expands to.

    Attributes:
        parts: what it is made of: nodes, and plain hashable values.
        tight: how tightly its printed form holds together.
    """

    tight = ATOM

    def __init__(self, *parts: Any) -> None:
        self.parts = parts
        self._hash = hash((type(self), parts))

    def __eq__(self, other: object) -> bool:
        return self is other or (
            type(self) is type(other) and self._hash == other._hash and self.parts == other.parts
        )

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.tex}>"

    @cached_property
    def tex(self) -> str:
        """The LaTeX of this node."""
        return self.write()

    def write(self) -> str:
        """How it prints."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it prints")

    def at(self, space: Space) -> Any:
        """What it is in coordinates, worked out once a space."""
        if self not in space.memory:
            space.memory[self] = space.expand(self)
        return space.memory[self]

    def expand(self, space: Space) -> Any:
        """What it is in coordinates."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it expands to")

    @cached_property
    def children(self) -> tuple[Node, ...]:
        """The nodes it is made of."""
        return tuple(part for part in self.parts if isinstance(part, Node))

    @cached_property
    def vectorial(self) -> bool:
        """Whether the dimension matters: a vector or an operator of space is inside."""
        return any(child.vectorial for child in self.children)

    @cached_property
    def indices(self) -> tuple[str, ...]:
        """The indices it runs over: i for members of a group, z for atoms."""
        return tuple(dict.fromkeys(i for child in self.children for i in child.indices))

    def within(self, tight: int, *, leading: bool = True) -> str:
        """Its LaTeX as part of something that needs at least that tightness.

        Args:
            tight: what binds less is put in brackets.
            leading: whether a minus sign in front may stand without brackets.
        """
        loose = self.tight < tight or (not leading and self.tex.startswith("-"))
        return bracketed(self.tex) if loose else self.tex

    def __add__(self, other: Node | int) -> Node:
        return Plus(self, as_node(other))

    def __radd__(self, other: int) -> Node:
        return Plus(as_node(other), self)

    def __sub__(self, other: Node | int) -> Node:
        return Minus(self, as_node(other))

    def __rsub__(self, other: int) -> Node:
        return Minus(as_node(other), self)

    def __mul__(self, other: Node | int) -> Node:
        return Times(self, as_node(other))

    def __rmul__(self, other: int) -> Node:
        return Times(as_node(other), self)

    def __truediv__(self, other: Node | int) -> Node:
        return Over(self, as_node(other))

    def __rtruediv__(self, other: int) -> Node:
        return Over(as_node(other), self)

    def __pow__(self, other: Node | int) -> Node:
        return Power(self, as_node(other))

    def __neg__(self) -> Node:
        return Negative(self)


def as_node(value: Any) -> Node:
    """A node as it is, a whole number as a node.

    Raises:
        TypeError: anything else; a float above all, which would be a rounded claim.
    """
    if isinstance(value, Node):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Integer(value) if value >= 0 else Negative(Integer(-value))
    raise TypeError(f"written mathematics is made of nodes and whole numbers, got {value!r}")


_TALL = ("\\frac", "\\sum", "\\int", "\\underbrace", "\\begin", "\\sqrt", "\\left")


def bracketed(tex: str) -> str:
    """In round brackets, as tall as what they hold."""
    if any(word in tex for word in _TALL):
        return rf"\left({tex}\right)"
    return f"({tex})"


class Integer(Node):
    """A whole number."""

    def write(self) -> str:
        return str(self.parts[0])

    def expand(self, space: Space) -> sp.Expr:
        return sp.Integer(self.parts[0])


class Constant(Node):
    """A number with a name, like π: its LaTeX and its value."""

    def write(self) -> str:
        return str(self.parts[0])

    def expand(self, space: Space) -> sp.Expr:
        return self.parts[1]


class Plus(Node):
    """a + b."""

    tight = SUM

    def write(self) -> str:
        a, b = self.children
        return f"{a.within(SUM)} + {b.within(SUM, leading=False)}"

    def expand(self, space: Space) -> Any:
        return lift(lambda a, b: a + b, *(c.at(space) for c in self.children))


class Minus(Node):
    """a − b."""

    tight = SUM

    def write(self) -> str:
        a, b = self.children
        return f"{a.within(SUM)} - {b.within(PRODUCT, leading=False)}"

    def expand(self, space: Space) -> Any:
        return lift(lambda a, b: a - b, *(c.at(space) for c in self.children))


class Negative(Node):
    """−a."""

    tight = PRODUCT

    def write(self) -> str:
        return "-" + self.children[0].within(PRODUCT, leading=False)

    def expand(self, space: Space) -> Any:
        return lift(lambda a: -a, self.children[0].at(space))


class Times(Node):
    """a b."""

    tight = PRODUCT

    def write(self) -> str:
        a, b = self.children
        left = a.within(POWER if a.tight == FUNCTION or _open(a) else PRODUCT)
        right = b.within(PRODUCT, leading=False)
        if right[0].isdigit():
            return rf"{left} \cdot {right}"
        return f"{left}{'' if left.isdigit() and right[0] in '(abcdefghtuvwxyz' else ' '}{right}"

    def expand(self, space: Space) -> Any:
        return lift(lambda a, b: a * b, *(c.at(space) for c in self.children))


def _open(node: Node) -> bool:
    """Whether the printed form ends in a function without brackets, which would swallow more."""
    if isinstance(node, (Times, Negative)):
        last = node.children[-1]
        return last.tight == FUNCTION or _open(last)
    return False


class Over(Node):
    """a/b, as a fraction; a minus sign on top stands in front."""

    tight = PRODUCT

    def write(self) -> str:
        a, b = self.children
        if isinstance(a, Negative):
            return rf"-\frac{{{a.children[0].tex}}}{{{b.tex}}}"
        return rf"\frac{{{a.tex}}}{{{b.tex}}}"

    def expand(self, space: Space) -> Any:
        return lift(lambda a, b: sp.sympify(a) / b, *(c.at(space) for c in self.children))


class Power(Node):
    """a^b."""

    tight = POWER

    def write(self) -> str:
        a, b = self.children
        base = a.within(ATOM)
        braced = base.startswith(r"\underbrace")  # else the exponent stands on top of the brace
        return f"{{{base}}}^{{{b.tex}}}" if braced else f"{base}^{{{b.tex}}}"

    def expand(self, space: Space) -> Any:
        return lift(lambda a, b: sp.sympify(a) ** b, *(c.at(space) for c in self.children))


class Equation(Node):
    """a = b as one thing: a line of a chain that solves something, led on by ⇒."""

    tight = SUM

    def write(self) -> str:
        a, b = self.children
        return f"{a.tex} = {b.tex}"

    def expand(self, space: Space) -> Any:
        return lift(lambda a, b: a - b, *(c.at(space) for c in self.children))


_LOOSE = ("\\nabla", "\\log", "\\operatorname", "\\det", "\\partial")


def tightness_of_letter(tex: str) -> int:
    """A letter holds together, but `\\nabla\\log p` or `\\log r` is a function without brackets.

    And `v^\\star` is as loose as a power: its square is (v^\\star)^2, never two exponents in a row.
    """
    if tex.startswith(_LOOSE):
        return FUNCTION
    return POWER if "^" in tex else ATOM


class Named(Node):
    """A letter for something written elsewhere: prints as the letter, expands to the thing."""

    def __init__(self, tex: str, meaning: Node) -> None:
        super().__init__(tex, meaning)

    @property
    def tight(self) -> int:  # type: ignore[override]
        return tightness_of_letter(self.parts[0])

    def part(self, name: str) -> Any:
        """The part of what it stands for."""
        meaning = self.parts[1]
        return meaning.part(name) if hasattr(meaning, "part") else getattr(meaning, name)

    def write(self) -> str:
        return str(self.parts[0])

    def expand(self, space: Space) -> Any:
        return self.parts[1].at(space)


class Bracket(Node):
    """The same thing in brackets, where the author wants it seen as one."""

    def write(self) -> str:
        return bracketed(self.children[0].tex)

    def expand(self, space: Space) -> Any:
        return self.children[0].at(space)
