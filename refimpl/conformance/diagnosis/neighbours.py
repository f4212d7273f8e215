"""Programs that differ from the formula in one line or two: what a wrong implementation computes.

    it computes  v − g² score  where  v − g²/2 score  is meant

The edits are those that the proofs must refute, with two more of their kind: another number of the
same shape in a number's place, and a factor too many. One edit is tried before two; programs that
give the same numbers are one program.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, combinations

import numpy as np

from ..adapter.patience import MOST, Patience
from ..formulas.program import Env, Program
from .evidence import Evidence, Row
from .lines import changed_lines
from .programs import (
    COARSEST,
    Edit,
    Neighbour,
    distinct,
    explains,
    fits,
    leading_to,
    right_programs,
    shapes,
)


def neighbours(
    e: Evidence, parts: Iterable[str], depth: int, patience: Patience
) -> list[Neighbour]:
    """The programs with so many edits that give the parts that came back, wherever asked."""
    patience.begin()
    wanted = set(parts)
    screen = next((r for r in e.rows if r.part in wanted), None)
    if screen is None or e.unit > COARSEST or (depth == 1 and wanted & e.barren):
        return []
    found = list[Neighbour]()
    for program in right_programs(e, wanted):
        known = program.values(e.op.begins(e.cases[screen.case].inputs, e.c))
        fitting = _fitting(program, known, screen, depth, patience)
        found += [n for n in fitting if explains(n, e, wanted)]
    return distinct(found, e)


def _fitting(
    program: Program, known: Env, screen: Row, depth: int, patience: Patience
) -> Iterator[Neighbour]:
    """Edited programs that give the screen's numbers."""
    name = program.parts[screen.part]
    with np.errstate(all="ignore"):
        for edits, values in _edited(program, known, screen.part, depth):
            if depth > 1 and not patience.spend():
                return
            told = program.finish({screen.part: np.asarray(values[name])})[screen.part]
            if fits(screen, told):
                yield _made(program, edits)


def _edited(
    program: Program, known: Env, part: str, depth: int
) -> Iterator[tuple[tuple[Edit, ...], Env]]:
    """Edits, and what all numbers become."""
    places = leading_to(program, part)
    every = [_edits(program, k, known, factors=True) for k in places]
    if depth > 1 and sum(map(len, every)) ** 2 > 2 * MOST:
        every = [_edits(program, k, known, factors=False) for k in places]
    if depth == 1:
        for edit in chain.from_iterable(every):
            values = tried(program, known, edit)
            if values is not None:
                yield (edit,), values
        return
    after = cache(lambda row, n: tried(program, known, every[row][n]))
    for one, n, other, m in _by_rank([len(row) for row in every]):
        first = after(one, n)
        if first is None:
            continue
        if one == other:
            yield from _twice(program, known, every[one][n])
        elif (both := tried(program, first, every[other][m])) is not None:
            yield (every[one][n], every[other][m]), both


def _by_rank(sizes: Sequence[int]) -> Iterator[tuple[int, int, int, int]]:
    """Two edits of two lines, the likeliest of both first; and each edit once beside itself.

    Edits come in an order: what is dropped, its sign, a factor, then another name.
    """
    rows = range(len(sizes))
    for rank in range(2 * max(sizes, default=0)):
        for one, other in combinations(rows, 2):
            for n in range(max(0, rank - sizes[other] + 1), min(rank + 1, sizes[one])):
                yield one, n, other, rank - n
        for row in rows:
            if rank < sizes[row]:
                yield row, rank, row, rank


def _twice(program: Program, known: Env, first: Edit) -> Iterator[tuple[tuple[Edit, ...], Env]]:
    """A second edit of the same line."""
    for second in _again(program, first, known):
        values = tried(program, known, second)
        if values is not None:
            yield (second,), values


def tried(program: Program, known: Env, edit: Edit) -> Env | None:
    """All numbers once a line is edited; None where it has no value."""
    try:
        return program.after(known, edit.place, edit.now)
    except Exception:  # an edited line need not have a value
        return None


def _again(program: Program, first: Edit, known: Env) -> Iterator[Edit]:
    """Second edits of the same line."""
    for now in changed_lines(first.now, shapes(program, first.place, known), factors=False):
        yield Edit(first.place, first.was, now)


def _made(program: Program, edits: tuple[Edit, ...]) -> Neighbour:
    for edit in edits:
        program = program.changed(edit.place, edit.now)
    return Neighbour(program, edits)


def _edits(program: Program, k: int, known: Env, *, factors: bool) -> list[Edit]:
    """Every edit of line k; a factor too many is left out where that makes too many pairs."""
    was = program.lines[k]
    made = changed_lines(was, shapes(program, k, known), factors=factors)
    return [Edit(k, was, now) for now in made]
