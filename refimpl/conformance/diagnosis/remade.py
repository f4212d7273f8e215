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
)
from .solving import solved

FREE = "c"
"""What a limit is called."""

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

_LEVELS = ("t", "s", "h", "a", "eps", "n", "prompts")


@dataclass(frozen=True)
class Remade:
    """A line whose quantity became something else.

    Attributes:
        place: the line's place in its program.
        was, now: the line that is meant, and the other; its limit, if it has one, is named `FREE`.
        form: the template.
    """

    place: int
    was: Line
    now: Line
    form: str

    @property
    def free(self) -> bool:
        """Whether it has a limit."""
        return FREE in self.now.uses

    def at(self, limit: float) -> Line:
        """The line with its limit written in."""
        return line(self.now.name, renamed(self.now.expression, FREE, ast.Constant(limit)))


def opened(program: Program, known: Env) -> Program:
    """The program with a line `v = v` in front for every number that it begins with, and h."""
    own = {row.name for row in program.lines}
    used = {name for row in program.lines for name in row.uses}
    given = [n for n in sorted(used - own - set(_LEVELS)) if np.ndim(known.get(n, 0.0)) > 0]
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
        for form, expression in _others(row, known):
            yield Remade(k, row, line(row.name, expression), form)


def _others(row: Line, known: Env) -> Iterator[tuple[str, ast.expr]]:
    q = row.expression
    if row.name == "h":
        yield from ((form, _form(form)) for form in LENGTHS)
        return
    if "h" in row.uses and {"t", "s"} <= set(known):
        yield from ((form, renamed(q, "h", _form(form))) for form in LENGTHS)
    if np.ndim(known.get(row.name, 0.0)) == 0:
        return
    of_sample = np.ndim(known[row.name]) > 1
    for form in (*PLAIN, *HELD):
        if of_sample or not any(word in form for word in ("norm", "rms", "average_of")):
            yield form, renamed(_form(form), "q", q)
    if row.name in ("v", "k1") and {"x", "t"} <= set(known):
        for form in (OF_DATA, OF_NOISE):
            yield form, renamed(_form(form), "q", q)


@lru_cache(maxsize=64)
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
    found = list[Neighbour]()
    with np.errstate(all="ignore"):
        for plain in right_programs(e, wanted):
            begun = e.op.begins(e.cases[screen.case].inputs, e.c)
            program = opened(plain, begun)
            known = program.values(begun)
            fitting = _fitting(program, known, screen, free=free)
            found += [n for n in fitting if explains(n, e, wanted)]
        return distinct(found, e)


def _in_shape(r: Row) -> bool:
    return r.right is not None and r.got.shape == r.right.shape


def _fitting(program: Program, known: Env, screen: Row, *, free: bool) -> Iterator[Neighbour]:
    name = program.parts[screen.part]
    for r in remade(program, known, leading_to(program, screen.part)):
        if r.free != free:
            continue
        for now in _limits(program, known, screen, r) if free else [r.now]:
            values = program.after(known, r.place, now)
            told = program.finish({screen.part: np.asarray(values[name])})[screen.part]
            if fits(screen, told):
                yield Neighbour(program.changed(r.place, now), (Edit(r.place, r.was, now),))
                break


def _limits(program: Program, known: Env, screen: Row, r: Remade) -> Iterator[Line]:
    numbers = numbers_of(program, known, screen, r.place, r.now, [FREE])
    for start in starts(r.form, held(r, known), screen):
        c = solved(numbers, screen.got, [start])
        if c is not None:
            yield r.at(c[0] if abs(c[0]) > _NONE * abs(start) else 0.0)


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
