"""What an equation must return, from two evaluators that share no code, with a radius.

    the production function on exact rationals  →  an expression  →  an interval of 400 bits
    the second route with 50 digits             →  a number

Both lie within the published radius of the published digits, or there is no vector. The condition
is the second route's: how far a result moves per unit of relative rounding.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp

from ..equations import Coefficients, Gaussian
from ..equations.registry import find
from ..evidence.calls import Inputs, arguments
from ..evidence.inputs import reduces
from ..evidence.reference import reference
from .intervals import BITS, enclose, farthest, middle

DIGITS = 40
"""Significant digits of an expected value."""

AGREE = 1e-30
"""The largest gap between the evaluators, per unit of the condition: rounding explains 1e-40."""

_Parts = Mapping[str, Any]


@dataclass(frozen=True)
class Exact:
    """One part of a result, entry by entry in row-major order.

    Attributes:
        shape: of the full result.
        digits: decimal, at most 40 significant digits.
        radius: decimal; the true value is no further away, and neither is either evaluator.
        condition: the absolute response to a unit of relative rounding error, rounded up.
    """

    shape: tuple[int, ...]
    digits: tuple[str, ...]
    radius: tuple[str, ...]
    condition: tuple[float, ...]


class EvaluatorsDisagree(ArithmeticError):
    """The production function and the second route return different numbers."""


def elementwise(equation_id: str) -> bool:
    """Whether each coordinate of the result depends on that coordinate of the arguments alone."""
    return not reduces(equation_id)


def expected(equation_id: str, inputs: Inputs) -> dict[str, Exact]:
    """The result of an equation for these inputs, by part.

    Raises:
        EvaluatorsDisagree: the two evaluators differ by more than rounding.
        ValueError: the production function refuses the inputs.
    """
    second = reference(equation_id, inputs)
    shapes = {part: np.shape(want) for part, want in second.want.items()}
    first = _production(equation_id, inputs, shapes)
    exact = {}
    for part, shape in shapes.items():
        entries = zip(first[part], _flat(second.want[part]), _flat(second.slack[part]), strict=True)
        rows = [_entry(f"{equation_id} ({part})", *entry) for entry in entries]
        exact[part] = Exact(shape, *(tuple(column) for column in zip(*rows, strict=True)))
    return exact


def _production(
    equation_id: str, inputs: Inputs, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, list[Any]]:
    """The expressions that the production function returns for exact arguments, flattened."""
    function = find(equation_id).function
    out: dict[str, list[Any]] = {part: [] for part in shapes}
    for row in _rows(equation_id, inputs):
        got = _named(function(**arguments(equation_id, row)))
        for part, shape in shapes.items():
            full = () if elementwise(equation_id) else shape
            out[part] += list(_flat(np.broadcast_to(np.asarray(got[part], dtype=object), full)))
    return out


def _rows(equation_id: str, inputs: Inputs) -> Iterator[dict[str, Any]]:
    """The arguments as exact rationals: coordinate by coordinate, or whole."""
    if not elementwise(equation_id):
        yield {name: _rational(x) for name, x in inputs.items()}
        return
    grids = np.broadcast_arrays(*(np.asarray(x, dtype=object) for x in inputs.values()))
    for entries in zip(*(grid.ravel() for grid in grids), strict=True):
        yield {name: _rational(x) for name, x in zip(inputs, entries, strict=True)}


def _rational(x: Any) -> Any:
    if isinstance(x, np.ndarray):
        return np.vectorize(_rational, otypes=[object])(x)
    return sp.Rational(x) if isinstance(x, (float, np.floating)) else x


def _named(result: Any) -> _Parts:
    structured = isinstance(result, (Coefficients, Gaussian))
    return vars(result) if structured else {"value": result}


def _flat(x: Any) -> Any:
    return np.asarray(x, dtype=object).ravel()


def _entry(label: str, value: Any, second: Any, slack: Any) -> tuple[str, str, float]:
    """Digits, radius and condition of one number."""
    exact = sp.Rational(value) if isinstance(value, (int, float)) else sp.sympify(value)
    enclosure = enclose(exact)
    with mp.workprec(BITS):
        digits = mp.nstr(middle(enclosure), DIGITS)
        known = exact.is_Rational and sp.Rational(digits) == exact
        first_gap = mp.mpf(0) if known else farthest(enclosure, digits)
        gap = max(first_gap, abs(second - mp.mpf(digits)))
        if gap > AGREE * (slack + abs(second)):
            raise EvaluatorsDisagree(
                f"{label}: the production function gives {digits}, its second route "
                f"{mp.nstr(second, DIGITS)}"
            )
        unit = (abs(mp.mpf(digits)) or slack) * mp.mpf(10) ** -DIGITS
        return digits, _power_of_ten(max(gap, unit)) if gap else "0", round_up(slack)


def _power_of_ten(x: Any) -> str:
    return f"1e{int(mp.ceil(mp.log10(x)))}"


def round_up(x: Any) -> float:
    """x with three significant digits, not below it."""
    if not x:
        return 0.0
    with mp.workdps(30):
        exponent = int(mp.floor(mp.log10(x))) - 2
        # twelve digits first: the last of fifty, which are noise, must not push it up
        mantissa = int(mp.ceil(mp.mpf(mp.nstr(x / mp.mpf(10) ** exponent, 12))))
    return float(f"{mantissa}e{exponent}")
