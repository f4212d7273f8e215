"""Programs that differ from the formula in one line or two: what a wrong implementation computes.

    it computes  v − g² score  where  v − g²/2 score  is meant

The edits are those that the proofs must refute, with two more of their kind: another number of the
same shape in a number's place, and a factor too many. One edit is tried before two; programs that
give the same numbers are one program.
"""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from ...edits import NotSeen, Path, changes, places, replaced
from ..adapter.patience import Patience
from ..formulas.operations import ROUNDINGS
from ..formulas.program import Env, Line, Program, line
from .evidence import Evidence, Row, quietly

COARSEST = 2.0**-24
"""Unit roundoff beyond which too many programs look alike."""


@dataclass(frozen=True)
class Edit:
    """One line that became another.

    Attributes:
        place: the line's place in its program.
        was: the line that is meant.
        now: the line that took its place.
    """

    place: int
    was: Line
    now: Line


@dataclass(frozen=True)
class Neighbour:
    """A program, and the edits that made it."""

    program: Program
    edits: tuple[Edit, ...]


def neighbours(
    e: Evidence, parts: Iterable[str], depth: int, patience: Patience
) -> list[Neighbour]:
    """The programs with so many edits that give the parts that came back, wherever asked."""
    patience.begin()
    wanted = set(parts)
    screen = next((r for r in e.rows if r.part in wanted), None)
    if screen is None or e.unit > COARSEST:
        return []
    found: dict[bytes, Neighbour] = {}
    for program in e.op.written([k.inputs for k in e.cases], e.c):
        if not wanted <= set(program.parts) or not _is_right(program, e):
            continue
        known = program.values(e.op.begins(e.cases[screen.case].inputs, e.c))
        for n in _fitting(program, known, screen, depth, patience):
            if _explains(n, e, wanted):
                found.setdefault(_trace(n, e), n)
    return list(found.values())


def _is_right(program: Program, e: Evidence) -> bool:
    """Whether the unedited program gives the right numbers: else it is no formula of this."""
    seen = [quietly(lambda i: program.run(e.op.begins(i, e.c)), k.inputs) for k in e.cases]
    for row in e.rows:
        told = seen[row.case]
        if told is None or row.part not in told or row.right is None:
            return False
        bound = 2 * ROUNDINGS * row.unit * row.sizes
        x = told[row.part]
        if x.shape != row.right.shape or not (np.abs(x - row.right) <= bound).all():
            return False
    return True


def _explains(n: Neighbour, e: Evidence, wanted: set[str]) -> bool:
    seen = e.seen(lambda i: n.program.run(e.op.begins(i, e.c)))
    return all(
        (s.met and s.tells) if part in wanted else (s.met or s.silent)
        for part, s in seen.items()
    ) and bool(seen)  # fmt: skip


def _trace(n: Neighbour, e: Evidence) -> bytes:
    """What a program gives on the first inputs, to ten digits: the same for the same program."""
    told = n.program.run(e.op.begins(e.cases[0].inputs, e.c))
    rows = [np.ravel(told[p]) for p in sorted(told)]
    whole = np.concatenate(rows)
    return np.round(whole / np.max(np.abs(whole), initial=1e-300), 10).tobytes()


# ---------------------------------------------------------------- the search


def _fitting(
    program: Program, known: Env, screen: Row, depth: int, patience: Patience
) -> Iterator[Neighbour]:
    """Edited programs that give the screen's numbers."""
    name = program.parts[screen.part]
    with np.errstate(all="ignore"):
        for edits, values in _edited(program, known, screen.part, depth):
            if not patience.spend():
                return
            told = program.finish({screen.part: np.asarray(values[name])})[screen.part]
            if _fits(screen, told):
                yield _made(program, edits)


def _edited(
    program: Program, known: Env, part: str, depth: int
) -> Iterator[tuple[tuple[Edit, ...], Env]]:
    """Edits, and what all numbers become."""
    every = [_edits(program, k, known, depth) for k in _leading_to(program, part)]
    for k, edits in enumerate(every):
        for first in edits:
            values = _tried(program, known, first)
            if values is not None and depth == 1:
                yield (first,), values
            elif values is not None:
                for second in (x for row in every[k + 1 :] for x in row):
                    both = _tried(program, values, second)
                    if both is not None:
                        yield (first, second), both
    if depth == 2:
        for edits in every:
            for first in edits:
                for second in _again(program, first, known):
                    values = _tried(program, known, second)
                    if values is not None:
                        yield (second,), values


def _tried(program: Program, known: Env, edit: Edit) -> Env | None:
    try:
        return program.after(known, edit.place, edit.now)
    except Exception:  # an edited line need not have a value
        return None


def _again(program: Program, first: Edit, known: Env) -> Iterator[Edit]:
    """Second edits of the same line."""
    for now in _lines(first.now, _shapes(program, first.place, known), factors=False):
        yield Edit(first.place, first.was, now)


def _made(program: Program, edits: tuple[Edit, ...]) -> Neighbour:
    for edit in edits:
        program = program.changed(edit.place, edit.now)
    return Neighbour(program, edits)


def _leading_to(program: Program, part: str) -> list[int]:
    """The lines on which a part depends."""
    needed, found = {program.parts[part]}, list[int]()
    for k in reversed(range(len(program.lines))):
        if program.lines[k].name in needed:
            needed |= program.lines[k].uses
            found.append(k)
    return found[::-1]


