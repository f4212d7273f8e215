"""The edits of a line: what one slip of the pen makes of it.

    drift = v - g**2 / 2 * score   →   v - g**2 * score,  v + g**2 / 2 * score,  ...

They are those that the proofs must refute, with two more of their kind: another number of the same
shape in a number's place, and a factor too many.
"""

import ast
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from ...edits import NotSeen, Path, changes, places, replaced
from ..formulas.program import Line, line
from .brackets import bracketed

Shapes: TypeAlias = tuple[tuple[str, tuple[int, ...]], ...]
"""The numbers that may stand in a line, each with its shape."""


def changed_lines(was: Line, known: Shapes, *, factors: bool) -> tuple[Line, ...]:
    """Every edit of a line in which these numbers may stand."""
    kinds = dict[tuple[int, ...], int]()
    alike = tuple((n, kinds.setdefault(shape, len(kinds))) for n, shape in known)
    return _cached(was.name, was.source, alike, factors)


Kinds: TypeAlias = tuple[tuple[str, int], ...]
"""The same numbers, those of one shape with one number: how many rows there are is all one."""


@lru_cache(maxsize=8192)
def _cached(name: str, source: str, known: Kinds, factors: bool) -> tuple[Line, ...]:
    """A line's edits, made once: lines come back in form after form, and check after check."""
    seen, found = {source}, []
    root = ast.parse(source, mode="eval").body
    for expression in _expressions(root, dict(known), factors=factors):
        told = ast.unparse(expression)
        if told not in seen:
            seen.add(told)
            found.append(line(name, expression))
    return tuple(found)


def _expressions(root: ast.expr, known: dict[str, int], *, factors: bool) -> Iterator[ast.expr]:
    whole, nodes = ast.Expression(root), nodes_of(root)
    for made in (changes, more_changes, lambda node: _named(node, known)):
        for path, node in nodes:
            for other in made(node):
                yield replaced(whole, path, other).body
    if factors:
        for path, node in nodes:
            for other in bracketed(node):
                yield replaced(whole, path, other).body
        for path, node in terms(nodes):
            for other in _scaled(node, known):
                yield replaced(whole, path, other).body
        yield from _throughout(root, nodes, known)


def nodes_of(root: ast.expr) -> list[tuple[Path, ast.AST]]:
    """The expressions of a line, each with its path; none where it cannot be edited."""
    try:
        return list(places(root, (("body", None),)))
    except NotSeen:
        return []


def more_changes(node: ast.AST) -> Iterator[ast.expr]:
    """Edits that a proof has no use for: the other reduction, a smaller power, half a clamp."""
    if isinstance(node, ast.Constant) and type(node.value) is int and node.value > 1:
        yield from (ast.Constant(n) for n in (node.value - 1, node.value * 2) if n > 1)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        yield node.left
        yield ast.Call(ast.Name("abs", ast.Load()), [node.left], [])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        yield node.right
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        yield node.right
    yield from _unbracketed(node)
    yield from _cancelled(node)
    yield from _divided(node)
    if isinstance(node, ast.Name) and node.id in ("s", "clip_low", "clip_high"):
        yield ast.BinOp(ast.Constant(1), ast.Sub(), ast.Name(node.id, ast.Load()))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id in ("minimum", "maximum", "clamp", "where"):
            yield from node.args
        if node.func.id == "clamp":
            x, low, high = node.args
            yield ast.Call(ast.Name("minimum", ast.Load()), [x, high], [])
            yield ast.Call(ast.Name("maximum", ast.Load()), [x, low], [])
        if node.func.id in _OTHERS:
            yield ast.Call(ast.Name(_OTHERS[node.func.id], ast.Load()), node.args, [])


def _unbracketed(node: ast.AST) -> Iterator[ast.expr]:
    """a/(b + c) as a/b + c, and a (b + c) as a b + c: a pair of brackets lost."""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div))):
        return
    inner = node.right
    if isinstance(inner, ast.BinOp) and isinstance(inner.op, (ast.Add, ast.Sub)):
        yield ast.BinOp(ast.BinOp(node.left, node.op, inner.left), inner.op, inner.right)


def _cancelled(node: ast.AST) -> Iterator[ast.expr]:
    """(a b)/(c d) as a/c and as b/d, a π/2 as a: a quotient lost."""
    match node:
        case ast.BinOp(ast.BinOp(a, ast.Mult(), b), ast.Div() as over, ast.BinOp(c, ast.Mult(), d)):
            yield ast.BinOp(a, over, c)
            yield ast.BinOp(b, over, d)
        case ast.BinOp(ast.BinOp(a, ast.Mult(), b), ast.Div(), ast.Constant()):
            yield a
            yield b


def _divided(node: ast.AST) -> Iterator[ast.expr]:
    """a b as a/b and as b/a."""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)):
        return
    if isinstance(node.left, ast.Name) and isinstance(node.right, ast.Name):
        yield ast.BinOp(node.left, ast.Div(), node.right)
        yield ast.BinOp(node.right, ast.Div(), node.left)
    match node.left:
        case ast.UnaryOp(ast.USub() as minus, a):
            yield ast.UnaryOp(minus, ast.BinOp(node.right, ast.Div(), a))


