"""A number that stands before a term: any number, where an edit knows only small whole ones.

    it computes  x − 1.02 h drift  where  x − h drift  is meant

The result is affine in such a factor wherever the term enters it by sums and products, so two runs
give the factor; a third one tells whether it is that.
"""

import ast
from collections.abc import Iterator

import numpy as np

from ...edits import Path, replaced
from ..formulas.program import Env, Program, line
from .evidence import Evidence, Row
from .lines import nodes_of, terms
from .neighbours import COARSEST, Edit, Neighbour, explains, leading_to, right_programs


def factors(e: Evidence, part: str) -> list[Neighbour]:
    """The programs with one more factor that give the numbers of a part, wherever asked."""
    screen = next((r for r in e.rows if r.part == part), None)
    if screen is None or screen.right is None or e.unit > COARSEST:
        return []
    found: dict[str, Neighbour] = {}
    for program in right_programs(e, {part}):
        known = program.values(e.op.begins(e.cases[screen.case].inputs, e.c))
        with np.errstate(all="ignore"):
            for n in _scaled(program, known, screen):
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


def _with(program: Program, k: int, path: Path, node: ast.expr, factor: float) -> Neighbour:
    was = program.lines[k]
    times = ast.BinOp(ast.Constant(factor), ast.Mult(), node)
    now = line(was.name, replaced(ast.Expression(was.expression), path, times).body)
    return Neighbour(program.changed(k, now), (Edit(k, was, now),))


def _solved(
    program: Program, known: Env, screen: Row, k: int, path: Path, node: ast.expr
) -> float | None:
    """The factor, if one and the same makes all numbers of the screen right."""
    twice = _with(program, k, path, node, 2.0)
    name = program.parts[screen.part]
    values = program.after(known, k, twice.edits[0].now)
    moved = program.finish({screen.part: np.asarray(values[name])})[screen.part]
    if screen.right is None or moved.shape != screen.got.shape:
        return None
    slope = moved - screen.right
    large = np.abs(slope) > 0.1 * np.max(np.abs(slope), initial=0.0)
    if not large.any():
        return None
    every = 1 + ((screen.got - screen.right) / np.where(large, slope, 1.0))[large]
    factor = float(np.median(every))
    if not np.isfinite(factor) or np.ptp(every) > 1e-3 * max(abs(factor), 1e-3):
        return None
    plain = float(f"{factor:.4g}")
    return plain if abs(plain - factor) <= 1e-6 * abs(factor) else factor
