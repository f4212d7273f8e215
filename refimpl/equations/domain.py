"""Where an argument may lie, and the test that refuses it elsewhere, with value and remedy.

    REAL, NONNEGATIVE, POSITIVE, NONZERO, LEVEL, ...      domains, for declarations in `arguments`
    fields(x=x, v=v)    nonnegative(g=g)    level(t=t)    the same tests, called by hand

Symbols pass unseen: a proof states its own assumptions. So do values that cannot be read without
stopping the device that holds them (see `kinds.bounds`). Nothing is clamped, cast or repaired.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn, TypeAlias

from .elementary import Num
from .kinds import Bounds, Kind, bounds, is_array, kind, whole


@dataclass(frozen=True)
class Test:
    """One thing that is asked of a value.

    Attributes:
        what: what the value must be, in words.
        holds: of the least and greatest entry of what is judged.
        label: how what is judged is called in the message; {name} is the argument.
        of: what is judged, from the least and greatest entry of the argument.
        remedy: what the caller can do; {name} is the argument.
        says: the refusal in words of its own, in place of "label must be what".
    """

    what: str
    holds: Callable[[Any, Any], bool]
    label: str = "{name}"
    of: Callable[[Any, Any], Bounds] | None = None
    remedy: str = ""
    says: str = ""

    def check(self, name: str, seen: Bounds) -> None:
        """Raise if what was seen does not pass."""
        low, high = seen if self.of is None else self.of(*seen)
        if not self.holds(low, high):
            said = self.says or f"{self.label.format(name=name)} must be {self.what}"
            got = f"{name}={_shown(*seen)}" if self.says else _shown(low, high)
            raise ValueError(f"{said}, got {got}{self.remedy.format(name=name)}")


def _shown(low: Any, high: Any) -> str:
    low, high = (y if isinstance(y, (int, float)) else str(y) for y in (low, high))
    return f"{low}" if low == high or low != low else f"values from {low} to {high}"


def _finite(low: Any, high: Any) -> bool:
    return bool(-math.inf < low <= high < math.inf)


def _above_zero(low: Any, high: Any) -> bool:
    return bool(0 < low <= high < math.inf)


def _not_below_zero(low: Any, high: Any) -> bool:
    return bool(0 <= low <= high < math.inf)


_CLOCKS = (
    "; network time (0 to 1000) and other clocks are converted by refimpl.equations.conventions"
)
FINITE = Test("finite", _finite)
_ABOVE_ZERO = Test("positive", _above_zero)
_NOT_BELOW_ZERO = Test("zero or positive", _not_below_zero)
_IN_UNIT = Test(
    "a noise level in [0, 1] (0 = data, 1 = noise)",
    lambda low, high: bool(0 <= low <= high <= 1),
    remedy=_CLOCKS,
)


@dataclass(frozen=True)
class Domain:
    """A set of numbers, with the tests that tell whether a value lies in it.

    Attributes:
        name: what tells it from the others.
        words: the set, as a page prints it.
        tests: asked in this order.
        whole: whether the numbers must be whole.
    """

    name: str
    words: str
    tests: tuple[Test, ...] = ()
    whole: bool = False

    def because(self, remedy: str, label: str = "{name}") -> "Domain":
        """The same set, with a remedy for those who left it."""
        *rest, last = self.tests
        said = replace(last, label=label, remedy=f"; {remedy}")
        return replace(self, tests=(*rest, said))


def _complement(square: bool) -> Callable[[Any, Any], Bounds]:
    """1 − x, or 1 − x², of the least and greatest x."""
    if square:
        return lambda low, high: (1 - max(low * low, high * high),) * 2
    return lambda low, high: (1 - high, 1 - low)


_BELOW_ONE = Test(
    "positive",
    _above_zero,
    label="one_minus_{name}",
    of=_complement(square=False),
    remedy="; {name} lies below 1",
)

REAL = Domain("real", "real", (FINITE,))
NONZERO = Domain("nonzero", "≠ 0", (FINITE,))
NONNEGATIVE = Domain("nonnegative", "≥ 0", (_NOT_BELOW_ZERO,))
RATIO = replace(NONNEGATIVE, name="ratio")
CLIP = replace(NONNEGATIVE, name="clip")
NEGATIVE = Domain("negative", "< 0", (Test("negative", lambda low, high: bool(high < 0)),))
POSITIVE = Domain("positive", "> 0", (_ABOVE_ZERO,))
LENGTH = replace(POSITIVE, tests=(FINITE, _ABOVE_ZERO))
DENSE = POSITIVE.because(
    "a step without noise has no density: choose g > 0 (a > 0), or leave this step out of the "
    "ratio",
    label="std",
)
"""A standard deviation that a density is taken with."""
NOISED = POSITIVE.because("the score is infinite on noise-free data: stop the grid before t = 0")
"""A σ that is divided by."""
UNMIXED = POSITIVE.because("at this level no data is left in x, so data cannot be read off it")
"""An α that is divided by."""
DIVIDING = POSITIVE.because(
    "the paper's KL divides by g: without noise the two steps are points and their KL is infinite"
)
"""A g that is divided by."""
LEVEL = Domain("level", "in [0, 1]", (_IN_UNIT,))
POSITIVE_LEVEL = Domain("level", "in (0, 1]", (_IN_UNIT, _ABOVE_ZERO))
LEVEL_BELOW_ONE = Domain(
    "level below one",
    "in [0, 1)",
    (
        _IN_UNIT,
        replace(
            _BELOW_ONE,
            remedy="; g is singular at t = 1: choose a boundary policy (sde.next_level, sde.clamp) "
            "for {name}",
        ),
    ),
)
NETWORK_TIME = Domain(
    "network time",
    "in [0, 1000]",
    (
        FINITE,
        replace(
            _IN_UNIT,
            label="{name}_over_1000",
            of=lambda low, high: (low / 1000, high / 1000),
            remedy="; {name} is a network time, 0 to 1000",
        ),
    ),
)
SHARE = Domain("share", "in [0, 1]", (replace(_IN_UNIT, remedy=""),))
INNER_SHARE = Domain("inner share", "in (0, 1)", (_ABOVE_ZERO, _BELOW_ONE))
INNER_LEVEL = Domain(
    "inner level",
    "in (0, 1)",
    (
        _IN_UNIT,
        replace(_ABOVE_ZERO, remedy="; pure data has no place here: 0 < {name}"),
        replace(_BELOW_ONE, remedy="; pure noise has no place here: {name} < 1"),
    ),
)
CORRELATION = Domain(
    "correlation",
    "in [−1, 1]",
    (
        FINITE,
        Test(
            "zero or positive",
            _not_below_zero,
            label="one_minus_rho_squared",
            of=_complement(square=True),
            remedy="; {name} lies between −1 and 1",
        ),
    ),
)
COUNT = Domain("count", "1, 2, …", (_ABOVE_ZERO,), whole=True)
ITERATION = replace(
    COUNT,
    tests=(
        Test(
            "1 or more",
            lambda low, high: bool(1 <= low <= high < math.inf),
            says="Picard iterations are counted from 1",
        ),
    ),
)
CHOICE = Domain("choice", "a choice")
FUNCTION = Domain("function", "a function")
UNUSED = Domain("unused", "not used")


def judge(name: str, x: Num, of: Kind, domain: Domain, tests: tuple[Test, ...]) -> None:
    """Raise unless x, which is of this kind, passes the tests of the domain.

    Raises:
        TypeError: a numpy integer where numbers are real.
        ValueError: a test that it does not pass.
    """
    if of == "integer" and not domain.whole:
        raise TypeError(_INTEGER.format(name=name, x=x, kind=type(x).__name__))
    seen = bounds(x)
    if seen is None:
        return
    for test in tests:
        test.check(name, seen)
    if domain is NONZERO and vanishes(x, seen):
        raise ValueError(f"{name} must not vanish, got 0")
    if domain.whole and not whole(x):
        raise ValueError(f"{name} must be a whole number, got {_shown(*seen)}")


_INTEGER = (
    "{name} must be a floating-point number, got {kind} {x}, whose arithmetic overflows without a "
    "word; write float({name})"
)


def vanishes(x: Num, seen: Bounds) -> bool:
    """Whether an entry of x is 0, given its least and greatest entry."""
    low, high = seen
    if low < 0 < high and hasattr(x, "shape"):
        return bool((x == 0).any())
    return bool(low == 0 or high == 0)


# ---------------------------------------------------------------- several arguments


def agree(values: Sequence[tuple[str, Kind, Any]]) -> None:
    """Values that meet in one elementwise formula: one framework, one dtype, shapes that agree.

    Zero-dimensional arrays meet anything. Others must have the same number of dimensions, and
    along each the same size or size 1: (B, 1, 1) may meet (B, C, W), whereas (B,) may not, because
    it would be matched with W. One of them must have the shape of the result: (B, 1) and (1, K)
    alone would meet in an outer product.

    Raises:
        TypeError: two frameworks or two dtypes.
        ValueError: shapes that do not agree.
    """
    arrays = [value for value in values if is_array(value[1])]
    if not arrays or (len(arrays) == len(values) and _alike(arrays)):
        return
    first, of, like = arrays[0]
    if of in ("torch", "jax") and len(arrays) < len(values):
        _refuse_exact(first, like, values)
    for name, kind_of_x, x in arrays[1:]:
        _same_numbers(first, of, like, name, kind_of_x, x)
    shaped = [(name, tuple(x.shape)) for name, _, x in arrays if x.ndim]
    if not shaped:
        return
    shape = shaped[0][1]
    for i, (name, other) in enumerate(shaped):
        if other != shape:
            joint = _joint(shape, other)
            shape = joint if joint else _refuse_shape(shaped[:i], name, other)
    if not any(other == shape for _, other in shaped):
        shown = " and ".join(f"{name} has shape {other}" for name, other in shaped)
        raise ValueError(
            f"{shown}: they meet in an outer product alone; give one of them the shape {shape}, "
            "or reshape on purpose"
        )


def _alike(arrays: list[tuple[str, Kind, Any]]) -> bool:
    _, of, like = arrays[0]
    dtype, shape = like.dtype, like.shape
    return all(o == of and x.dtype == dtype and x.shape == shape for _, o, x in arrays[1:])


_Shape: TypeAlias = tuple[int, ...]


def _joint(a: _Shape, b: _Shape) -> _Shape | None:
    """The shape in which two shapes meet, dimension by dimension, or None."""
    if len(a) != len(b) or any(m != n and 1 not in (m, n) for m, n in zip(a, b, strict=True)):
        return None
    return tuple(n if m == 1 else m for m, n in zip(a, b, strict=True))


def _refuse_shape(before: list[tuple[str, _Shape]], name: str, shape: _Shape) -> NoReturn:
    first, other = next((n, s) for n, s in before if _joint(s, shape) is None)
    raise ValueError(
        f"{first} has shape {other} and {name} has {shape}; give equal shapes, or expand on "
        "purpose with refimpl.equations.expand_like"
    )


def _refuse_exact(first: str, like: Any, values: Sequence[tuple[str, Kind, Any]]) -> None:
    for name, of, x in values:
        if of == "exact":
            raise TypeError(
                f"{first} is a {type(like).__name__} and {name} a {type(x).__name__}; "
                "an array of rounded numbers cannot hold it: convert one on purpose"
            )


def _same_numbers(first: str, of: Kind, like: Any, name: str, kind_of_x: Kind, x: Any) -> None:
    if kind_of_x == of or {of, kind_of_x} == {"numpy", "objects"}:
        if x.dtype == like.dtype or "objects" in (of, kind_of_x):
            return
        raise TypeError(
            f"{first} has dtype {like.dtype} and {name} has {x.dtype}; cast one on purpose: "
            "a closed form never casts"
        )
    raise TypeError(
        f"{first} is a {type(like).__name__} and {name} a {type(x).__name__}; "
        "give all arrays in one framework"
    )


# ---------------------------------------------------------------- called by hand


def fields(**named: Num) -> None:
    """Arguments that meet in one elementwise formula, see `agree`.

    Raises:
        TypeError: no real numbers, two frameworks or two dtypes.
        ValueError: shapes that do not agree, NaN or infinity.
    """
    _look(named, REAL)
    agree([(name, kind(name, x), x) for name, x in named.items()])


def level(**named: Num) -> None:
    """Noise levels: 0 is data, 1 is noise.

    Raises:
        ValueError: a level outside [0, 1], or NaN.
    """
    _look(named, LEVEL)


def positive(*, otherwise: str = "", **named: Num) -> None:
    """Values that a formula divides by, or takes the logarithm of: > 0 and finite.

    Args:
        otherwise: what the caller can do about a value that is not.
        named: the values, by name.

    Raises:
        ValueError: zero, a negative value, NaN or infinity.
    """
    _look(named, POSITIVE.because(otherwise) if otherwise else POSITIVE)


def nonnegative(*, otherwise: str = "", **named: Num) -> None:
    """Scales that may vanish: ≥ 0 and finite.

    Raises:
        ValueError: a negative value, NaN or infinity.
    """
    _look(named, NONNEGATIVE.because(otherwise) if otherwise else NONNEGATIVE)


def nonzero(**named: Num) -> None:
    """Denominators of either sign.

    Raises:
        ValueError: zero, NaN or infinity.
    """
    _look(named, NONZERO)


def _look(named: dict[str, Num], domain: Domain) -> None:
    for name, x in named.items():
        judge(name, x, kind(name, x), domain, domain.tests)