_OTHERS = {
    "total": "average", "average": "total", "group_mean": "batch_mean", "group_sum": "batch_sum",
    "batch_mean": "group_mean", "batch_sum": "group_sum",
}  # fmt: skip


def _named(node: ast.AST, known: dict[str, int]) -> Iterator[ast.expr]:
    """Another number of the same shape."""
    if isinstance(node, ast.Name) and node.id in known:
        for other, kind in known.items():
            if other != node.id and kind == known[node.id]:
                yield ast.Name(other, ast.Load())


def _throughout(
    root: ast.expr, nodes: Sequence[tuple[Path, ast.AST]], known: dict[str, int]
) -> Iterator[ast.expr]:
    """A number's square or root wherever it stands, or another in all its places; log of a line."""
    names = [n.id for _, n in nodes if isinstance(n, ast.Name) and n.id in known]
    names = [n for n in names if n not in _DECLARED]
    for name in dict.fromkeys(names):
        others = [n for n, kind in known.items() if n != name and kind == known[name]]
        for source in (f"{name}**2", f"sqrt({name})", *(others if names.count(name) > 1 else ())):
            yield renamed(root, name, ast.parse(source, mode="eval").body)
    for power in ("sqrt(q)", "q**2"):
        yield _powered(root, ast.parse(power, mode="eval").body)
    yield _other_sides(root)
    yield ast.Call(ast.Name("log", ast.Load()), [root], [])
    yield ast.Call(ast.Name("sqrt", ast.Load()), [root], [])


_DECLARED = ("a", "eps")
"""Numbers that are the same wherever asked: their squares and roots are numbers like any other."""


def renamed(root: ast.expr, name: str, other: ast.expr) -> ast.expr:
    """The expression with another in a name's place, everywhere; what is the same is shared."""
    made: ast.expr = put(root, lambda node: other if _is_name(node, name) else None)
    return made


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def put(node: Any, other: Callable[[ast.AST], ast.expr | None]) -> Any:
    """The node with others in the places of those that have one; functions keep their names."""
    if isinstance(node, list):
        return [put(x, other) for x in node]
    if not isinstance(node, ast.expr):
        return node
    instead = other(node)
    if instead is not None:
        return instead
    made = type(node)()
    vars(made).update(vars(node))
    for field in node._fields:
        if not (field == "func" and isinstance(node, ast.Call)):
            setattr(made, field, put(getattr(node, field), other))
    return made


def _powered(root: ast.expr, form: ast.expr) -> ast.expr:
    """Every weight, t and 1 − t or sin and cos of it, as the root or the square of it."""

    def power(node: ast.AST) -> ast.expr | None:
        level = isinstance(node, (ast.Name, ast.BinOp)) and ast.unparse(node) in _LEVELS
        level |= isinstance(node, ast.Call) and ast.unparse(node.func) in ("cos", "sin")
        return renamed(form, "q", node) if level else None  # type: ignore[arg-type]

    made: ast.expr = put(root, power)
    return made


def _other_sides(root: ast.expr) -> ast.expr:
    """√(1 − t²) in place of 1 − t: the complement of a path that keeps the variance."""

    def other(node: ast.AST) -> ast.expr | None:
        side = _SIDES.get(ast.unparse(node)) if isinstance(node, ast.BinOp) else None
        return None if side is None else ast.parse(side, mode="eval").body

    made: ast.expr = put(root, other)
    return made


_SIDES = {"1 - t": "sqrt(1 - t**2)", "1 - s": "sqrt(1 - s**2)"}

_LEVELS = ("t", "s", "1 - t", "1 - s", "alpha", "sigma")


def terms(nodes: Sequence[tuple[Path, ast.AST]]) -> Iterator[tuple[Path, ast.expr]]:
    """The whole line, and every term of a sum."""
    by_path = dict(nodes)
    for path, node in nodes:
        holder = by_path.get(path[:-1])
        is_sum = isinstance(holder, ast.BinOp) and isinstance(holder.op, (ast.Add, ast.Sub))
        if isinstance(node, ast.expr) and (len(path) == 1 or is_sum):
            yield path, node


def _scaled(node: ast.expr, known: dict[str, int]) -> Iterator[ast.expr]:
    """The node times and over a level, its complement, its root, or two."""
    sources = ["2"]
    for name in ("t", "s", "h", "g", "std"):
        sources += [name] if name in known else []
    sources += [f"(1 - {n})" for n in ("t", "s") if n in known]
    sources += ["sqrt(h)"] if "h" in known else []
    sources += ["sqrt(maximum(1 - std**2, 0))"] if "std" in known else []
    for source in sources:
        factor = ast.parse(source, mode="eval").body
        yield ast.BinOp(node, ast.Mult(), factor)
        yield ast.BinOp(node, ast.Div(), factor)
