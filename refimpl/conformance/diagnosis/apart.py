"""An answer taken apart: its mean, its std, its sample and its log-probability, each by itself.

    its mean is ...    its std equals ...    its sample is ...

A part that is made of others is judged from those that came back.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from ..adapter.results import Answer
from ..formulas.operations import Within
from .evidence import Evidence
from .readings import Case, Explanation
from .variations import changed, spelt, undeclared

Reader: TypeAlias = Callable[[Evidence, Sequence[str]], list[Explanation]]
"""Readings of some parts that the other parts do not refute."""


class Apart:
    """An answer taken apart: each part with the evidence by which it is judged.

    A part that is made of others is judged from those that came back: so a sample that is its own
    mean plus its own std times the noise has no fault of its own.
    """

    def __init__(self, e: Evidence) -> None:
        self._e = e
        made = {w.part: (own, w.value) for w in e.op.within if (own := _own(e, w)) is not None}
        plain = e.without(made)
        self._parts = {part: made.get(part, (plain, part)) for part in e.off}
        self._parts = {p: (own, name) for p, (own, name) in self._parts.items() if name in own.off}
        self._several = len(e.parts) > 1
        self._read = dict[tuple[Reader, str], list[Explanation]]()

    def readings(self, readers: Sequence[Reader], *, whole: bool = True) -> list[Explanation]:
        """A reading for each wrong part; with `whole`, only if every one of them has one."""
        found, known = list[Explanation](), 0
        for part, (own, name) in self._parts.items() if self._several else ():
            every = (self._once(reader, part, own, name) for reader in readers)
            kept = ([x for x in read if not self._refuted(x)] for read in every)
            readings = next(filter(None, kept), [])
            if not readings and whole:
                return []
            known += bool(readings)
            found += [replace(x, part=part) for x in readings or [_OPEN]]
        return found if known else []

    def _refuted(self, x: Explanation) -> bool:
        """Whether a part that is right would be wrong by a convention that is told of another."""
        e = self._e
        right = set(e.parts) - set(e.off)
        if x.kind != "convention" or not right:
            return False
        for change in undeclared(e.op, e.c):
            other = changed(e.c, change) if spelt(change) == x.name else None
            if other is not None:
                return bool(right & set(Evidence(e.op, e.cases, e.answers, other).off))
        return False

    def _once(self, reader: Reader, part: str, own: Evidence, name: str) -> list[Explanation]:
        """What a reader says of a part: each is asked once."""
        if (reader, part) not in self._read:
            self._read[reader, part] = reader(own, [name])
        return self._read[reader, part]


OPEN = "open"
"""The kind of what is said of a part that has no reading."""

_OPEN = Explanation(OPEN, "nothing that is known here", 0.0, "", "")


def _own(e: Evidence, row: Within) -> Evidence | None:
    """The evidence of a part, given the parts that it is made of; None where they are absent."""
    cases, answers = [], []
    for case, got in zip(e.cases, e.answers, strict=True):
        if row.part not in got.parts:
            continue
        if not set(row.needs) <= set(got.parts):
            return None
        cases.append(Case(row.inputs(case.inputs, got.parts, e.c), case.label))
        answers.append(
            Answer({row.value: got.parts[row.part]}, {row.value: got.unit[row.part]}, got.kinds)
        )
    return Evidence(row.operation, cases, answers, e.c) if cases else None
