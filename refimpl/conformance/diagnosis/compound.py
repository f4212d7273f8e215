"""Two faults in one answer, of which a part shows the first alone.

    the std shows  minimum(g, 2.1);  with that g the mean shows  −noise_hat/maximum(t, 0.1)

The first is found in that part and kept; the second is looked for in what is then left.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from ..formulas.program import Program
from .evidence import Evidence
from .programs import Edit, Neighbour, crooked, right_programs

Finder: TypeAlias = Callable[[Evidence, Sequence[str]], list[Neighbour]]


def compounds(
    e: Evidence, alone: Sequence[Neighbour], finders: Sequence[Finder]
) -> list[Neighbour]:
    """The programs with two faults that give everything that came back, wherever asked.

    Args:
        e: what came back.
        alone: what a part shows alone: see `firsts`.
        finders: the searches for a second fault.
    """
    every = list[Neighbour]()
    for first in alone:
        found = list(_second(e, first, finders))
        if found and not all(map(crooked, found)):
            return found
        every = every or found
    return every


def firsts(e: Evidence, finders: Sequence[Finder]) -> list[Neighbour]:
    """The programs with one fault that give a wrong part of several; where none does, it is noted.

    What is made of other parts shows their faults, and never one alone.
    """
    made, found = {w.part for w in e.op.within}, list[Neighbour]()
    for part in e.off if len(e.off) > 1 else ():
        if part not in made or made.issuperset(e.off):
            own = _first(e.without(set(e.parts) - {part}), [part], finders)
            found += own
            if not own:
                e.barren.add(part)
    return found


def _first(e: Evidence, parts: Sequence[str], finders: Sequence[Finder]) -> list[Neighbour]:
    """What the simplest search finds."""
    return next((found for finder in finders if (found := finder(e, parts))), [])


def _second(e: Evidence, first: Neighbour, finders: Sequence[Finder]) -> Iterator[Neighbour]:
    left = Evidence(e.op, e.cases, e.answers, e.c)
    right = right_programs(e, set())
    left.forms = {False: [p for q in right if (p := spoilt(q, first.edits)) is not None], True: []}
    for n in _first(left, e.off, finders):
        yield Neighbour(n.program, (*first.edits, *n.edits))


def spoilt(program: Program, edits: Sequence[Edit]) -> Program | None:
    """A program with these edits, if it has the lines in which they lie."""
    places = {row.name: k for k, row in enumerate(program.lines)}
    for edit in edits:
        k = places.get(edit.was.name)
        if k is None or program.lines[k].source != edit.was.source:
            return None
        program = program.changed(k, edit.now)
    return program
