"""The tests of an equation as JSON: inputs, expected values, known-wrong answers, refusals.

    {"tcId": 1, "inputs": {...}, "result": "valid", "expected": {...}, "wrong": {...}}

Inputs are exact in bfloat16. An expected value has 40 digits and a radius that holds both of its
evaluators; a tolerance is `ULPS` unit roundoffs times the condition; wrong answers stand beside the
right one, under the name of the mistake.
"""

from collections.abc import Mapping
from typing import Any

import mpmath as mp
import numpy as np

from ..evidence import calls
from ..evidence.calls import Inputs
from ..evidence.mistakes import mistakes
from ..evidence.rounding import ROUNDINGS
from .edges import acceptable, cases, refused
from .exact import Exact, elementwise, expected, round_up
from .flags import kind_of_refusal, kinds, of_mistake
from .judging import Part, fills, judge

ULPS = ROUNDINGS + 1
"""Roundings of the formula, and one for reading the expected value."""

ROUNDOFF = {"float64": 2.0**-53, "float32": 2.0**-24, "bfloat16": 2.0**-8}
"""The unit roundoff of each precision: half the distance from 1 to the next number."""

SMALLEST_NORMAL = {"float64": 2.0**-1022, "float32": 2.0**-126, "bfloat16": 2.0**-126}
"""Below it a precision loses digits, or flushes to 0."""

TINY = 1e-30
"""Values below it may pass through numbers that are not normal."""

SCALARS = 4
"""`cases.inputs` opens with an array case and so many scalar ones; edges follow."""


def tests_and_mistakes(equation_id: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The tests of an equation, and the flags of the mistakes that they tell from the truth."""
    tests: list[dict[str, Any]] = []
    named: dict[str, Any] = {}
    known = cases(equation_id)
    for index, case in enumerate(known):
        right = expected(equation_id, case)
        parts = {part: _part(x) for part, x in right.items()}
        wrong = _wrong(equation_id, case, parts)
        for mistake in mistakes(equation_id):
            if mistake.name in wrong and mistake.name not in named:
                values = {p: x.digits for p, x in parts.items()}
                named[mistake.name] = of_mistake(mistake, values, wrong[mistake.name])
        excuse = acceptable(equation_id, case)
        edge = elementwise(equation_id) and index > SCALARS
        tests.append({
            "tcId": index + 1,
            "comment": excuse or _comment(index, case, known),
            "flags": [*kinds(case), *(["Edge"] if edge else [])],
            "inputs": {name: _input(x) for name, x in case.items()},
            "result": "acceptable" if excuse else "valid",
            "expected": {part: _expected(x) for part, x in right.items()},
            "wrong": {
                name: {p: _numbers(x) for p, x in values.items()} for name, values in wrong.items()
            },
        })  # fmt: skip
    base = known[0 if not elementwise(equation_id) else 1]
    for name, bad, reason in refused(equation_id):
        tests.append({
            "tcId": len(tests) + 1,
            "comment": f"{name} is bad",
            "flags": [kind_of_refusal(name, bad, base)],
            "inputs": {n: _input(x) for n, x in bad.items()},
            "result": "invalid",
            "error": {"argument": name, "reason": reason},
        })  # fmt: skip
    return tests, named


def _comment(index: int, case: Inputs, known: list[Inputs]) -> str:
    """What sets a case apart: its options, its shapes, or the values of an edge."""
    options = {n: x for n, x in case.items() if not isinstance(x, np.ndarray)}
    if len(options) < len(case):
        words = ", ".join(f"{n} = {x}" for n, x in options.items())
        return words or "arrays of several dimensions, every entry different"
    if index <= SCALARS:
        return "one number each"
    return ", ".join(f"{n} = {x}" for n, x in options.items() if x != known[1][n])


def _wrong(
    equation_id: str, case: Inputs, right: Mapping[str, Part]
) -> dict[str, dict[str, np.ndarray]]:
    """The results of the named mistakes that a float64 can tell from the right one."""
    out = {}
    exact = {name: _precise(x) for name, x in case.items()}
    for mistake in mistakes(equation_id):
        with mp.workdps(30):
            try:
                values = calls.parts(mistake.wrong(**calls.arguments(equation_id, exact)))
            except (ArithmeticError, ValueError, TypeError):
                continue  # this mistake has no real value at these inputs
        finite = all(np.isfinite(x).all() for x in values.values())
        if finite and not judge(right, values, "float64").passes:
            out[mistake.name] = {part: _expanded(x, right.get(part)) for part, x in values.items()}
    return out


def _expanded(x: np.ndarray, right: Part | None) -> np.ndarray:
    """A part in the full shape of the right one, if it stands for it."""
    if right is None or not fills(x.shape, right.digits.shape):
        return x
    return np.broadcast_to(x, right.digits.shape)


def _precise(x: Any) -> Any:
    if isinstance(x, np.ndarray):
        return np.vectorize(mp.mpf, otypes=[object])(x)
    return mp.mpf(x) if isinstance(x, float) else x


def _part(x: Exact) -> Part:
    digits = np.reshape([float(d) for d in x.digits], x.shape)
    tolerance = {p: None if t is None else np.reshape(t, x.shape) for p, t in _tolerance(x).items()}
    return Part(digits, tolerance)


def _expected(x: Exact) -> dict[str, Any]:
    return {
        "shape": list(x.shape), "digits": x.digits, "radius": x.radius,
        "condition": x.condition, "tolerance": _tolerance(x),
    }  # fmt: skip


def _tolerance(x: Exact) -> dict[str, list[float] | None]:
    """The absolute tolerances; none where they would exceed every value that is not 0."""
    sizes = [abs(float(d)) for d in x.digits]
    out: dict[str, list[float] | None] = {}
    for precision, u in ROUNDOFF.items():
        flushed = [SMALLEST_NORMAL[precision] * (0 < size < TINY) for size in sizes]
        values = [round_up(ULPS * u * c + f) for c, f in zip(x.condition, flushed, strict=True)]
        out[precision] = values if max(values) < max(sizes) or not max(sizes) else None
    return out


def _input(x: Any) -> Any:
    if isinstance(x, (str, int)):
        return x
    numbers = [float(y) for y in np.ravel(x)]
    return {
        "shape": list(np.shape(x)),
        "hex": [_hex(y) for y in numbers],
        "decimal": ["nan" if y != y else y for y in numbers],
    }


def _hex(x: float) -> str:
    """C's hexadecimal notation without trailing zeros: 0x1.8p+0."""
    mantissa, p, exponent = x.hex().partition("p")
    return mantissa.rstrip("0").rstrip(".") + p + exponent if p else mantissa


def _numbers(x: np.ndarray) -> dict[str, Any]:
    return {"shape": list(x.shape), "decimal": [float(y) for y in x.ravel()]}
