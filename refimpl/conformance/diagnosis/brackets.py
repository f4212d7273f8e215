"""Brackets that were lost, or set elsewhere, in one expression.

    (b + c) a  →  b + c a        a/(b c)  →  a/b c        √(b/c)  →  √b/c        and back

Each bracket is moved alone: nothing else of the expression changes.
"""

import ast
from collections.abc import Iterator
from typing import TypeAlias

_Sum: TypeAlias = ast.Add | ast.Sub
_Product: TypeAlias = ast.Mult | ast.Div
_CALLED = ("sqrt", "log", "exp", "sin", "cos")


def bracketed(node: ast.AST) -> Iterator[ast.expr]:
    """The expressions that other brackets make of this one."""
    if isinstance(node, ast.BinOp):
        yield from _left(node)
        yield from _right(node)
    elif isinstance(node, ast.Call) and _is_called(node):
        yield from _closed(node.func, node.args[0])


def _closed(function: ast.expr, inner: ast.expr) -> Iterator[ast.expr]:
    """f(b c) as f(b) c, and so on along what is multiplied: f(b c/d) as f(b) c/d."""
    match inner:
        case ast.BinOp(b, op, c) if not isinstance(op, ast.Pow):
            yield ast.BinOp(ast.Call(function, [b], []), op, c)
            for closed in _closed(function, b):
                yield ast.BinOp(closed, op, c)


def _left(node: ast.BinOp) -> Iterator[ast.expr]:
    """What is inside the brackets on the left, or might be."""
    op, a = node.op, node.right
    match node.left:
        case ast.BinOp(b, inner, c) if isinstance(inner, _Sum) and not isinstance(op, _Sum):
            yield ast.BinOp(b, inner, ast.BinOp(c, op, a))
        case ast.BinOp(b, inner, c) if isinstance(inner, _Product) and isinstance(op, ast.Pow):
            yield ast.BinOp(b, inner, ast.BinOp(c, op, a))
            yield ast.BinOp(ast.BinOp(b, op, a), inner, c)
        case ast.BinOp(b, inner, c) if isinstance(inner, _Product) and isinstance(op, _Sum):
            yield ast.BinOp(b, inner, ast.BinOp(c, op, a))
        case ast.BinOp(b, ast.Div() as inner, c) if isinstance(op, _Product):
            yield ast.BinOp(b, inner, ast.BinOp(c, op, a))
        case ast.BinOp(b, ast.Pow() as inner, c) if isinstance(op, _Product):
            yield ast.BinOp(ast.BinOp(b, op, a), inner, c)
        case ast.Call(f, [b]) if _is_called(node.left) and isinstance(op, _Product):
            yield ast.Call(f, [ast.BinOp(b, op, a)], [])


def _right(node: ast.BinOp) -> Iterator[ast.expr]:
    """The same on the right."""
    a, op = node.left, node.op
    match node.right:
        case ast.BinOp(b, inner, c) if isinstance(inner, _Product) and isinstance(
            op, _Sum | ast.Div
        ):
            yield ast.BinOp(ast.BinOp(a, op, b), inner, c)
        case ast.Call(f, [b]) if _is_called(node.right) and isinstance(op, _Product):
            yield ast.Call(f, [ast.BinOp(a, op, b)], [])


def _is_called(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in _CALLED
