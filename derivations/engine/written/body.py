"""The formula in a function's source, as nodes, with its arguments put in.

    body_of(sde.drift, (v, score, g))     is     v - g²/2 score,     in the author's order

Guards (calls for their own sake, `if ...: raise`) are left out. Locals are put in where they
stand, unless the caller names them; calls of other closed forms are put in likewise. Two idioms of
arrays are read for what they mean: `0 * x` is a zero shaped like x, and `_rows(x)` is x.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp

from .calculus import Elementary, Least, Root
from .chance import Law
from .groups import Above, Both, Count, Total, Where
from .node import Constant, Integer, Negative, Node, as_node
from .reading import NotWritten, Reader
from .records import Record, coefficients, step


def _product(a: Any, b: Any) -> Any:
    """a b, where a coefficient of the linear path, 1 or −1, is not written out."""
    for factor, other in ((a, b), (b, a)):
        if _whole(factor) == 1:
            return other
        if _whole(factor) == -1:
            return Negative(as_node(other))
    return a * b


def _whole(node: Any) -> int | None:
    """The whole number that a node is, if it is one."""
    if isinstance(node, Negative):
        inside = _whole(node.children[0])
        return None if inside is None else -inside
    return int(node.parts[0]) if isinstance(node, Integer) else None


CONDITION = "the condition"
"""The name under which a caller may say what a condition on a whole array is printed as."""

PI = Constant(r"\pi", sp.pi)
Naming = Callable[[str, Any, ast.expr], Any]
"""What to put for a local: its name, its value as nodes, and the syntax of its definition."""


@functools.cache
def definition_of(function: Callable[..., Any]) -> ast.FunctionDef:
    """The syntax tree of a function's source."""
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
    definition = ast.parse(source).body[0]
    assert isinstance(definition, ast.FunctionDef)
    return definition


def body_of(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    keywords: Mapping[str, Any],
    naming: Naming | None = None,
) -> Any:
    """What the function's source says it returns, for written arguments.

    Args:
        function: a production function, or a helper of one.
        arguments: nodes, records, or plain words such as "group".
        keywords: the same, by name.
        naming: what a local is put in as; by default its value.

    Raises:
        NotWritten: the source holds something that has no written form.
    """
    function = inspect.unwrap(function)
    definition = definition_of(function)
    names = [a.arg for a in (*definition.args.args, *definition.args.kwonlyargs)]
    local = dict(zip(names, arguments, strict=False)) | dict(keywords)
    local = {name: _opened(value) for name, value in local.items()}
    made = _run(definition.body, local, _Body(function, local), naming or (lambda n, v, s: v))
    if made is None:
        raise NotWritten(f"{function.__name__} returns nothing")
    return made


def _opened(value: Any) -> Any:
    """A path's coefficients, where a function returned them, as the record that they are."""
    if hasattr(value, "formula"):
        with contextlib.suppress(NotWritten):
            made = value.formula()
            return made if isinstance(made, Record) else value
    return value


def _run(statements: list[ast.stmt], local: dict[str, Any], reader: _Body, naming: Naming) -> Any:
    for statement in statements:
        match statement:
            case ast.Expr() | ast.If(body=[ast.Raise()], orelse=[]):
                continue
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                local[name] = naming(name, reader.read(value), value)
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                made = [reader.read(value) for value in values]
                for target, part, value in zip(names, made, values, strict=True):
                    name = ast.unparse(target)
                    local[name] = naming(name, part, value)
            case ast.Return(value=ast.expr() as value):
                return reader.read(value)
            case ast.If(test=test, body=body, orelse=orelse):
                chosen = reader.read(test)
                if not isinstance(chosen, bool):
                    raise NotWritten(f"a branch that depends on numbers: {ast.unparse(test)}")
                made = _run(body if chosen else orelse, local, reader, naming)
                if made is not None:
                    return made
            case _:
                raise NotWritten(f"no written form for {ast.unparse(statement)!r}")
    return None