def _fits(screen: Row, told: np.ndarray) -> bool:
    if told.shape != screen.got.shape:
        return False
    bound = 2 * ROUNDINGS * screen.unit * (np.abs(told) + np.max(screen.sizes, initial=0.0))
    return bool((np.abs(told - screen.got) <= bound).all())


# ---------------------------------------------------------------- the edits


def _edits(program: Program, k: int, known: Env, depth: int) -> list[Edit]:
    """Every edit of line k; a factor too many is left out where two edits are sought."""
    was = program.lines[k]
    made = _lines(was, _shapes(program, k, known), factors=depth == 1)
    return [Edit(k, was, now) for now in made]


Shapes: TypeAlias = tuple[tuple[str, tuple[int, ...]], ...]
"""The numbers that may stand in a line, each with its shape."""


def _shapes(program: Program, k: int, known: Env) -> Shapes:
    names = _named_before(program, k)
    return tuple((n, np.shape(known[n])) for n in names if _is_number(known.get(n)))


def _lines(was: Line, known: Shapes, *, factors: bool) -> tuple[Line, ...]:
    return _changed_lines(was.name, ast.unparse(was.expression), known, factors)


@lru_cache(maxsize=8192)
def _changed_lines(name: str, source: str, known: Shapes, factors: bool) -> tuple[Line, ...]:
    """A line's edits, made once: lines come back in form after form, and check after check."""
    seen, found = {source}, []
    root = ast.parse(source, mode="eval").body
    for expression in _expressions(root, dict(known), factors=factors):
        told = ast.unparse(expression)
        if told not in seen:
            seen.add(told)
            found.append(line(name, expression))
    return tuple(found)


def _named_before(program: Program, k: int) -> list[str]:
    """The numbers that may stand in line k: those of the formula, and the step's own."""
    used = {name for row in program.lines for name in row.uses} | {"x", "v", "t", "s", "h"}
    return sorted(
        (used | {row.name for row in program.lines}) - {r.name for r in program.lines[k:]}
    )


def _expressions(
    root: ast.expr, known: dict[str, tuple[int, ...]], *, factors: bool
) -> Iterator[ast.expr]:
    whole = ast.Expression(root)
    try:
        nodes = list(places(root, (("body", None),)))
    except NotSeen:
        return
    for made in (changes, _more, lambda node: _named(node, known)):
        for path, node in nodes:
            for other in made(node):
                yield replaced(whole, path, other).body
    if factors:
        for path, node in _terms(nodes):
            for other in _scaled(node, known):
                yield replaced(whole, path, other).body


def _more(node: ast.AST) -> Iterator[ast.expr]:
    """Edits that a proof has no use for: the other reduction, a smaller power, half a clamp."""
    if isinstance(node, ast.Constant) and type(node.value) is int and node.value > 1:
        yield ast.Constant(node.value - 1)
        yield ast.Constant(node.value * 2)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        yield node.right
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        yield node.right
    if isinstance(node, ast.Name) and node.id in ("s", "clip_low", "clip_high"):
        yield ast.BinOp(ast.Constant(1), ast.Sub(), ast.Name(node.id, ast.Load()))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id in ("minimum", "maximum", "clamp", "where"):
            yield from node.args
        if node.func.id in _OTHERS:
            yield ast.Call(ast.Name(_OTHERS[node.func.id], ast.Load()), node.args, [])


_OTHERS = {
    "total": "average", "average": "total", "group_mean": "batch_mean", "group_sum": "batch_sum",
    "batch_mean": "group_mean", "batch_sum": "group_sum",
}  # fmt: skip


def _named(node: ast.AST, known: dict[str, tuple[int, ...]]) -> Iterator[ast.expr]:
    """Another number of the same shape."""
    if isinstance(node, ast.Name) and node.id in known:
        for other, shape in known.items():
            if other != node.id and shape == known[node.id]:
                yield ast.Name(other, ast.Load())


def _terms(nodes: Sequence[tuple[Path, ast.AST]]) -> Iterator[tuple[Path, ast.expr]]:
    """The whole line, and every term of a sum."""
    by_path = dict(nodes)
    for path, node in nodes:
        holder = by_path.get(path[:-1])
        is_sum = isinstance(holder, ast.BinOp) and isinstance(holder.op, (ast.Add, ast.Sub))
        if isinstance(node, ast.expr) and (len(path) == 1 or is_sum):
            yield path, node


def _scaled(node: ast.expr, known: dict[str, tuple[int, ...]]) -> Iterator[ast.expr]:
    """The node times and over a level, its complement, its root, or two."""
    sources = ["2"]
    for name in ("t", "s", "h", "g", "std"):
        sources += [name] if name in known else []
    sources += [f"(1 - {n})" for n in ("t", "s") if n in known]
    sources += ["sqrt(h)"] if "h" in known else []
    for source in sources:
        factor = ast.parse(source, mode="eval").body
        yield ast.BinOp(node, ast.Mult(), factor)
        yield ast.BinOp(node, ast.Div(), factor)


def _is_number(x: Any) -> bool:
    return isinstance(x, (np.ndarray, float, np.floating)) and not callable(x)
