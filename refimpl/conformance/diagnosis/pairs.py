"""A slip of the pen together with a precaution: a sign or an exchange, and a rounding or a limit.

    it computes  x + bfloat16(t) v  where  x − t v  is meant
    it computes  exp(clamp(log_prob_old − log_prob, −2, 2))  where  exp(log_prob − log_prob_old) ...

Limits are those that people choose, so that nothing has to be solved for: each is tried.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np

from ...edits import Path, replaced
from ..formulas.program import Env, Line, Program, parsed
from .evidence import Evidence
from .exchanges import PAIRS
from .lines import changed_lines, nodes_of, renamed
from .programs import (
    COARSEST,
    Edit,
    Neighbour,
    distinct,
    explains,
    fits,
    given,
    leading_to,
    missed,
    right_programs,
    shapes,
)
from .remade import template

MOST = 15_000
"""So many programs are tried for one answer."""

_ROUNDED = ("bfloat16(q)", "float16(q)")

_HELD = tuple(f"clamp(q, -{c}, {c})" for c in (1, 2, 3, 5, 10, 20))

_LEVELS = (
    *_ROUNDED, *(f"maximum(q, {c})" for c in (0.001, 0.01, 0.02, 0.05, 0.1, 0.2)),
    *(f"minimum(q, {c})" for c in (0.999, 0.99, 0.98, 0.95, 0.9)),
    *(f"q + {c:f}".rstrip("0") for c in (0.01, 0.001, 0.0001, 0.00001, 0.000001)),
    "q**2", "sqrt(q)",
)  # fmt: skip
"""What may become of a level."""

_DIVISORS = tuple(form for form in _LEVELS if form.startswith(("maximum", "q +")))
"""What may become of what is divided by."""

_FACTORS = ("sqrt(q)", "q**2")
"""What may become of a number that is declared."""


_OTHERS = {"t": ("1 - q",), "s": ("1 - q",), "a": (), "w": ("q - 1", "q + 1")}
"""What else becomes of levels and declared numbers."""


@dataclass(frozen=True)
class _Precaution:
    """Lines of which one thing is done to the quantity, or to one of its terms.

    Attributes:
        places: the lines.
        form: what is done.
        term: what it is done to, where it is not the whole line; then there is one line.
    """

    places: tuple[int, ...]
    form: str
    term: str = "q"

    def on(self, row: Line) -> Line | None:
        """The line with it; None where it has no such term."""
        return _done(row.name, row.source, self.form, self.term)


@lru_cache(maxsize=65536)
def _done(name: str, source: str, form: str, term: str) -> Line | None:
    root = template(source)
    if term == "q":
        return parsed(name, ast.unparse(renamed(template(form), "q", root)))
    for path, node in nodes_of(root):
        if isinstance(node, ast.BinOp) and _divides(node) == term:
            made = ast.BinOp(node.left, node.op, renamed(template(form), "q", node.right))
            return parsed(name, _with(root, path, made))
    return None


def _divides(node: ast.AST) -> str:
    """What a quotient is divided by; nothing for what is none, or by a plain number."""
    match node:
        case ast.BinOp(_, ast.Div(), below) if not isinstance(below, ast.Constant):
            return ast.unparse(below)
    return ""


def _with(root: ast.expr, path: Path, made: ast.expr) -> str:
    """The source with another expression at a path."""
    return ast.unparse(replaced(ast.Expression(root), path, made).body)


def pairs(e: Evidence, parts: Sequence[str]) -> list[Neighbour]:
    """The programs with a slip and a precaution that give an answer of one part, wherever asked."""
    wanted = set(parts)
    if e.unit > COARSEST or len(e.parts) > 1:
        return []
    found, left = list[Neighbour](), MOST
    with np.errstate(all="ignore"):
        for plain in (p for apart in (False, True) for p in right_programs(e, wanted, apart=apart)):
            screen = missed(plain, e, wanted)
            if screen is None:
                continue
            begun = e.op.begins(e.cases[screen.case].inputs, e.c)
            program = _opened(plain, begun)
            known = program.values(begun)
            places = leading_to(program, screen.part)
            second = list(_precautions(program, known, places))
            alone = (_both(program, {}, then) for then in second)
            plain_ones = [_made(program, x) for x in alone
                          if x and fits(screen, given(program, known, x, screen))]  # fmt: skip
            if right := [n for n in plain_ones if explains(n, e, wanted)]:
                return distinct(right, e)  # what is added to it would change nothing
            for first in _slips(program, known, places):
                for then in second:
                    lines = _both(program, first, then)
                    left -= 1
                    if lines and fits(screen, given(program, known, lines, screen)):
                        found.append(_made(program, lines))
                if left < 0:
                    break
        return distinct([n for n in found if explains(n, e, wanted)], e)


def _opened(program: Program, known: Env) -> Program:
    """The program with a line for every array, level or declared number that it begins with."""
    own = {row.name for row in program.lines}
    used = {name for row in program.lines for name in row.uses} - own
    given = [n for n in sorted(used) if np.ndim(known.get(n, 0.0)) > 0 or n in _OTHERS]
    return Program((*(parsed(n, n) for n in given), *program.lines), program.parts, program.finish)


def _slips(program: Program, known: Env, places: Sequence[int]) -> Iterator[dict[int, Line]]:
    """Edits of one line; two arguments exchanged; a level or a number that is another."""
    for k in places:
        row = program.lines[k]
        if row.uses == {row.name}:
            for form in (*_FACTORS, *_OTHERS[row.name]) if row.name in _OTHERS else ():
                yield {k: _Precaution((k,), form).on(row) or row}
            continue
        yield {k: parsed(row.name, f"-({row.source})")}
        for now in changed_lines(row, shapes(program, k, known), factors=True):
            yield {k: now}
        for path, node in nodes_of(row.expression)[1:]:
            match node:
                case ast.BinOp(_, ast.Add() | ast.Sub(), _):
                    for form in _FACTORS:
                        other = renamed(template(form), "q", node)
                        yield {k: parsed(row.name, _with(row.expression, path, other))}
    yield from _exchanges(program, places)


def _exchanges(program: Program, places: Sequence[int]) -> Iterator[dict[int, Line]]:
    """Two arguments of one kind, each in the other's place."""
    for one, two in PAIRS:
        users = [k for k in places if {one, two} & program.lines[k].uses
                 and program.lines[k].name not in (one, two)]  # fmt: skip
        if {one, two} <= {program.lines[k].name for k in places}:
            yield {k: _swapped(program.lines[k], one, two) for k in users}


