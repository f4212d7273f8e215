"""Programs that differ from the formula in one line or two: what a wrong implementation computes.

    it computes  v − g² score  where  v − g²/2 score  is meant

The edits are those that the proofs must refute, with two more of their kind: another number of the
same shape in a number's place, and a factor too many. One edit is tried before two; programs that
give the same numbers are one program.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, combinations
from typing import Any

import numpy as np

from ..adapter.patience import Patience
from ..formulas.operations import ROUNDINGS
from ..formulas.program import Env, Line, Program
from .evidence import Evidence, Hypothesis, Row, quietly
from .lines import Shapes, changed_lines

_CANCELS = 2.0**10
"""How much more than the formula a way of writing it may lose by terms that cancel."""

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

    def says(self, e: Evidence) -> Hypothesis:
        """The numbers that it gives."""
        return lambda i: self.program.run(e.op.begins(i, e.c))


def neighbours(
    e: Evidence, parts: Iterable[str], depth: int, patience: Patience
) -> list[Neighbour]:
    """The programs with so many edits that give the parts that came back, wherever asked."""
    patience.begin()
    wanted = set(parts)
    screen = next((r for r in e.rows if r.part in wanted), None)
    if screen is None or e.unit > COARSEST:
        return []
    found = list[Neighbour]()
    for program in right_programs(e, wanted):
        known = program.values(e.op.begins(e.cases[screen.case].inputs, e.c))
        fitting = _fitting(program, known, screen, depth, patience)
        found += [n for n in fitting if explains(n, e, wanted)]
    return distinct(found, e)


def distinct(found: Iterable[Neighbour], e: Evidence) -> list[Neighbour]:
    """One of each program, in its shortest spelling."""
    return e.distinct(found, lambda n: n.says(e), _length)


def _length(n: Neighbour) -> int:
    return 100 * crooked(n) + sum(len(edit.now.source) for edit in n.edits)


def crooked(n: Neighbour) -> bool:
    """Whether a number in it has many digits, as nobody writes them."""
    return any(re.search(r"\.\d{4,}", edit.now.source) for edit in n.edits)


def right_programs(e: Evidence, wanted: set[str], *, apart: bool = False) -> list[Program]:
    """The formula in every form in which it is written, or taken apart; where it is the formula."""
    if apart not in e.forms:
        made = (e.op.apart if apart else e.op.written)([k.inputs for k in e.cases], e.c)
        e.forms[apart] = [p for p in made if _is_right(p, e)]
    return [p for p in e.forms[apart] if wanted <= set(p.parts)]


def _is_right(program: Program, e: Evidence) -> bool:
    """Whether the unedited program gives the right numbers: else it is no formula of this."""
    seen = [quietly(lambda i: program.run(e.op.begins(i, e.c)), k.inputs) for k in e.cases]
    for row in e.rows:
        told = seen[row.case]
        if told is None or row.part not in told or row.right is None:
            return False
        bound = _CANCELS * ROUNDINGS * row.unit * row.sizes
        x = told[row.part]
        if x.shape != row.right.shape or not (np.abs(x - row.right) <= bound).all():
            return False
    return True


def missed(program: Program, e: Evidence, parts: Iterable[str]) -> Row | None:
    """The largest row of these parts that the program does not give, of those in shape."""
    wanted, rows = set(parts), list[Row]()
    told = [quietly(lambda i: program.run(e.op.begins(i, e.c)), k.inputs) for k in e.cases]
    for r in e.rows:
        own = told[r.case]
        in_shape = r.right is not None and r.got.shape == r.right.shape
        given = own is not None and r.part in own and fits(r, own[r.part])
        if r.part in wanted and in_shape and not given:
            rows.append(r)
    return max(rows, key=lambda r: r.got.size, default=None)


def explains(n: Neighbour, e: Evidence, wanted: set[str]) -> bool:
    """Whether a program gives the wanted parts, and every other part or what is right of it."""
    seen = e.seen(n.says(e))
    return all(
        (s.met and s.tells) if part in wanted else (s.met or s.silent)
        for part, s in seen.items()
    ) and bool(seen)  # fmt: skip


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
            if fits(screen, told):
                yield _made(program, edits)


def _edited(
    program: Program, known: Env, part: str, depth: int
) -> Iterator[tuple[tuple[Edit, ...], Env]]:
    """Edits, and what all numbers become."""
    places = leading_to(program, part)
    every = [_edits(program, k, known, depth) for k in places]
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


def leading_to(program: Program, part: str) -> list[int]:
    """The lines on which a part depends."""
    needed, found = {program.parts[part]}, list[int]()
    for k in reversed(range(len(program.lines))):
        if program.lines[k].name in needed:
            needed |= program.lines[k].uses
            found.append(k)
    return found[::-1]


def fits(screen: Row, told: np.ndarray) -> bool:
    """Whether these are the numbers that came back."""
    if told.shape != screen.got.shape:
        return False
    bound = 2 * ROUNDINGS * screen.unit * (np.abs(told) + np.max(screen.sizes, initial=0.0))
    return bool((np.abs(told - screen.got) <= bound).all())


# ---------------------------------------------------------------- the edits


def _edits(program: Program, k: int, known: Env, depth: int) -> list[Edit]:
    """Every edit of line k; a factor too many is left out where two edits are sought."""
    was = program.lines[k]
    made = changed_lines(was, shapes(program, k, known), factors=depth == 1)
    return [Edit(k, was, now) for now in made]


def shapes(program: Program, k: int, known: Env) -> Shapes:
    """The numbers that may stand in line k."""
    names = _named_before(program, k)
    return tuple((n, np.shape(known[n])) for n in names if _is_number(known.get(n)))


def _named_before(program: Program, k: int) -> list[str]:
    """The numbers that may stand in line k: those of the formula, and the step's own."""
    used = {name for row in program.lines for name in row.uses} | {"x", "v", "t", "s", "h"}
    return sorted(
        (used | {row.name for row in program.lines}) - {r.name for r in program.lines[k:]}
    )


def _is_number(x: Any) -> bool:
    return isinstance(x, (np.ndarray, float, np.floating)) and not callable(x)
