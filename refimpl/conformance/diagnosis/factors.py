"""A number that stands before a term: any number, where an edit knows only small whole ones.

    it computes  x − 1.02 h drift  where  x − h drift  is meant
    it computes  x − h/2 (.8 k1 + 1.2 k2)  where  x − h/2 (k1 + k2)  is meant

The result is affine in such a factor wherever the term enters it by sums and products, so two runs
give the factor; a third one tells whether it is that. Two terms of one line may have one each.
"""

import ast
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from ...edits import Path, replaced
from ..formulas.program import Env, Program, line
from .evidence import Evidence, Row
from .lines import nodes_of, terms
from .neighbours import COARSEST, Edit, Neighbour, explains, leading_to, right_programs


def factors(e: Evidence, part: str) -> list[Neighbour]:
    """The programs with a factor more, or two, that give the numbers of a part, wherever asked."""
    screen = next((r for r in e.rows if r.part == part), None)
    if screen is None or screen.right is None or e.unit > COARSEST:
        return []
    found: dict[str, Neighbour] = {}
    for program in right_programs(e, {part}):
        known = program.values(e.op.begins(e.cases[screen.case].inputs, e.c))
        with np.errstate(all="ignore"):
            for made in (_scaled, _weighted):
                for n in made(program, known, screen) if not found else ():
                    if explains(n, e, {part}):
                        found.setdefault(f"{n.edits[0].now.name} {_factor_of(n)}", n)
    return list(found.values())[:1]


def _factor_of(n: Neighbour) -> str:
    return next((f"{x.value:.3g}" for x in ast.walk(n.edits[0].now.expression)
                 if isinstance(x, ast.Constant) and isinstance(x.value, float)), "")  # fmt: skip


def _scaled(program: Program, known: Env, screen: Row) -> Iterator[Neighbour]:
    for k in leading_to(program, screen.part):
        for path, node in terms(nodes_of(program.lines[k].expression)):
            if isinstance(node, ast.Constant):
                continue
            factor = _solved(program, known, screen, k, path, node)
            if factor is not None:
                yield _with(program, k, path, node, factor)


def _weighted(program: Program, known: Env, screen: Row) -> Iterator[Neighbour]:
    """Two terms of one line with a factor each."""
    for k in leading_to(program, screen.part):
        nodes = [(path, node) for path, node in terms(nodes_of(program.lines[k].expression))
                 if not isinstance(node, ast.Constant)]  # fmt: skip
        moves = {path: _moved(program, known, screen, k, path, node) for path, node in nodes}
        for (one, first), (two, second) in combinations(nodes, 2):
            if _nested(one, two) or (a := moves[one]) is None or (b := moves[two]) is None:
                continue
            pair = _fitted(a, b, screen)
            if pair is not None:
                step = _with(program, k, one, first, pair[0])
                now = _with(step.program, k, two, second, pair[1])
                edit = Edit(k, program.lines[k], now.edits[0].now)
                yield Neighbour(now.program, (edit,))


def _nested(one: Path, two: Path) -> bool:
    n = min(len(one), len(two))
    return one[:n] == two[:n]


def _moved(
    program: Program, known: Env, screen: Row, k: int, path: Path, node: ast.expr
) -> np.ndarray | None:
    """What one more of a term adds to the screen's numbers."""
    twice = _with(program, k, path, node, 2.0)
    values = program.after(known, k, twice.edits[0].now)
    name = program.parts[screen.part]
    moved = program.finish({screen.part: np.asarray(values[name])})[screen.part]
    if screen.right is None or moved.shape != screen.got.shape:
        return None
    return moved - screen.right


def _fitted(a: np.ndarray, b: np.ndarray, screen: Row) -> tuple[float, float] | None:
    """The two factors, if they make all numbers of the screen right."""
    assert screen.right is not None
    rest = np.ravel(screen.got - screen.right)
    columns = np.stack([np.ravel(a), np.ravel(b)], axis=1)
    if len(rest) < _NUMBERS or not np.isfinite(columns).all() or not np.isfinite(rest).all():
        return None
    found, _, rank, _ = np.linalg.lstsq(columns, rest, rcond=1e-9)
    left = np.abs(columns @ found - rest).max()
    if rank < 2 or left > 1e-6 * np.abs(rest).max():
        return None
    one, two = (_plain(1 + float(x)) for x in found)
    return None if 0 in (one, two) else (one, two)


def _plain(factor: float) -> float:
    """The factor to four digits, where it has no more."""
    plain = float(f"{factor:.4g}")
    return plain if abs(plain - factor) <= 1e-6 * abs(factor) else factor


_NUMBERS = 6
"""So many numbers at least, where two are free."""


def _with(program: Program, k: int, path: Path, node: ast.expr, factor: float) -> Neighbour:
    was = program.lines[k]
    times = ast.BinOp(ast.Constant(factor), ast.Mult(), node)
    now = line(was.name, replaced(ast.Expression(was.expression), path, times).body)
    return Neighbour(program.changed(k, now), (Edit(k, was, now),))


def _solved(
    program: Program, known: Env, screen: Row, k: int, path: Path, node: ast.expr
) -> float | None:
    """The factor, if one and the same makes all numbers of the screen right."""
    slope = _moved(program, known, screen, k, path, node)
    if slope is None or screen.right is None:
        return None
    large = np.abs(slope) > 0.1 * np.max(np.abs(slope), initial=0.0)
    if not large.any():
        return None
    every = 1 + ((screen.got - screen.right) / np.where(large, slope, 1.0))[large]
    factor = float(np.median(every))
    if not np.isfinite(factor) or np.ptp(every) > 1e-3 * max(abs(factor), 1e-3):
        return None
    return _plain(factor)
