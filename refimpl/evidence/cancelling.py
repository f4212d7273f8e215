"""Inputs at which terms cancel, for every equation, and how many ulps its numbers are off there.

    cases("kl.k3")            log r = ±2⁻⁸, ±2⁻¹⁴, … ±2⁻³⁶, 1 − 2⁻²⁰, …    near 0 and near ±1
    cases("kl.gaussian")      σ_p = σ_q (1 + 2⁻²⁰), …                      near one another
    cases("gaussian.log_prob")    the x at which the log-density is 0      near a zero of the result

All numbers are exact in float32, so that both precisions are asked about the same point. A gap is
measured in units of the condition alone, as everywhere: see `rounding`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise, permutations
from typing import Any

import numpy as np

from ..equations.domain import REAL
from ..equations.registry import find
from .calls import Inputs, System, arguments, cast, flat_arguments, parts, unit_roundoff
from .compare import gaps
from .inputs import inputs, reduces
from .reference import reference

NEAR = (8, 14, 20)
"""How near: 2⁻ᵏ, where float32 still tells a number from the one it is near to."""

LARGE = 32.0
"""A large number, for arguments that are positive: as a power it asks all digits of its base."""

SYSTEMS: tuple[System, ...] = ("torch32", "torch64", "float")
"""Where it is measured; NumPy's arrays share their arithmetic with these."""

_REFUSED = (ValueError, ZeroDivisionError, OverflowError)


@dataclass(frozen=True)
class Worst:
    """The largest gap of an equation.

    Attributes:
        ulps: in unit roundoffs times the condition.
        system: in which number system.
        inputs: where.
        part: of the result.
        numbers: how many were compared.
    """

    ulps: float
    system: str
    inputs: Inputs
    part: str
    numbers: int


def worst(equation_id: str, near: tuple[int, ...] = NEAR) -> Worst:
    """The largest gap of an equation over its cancelling cases, in ulps of the condition.

    Raises:
        KeyError: no equation is called so, or it has no second route.
    """
    found, numbers = Worst(0.0, "", {}, "", 0), 0
    for case in cases(equation_id, near):
        for system, part, ulps in measured(equation_id, case):
            numbers += 1
            if ulps > found.ulps:
                found = Worst(ulps, system, case, part, 0)
    return replace(found, numbers=numbers)


def cases(equation_id: str, near: tuple[int, ...] = NEAR) -> Iterator[Inputs]:
    """Inputs at which terms of an equation may cancel; some lie outside its domain.

    Args:
        equation_id: the equation.
        near: the k of 2⁻ᵏ, how near.
    """
    if reduces(equation_id):
        yield from (moved for case in inputs(equation_id) for moved in _of_arrays(case, near))
        return
    case = inputs(equation_id)[1]
    names = [name for name, x in case.items() if isinstance(x, float)]
    for name in names:
        yield from ({**case, name: x} for x in _special(near))
        if flat_arguments(equation_id)[name].inside is not REAL:
            yield from ({**case, name: x} for x in (LARGE, 1.375 * LARGE))
        yield from _at_zero(equation_id, case, name)
    for name, other in permutations(names, 2):
        for k in near:
            yield {**case, name: _single(case[other] * (1 + 2.0**-k))}
            yield {**case, name: _single(case[other] * (2.0**-k - 1))}


def _special(near: tuple[int, ...]) -> Iterator[float]:
    """Numbers near 0, far below what is near 1, and numbers near ±1."""
    for k in (*near, near[-1] + 8, near[-1] + 16):
        yield from (2.0**-k, -(2.0**-k), 1.375 * 2.0**-k)
    for k in near:
        yield from (1 - 2.0**-k, 1 + 2.0**-k, 2.0**-k - 1, -1 - 2.0**-k)


def _at_zero(equation_id: str, case: Inputs, name: str) -> Iterator[Inputs]:
    """Where an argument takes the result through zero: terms cancel there, whatever they are."""

    def sign(x: float) -> float:
        try:
            got = find(equation_id).function(**arguments(equation_id, {**case, name: x}))
            return float(np.sign(parts(got)["value"]))
        except (*_REFUSED, KeyError):
            return np.nan

    for a, b in pairwise(np.linspace(-4, 4, 33).tolist()):
        if sign(a) * sign(b) < 0:
            for _ in range(40):
                middle = (a + b) / 2
                a, b = (a, middle) if sign(a) * sign(middle) <= 0 else (middle, b)
            yield {**case, name: _single(a)}


def _of_arrays(case: Inputs, near: tuple[int, ...]) -> Iterator[Inputs]:
    """Arrays of numbers near 0, and of numbers near 1."""
    for name, x in case.items():
        if isinstance(x, np.ndarray):
            for k in near:
                yield {**case, name: (1 + x * 2.0**-k).astype(np.float32).astype(np.float64)}
                yield {**case, name: x * 2.0**-k}


def _single(x: float) -> float:
    return float(np.float32(x))


def measured(equation_id: str, case: Inputs) -> Iterator[tuple[System, str, float]]:
    """The gap of every part in every number system; nothing where the equation refuses the case."""
    arrays = any(isinstance(x, np.ndarray) for x in case.values())
    for system in SYSTEMS:
        if system == "float" and arrays:
            continue
        given = case if arrays or system == "float" else _lifted(case)
        try:
            got = find(equation_id).function(**arguments(equation_id, cast(given, system)))
            exact = reference(equation_id, case)
        except _REFUSED:  # or a root that the second route looks for and does not find
            continue
        u = unit_roundoff(got)
        for part, x in parts(got).items():
            want = exact.want[part]
            _, ulps = gaps(x.reshape(np.shape(want)), want, exact.slack[part], u)
            yield system, part, float(np.where(_below_normal(want, u), 0.0, ulps).max(initial=0.0))


def _below_normal(want: np.ndarray, u: float) -> np.ndarray:
    """Where a value lies among the numbers that have fewer digits, or flush to 0."""
    smallest = 2.0**-126 if u > 2.0**-30 else 2.0**-1022
    return np.vectorize(lambda x: 0 < abs(x) < smallest, otypes=[bool])(want)


def _lifted(case: Inputs) -> dict[str, Any]:
    """Scalars as arrays of one entry, so that a precision can be chosen."""
    return {name: np.array(x) if isinstance(x, float) else x for name, x in case.items()}
