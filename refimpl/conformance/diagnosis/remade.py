"""A quantity that became something else on its way: held, squashed, normalised, its sign alone.

    it computes  clamp(v, −1, 1)  where  v  is meant
    it computes  log(t/s)  where  t − s  is meant
    it computes  (x − clamp(x − t v, −1, 1))/t  where  v  is meant

Any line's quantity, and any number that a formula begins with, in all its places. A limit is read
off the first answer: below it nothing differs, above it everything does; and it must hold for all.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..formulas.operations import ROUNDINGS
from ..formulas.program import Env, Line, Program, line
from .alternatives import BETWEEN, STARTS, USUAL, alternatives
from .evidence import Evidence, Row, is_off
from .factors import numbers_of
from .lines import renamed
from .neighbours import (
    COARSEST,
    Edit,
    Neighbour,
    distinct,
    explains,
    fits,
    leading_to,
    right_programs,
    tried,
)
from .solving import solved

FREE = "c"
"""What a limit is called."""

NUMBERS = (FREE, "d")
"""What the free numbers of a form are called: a limit, or two."""

PLAIN = ("sign(q)", "abs(q)", "tanh(q)", "q / norm(q)", "q / rms(q)", "q - average_of(q)",
         "minimum(q, 1)", "clamp(q, -1, 1)", "q * minimum(1, 1 / norm(q))")  # fmt: skip
"""What a quantity may become, with no number in it; norms and averages are a sample's. The last are
what a sign and a unit vector would be taken for, where nothing lies below 1.
"""

HELD = ("clamp(q, -c, c)", "maximum(q, c)", "minimum(q, c)", "c * tanh(q / c)",
        "q * minimum(1, c / norm(q))")  # fmt: skip
"""What it may become with a limit c."""

_NONE = 1e-9
"""A limit that is 0, relative to where its search began."""

OF_DATA = "(x - clamp(x - t * q, -c, c)) / t"
OF_NOISE = "(clamp(x + (1 - t) * q, -c, c) - x) / (1 - t)"
"""A velocity whose predicted data, or predicted noise, is held."""

LENGTHS = (
    "log(t / s)", "t * log(t / s)", "log(t * (1 - s) / (s * (1 - t)))",
    "log(t * (1 - s) / (s * (1 - t))) / 2", "t**2 - s**2", "(t**2 - s**2) / 2", "(t - s) / t",
    "(t - s) / s", "1 / s - 1 / t", "sqrt(t) - sqrt(s)", "sqrt(t**2 - s**2)",
)  # fmt: skip
"""Lengths of a step for t − s: in log t, in the log signal-to-noise ratio, in t², in √t, ..."""

OF_ONE = ("minimum(q, c)", "maximum(q, c)", "sqrt(q)", "q**2", "c * q", "q + c", "1 - q",
          "1 + c * (q - 1)", "floor(q)", "log(1 + q)", "q**c")  # fmt: skip
"""What a scale may become that is one number for all samples."""

_SCALES = ("w", "beta", "low", "high")

_LEVELS = ("t", "s", "h", "a", "eps", "n", "prompts")


@dataclass(frozen=True)
class Remade:
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

    @property
    def free(self) -> bool:
        """Whether it has any."""
        return FREE in self.now.uses

    def at(self, *numbers: float) -> Line:
        """The line with its free numbers written in."""
        now = self.now.expression
        for name, number in zip(self.numbers, numbers, strict=True):
            now = renamed(now, name, ast.Constant(number))
        return line(self.now.name, now)


def opened(program: Program, known: Env) -> Program:
    """The program with a line `v = v` in front for every number that it begins with, and h."""
    own = {row.name for row in program.lines}
    used = {name for row in program.lines for name in row.uses}
    given = [n for n in sorted(used - own - set(_LEVELS))
             if np.ndim(known.get(n, 0.0)) > 0 or n in _SCALES]  # fmt: skip
    rows = [_parsed(n, n) for n in given]
    if {"h", "t", "s"} <= set(known) and "h" in used - own:
        rows.append(_parsed("h", "t - s"))
    return Program((*rows, *program.lines), program.parts, program.finish)


@lru_cache(maxsize=4096)
def _parsed(name: str, source: str) -> Line:
    return line(name, ast.parse(source, mode="eval").body)


def remade(program: Program, known: Env, places: Sequence[int]) -> Iterator[Remade]:
    """Everything that the quantities of these lines may have become."""
    for k in places:
        row = program.lines[k]
        for form, expression, q in _forms(row, known):
            yield Remade(k, row, _put(row.name, expression, _source(q)), form)


def _source(q: ast.expr) -> str:
    """The text of an expression, made once."""
    if not hasattr(q, "_source"):
        q._source = ast.unparse(q)  # type: ignore[attr-defined]
    return str(q._source)  # type: ignore[attr-defined]


def _forms(row: Line, known: Env) -> Iterator[tuple[str, str, ast.expr]]:
    """Forms, each with the line that it makes of `q`, and what `q` is."""
    q = row.expression
    if row.name == "h":
        yield from ((form, form, q) for form in LENGTHS)
        return
    if "h" in row.uses and {"t", "s"} <= set(known):
        yield from ((form, ast.unparse(renamed(q, "h", _form(form))), q) for form in LENGTHS)
    yield from ((form, form, inner) for form, inner in _of_quantity(row, known))


def _of_quantity(row: Line, known: Env) -> Iterator[tuple[str, ast.expr]]:
    """Forms of the line's quantity, each with what `q` is in it."""
    q, of_sample = row.expression, np.ndim(known.get(row.name, 0.0)) > 1
    if np.ndim(known.get(row.name, 0.0)) == 0:
        yield from ((form, q) for form in OF_ONE if row.name in _SCALES)
        return
    for form in (*PLAIN, *HELD):
        if of_sample or not any(word in form for word in ("norm", "rms", "average_of")):
            yield form, q
    if row.name in ("v", "k1") and {"x", "t"} <= set(known):
        yield from ((form, q) for form in (OF_DATA, OF_NOISE))
    yield from alternatives(row, known)


