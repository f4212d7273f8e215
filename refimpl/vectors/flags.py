"""Flags: what a test is about, and what kind of bug a known-wrong answer is.

    {"KL without h": {"bugType": "FORMULA", "note": ..., "remedy": ..., "seenIn": ...}}

The kind of a mistake is read off the numbers, not typed: the sign, a constant factor or offset,
the shape, or else the formula.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..evidence.calls import Inputs
from ..evidence.mistake import Mistake

Flag = dict[str, str]

KINDS: dict[str, Flag] = {
    "Array": {
        "bugType": "BROADCAST",
        "note": "Values per coordinate meet levels per sample, in four dimensions.",
    },
    "Scalar": {"bugType": "BASIC", "note": "One number for every argument."},
    "Edge": {"bugType": "EDGE", "note": "An end of a range, or a value at which a branch turns."},
    "NearData": {"bugType": "EDGE", "note": "The noise level, or σ, is at or near 0."},
    "NearNoise": {"bugType": "EDGE", "note": "The noise level, or σ, is at or near 1."},
    "NoNoise": {"bugType": "EDGE", "note": "A scale of noise is 0: the law is a point."},
    "EqualRewards": {"bugType": "EDGE", "note": "A group's rewards are all equal."},
    "LargeOffset": {
        "bugType": "CANCELLATION",
        "note": "Values near 10⁴ that differ little: a difference of squares loses them.",
    },
    "NotFinite": {"bugType": "INVALID", "note": "NaN must be refused, not passed on as a number."},
    "OutOfRange": {"bugType": "INVALID", "note": "A value that the formula has no meaning for."},
    "Option": {"bugType": "INVALID", "note": "A word that is no option."},
    "Shape": {"bugType": "INVALID", "note": "Shapes that broadcast by accident, or are too small."},
}
"""The flags that are not mistakes."""

BUG_TYPES = {
    "BASIC": "plain inputs",
    "BROADCAST": "levels per sample against values per coordinate",
    "EDGE": "the ends of a range",
    "CANCELLATION": "digits lost in a difference",
    "INVALID": "inputs to be refused",
    "SIGN": "a known-wrong answer: the right one with the other sign",
    "FACTOR": "a known-wrong answer: a constant times the right one",
    "OFFSET": "a known-wrong answer: the right one plus a constant",
    "SHAPE": "a known-wrong answer: another shape",
    "FORMULA": "a known-wrong answer: another function of the inputs",
}
"""What each bug type means."""

_SAME = 1e-12  # of two float64 ratios that are one constant


def kinds(case: Inputs) -> Iterator[str]:
    """The flags of inputs that have a result."""
    arrays = [x for x in case.values() if isinstance(x, np.ndarray)]
    yield "Array" if arrays else "Scalar"
    level = case.get("t", case.get("sigma"))
    if isinstance(level, float):
        if level <= 2.0**-6:
            yield "NearData"
        if 1 - 2.0**-6 <= level <= 1:
            yield "NearNoise"
    if any(isinstance(case.get(n), float) and case[n] == 0 for n in ("std", "g", "a", "sigma")):
        yield "NoNoise"
    if "rewards" in case and (case["rewards"] == case["rewards"][:, :1]).all(axis=1).any():
        yield "EqualRewards"
    numbers = [x for x in case.values() if isinstance(x, (float, np.ndarray))]
    if any(np.abs(x).max() > 1e3 for x in numbers):
        yield "LargeOffset"


def kind_of_refusal(name: str, bad: Inputs, base: Inputs) -> str:
    """The flag of inputs that are refused."""
    x = bad[name]
    if isinstance(x, str):
        return "Option"
    if np.shape(x) != np.shape(base[name]):
        return "Shape"
    return "NotFinite" if np.isnan(x).any() else "OutOfRange"


def of_mistake(mistake: Mistake, right: Mapping[str, Any], wrong: Mapping[str, Any]) -> Flag:
    """A mistake's flag, its bug type read off the parts of one right and one wrong result."""
    return {
        "bugType": _bug_type(right, wrong),
        "note": mistake.what,
        "remedy": mistake.remedy,
        "seenIn": mistake.seen_in,
    }


def _bug_type(right: Mapping[str, Any], wrong: Mapping[str, Any]) -> str:
    if set(right) != set(wrong) or any(np.shape(right[p]) != np.shape(wrong[p]) for p in right):
        return "SHAPE"
    pairs = [
        (right[p].ravel(), wrong[p].ravel())
        for p in right
        if not np.array_equal(right[p], wrong[p])
    ]
    if all(np.allclose(w, -r, rtol=_SAME, atol=0) for r, w in pairs):
        return "SIGN"
    if all(r.all() and _constant(w / r) for r, w in pairs):
        return "FACTOR"
    if all(_constant(w - r) for r, w in pairs):
        return "OFFSET"
    return "FORMULA"


def _constant(x: np.ndarray) -> bool:
    return x.size > 1 and np.allclose(x, x[0], rtol=_SAME, atol=0)
