"""The search for what a quantity was taken for: templates, with numbers read off an answer.

    it computes  huber(residual/std, 1.5)  where  z²/2  is meant
    it computes  next of batch(log_prob_old)  where  log_prob_old  is meant

The formula is tried as it is written, every number that it begins with in a line of its own; and
then taken apart, one quantity a line.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..formulas.operations import ROUNDINGS
from ..formulas.program import Env, Line, Program, line, parsed
from .alternatives import BETWEEN, OF_ONE, SCALES, STARTS, USUAL, alternatives
from .evidence import Evidence, Row, is_off
from .factors import blur, numbers_of
from .limits import starts
from .lines import renamed
from .neighbours import tried
from .programs import (
    COARSEST,
    Edit,
    Neighbour,
    distinct,
    explains,
    fits,
    leading_to,
    right_programs,
)
from .remade import HELD, forms_of, opened, template
from .solving import solved

NUMBERS = ("c", "d")
"""What the free numbers of a template are called."""

_NONE = 1e-9
"""A number that is 0, relative to where its search began."""


@dataclass(frozen=True)
class Instead:
    """A line whose quantity became something else.

    Attributes:
        place: the line's place in its program.
        was, now: the line that is meant, and the other; its free numbers are named `NUMBERS`.
        form: the template.
    """

    place: int
    was: Line
    now: Line
    form: str

    @property
    def numbers(self) -> list[str]:
        """The names of its free numbers."""
        return [n for n in NUMBERS if n in self.now.uses]

    def at(self, *numbers: float) -> Line:
        """The line with its free numbers written in."""
        now = self.now.expression
        for name, number in zip(self.numbers, numbers, strict=True):
            now = renamed(now, name, ast.Constant(number))
        return line(self.now.name, now)


def instead(
    program: Program, known: Env, places: Sequence[int], *, apart: bool
) -> Iterator[Instead]:
    """Everything that the quantities of these lines may have been taken for."""
    for k in places:
        row = program.lines[k]
        for form, q in _forms(row, known, apart=apart):
            yield Instead(k, row, _put(row.name, form, q), form)


def _forms(row: Line, known: Env, *, apart: bool) -> Iterator[tuple[str, str]]:
    """Templates, each with what `q` is in it; of a formula taken apart those of `remade` too."""
    if np.ndim(known.get(row.name, 0.0)) == 0:
        yield from ((form, row.source) for form in OF_ONE if row.name in SCALES)
        return
    if apart:
        yield from ((form, row.source) for form in forms_of(row.name, known))
    yield from alternatives(row, known)


@lru_cache(maxsize=16384)
def _put(name: str, form: str, q: str) -> Line:
    """The line of a template, with what `q` stands for in its place."""
    return line(name, renamed(template(form), "q", template(q)))


# ---------------------------------------------------------------- the search


def substitutes(e: Evidence, parts: Sequence[str], *, free: bool) -> list[Neighbour]:
    """The programs with one quantity taken for another that give these parts wherever asked."""
    wanted = set(parts)
    off = [r for r in e.rows if r.part in wanted and is_off(r) and _in_shape(r)]
    if not off or e.unit > COARSEST:
        return []
    screen = max(off, key=lambda r: r.got.size)
    for apart in (False, True):
        found = distinct(_explaining(e, wanted, screen, apart=apart, free=free), e)
        if found:
            return found
    return []


def _in_shape(r: Row) -> bool:
    return r.right is not None and r.got.shape == r.right.shape


def _explaining(
    e: Evidence, wanted: set[str], screen: Row, *, apart: bool, free: bool
) -> list[Neighbour]:
    """Those that give these parts; of the formula as it is written, or taken apart."""
    begun = e.op.begins(e.cases[screen.case].inputs, e.c)
    found, done = list[Neighbour](), set[tuple[str, ...]]()
    with np.errstate(all="ignore"):
        for plain in right_programs(e, wanted, apart=apart):
            program = plain if apart else _scaled(opened(plain, begun))
            known = program.values(begun)
            places = {_influence(program, k): k for k in leading_to(program, screen.part)}
            own = [k for key, k in places.items() if key not in done]
            done |= places.keys()
            every = instead(program, known, own, apart=apart)
            chosen = (x for x in every if bool(x.numbers) == free)
            fitting = _fitting(program, known, screen, chosen)
            found += [n for n in fitting if explains(n, e, wanted)]
    return found


def _scaled(program: Program) -> Program:
    """The program with a line `w = w` in front for each scale that it begins with."""
    own = {row.name for row in program.lines}
    used = {name for row in program.lines for name in row.uses}
    rows = [parsed(n, n) for n in SCALES if n in used - own]
    return Program((*rows, *program.lines), program.parts, program.finish)


def _influence(program: Program, k: int) -> tuple[str, ...]:
    """A line with all that follows from it: two forms that share it need it once.

    What a program begins with makes the same difference in every form.
    """
    row = program.lines[k]
    if row.uses == {row.name}:
        return (row.name,)
    moved, rows = {row.name}, [row]
    for later in program.lines[k + 1 :]:
        if later.uses & moved:
            moved.add(later.name)
            rows.append(later)
    return tuple(f"{r.name} = {r.source}" for r in rows)


def _fitting(
    program: Program, known: Env, screen: Row, every: Iterator[Instead]
) -> Iterator[Neighbour]:
    name = program.parts[screen.part]
    for x in every:
        for now in _numbered(program, known, screen, x) if x.numbers else [x.now]:
            edit = Edit(x.place, x.was, now)
            values = tried(program, known, edit)
            if values is None:
                continue
            told = program.finish({screen.part: np.asarray(values[name])})[screen.part]
            if fits(screen, told):
                yield Neighbour(program.changed(x.place, now), (edit,))
                break


def _numbered(program: Program, known: Env, screen: Row, x: Instead) -> Iterator[Line]:
    """The line with its free numbers as the answer has them."""
    numbers = numbers_of(program, known, screen, x.place, x.now, x.numbers)
    for start in _begun(program, known, screen, x):
        c = solved(numbers, screen.got, start, blur(screen))
        if c is not None:
            yield x.at(*(n if abs(n) > _NONE * max(map(abs, start)) else 0.0 for n in c))


def _begun(program: Program, known: Env, screen: Row, x: Instead) -> list[list[float]]:
    """Where the search for the numbers of a template begins."""
    q = np.asarray(known[x.was.name])
    if x.form == BETWEEN:
        return between(q, screen)
    if len(x.numbers) == 2:
        return [[0.7, 1.3], [0.9, 1.1]]
    if x.form in STARTS:
        return [[n] for n in STARTS[x.form]]
    if np.ndim(q) == 0 and x.form in HELD:
        return [[(0.9 if x.form.startswith("minimum") else 1.1) * float(q)]]
    if x.form in HELD:
        plain = program.told(known)[screen.part]
        return [[n] for n in starts(x.form, q, screen, plain)]
    return [[n] for n in USUAL]


def between(q: np.ndarray, screen: Row) -> list[list[float]]:
    """Two limits to begin with, of which each holds something: what differs lies beyond them."""
    if screen.right is None:
        return []
    bound = 2 * ROUNDINGS * screen.unit * screen.sizes
    off = np.abs(screen.got - screen.right) > np.broadcast_to(bound, screen.right.shape)
    if q.shape != off.shape or off.all():
        return [list(map(float, np.quantile(q, ends))) for ends in ((0.25, 0.75), (0.1, 0.9))]
    if not off.any():
        return []
    inside, beyond = q[~off], q[off]
    low, high = beyond[beyond < inside.min()], beyond[beyond > inside.max()]
    if len(low) + len(high) < len(beyond) or not (len(low) and len(high)):
        return []
    return [[float(low.max() + inside.min()) / 2, float(high.min() + inside.max()) / 2]]
