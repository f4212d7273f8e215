"""The formula in a function's source, as nodes, with its arguments put in.

    body_of(sde.drift, (v, score, g))     is     v - g²/2 score,     in the author's order

Guards (calls for their own sake, `if ...: raise`) are left out. Locals are put in where they
stand; calls of other closed forms are put in likewise.
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

from refimpl.equations import Coefficients, Gaussian, Step

from .calculus import Elementary, Least, Root
from .chance import Law, Sum
from .node import Constant, Node, as_node
from .reading import NotWritten, Reader
from .records import Record, coefficients, step

PI = Constant(r"\pi", sp.pi)


@functools.cache
def definition_of(function: Callable[..., Any]) -> ast.FunctionDef:
    """The syntax tree of a function's source."""
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
    definition = ast.parse(source).body[0]
    assert isinstance(definition, ast.FunctionDef)
    return definition


def body_of(
    function: Callable[..., Any], arguments: tuple[Any, ...], keywords: Mapping[str, Any]
) -> Any:
    """What the function's source says it returns, for written arguments.

    Raises:
        NotWritten: the source holds something that has no written form.
    """
    function = inspect.unwrap(function)
    definition = definition_of(function)
    names = [a.arg for a in (*definition.args.args, *definition.args.kwonlyargs)]
    local = dict(zip(names, arguments, strict=False)) | dict(keywords)
    local = {name: _opened(value) for name, value in local.items()}
    reader = Reader(
        lambda name: _name(name, local, function),
        lambda name, args, kw, node: _call(name, args, kw, node, function, reader.read),
    )
    return _run(definition.body, local, reader)


def _opened(value: Any) -> Any:
    """A path's coefficients, where a function returned them, as the record that they are."""
    if hasattr(value, "formula"):
        with contextlib.suppress(NotWritten):
            made = value.formula()
            return made if isinstance(made, Record) else value
    return value


def _run(statements: list[ast.stmt], local: dict[str, Any], reader: Reader) -> Any:
    for statement in statements:
        match statement:
            case ast.Expr() | ast.If(body=[ast.Raise()], orelse=[]):
                continue
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                local[name] = reader.read(value)
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=value):
                for target, part in zip(names, reader.read(value), strict=True):
                    local[ast.unparse(target)] = part
            case ast.Return(value=ast.expr() as value):
                return reader.read(value)
            case _:
                raise NotWritten(f"no written form for {ast.unparse(statement)!r}")
    raise NotWritten("the function returns nothing")


def _name(name: str, local: dict[str, Any], function: Callable[..., Any]) -> Any:
    if name not in local:
        raise NotWritten(f"{name!r} is not an argument of {function.__name__}")
    value = local[name]
    return as_node(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _call(
    name: str,
    arguments: list[Any],
    keywords: Mapping[str, Any],
    node: ast.Call,
    function: Callable[..., Any],
    reader_of: Callable[[ast.expr], Any],
) -> Any:
    if name in _FUNCTIONS:
        return _FUNCTIONS[name](*arguments, **keywords)
    head, _, method = name.rpartition(".")
    if method == "sum" and head:
        assert isinstance(node.func, ast.Attribute)
        summed = reader_of(node.func.value)
        return Sum(summed)
    called = function.__globals__.get(name)
    if callable(called) and not isinstance(called, type):
        return body_of(called, tuple(arguments), keywords)
    raise NotWritten(f"no written form for a call of {name}")


def _law(mean: Node, std: Node) -> Law:
    return Law(mean, std)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sqrt": Root,
    "pi": lambda like: PI,
    **{name: functools.partial(Elementary, name) for name in ("log", "exp", "sin", "cos")},
    "minimum": functools.partial(Least, "min"),
    "maximum": functools.partial(Least, "max"),
    "Gaussian": _law,
    "Coefficients": coefficients,
    "Step": step,
}
__all__ = ["PI", "Coefficients", "Gaussian", "Record", "Step", "Sum", "body_of", "definition_of"]
