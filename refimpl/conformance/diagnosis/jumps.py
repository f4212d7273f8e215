"""Whether errors are those of a rounding: they jump when the inputs move by a little.

    x → x (1 + 2⁻¹⁶)     a wrong formula stays as wrong as it was, a rounded number where it is

A formula that is off by as little as a rounding is off by nearly as much nearby. The error of a
number that is rounded changes by the whole move, which is many times 2⁻¹⁶ of the error.
"""

from collections.abc import Callable, Sequence

import numpy as np

from ..adapter.conventions import Conventions
from ..adapter.inputs import received
from ..adapter.results import Answer
from ..formulas.operations import Operation
from ..formulas.values import Formulas, Inputs
from .readings import Case

MOVE = 2.0**-16
"""How far the inputs are moved, relative to themselves."""

JUMPS = 2.0**-9
"""The median change of an error, relative to the error, from which on it jumps."""

_LEVELS = ("t", "s", "h", "levels")


def errors_jump(
    op: Operation,
    cases: Sequence[Case],
    ask: Callable[[Sequence[Case]], list[Answer]],
    c: Conventions,
) -> bool:
    """Ask at the cases and a little beside them, and see whether the errors jump."""
    beside = [Case(_moved(k.inputs, c), k.label) for k in cases]
    pairs = zip(_errors(op, cases, ask(cases), c), _errors(op, beside, ask(beside), c), strict=True)
    jumps = [np.abs(b - a)[seen] / np.abs(a)[seen] for a, b in pairs
             if (seen := np.abs(a) > 0.1 * np.abs(a).max(initial=0.0)).any()]  # fmt: skip
    return bool(jumps) and bool(np.median(np.concatenate(jumps)) >= JUMPS)


def _moved(inputs: Inputs, c: Conventions) -> Inputs:
    return {n: received(c, x * (1 + MOVE)) if _moves(n, x) else x for n, x in inputs.items()}


def _moves(name: str, x: object) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f" and name not in _LEVELS


def _errors(
    op: Operation, cases: Sequence[Case], answers: list[Answer], c: Conventions
) -> list[np.ndarray]:
    found = []
    for case, a in zip(cases, answers, strict=True):
        right = op.evaluate(Formulas(), case.inputs, c)
        found += [np.ravel(x - right[p]) for p, x in a.parts.items()
                  if p in right and x.shape == right[p].shape]  # fmt: skip
    return found
