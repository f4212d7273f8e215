"""Judge numbers against one test: within the tolerance, or else which known-wrong answer they are.

judge(test.expected, got, "float32", test.wrong)   →   Verdict(False, 3e5, ("KL without h",))
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

Precision: TypeAlias = Literal["float64", "float32", "bfloat16"]


@dataclass(frozen=True)
class Part:
    """One part of an expected result.

    Attributes:
        digits: the expected values in float64.
        tolerance: by precision, the absolute tolerance of each entry; None where a precision is
            too coarse to decide.
    """

    digits: np.ndarray
    tolerance: Mapping[str, np.ndarray | None]


@dataclass(frozen=True)
class Verdict:
    """What numbers are.

    Attributes:
        passes: all parts are there, of the right shape, finite and within the tolerance.
        gap: the largest gap in units of the tolerance; infinite for wrong parts or shapes.
        named: the known-wrong answers that the numbers equal within the same tolerance.
    """

    passes: bool
    gap: float
    named: tuple[str, ...] = ()


def judge(
    expected: Mapping[str, Part],
    got: Mapping[str, Any],
    precision: Precision,
    wrong: Mapping[str, Mapping[str, np.ndarray]] | None = None,
) -> Verdict:
    """Compare a result with a test.

    Args:
        expected: the parts of the right result.
        got: the numbers, by part; a lone result is called "value". A part that is the same for
            a whole sample may come unexpanded, with sizes 1, or as one number.
        precision: in which the numbers were computed.
        wrong: known-wrong results by name.
    """
    if set(got) != set(expected):
        return Verdict(False, np.inf)
    gap = max(
        _gap(np.asarray(got[name]), part.digits, part.tolerance[precision])
        for name, part in expected.items()
    )
    if gap <= 1:
        return Verdict(True, gap)
    named = tuple(
        name
        for name, values in (wrong or {}).items()
        if set(values) == set(got)
        and all(_equals(np.asarray(got[p]), x, expected[p], precision) for p, x in values.items())
    )
    return Verdict(False, gap, named)


def _gap(got: np.ndarray, want: np.ndarray, tolerance: np.ndarray | None) -> float:
    """The largest difference in units of the tolerance; where that is 0, equality is asked for."""
    if not fills(got.shape, want.shape):
        return np.inf
    if tolerance is None:
        return 0.0
    if not np.isfinite(got).all():
        return np.inf
    difference = np.abs(got - want)
    with np.errstate(divide="ignore", invalid="ignore"):
        units = np.where(difference == 0, 0, difference / tolerance)
    return float(units.max(initial=0.0))


def fills(shape: tuple[int, ...], full: tuple[int, ...]) -> bool:
    """Whether an array of a shape, or one number, stands for a part of the full shape."""
    return len(shape) in (0, len(full)) and all(
        a in (1, b) for a, b in zip(shape, full, strict=False)
    )


def _equals(got: np.ndarray, wrong: np.ndarray, part: Part, precision: str) -> bool:
    tolerance = part.tolerance[precision]
    if tolerance is None or not fills(got.shape, wrong.shape):
        return False
    size = tolerance.max(initial=0.0)
    scale = np.abs(part.digits).max(initial=0.0) or 1.0
    # a wrong answer has a condition of its own: the right one's stands in, grown with the values
    bound = size * np.maximum(1, np.abs(wrong) / scale)
    return bool((np.abs(got - wrong) <= bound).all())
