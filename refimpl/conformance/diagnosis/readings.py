"""Readings of wrong numbers: their shape, a constant factor.

Explanation    what a report says        Case    inputs with a word for messages
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..adapter.conventions import Conventions
from ..adapter.printable import printable
from ..adapter.results import Answer
from ..formulas.operations import Operation
from ..formulas.values import Formulas, Inputs, Parts
from .printing import number


@dataclass(frozen=True)
class Explanation:
    """One reading of a wrong result.

    Attributes:
        kind: "mistake", "convention", "argument" (rounded on the way in), "edit" (another
            formula), "factor", "rounding", "constant" (a part that depends on nothing), "form" (a
            shape of the arguments that the function takes), or "open" (a part without a reading).
        name: the mistake's name, or the convention to declare: `log_prob = 'mean'`.
        gap: how closely the numbers are met, relative to the largest.
        what: what is wrong, in a sentence.
        remedy: what to do.
        part: the part of the result that it speaks of, where it does not speak of all.
        says: the numbers that it gives for any inputs, if it gives any: what holds it to its word.
        edits: the lines that became others, if it is a program: where the formula has more lines
            elsewhere, they may have become others there too.
    """

    kind: str
    name: str
    gap: float
    what: str
    remedy: str
    part: str = ""
    says: Callable[[Inputs], Parts] | None = field(default=None, compare=False, repr=False)
    edits: tuple[Any, ...] = field(default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        for text in ("name", "what", "remedy"):
            object.__setattr__(self, text, printable(getattr(self, text)))

    def __str__(self) -> str:
        it = f"its {_PARTS.get(self.part, self.part)}" if self.part else "it"
        if self.kind == "rounding":
            return f"{self.name}. {self.what} {self.remedy}".strip()
        told = {
            "mistake": f"{it} equals the mistake {self.name!r} to {self.gap:.1g}",
            "convention": f"{it} equals {self.name} to {self.gap:.1g}",
            "argument": f"{it} is right for {self.name}",
            "edit": f"{it} {'is' if self.part else 'computes'}  {self.name}  is meant",
            "factor": f"{it} is the right value times {self.name} to {self.gap:.1g}",
            "form": f"it works with {self.name}",
            "constant": f"{it} is {self.name}",
            "open": f"{it} is {self.name}",
        }[self.kind]
        rest = f" Remedy: {self.remedy}." if self.remedy else ""
        return f"{told}. {self.what}".rstrip() + rest


_PARTS = {"x_s": "sample", "log_prob": "log-probability"}


def cause(explanations: Sequence[Explanation]) -> str:
    """All readings as sentences; those of one part are alternatives."""
    told = list[str]()
    for part in dict.fromkeys(e.part for e in explanations):
        first, *others = (str(e) for e in explanations if e.part == part)
        told += [f"{first[0].upper()}{first[1:]}", *(f"Or {text}" for text in others[:_MOST])]
        left = len(others) - _MOST
        told += [f"Or one of {left} more that give the same numbers here."] if left > 0 else []
    return " ".join(told)


_MOST = 3
"""So many alternatives are told beside the first."""


@dataclass(frozen=True)
class Case:
    """Inputs on the adapter's clock and in its precision, with a word for messages."""

    inputs: Inputs
    label: str = ""


def fit(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """x in a wanted shape, where only sizes of one are at stake; None where it is another shape."""
    if x.shape == shape:
        return x
    if x.size == np.prod(shape) and [n for n in x.shape if n != 1] == [n for n in shape if n != 1]:
        return x.reshape(shape)
    return None


def factor(
    op: Operation, cases: list[Case], answers: list[Answer], c: Conventions
) -> list[Explanation]:
    """One factor that sets every number right: a named one, or a plain constant."""
    ratios: dict[str, list[tuple[np.ndarray, Inputs, float]]] = {}
    for case, got in zip(cases, answers, strict=True):
        true = op.evaluate(Formulas(), case.inputs, c)
        for part, x in got.parts.items():
            if part not in true or (fitted := fit(x, true[part].shape)) is None:
                return []
            with np.errstate(all="ignore"):
                r = fitted / true[part]
            r = r[np.isfinite(r) & (np.abs(true[part]) > 1e-3 * np.max(np.abs(true[part])))]
            ratios.setdefault(part, []).append((r, case.inputs, got.unit[part]))
    for part, rows in ratios.items():
        every = np.concatenate([r.ravel() for r, _, _ in rows])
        unit = max(u for _, _, u in rows)
        if not every.size or np.ptp(every) > 256 * unit * max(np.max(np.abs(every)), 1e-300):
            continue
        factor = float(np.median(every))
        if abs(factor - 1) > 256 * unit and factor != 0:
            told = number(factor) + (f" (its {part})" if part != "value" else "")
            return [Explanation("factor", told, float(np.ptp(every)), "A constant factor.",
                                "look for a constant that was dropped or doubled")]  # fmt: skip
    return []
