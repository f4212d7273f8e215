"""Any place of any line, with another operation, another function around it, or another number.

    it computes  x − (t v)²  where  x − t v  is meant
    it computes  (1 − t)/data + t noise  where  (1 − t) data + t noise  is meant

What no slip of the pen makes: the last of the searches for one edit.
"""

import ast
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache

import numpy as np

from ...edits import replaced
from ..formulas.program import FUNCTIONS, Env, Line, Program, line
from .brackets import bracketed
from .evidence import Evidence, Row
from .lines import nodes_of, renamed
from .neighbours import tried
from .programs import (
    COARSEST,
    Edit,
    Neighbour,
    distinct,
    explains,
    fits,
    leading_to,
    missed,
    right_programs,
    shapes,
)
from .remade import template

_AROUND = ("abs(q)", "q**2", "sqrt(abs(q))", "1 - q", "1 + q", "q - 1", "1 / q", "exp(q)",
           "exp(-q)", "-q", "2 * q", "q / 2", "tanh(q)", "sign(q)", "minimum(q, 1)",
           "maximum(q, 0)", "clamp(q, -1, 1)")  # fmt: skip
"""What a quantity may be put into."""

_COARSER = ("bfloat16", "float16", "float32")

_ROUNDED = tuple(f"{kind}(q)" for kind in _COARSER)

_OPERATIONS = (ast.Add, ast.Sub, ast.Mult, ast.Div)


def anywhere(e: Evidence, parts: Sequence[str]) -> list[Neighbour]:
    """The programs with one place changed that give these parts wherever asked."""
    wanted = set(parts)
    if e.unit > COARSEST or wanted & e.barren:
        return []
    found = list[Neighbour]()
    with np.errstate(all="ignore"):
        for program in right_programs(e, wanted):
            screen = missed(program, e, wanted)
            if screen is not None:
                known = program.values(e.op.begins(e.cases[screen.case].inputs, e.c))
                fitting = _fitting(program, known, screen)
                found += [n for n in fitting if explains(n, e, wanted)]
    return distinct(found, e)


def _fitting(program: Program, known: Env, screen: Row) -> Iterator[Neighbour]:
    name = program.parts[screen.part]
    for k in leading_to(program, screen.part):
        was = program.lines[k]
        for now in changed(program, k, known):
            edit = Edit(k, was, now)
            values = tried(program, known, edit)
            if values is None:
                continue
            told = program.finish({screen.part: np.asarray(values[name])})[screen.part]
            if fits(screen, told):
                yield Neighbour(program.changed(k, now), (edit,))


def changed(program: Program, k: int, known: Env) -> tuple[Line, ...]:
    """Line k with each of its places changed."""
    row = program.lines[k]
    plain = _cached(row.name, row.source, tuple(n for n, _ in shapes(program, k, known)))
    sums = [x for x in program.lines[:k] if x.name in row.uses and _is_sum(x.expression)]
    return (*plain, *(now for x in sums for now in _opened(row.name, row.source, x)))


def _is_sum(node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub))


@lru_cache(maxsize=1024)
def _opened(name: str, source: str, inner: Line) -> tuple[Line, ...]:
    """The line with a sum written out where it is used, and there one of its brackets elsewhere or
    one of its numbers rounded."""
    root = renamed(template(source), inner.name, inner.expression)
    made = dict.fromkeys(
        ast.unparse(replaced(ast.Expression(root), path, other).body)
        for path, node in nodes_of(root)
        for other in (*bracketed(node), *_rounded(node, inner.uses))
    )
    return tuple(line(name, template(now)) for now in made)


def _rounded(node: ast.AST, names: Collection[str]) -> Iterator[ast.expr]:
    if isinstance(node, ast.Name) and node.id in names:
        yield from (renamed(template(form), "q", node) for form in _ROUNDED)


@lru_cache(maxsize=1024)
def _cached(name: str, source: str, numbers: tuple[str, ...]) -> tuple[Line, ...]:
    """The line with each of its places changed, once for each source."""
    root = template(source)
    made = dict[str, None]()
    for path, node in nodes_of(root):
        if isinstance(node, ast.expr):
            for other in _others(node, numbers, whole=len(path) == 1):
                made[ast.unparse(replaced(ast.Expression(root), path, other).body)] = None
    made.pop(source, None)
    return tuple(line(name, template(now)) for now in made)


def _others(node: ast.expr, numbers: Sequence[str], *, whole: bool) -> Iterator[ast.expr]:
    """What may stand in a place; of a whole line no rounding: that has a search of its own."""
    if isinstance(node, ast.Name) and node.id in FUNCTIONS and node.id != "pi":
        return
    if isinstance(node, ast.BinOp) and isinstance(node.op, _OPERATIONS):
        yield from (ast.BinOp(node.left, op(), node.right) for op in _OPERATIONS)
    if isinstance(node, ast.Call) and len(node.args) == 1:
        yield node.args[0]
    if isinstance(node, (ast.Name, ast.Constant)):
        yield from (ast.Name(n, ast.Load()) for n in numbers)
    around = _AROUND if whole else (*_AROUND, *_ROUNDED)
    yield from (renamed(template(form), "q", node) for form in around)
    if isinstance(node, ast.BinOp):
        yield from (_computed(node, kind) for kind in _COARSER)
    elif isinstance(node, ast.Name) and node.id == "h" and {"t", "s"} <= set(numbers):
        yield from (template(f"{kind}(t) - {kind}(s)") for kind in _COARSER)
        yield from (_computed(template("t - s"), kind) for kind in _COARSER)


def _computed(node: ast.expr, kind: str) -> ast.expr:
    """An expression computed in a coarser type: its numbers are rounded, and what they make."""
    if isinstance(node, ast.BinOp):
        node = ast.BinOp(_computed(node.left, kind), node.op, _computed(node.right, kind))
    elif isinstance(node, ast.UnaryOp):
        return ast.UnaryOp(node.op, _computed(node.operand, kind))
    elif isinstance(node, ast.Call):
        node = ast.Call(node.func, [_computed(x, kind) for x in node.args], [])
    elif isinstance(node, ast.Constant):
        return node
    return ast.Call(ast.Name(kind, ast.Load()), [node], [])