@lru_cache(maxsize=8192)
def _put(name: str, expression: str, q: str) -> Line:
    """The line of a form, with what `q` stands for in its place."""
    return line(name, renamed(_form(expression), "q", _form(q)))


@lru_cache(maxsize=4096)
def _form(source: str) -> ast.expr:
    return ast.parse(source, mode="eval").body


# ---------------------------------------------------------------- the search


def remakings(e: Evidence, parts: Sequence[str], *, free: bool) -> list[Neighbour]:
    """The programs with one quantity remade that give these parts wherever asked."""
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


def _explaining(
    e: Evidence, wanted: set[str], screen: Row, *, apart: bool, free: bool
) -> list[Neighbour]:
    """Those that give these parts; of the formula as it is written, or taken apart."""
    begun = e.op.begins(e.cases[screen.case].inputs, e.c)
    found, done = list[Neighbour](), set[tuple[str, ...]]()
    with np.errstate(all="ignore"):
        for plain in right_programs(e, wanted, apart=apart):
            program = plain if apart else opened(plain, begun)
            known = program.values(begun)
            places = {_influence(program, k): k for k in leading_to(program, screen.part)}
            own = [k for key, k in places.items() if key not in done]
            done |= places.keys()
            fitting = _fitting(program, known, screen, own, free=free)
            found += [n for n in fitting if explains(n, e, wanted)]
    return found


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
    return tuple(f"{r.name} = {_source(r.expression)}" for r in rows)


def _in_shape(r: Row) -> bool:
    return r.right is not None and r.got.shape == r.right.shape


def _fitting(
    program: Program, known: Env, screen: Row, places: Sequence[int], *, free: bool
) -> Iterator[Neighbour]:
    name = program.parts[screen.part]
    for r in remade(program, known, places):
        if r.free != free:
            continue
        for now in _numbered(program, known, screen, r) if free else [r.now]:
            values = tried(program, known, Edit(r.place, r.was, now))
            if values is None:
                continue
            told = program.finish({screen.part: np.asarray(values[name])})[screen.part]
            if fits(screen, told):
                yield Neighbour(program.changed(r.place, now), (Edit(r.place, r.was, now),))
                break


def _numbered(program: Program, known: Env, screen: Row, r: Remade) -> Iterator[Line]:
    """The line with its free numbers as the answer has them."""
    numbers = numbers_of(program, known, screen, r.place, r.now, r.numbers)
    for start in _begun(r, known, screen):
        c = solved(numbers, screen.got, start)
        if c is not None:
            yield r.at(*(x if abs(x) > _NONE * max(map(abs, start)) else 0.0 for x in c))


def _begun(r: Remade, known: Env, screen: Row) -> list[list[float]]:
    """Where the search for the numbers of a form begins."""
    if r.form == BETWEEN:
        return between(held(r, known), screen)
    if len(r.numbers) == 2:
        return [list(ends) for ends in ((0.7, 1.3), (0.9, 1.1))]
    if np.ndim(known[r.was.name]) == 0 and r.form in HELD:
        return [[(0.9 if r.form.startswith("minimum") else 1.1) * float(known[r.was.name])]]
    if r.form in HELD or r.form in (OF_DATA, OF_NOISE):
        return [[x] for x in starts(r.form, held(r, known), screen)]
    return [[x] for x in STARTS.get(r.form, USUAL)]


def held(r: Remade, known: Env) -> np.ndarray:
    """What is held by the limit: the quantity, or the ends that it predicts."""
    q = np.asarray(known[r.was.name])
    if r.form == OF_DATA:
        return np.asarray(known["x"] - known["t"] * q)
    return np.asarray(known["x"] + (1 - known["t"]) * q) if r.form == OF_NOISE else q


def starts(form: str, q: np.ndarray, screen: Row | None = None) -> list[float]:
    """Where the search for a limit begins: between what is right and what is not, or anywhere."""
    if form.startswith("c * tanh"):
        return [float(share * np.abs(q).max()) for share in (0.2, 0.4, 0.8, 1.6)]
    sign = -1.0 if form.startswith("maximum") else 1.0
    size = sign * q if form.startswith(("maximum", "minimum")) else np.abs(q)
    rows = "norm" in form
    if rows:
        size = np.sqrt((q.reshape(len(q), -1) ** 2).sum(axis=1))
    if screen is None or screen.right is None or q.shape != screen.right.shape:
        return [sign * float(x) for x in np.quantile(size, (0.3, 0.5, 0.7, 0.85, 0.95))]
    off = np.abs(screen.got - screen.right) > 2 * ROUNDINGS * screen.unit * screen.sizes
    off = off.reshape(len(off), -1).any(axis=1) if rows else off
    low, high = size[~off].max(initial=-np.inf), size[off].min(initial=np.inf)
    if not low <= high:
        return []  # some that is below the limit differs, or some above it does not
    return [sign * float((low + high) / 2 if np.isfinite(low) else high - abs(high) / 2)]


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
