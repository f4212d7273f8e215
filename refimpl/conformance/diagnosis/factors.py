"""A number that does not belong in a line, or two: any number, where an edit knows a few.

    it computes  x − 1.02 h drift  where  x − h drift  is meant
    it computes  x − h/2 (.8 k1 + 1.2 k2)  where  x − h/2 (k1 + k2)  is meant
    it computes  −noise_hat/(t + .01)  where  −noise_hat/t  is meant

A factor before a term, one before each of two terms, or a number added: to a line, under it or
under a root. The number is found from one answer, and must hold for all of them.
"""

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations
from typing import TypeAlias

import numpy as np

from ...edits import Path, replaced
from ..formulas.operations import ROUNDINGS
from ..formulas.program import Env, Line, Program, line
from .evidence import Evidence, Row
from .lines import nodes_of, terms
from .programs import (
    COARSEST,
    Edit,
    Neighbour,
    crooked,
    distinct,
    explains,
    giving,
    leading_to,
    missed,
    right_programs,
)
from .solving import solved

Place: TypeAlias = tuple[Path, ast.expr]
"""Where a number may stand, and what stands there."""


@dataclass(frozen=True)
class Freed:
    """A line with free numbers in it.

    Attributes:
        was: the line that is meant.
        places: where they stand; no place lies within another.
        added: whether they are added, or multiply.
    """

    was: Line
    places: tuple[Place, ...]
    added: bool = False

    @property
    def neutral(self) -> list[float]:
        """The numbers at which the line is the one that is meant."""
        return [0.0 if self.added else 1.0] * len(self.places)

    @property
    def names(self) -> list[str]:
        """What the numbers are called in `line`."""
        return [f"_{k}" for k in range(len(self.places))]

    @cached_property
    def line(self) -> Line:
        """The line with its free numbers by name."""
        return self.having([ast.Name(name, ast.Load()) for name in self.names])

    def at(self, numbers: Sequence[float]) -> Line | None:
        """The line with these numbers written in; None where one changes nothing or all are 0."""
        if any(c == one for c, one in zip(numbers, self.neutral, strict=True)) or not any(numbers):
            return None
        return self.having([ast.Constant(c) for c in numbers])

    def having(self, numbers: Sequence[ast.expr]) -> Line:
        """The line with these in the places."""
        whole = ast.Expression(self.was.expression)
        for (path, node), number in zip(self.places, numbers, strict=True):
            whole = replaced(whole, path, self._put(node, number))
        return line(self.was.name, whole.body)

    def _put(self, node: ast.expr, number: ast.expr) -> ast.expr:
        if not self.added:
            return ast.BinOp(number, ast.Mult(), node)
        value = getattr(number, "value", 0.0)
        if value < 0:
            return ast.BinOp(node, ast.Sub(), ast.Constant(-value))
        return ast.BinOp(node, ast.Add(), number)


def freed(was: Line) -> tuple[Freed, ...]:
    """A line with one factor, one number added, or two factors."""
    return _cached(was.name, was.source)


@lru_cache(maxsize=1024)
def _cached(name: str, source: str) -> tuple[Freed, ...]:
    return tuple(_freed(line(name, ast.parse(source, mode="eval").body)))


def _freed(was: Line) -> Iterator[Freed]:
    nodes = nodes_of(was.expression)
    scaled = [(p, n) for p, n in terms(nodes) if not isinstance(n, ast.Constant)]
    for place in scaled:
        yield Freed(was, (place,))
    for place in _beside(nodes):
        yield Freed(was, (place,), added=True)
    for one, two in combinations(scaled, 2):
        if not _nested(one[0], two[0]):
            yield Freed(was, (one, two))


def _beside(nodes: Sequence[tuple[Path, ast.AST]]) -> Iterator[Place]:
    """Where a number may be added: the whole line, what is divided by, what is under a root."""
    by_path = dict(nodes)
    for path, node in nodes:
        holder = by_path.get(path[:-1])
        below = isinstance(holder, ast.BinOp) and isinstance(holder.op, ast.Div) \
            and path[-1][0] == "right"  # fmt: skip
        rooted = isinstance(by_path.get(path[:-1]), ast.Call) and getattr(
            getattr(holder, "func", None), "id", "") in ("sqrt", "log")  # fmt: skip
        if isinstance(node, ast.expr) and (len(path) == 1 or below or rooted):
            yield path, node


def _nested(one: Path, two: Path) -> bool:
    n = min(len(one), len(two))
    return one[:n] == two[:n]


def factors(e: Evidence, parts: Sequence[str]) -> list[Neighbour]:
    """The programs with a free number, or two, that give these parts wherever asked."""
    wanted = set(parts)
    if e.unit > COARSEST or wanted & e.barren:
        return []
    with np.errstate(all="ignore"):
        for count in (1, 2):
            found = [n for n in _all_fitting(e, wanted, count) if explains(n, e, wanted)]
            if found:
                return distinct([n for n in found if not crooked(n)] or found, e)
    return []


def _all_fitting(e: Evidence, wanted: set[str], count: int) -> Iterator[Neighbour]:
    """Those of all forms; of two numbers the first do."""
    for program in right_programs(e, wanted):
        screen = missed(program, e, wanted)
        if screen is not None:
            known = program.values(e.op.begins(e.cases[screen.case].inputs, e.c))
            yield from _fitting(program, known, screen, count)


def _fitting(program: Program, known: Env, screen: Row, count: int) -> Iterator[Neighbour]:
    for k in leading_to(program, screen.part):
        for f in (f for f in freed(program.lines[k]) if len(f.places) == count):
            numbers = _solved(program, known, screen, k, f)
            now = f.at(numbers) if numbers is not None else None
            if now is not None:
                yield Neighbour(program.changed(k, now), (Edit(k, f.was, now),))


def _solved(program: Program, known: Env, screen: Row, k: int, f: Freed) -> list[float] | None:
    numbers = numbers_of(program, known, screen, k, f.line, f.names)
    return solved(numbers, screen.got, f.neutral, blur(screen))


def blur(screen: Row) -> np.ndarray:
    """How far rounding may carry the numbers that came back."""
    return np.asarray(ROUNDINGS * screen.unit * screen.sizes)


def numbers_of(
    program: Program, known: Env, screen: Row, k: int, now: Line, names: Sequence[str]
) -> Callable[[Sequence[float]], np.ndarray]:
    """What a part becomes once line k is another, as a function of the free numbers in it."""
    numbers = giving(program, known, {k: now}, screen)
    return lambda c: numbers(dict(zip(names, c, strict=True)))
