"""From Python's syntax to written nodes, in the author's order.

    "v + g**2/(2*t) * (x + (1 - t)*v)"      is read, not evaluated

One reader serves both sides: the lines of a proof, written as strings, and the bodies of the
production functions, whose formulas are printed from their source.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from .chance import Law
from .node import Equation, Minus, Negative, Node, Over, Plus, Power, Times, as_node

_OPERATORS: dict[type, type[Node]] = {
    ast.Add: Plus,
    ast.Sub: Minus,
    ast.Mult: Times,
    ast.Div: Over,
    ast.Pow: Power,
}


class NotWritten(ValueError):
    """A construct that the written language does not have."""


class Reader:
    """Reads expressions.

    Args:
        name: what a name stands for.
        call: what a call makes: the dotted name, the arguments, the keywords, the syntax itself.
    """

    def __init__(
        self,
        name: Callable[[str], Any],
        call: Callable[[str, list[Any], Mapping[str, Any], ast.Call], Any],
    ) -> None:
        self.name, self.call = name, call

    def read(self, node: ast.expr) -> Any:
        """The node, record or plain value that an expression stands for."""
        match node:
            case ast.Constant(value=int() as value) if not isinstance(value, bool):
                return as_node(value)
            case ast.Constant(value=str() | None | bool() as value):
                return value
            case ast.Name(id=name):
                return self.name(name)
            case ast.BinOp():
                made = _OPERATORS.get(type(node.op))
                if made is None:
                    raise NotWritten(f"no operator {ast.unparse(node)}")
                return made(as_node(self.read(node.left)), as_node(self.read(node.right)))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Negative(as_node(self.read(operand)))
            case ast.Compare(ops=[ast.Eq()], comparators=[right]):
                return Equation(as_node(self.read(node.left)), as_node(self.read(right)))
            case ast.Tuple(elts=parts):
                return tuple(self.read(part) for part in parts)
            case ast.Attribute(value=inner, attr=attribute):
                return part_of(self.read(inner), attribute)
            case ast.Call():
                arguments = [self.read(argument) for argument in node.args]
                keywords = {k.arg: self.read(k.value) for k in node.keywords if k.arg}
                return self.call(ast.unparse(node.func), arguments, keywords, node)
        raise NotWritten(f"the written language has no {ast.unparse(node)!r}")


def part_of(value: Any, name: str) -> Any:
    """A part of a record, a law, or of what a function returned."""
    if isinstance(value, Law):
        return {"mean": value.mean, "std": value.std}[name]
    if hasattr(value, "part"):
        return value.part(name)
    raise NotWritten(f"{value!r} has no part {name!r}")