class _Body(Reader):
    """Reads the expressions of a function's source."""

    def __init__(self, function: Callable[..., Any], local: dict[str, Any]) -> None:
        super().__init__(self._name, self._call)
        self.function, self.local = function, local

    def read(self, node: ast.expr) -> Any:
        """The node, record or plain value that an expression stands for."""
        match node:
            case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
                a, b = self.read(left), self.read(right)
                if isinstance(a, str):
                    return a == b
            case ast.Compare(left=left, ops=[ast.Gt()], comparators=[right]):
                return Above(as_node(self.read(left)), as_node(self.read(right)))
            case ast.UnaryOp(
                op=ast.USub(), operand=ast.Call(func=ast.Name(id="expm1"), args=[power])
            ):
                return 1 - Elementary("exp", as_node(self.read(power)))
            case ast.BinOp(op=ast.BitAnd(), left=left, right=right):
                return Both(self.read(left), self.read(right))
            case ast.BinOp(op=ast.Mult(), left=ast.Constant(value=0)):
                return Integer(0)
            case ast.BinOp(op=ast.Mult(), left=left, right=right):
                return _product(self.read(left), self.read(right))
            case ast.BinOp(
                op=ast.Add(),
                left=ast.BinOp(op=ast.Mult(), left=ast.Constant(value=0)),
                right=right,
            ):
                return self.read(right)
            case ast.Subscript(
                value=ast.Attribute(value=array, attr="shape"), slice=ast.expr() as axis
            ):
                return self._count(array, int(ast.literal_eval(axis)))
        return super().read(node)

    def _count(self, array: ast.expr, axis: int) -> Node:
        counted = as_node(self.read(array))
        return Count(counted, axis)

    def _name(self, name: str) -> Any:
        if name not in self.local:
            raise NotWritten(f"{name!r} is not an argument of {self.function.__name__}")
        value = self.local[name]
        return as_node(value) if isinstance(value, int) and not isinstance(value, bool) else value

    def _call(
        self, name: str, arguments: list[Any], keywords: Mapping[str, Any], node: ast.Call
    ) -> Any:
        if name in self.local:
            return self.local[name].applied(*arguments)
        if name == "len":
            return Count(arguments[0], 0)
        if name == "_rows":
            return arguments[0]
        if name in _FUNCTIONS:
            return _FUNCTIONS[name](*arguments, **keywords)
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("sum", "all"):
            if node.func.attr == "all":
                if CONDITION not in self.local:
                    raise NotWritten("a condition on a whole array")
                return self.local[CONDITION]
            axis = next((ast.literal_eval(k.value) for k in node.keywords if k.arg == "axis"), None)
            keep = any(k.arg == "keepdims" for k in node.keywords)
            return Total(as_node(self.read(node.func.value)), axis, keep)
        called = inspect.unwrap(self.function).__globals__.get(name)
        if callable(called) and not isinstance(called, type):
            return body_of(called, tuple(arguments), keywords)
        raise NotWritten(f"no written form for a call of {name}")


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sqrt": Root,
    "pi": lambda like: PI,
    **{name: functools.partial(Elementary, name) for name in ("log", "exp", "sin", "cos")},
    "expm1": lambda a: Elementary("exp", a) - 1,
    "log1p": lambda a: Elementary("log", 1 + a),
    "exp_remainder": lambda a: Elementary("exp", a) - 1 - a,
    "log_quotient": lambda a, b: Elementary("log", a / b),
    "log_mix": lambda u, z: Elementary("log", 1 - u + u * Elementary("exp", z)),
    "add_scaled": lambda a, factor, b: a + factor * b,
    "minimum": functools.partial(Least, "min"),
    "maximum": functools.partial(Least, "max"),
    "where": Where,
    "Gaussian": lambda mean, std: Law(mean, std),
    "Coefficients": coefficients,
    "Step": step,
}
