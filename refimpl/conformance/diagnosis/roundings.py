"""Right but for a rounding to a coarser type: believed only where a rounding explains the numbers.

    every number is a float16, and near the right one           or
    errors of about u |value| at every place, that follow nothing       u: the type's unit roundoff

A wrong formula can be as small as a rounding, and rounds nothing: its errors follow the inputs. So
they are regressed on what a mistake could scale (each input's part in the result, the result, a
constant), and a rounding is not believed if these account for half of them.
"""

from dataclasses import dataclass

import numpy as np

from ..adapter import arrays
from ..adapter.conventions import Conventions
from ..adapter.results import Answer
from ..formulas.operations import Operation, allowed, sensitivities, size
from ..formulas.values import Formulas
from .readings import Case, Explanation, fit

LARGEST = 16
"""The largest error that is put down to rounding, in unit roundoffs of the largest value."""

PLACE = 4
"""The largest error at one place, in unit roundoffs of its size: value and condition."""

SEEN = 1 / 64
"""An error that shows at a place, in unit roundoffs of the value; three in four places must."""

FOLLOWED = 0.5
"""The share of the squared errors that a formula's own terms may account for."""


@dataclass(frozen=True)
class _Row:
    """One part of one answer: what came, what is right, how it moves with its inputs.

    `full` inputs have full significands: of others, many products round to themselves.
    """

    part: str
    got: np.ndarray
    right: np.ndarray
    size: np.ndarray
    unit: float
    terms: tuple[np.ndarray, ...]
    full: bool

    @property
    def error(self) -> np.ndarray:
        return self.got - self.right

    @property
    def off(self) -> bool:
        return not bool((np.abs(self.error) <= allowed(self.unit) * self.size).all())


def rounding(
    op: Operation, cases: list[Case], answers: list[Answer], c: Conventions
) -> list[Explanation]:
    """Right to a coarser precision than the type says, or nothing."""
    rows = _rows(op, cases, answers, c)
    off = [r for r in rows if r.off]
    if not off or not all(np.isfinite(r.got).all() for r in rows):
        return []
    coarser = [n for n, unit in arrays.UNIT.items() if unit > max(r.unit for r in off)]
    coarser = [n for n in coarser if all(_near(r, arrays.UNIT[n]) for r in rows)]
    for name in sorted(coarser, key=lambda n: -arrays.UNIT[n]):
        if all(_member(r, name) for r in off):
            words = f"it is right as far as {name} goes: every number is exactly a {name}"
            return [_told(words, f"a number is rounded to {name}", off)]
    for name in sorted(coarser, key=lambda n: -arrays.UNIT[n]):
        parts = dict.fromkeys(r.part for r in off)
        whole = [p for p in parts if all(_member(r, name) for r in off if r.part == p)]
        if whole and _irregular(off, arrays.UNIT[name]):
            words = f"it is within the rounding of {name}: its {whole[0]} holds such numbers alone"
            return [_told(words, f"a number is rounded to {name}", off)]
    for name in sorted(coarser, key=lambda n: arrays.UNIT[n]):
        if _irregular(off, arrays.UNIT[name]):
            cause = f"a number is rounded to {name}, or a smaller term to a coarser type"
            return [_told(f"it is within the rounding of {name}", cause, off)]
    return []


def _rows(op: Operation, cases: list[Case], answers: list[Answer], c: Conventions) -> list[_Row]:
    rows = []
    for case, got in zip(cases, answers, strict=True):
        right, sizes = op.evaluate(Formulas(), case.inputs, c), size(op, case.inputs, c)
        terms = sensitivities(op, case.inputs, c)
        for part, x in got.parts.items():
            if part not in right:
                continue
            if (fitted := fit(x, right[part].shape)) is None:
                return []
            own = tuple(t[part] for t in terms if t[part].shape == right[part].shape)
            full = any(_is_full(x) for x in case.inputs.values())
            rows.append(_Row(part, fitted, right[part], sizes[part], got.unit[part], own, full))
    return rows


def _is_full(x: object) -> bool:
    return isinstance(x, np.ndarray) and x.ndim > 1 and not np.array_equal(
        arrays.rounded_to(np.asarray(x, dtype=np.float64), "bfloat16"), x
    )  # fmt: skip


def _near(r: _Row, unit: float) -> bool:
    """No error beyond the stated multiples, at its place and of the largest value."""
    error, top = np.abs(r.error), np.abs(r.right).max(initial=0.0)
    return bool((error <= np.minimum(PLACE * unit * r.size, LARGEST * unit * top)).all())


def _member(r: _Row, name: str) -> bool:
    return np.array_equal(arrays.rounded_to(r.got, name), r.got)


def _irregular(rows: list[_Row], unit: float) -> bool:
    """Errors that show almost everywhere, and follow neither the inputs nor the result.

    They are judged at full significands, where there are enough numbers to tell; twice at least.
    """
    told = [r for r in rows if r.full and r.error.size >= 4 * (len(r.terms) + 3)]
    if len(told) < 2:
        return False
    value = np.concatenate([np.abs(r.right).ravel() for r in told])
    error = np.concatenate([r.error.ravel() for r in told])
    shows = np.abs(error) >= SEEN * unit * value
    return bool(shows.mean() >= 0.75) and all(_follows_nothing(r) for r in told)


def _follows_nothing(r: _Row) -> bool:
    """Whether the terms account for less of the errors than they would of a wrong formula's."""
    weight = np.maximum(np.abs(r.right), 0.1 * np.abs(r.right).max()).ravel()
    columns = [x.ravel() for x in (*r.terms, r.right, np.ones_like(r.right))]
    table = np.stack([x / weight for x in columns], axis=1)
    table = table / np.maximum(np.linalg.norm(table, axis=0), 1e-300)
    error = r.error.ravel() / weight
    made = table @ np.linalg.lstsq(table, error, rcond=1e-9)[0]
    return bool(np.sum(made**2) <= FOLLOWED * np.sum(error**2))


def _told(words: str, cause: str, off: list[_Row]) -> Explanation:
    worst = max(float(np.abs(r.error).max() / max(np.abs(r.right).max(), 1e-300)) for r in off)
    remedy = f"Somewhere on the way {cause}: keep the precision, or declare it."
    told = f"Off by {worst:.1g} of the largest value."
    return Explanation("rounding", words, worst, told, remedy)