def _swapped(row: Line, one: str, two: str) -> Line:
    root = renamed(row.expression, one, ast.Name("_", ast.Load()))
    root = renamed(renamed(root, two, ast.Name(one, ast.Load())), "_", ast.Name(two, ast.Load()))
    return parsed(row.name, ast.unparse(root))


def _precautions(program: Program, known: Env, places: Sequence[int]) -> Iterator[_Precaution]:
    fronts = [k for k in places if program.lines[k].uses == {program.lines[k].name}]
    several = [k for k in fronts if program.lines[k].name not in _OTHERS]
    for k in places:
        row = program.lines[k]
        if row.name in ("t", "s"):
            yield from (_Precaution((k,), form) for form in _LEVELS)
        elif np.ndim(known[row.name]) > 0:
            yield from (_Precaution((k,), form) for form in (*_ROUNDED, *_HELD))
        for term in {_divides(node): None for _, node in nodes_of(row.expression)}:
            yield from (_Precaution((k,), form, term) for form in _DIVISORS if term)
    for n in range(2, len(several) + 1):
        for some in combinations(several, n):
            yield from (_Precaution(some, form) for form in _ROUNDED)


def _both(program: Program, first: dict[int, Line], then: _Precaution) -> dict[int, Line] | None:
    """The lines that become others by the one and the other."""
    lines = dict(first)
    for k in then.places:
        now = then.on(lines.get(k, program.lines[k]))
        if now is None:
            return None
        lines[k] = now
    return lines


def _made(program: Program, lines: dict[int, Line]) -> Neighbour:
    edits = tuple(Edit(k, program.lines[k], now) for k, now in sorted(lines.items()))
    for edit in edits:
        program = program.changed(edit.place, edit.now)
    return Neighbour(program, edits)
