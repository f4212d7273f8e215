"""The formula in every form in which it is written, and the programs that an edit makes of it.

    right_programs(evidence, parts)   →   those that give the right numbers, unedited
    explains(neighbour, evidence, parts)   →   whether it gives what came back, everywhere

Of programs that say the same the plainest is told.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..formulas.operations import ROUNDINGS
from ..formulas.program import Env, Line, Program
from .evidence import Evidence, Hypothesis, Row, quietly
from .lines import Shapes

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
    """A program, and the edits that made it.

    Attributes:
        program: with its edits.
        edits: lines that became others.
        beside: edits of other forms of the formula that say the same.
    """

    program: Program
    edits: tuple[Edit, ...]
    beside: "tuple[Neighbour, ...]" = ()

    def says(self, e: Evidence) -> Hypothesis:
        """The numbers that it gives."""
        return lambda i: self.program.run(e.op.begins(i, e.c))


def leading_to(program: Program, part: str) -> list[int]:
    """The lines on which a part depends."""
    needed, found = {program.parts[part]}, list[int]()
    for k in reversed(range(len(program.lines))):
        if program.lines[k].name in needed:
            needed |= program.lines[k].uses
            found.append(k)
    return found[::-1]


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


def given(program: Program, known: Env, lines: Mapping[int, Line], screen: Row) -> np.ndarray:
    """What a part becomes with these lines; NaN where it has no value that they can mean."""
    return giving(program, known, lines, screen)({})


def giving(
    program: Program, known: Env, lines: Mapping[int, Line], screen: Row
) -> Callable[[Env], np.ndarray]:
    """The same as a function of free numbers in the lines, by name."""
    name, again = program.parts[screen.part], program.again(lines, screen.part)

    def numbers(free: Env) -> np.ndarray:
        now = {**known, **free}
        try:
            for row in again:
                now[row.name] = row.value(now)
            return program.finish({screen.part: np.asarray(now[name])})[screen.part]
        except Exception:  # a line that is another need not have a value
            return np.full_like(screen.got, np.nan)

    return numbers


def fits(screen: Row, told: np.ndarray) -> bool:
    """Whether these are the numbers that came back."""
    if told.shape != screen.got.shape:
        return False
    bound = 2 * ROUNDINGS * screen.unit * (np.abs(told) + screen.largest)
    return bool((np.abs(told - screen.got) <= bound).all())


def explains(n: Neighbour, e: Evidence, wanted: set[str]) -> bool:
    """Whether a program gives the wanted parts, and every other part or what is right of it."""
    seen = e.seen(n.says(e))
    return all(
        (s.met and s.tells) if part in wanted else (s.met or s.silent)
        for part, s in seen.items()
    ) and bool(seen)  # fmt: skip


def distinct(found: Iterable[Neighbour], e: Evidence) -> list[Neighbour]:
    """One of each program, in its shortest spelling; beside it the shortest of another form."""
    groups = e.ties(found, lambda n: n.says(e), _length)
    return [replace(n, beside=n.beside or _of_other_forms(n, ties)) for n, *ties in groups]


def _of_other_forms(n: Neighbour, ties: Sequence[Neighbour]) -> tuple[Neighbour, ...]:
    """Edits that say the same of the formula as it is written in other forms, one for each."""
    found, forms, texts = list[Neighbour](), [_meant(n)], [_was(n)]
    for m in (m for m in ties if len(m.edits) == 1 and not crooked(m)):
        if _meant(m) not in forms and _was(m) not in texts and len(found) < _FORMS:
            found.append(m)
            forms.append(_meant(m))
            texts.append(_was(m))
    return tuple(found)


def _was(n: Neighbour) -> tuple[str, ...]:
    """What the edited lines are meant to be."""
    return tuple(edit.was.source for edit in n.edits)


_FORMS = 2
"""So many others are told."""


def _meant(n: Neighbour) -> frozenset[str]:
    """The formula's lines, as they were before the edits."""
    was = {edit.place: edit.was.source for edit in n.edits}
    return frozenset(was.get(k, row.source) for k, row in enumerate(n.program.lines))


def _length(n: Neighbour) -> float:
    """Short edits of short programs first; a number of many digits last."""
    own = {edit.now.name for edit in n.edits}
    rest = sum(len(row.source) for row in n.program.lines if row.name not in own)
    return 100 * crooked(n) + sum(len(edit.now.source) for edit in n.edits) + rest / 2


def crooked(n: Neighbour) -> bool:
    """Whether a number in it has many digits, as nobody writes them."""
    return any(re.search(r"\.\d{4,}", edit.now.source) for edit in n.edits)


# ---------------------------------------------------------------- the numbers of a line


def shapes(program: Program, k: int, known: Env) -> Shapes:
    """The numbers that may stand in line k."""
    names = _named_before(program, k)
    return tuple((n, np.shape(known[n])) for n in names if _is_number(known.get(n)))


def _named_before(program: Program, k: int) -> list[str]:
    """The numbers that may stand in line k: those of the formula, and the step's own."""
    used = {name for row in program.lines for name in (row.name, *row.uses)}
    return sorted((used | _OF_STEPS) - {row.name for row in program.lines[k:]})


_OF_STEPS = {"x", "x_start", "v", "t", "s", "h"}
"""What a step has at hand, whether its formula asks for it or not."""


def _is_number(x: Any) -> bool:
    return isinstance(x, (np.ndarray, float, np.floating)) and not callable(x)
