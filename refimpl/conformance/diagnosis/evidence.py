"""What was asked and what came back, and whether a hypothesis explains it.

    evidence.seen(parts)   →   {"mean": Seen(met, silent, tells, gap), ...}

A hypothesis says what each part of each answer would be. A part is *met* where these are the very
numbers, and the hypothesis is *silent* on it where it says what is right anyway.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, TypeVar

import numpy as np

from ..adapter.conventions import Conventions
from ..adapter.results import Answer
from ..adapter.spreads import SMALL, spread
from ..formulas.operations import ROUNDINGS, Edited, Operation, Slip, allowed, size
from ..formulas.program import Program
from ..formulas.values import Formulas, Inputs, Parts
from .readings import Case, fit

Hypothesis: TypeAlias = Callable[[Inputs], Parts]

T = TypeVar("T")


@dataclass(frozen=True)
class Variation:
    """A hypothesis with a name.

    Attributes:
        kind, name, what, remedy: as in `Explanation`.
        parts: the numbers that it gives.
        size: how many things it changes; larger ones are not asked once a smaller one fits.
    """

    kind: str
    name: str
    what: str
    remedy: str
    parts: Hypothesis
    size: int = 1


@dataclass
class Seen:
    """How a hypothesis stands to one part of all answers.

    Attributes:
        met: its numbers are those that came back, everywhere.
        silent: its numbers are the right ones, everywhere.
        tells: it differs from the right numbers by more than rounding somewhere.
        gap: the largest difference from what came back, relative to the largest value.
    """

    met: bool = True
    silent: bool = True
    tells: bool = False
    gap: float = 0.0


@dataclass(frozen=True)
class Row:
    """One part of one answer."""

    case: int
    part: str
    got: np.ndarray
    unit: float
    right: np.ndarray | None
    sizes: np.ndarray

    @cached_property
    def largest(self) -> float:
        """The largest of the sizes."""
        return float(np.max(self.sizes, initial=0.0))


class Evidence:
    """Cases with their answers, the right numbers and the accuracy that the inputs allow.

    Attributes:
        barren: parts that no program with one fault gives, all others left out of account.
    """

    def __init__(
        self, op: Operation, cases: Sequence[Case], answers: Sequence[Answer], c: Conventions
    ) -> None:
        self.op, self.cases, self.answers, self.c = op, list(cases), list(answers), c
        self.forms: dict[bool, list[Program]] = {}
        self.kept: dict[int, list[tuple[Variation, dict[str, Seen]]]] = {}
        self.barren: set[str] = set()
        self._known: dict[int, tuple[Parts, Parts]] = {}

    @cached_property
    def rows(self) -> list[Row]:
        """Every part of every answer that the formula speaks of; wrong and small ones first."""
        found: list[tuple[int, Row]] = []
        for k, (case, got) in enumerate(zip(self.cases, self.answers, strict=True)):
            right, sizes = self._meant(k, case.inputs)
            for part, x in got.parts.items():
                if part in right:
                    row = Row(k, part, x, got.unit[part], right[part], sizes[part])
                    found.append((max(y.size for y in got.parts.values()), row))
        return [r for _, r in sorted(found, key=lambda n: (not is_off(n[1]), n[0], n[1].case))]

    def _meant(self, k: int, inputs: Inputs) -> tuple[Parts, Parts]:
        """The right numbers of a case with their sizes, worked out once."""
        if k not in self._known:
            right = self.op.evaluate(Formulas(), inputs, self.c)
            self._known[k] = right, size(self.op, inputs, self.c)
        return self._known[k]

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The names of all parts that came back and can be judged."""
        return tuple(sorted({r.part for r in self.rows}))

    @cached_property
    def off(self) -> tuple[str, ...]:
        """The parts that are not right somewhere."""
        return tuple(sorted({r.part for r in self.rows if is_off(r)}))

    @property
    def in_shape(self) -> bool:
        """Whether everything came back in its shape."""
        return all(r.right is not None and r.got.shape == r.right.shape for r in self.rows)

    @property
    def unit(self) -> float:
        """The coarsest precision among the answers."""
        return max((r.unit for r in self.rows), default=0.0)

    @cached_property
    def fitted(self) -> list[Slip | Edited]:
        """Hypotheses whose numbers are read off the answers."""
        with np.errstate(all="ignore"):
            told = [a.parts for a in self.answers]
            return list(self.op.fitted([k.inputs for k in self.cases], told, self.c))

    def without(self, parts: Collection[str]) -> "Evidence":
        """The same, some parts left out."""
        answers = [
            Answer({p: x for p, x in a.parts.items() if p not in parts}, a.unit, a.kinds)
            for a in self.answers
        ]
        fewer = Evidence(self.op, self.cases, answers, self.c)
        fewer.barren, fewer._known = self.barren, self._known
        return fewer

    def possible(
        self, key: int, tried: Callable[[], Iterable[Variation]]
    ) -> list[tuple[Variation, dict[str, Seen]]]:
        """The variations that meet a wrong part, each with how it stands; found once for a key."""
        if key not in self.kept:
            stands = ((v, self.seen(v.parts)) for v in tried())
            self.kept[key] = [(v, seen) for v, seen in stands if seen]
        return self.kept[key]

    def distinct(
        self, found: Iterable[T], says: Callable[[T], Hypothesis], length: Callable[[T], float]
    ) -> list[T]:
        """The shortest of those that say the same."""
        return [group[0] for group in self.ties(found, says, length)]

    def ties(
        self, found: Iterable[T], says: Callable[[T], Hypothesis], length: Callable[[T], float]
    ) -> list[list[T]]:
        """Those that say the same where nothing was asked, together; the shortest first."""
        groups: list[tuple[list[Parts | None], list[T]]] = []
        for one in sorted(found, key=length):
            told = [quietly(says(one), i) for i in self._elsewhere]
            for other, group in groups:
                if all(map(_same, told, other)):
                    group.append(one)
                    break
            else:
                groups.append((told, [one]))
        return [group for _, group in groups]

    @cached_property
    def _elsewhere(self) -> list[Inputs]:
        """Inputs of other signs and sizes, at which nothing was asked."""
        return [
            spread(self.c, k.inputs, seed + n, by)
            for n, k in enumerate(self.cases[:3]) for seed in _SEEDS for by in (1.0, SMALL)
        ]  # fmt: skip

    def moves(self, hypothesis: Hypothesis) -> bool:
        """Whether a hypothesis changes a part that came back, somewhere; or has no value there."""
        for k, case in enumerate(self.cases):
            told, (right, _) = quietly(hypothesis, case.inputs), self._meant(k, case.inputs)
            if told is None:
                return True
            one, other = ({p: x[p] for p in self.parts if p in x} for x in (told, right))
            if not _same(one, other):
                return True
        return False

    def holds(self, hypothesis: Hypothesis) -> bool:
        """Whether a hypothesis gives everything that came back."""
        seen = self.seen(hypothesis)
        return bool(seen) and all(s.met for s in seen.values())

    def seen(self, hypothesis: Hypothesis) -> dict[str, Seen]:
        """How a hypothesis stands to every part; {} where it meets no wrong part."""
        found, told = {part: Seen() for part in self.parts}, dict[int, Parts | None]()
        for row in self.rows:
            if not (found[row.part].met or found[row.part].silent):
                continue
            if row.case not in told:
                told[row.case] = quietly(hypothesis, self.cases[row.case].inputs)
            other = told[row.case]
            if other is None:
                return {}
            if row.part in other:
                closely = self.op.closely if row.unit > _FINE else 1.0
                _note(found[row.part], row, other[row.part], closely)
            if not any(found[part].met for part in self.off):
                return {}
        return found


