"""Two faults in one answer, of which a part shows the first alone.

    the std shows  minimum(g, 2.1);  with that g the mean shows  −noise_hat/maximum(t, 0.1)

The first is found in that part and kept; the second is looked for in what is then left.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from ..formulas.program import Program
from .evidence import Evidence
from .programs import Neighbour, right_programs

Finder: TypeAlias = Callable[[Evidence, Sequence[str]], list[Neighbour]]


def compounds(e: Evidence, finders: Sequence[Finder]) -> list[Neighbour]:
    """The programs with two faults that give everything that came back, wherever asked."""
    for part in e.off if len(e.off) > 1 else ():
        alone = e.without(set(e.parts) - {part})
        for first in _first(alone, [part], finders):
            found = list(_second(e, first, finders))
            if found:
                return found
    return []


def _first(e: Evidence, parts: Sequence[str], finders: Sequence[Finder]) -> list[Neighbour]:
    """What the simplest search finds."""
    return next((found for finder in finders if (found := finder(e, parts))), [])


def _second(e: Evidence, first: Neighbour, finders: Sequence[Finder]) -> Iterator[Neighbour]:
    left = Evidence(e.op, e.cases, e.answers, e.c)
    spoilt = [p for q in right_programs(e, set()) if (p := _with(q, first)) is not None]
    left.forms = {False: spoilt, True: []}
    for n in _first(left, e.off, finders):
        yield Neighbour(n.program, (*first.edits, *n.edits))


def _with(program: Program, first: Neighbour) -> Program | None:
    """A program with the first fault, if it has the lines in which it lies."""
    places = {row.name: k for k, row in enumerate(program.lines)}
    for edit in first.edits:
        k = places.get(edit.was.name)
        if k is None or program.lines[k].source != edit.was.source:
            return None
        program = program.changed(k, edit.now)
    return program