_FINE, _SINGLE = 2.0**-50, 2.0**-24
"""In float64 no two rules lie within a tolerance; in float32 a mean over the batch rounds as its
largest sample does, once."""

_TERMS = 64
"""A sum where a mean is meant rounds as its terms do, and they may cancel; a mean over the batch
rounds as the largest sample does. In float64 no formula that is another lies as near."""

_SEEDS = (11, 51, 91, 131)
"""Several inputs from each case: a sum over many coordinates seldom lies below 1.

There its sign and what is held at 1 part.
"""


def _same(one: Parts | None, other: Parts | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.keys() == other.keys() and all(
        np.shape(one[p]) == np.shape(other[p])
        and np.allclose(one[p], other[p], 0, _ALIKE * _largest(one[p]), equal_nan=True)
        for p in one
    )


_ALIKE = 1e-9
"""How far the numbers of one hypothesis in two spellings may lie apart, relative to the largest."""


def _largest(x: np.ndarray) -> float:
    return float(np.max(np.abs(x[np.isfinite(x)]), initial=1e-300))


def _note(seen: Seen, row: Row, want: np.ndarray, closely: float) -> None:
    fitted = fit(row.got, want.shape)
    if fitted is None:
        seen.met = False
    sizes = _sizes(row, want.shape)
    if row.unit <= _FINE:
        sizes = np.maximum(_TERMS * sizes, row.largest)
    elif row.unit <= _SINGLE:
        sizes = np.maximum(sizes, row.largest / (2 * ROUNDINGS))
    bound = 2 * ROUNDINGS * row.unit * (np.abs(want) + sizes)
    if fitted is not None:
        with np.errstate(invalid="ignore"):  # infinity less infinity
            off = np.abs(fitted - want)
        same, told = _alike(fitted, want), np.isfinite(want)  # beside infinity all is near
        seen.met &= bool((same | (told & (off <= closely * bound))).all())
        gap = float(np.max(off[np.isfinite(off)], initial=0.0)) / _largest(want)
        seen.gap = max(seen.gap, gap)
    if row.right is None or row.right.shape != want.shape:
        seen.silent, seen.tells = False, True
        return
    with np.errstate(invalid="ignore"):
        apart = np.where(_alike(row.right, want), 0.0, np.abs(row.right - want))
    seen.silent &= bool((apart <= bound).all())
    seen.tells |= bool((~(apart <= 3 * bound)).any())


def _sizes(row: Row, shape: tuple[int, ...]) -> np.ndarray | float:
    return row.sizes if row.sizes.shape == shape else row.largest


def is_off(row: Row) -> bool:
    """Whether a part is not what it should be, in value or in shape."""
    if row.right is None or row.got.shape != row.right.shape:
        return True
    with np.errstate(invalid="ignore"):
        near = np.abs(row.got - row.right) <= allowed(row.unit) * row.sizes
    return not bool((near | _alike(row.got, row.right)).all())


def _alike(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Where both are one number, infinite or none too."""
    return np.asarray((one == other) | (np.isnan(one) & np.isnan(other)))


def quietly(parts: Hypothesis, inputs: Inputs) -> Parts | None:
    """The numbers of a hypothesis, or None where it has none."""
    with np.errstate(all="ignore"):
        try:
            return parts(inputs)
        except Exception:  # a mistake need not have a value everywhere
            return None
