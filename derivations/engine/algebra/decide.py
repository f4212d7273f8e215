"""Is left = right an identity? PROVED, REFUTED with a witness, or UNDECIDED, which is a failure.

Derivatives and undefined functions become independent symbols (the jet of an arbitrary function is
arbitrary), so most claims are rational identities, and cancel(together(left − right)) == 0 decides.
A proof counts only if interval arithmetic agrees at random rational points; a refutation only with
a point at which the interval excludes 0, and where values of one function that are taken for two
lie at two places. There is no fourth verdict and no tolerance.
"""

import functools
import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sympy as sp
from mpmath import iv

from .jets import Jets
from .rational import vanishes
from .symbols import domain

PRECISION = 256
"""Bits of the interval arithmetic."""

POINTS = 3
"""Points at which a proved identity is evaluated again, without algebra."""

ATTEMPTS = 24
"""Points tried before the search for a witness gives up."""

TIGHT = 2.0**-150
"""An enclosure of 0 wider than this says nothing: 256 bits lose some to cancellation, not 100."""


class Verdict(StrEnum):
    """The three answers."""

    PROVED = "PROVED"
    REFUTED = "REFUTED"
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True)
class Decision:
    """A verdict and what it rests on.

    Attributes:
        verdict: the answer.
        method: the normal form that vanished, or "witness".
        witness: for REFUTED, a point and the value of left − right there.
        where: for PROVED, what must not be zero for the sides to have a value, unless the
            assumptions on the symbols say so; empty means: for all values.
    """

    verdict: Verdict
    method: str = ""
    witness: str = ""
    where: tuple[sp.Expr, ...] = ()


class NotRealError(ValueError):
    """A value that is certainly not a real number: a root of a negative one."""


class NotAClaim(ValueError):
    """What was yielded cannot be decided in principle: floating-point numbers, truth values."""


def decide(
    left: sp.Expr, right: sp.Expr, *, doubtful: bool = False, glance: bool = False
) -> Decision:
    """Decide the identity left = right for all values of its symbols in their domains.

    Args:
        left: one side; it may hold undefined functions and their derivatives.
        right: the other side.
        doubtful: look for a witness before trying algebra (for statements expected to be wrong).
            Only the order of the attempts changes: a point at which the sides differ and an
            identity that algebra proves exclude each other.
        glance: look for a witness alone; without one the claim stays undecided.

    Raises:
        NotAClaim: a floating-point number is in the claim, or neither side is a finite number.
    """
    left, right = sp.sympify(left), sp.sympify(right)
    _check(left, right)
    sides = left, right
    table = Jets()
    left, right = (table.of(_worked_out(side)) for side in sides)
    _check(left, right)
    endless = [side.has(sp.nan, sp.zoo, sp.oo, -sp.oo) for side in (left, right)]
    if all(endless):
        raise NotAClaim(f"neither side is a finite number: {left} = {right}")
    if any(endless):
        told = f"everywhere: {'left' if endless[0] else 'right'} is no finite number"
        return Decision(Verdict.REFUTED, "witness", told)
    early = doubtful or glance
    if found := _witness(left, right, table) if early else _not_real(left, right):
        return Decision(Verdict.REFUTED, "witness", found)
    if glance:
        return Decision(Verdict.UNDECIDED)
    for name, normal in _NORMAL_FORMS.items():
        if normal(left - right) == 0:
            confirmed = all(_encloses_zero(left, right, i) for i in range(POINTS))
            if confirmed:
                return Decision(Verdict.PROVED, name, where=() if doubtful else poles(*sides))
            break
    found = "" if doubtful else _witness(left, right, table)
    return Decision(Verdict.REFUTED, "witness", found) if found else Decision(Verdict.UNDECIDED)


def _worked_out(side: sp.Expr) -> sp.Expr:
    """The side, its derivatives, integrals and the like carried out where it has any."""
    return side.doit() if side.has(*_LEFT_TO_DO) else side


_LEFT_TO_DO = (sp.Derivative, sp.Subs, sp.Integral, sp.Sum, sp.Product, sp.Limit)


def _check(*sides: sp.Expr) -> None:
    """Raise NotAClaim for what no algebra should be asked about."""
    for side in sides:
        if not isinstance(side, sp.Expr):
            raise NotAClaim(f"a claim is about numbers, got {side!r}")
        if side.atoms(sp.Float):
            raise NotAClaim(f"a claim holds a rounded number: {' = '.join(map(str, sides))}")


def poles(*sides: sp.Expr) -> tuple[sp.Expr, ...]:
    """What must not be zero for the sides to have a value, where the assumptions do not say so."""
    found = {
        base
        for side in sides
        for base in (power.base for power in side.atoms(sp.Pow) if power.exp.is_negative)
        if not base.is_nonzero and not sp.factor_terms(base).is_nonzero
    }
    return tuple(sorted(found, key=str))


def _rational(e: sp.Expr) -> sp.Expr:
    return sp.Integer(0) if vanishes(e) else sp.cancel(sp.together(e))


def _roots(e: sp.Expr) -> sp.Expr:
    return sp.cancel(
        sp.together(sp.powdenest(sp.expand(sp.powdenest(e, force=False)), force=False))
    )


def _circles(e: sp.Expr) -> sp.Expr:
    return sp.simplify(sp.trigsimp(sp.expand(e)))


_NORMAL_FORMS: dict[str, Callable[[sp.Expr], sp.Expr]] = {
    "rational identity": _rational,
    "identity of roots": _roots,
    "trigonometric identity": _circles,
}


def _point(symbols: list[sp.Symbol], index: int) -> dict[sp.Symbol, sp.Rational]:
    return _drawn(tuple(symbols), index)


@functools.lru_cache(maxsize=10_000)
def _drawn(symbols: tuple[sp.Symbol, ...], index: int) -> dict[sp.Symbol, sp.Rational]:
    draw = random.Random(f"{[s.name for s in symbols]}{index}")
    point = {}
    for s in symbols:
        low, high = domain(s)
        share = sp.Rational(draw.randint(1, 96), 97)
        point[s] = sp.Rational(low.numerator, low.denominator) + share * sp.Rational(
            (high - low).numerator, (high - low).denominator
        )
    return point


def _free(*sides: sp.Expr) -> list[sp.Symbol]:
    return sorted(set().union(*(side.free_symbols for side in sides)), key=_rank)


@functools.lru_cache(maxsize=10_000)
def _rank(s: sp.Symbol) -> tuple[str, str]:
    return s.name, str(s._assumptions)


def _gap(left: sp.Expr, right: sp.Expr, point: dict[sp.Symbol, sp.Rational]) -> Any:
    """left − right in interval arithmetic, or None where a side is not defined over the reals."""
    before, iv.prec = iv.prec, PRECISION
    done: dict[sp.Expr, Any] = {}
    try:
        return _enclosed(left, point, done) - _enclosed(right, point, done)
    except (ZeroDivisionError, ValueError, ArithmeticError):
        return None
    finally:
        iv.prec = before


def _encloses_zero(left: sp.Expr, right: sp.Expr, index: int) -> bool:
    for attempt in range(ATTEMPTS):
        gap = _gap(left, right, _point(_free(left, right), index * ATTEMPTS + attempt))
        if gap is not None:
            return bool(0 in gap and gap.delta.b < TIGHT)
    return False


def _witness(left: sp.Expr, right: sp.Expr, table: Jets) -> str:
    """A point at which the sides certainly differ, in words; empty if none is found.

    Values of one function at two places may be chosen freely only if the places are two: at the
    point, an argument of each must certainly differ.
    """
    if found := _not_real(left, right):
        return found
    if table.unread(left, right):
        return ""
    rivals = table.rivals(left, right)
    symbols = _free(left, right, *(a for pair in rivals for place in pair for a in place))
    for index in range(ATTEMPTS if symbols else 1):
        point = _point(symbols, index)
        gap = _gap(left, right, point)
        apart = all(_apart(*pair, point) for pair in rivals)
        if apart and gap is not None and 0 not in gap:
            return f"{_told(point)}: left − right = {float(gap.mid.b):.6g}"
    return ""


def _apart(
    here: tuple[sp.Expr, ...], there: tuple[sp.Expr, ...], point: dict[sp.Symbol, sp.Rational]
) -> bool:
    """Whether two places certainly differ in a coordinate."""
    gaps = (_gap(a, b, point) for a, b in zip(here, there, strict=True))
    return any(gap is not None and 0 not in gap for gap in gaps)


def _not_real(left: sp.Expr, right: sp.Expr) -> str:
    """A point at which one side is a real number and the other certainly is not."""
    symbols = _free(left, right)
    if not any(_partial(side) for side in (left, right)) or (left.is_real and right.is_real):
        return ""
    for index in range(ATTEMPTS if symbols else 1):
        point = _point(symbols, index)
        real = [_is_real(side, point) for side in (left, right)]
        if real in ([True, False], [False, True]):
            return f"{_told(point)}: {'left' if real[1] else 'right'} is not a real number there"
    return ""


def _partial(side: sp.Expr) -> bool:
    """Whether a side holds what real numbers may lack a value for: roots and the unit i."""
    return side.has(sp.I) or any(not power.exp.is_integer for power in side.atoms(sp.Pow))


def _told(point: dict[sp.Symbol, sp.Rational]) -> str:
    return ", ".join(f"{s.name} = {value}" for s, value in point.items()) or "everywhere"


def _is_real(side: sp.Expr, point: dict[sp.Symbol, sp.Rational]) -> bool | None:
    """Whether a side is certainly real at a point, certainly not, or (None) neither."""
    try:
        enclose(side, point)
    except NotRealError:
        return False
    except (ZeroDivisionError, ValueError, ArithmeticError):
        return None
    return True


def enclose(e: sp.Expr, point: dict[sp.Symbol, sp.Rational]) -> Any:
    """An interval that contains the value of e at the point.

    Raises:
        ValueError: e is not defined over the reals there, or holds a function not known here.
        ZeroDivisionError: an interval divided by contains 0.
    """
    return _enclosed(e, point, {})


def _enclosed(e: sp.Expr, point: dict[sp.Symbol, sp.Rational], done: dict[sp.Expr, Any]) -> Any:
    if e not in done:
        done[e] = _enclose(e, point, done)
    return done[e]


def _enclose(e: sp.Expr, point: dict[sp.Symbol, sp.Rational], done: dict[sp.Expr, Any]) -> Any:
    if isinstance(e, sp.Symbol):
        return _enclosed(point[e], point, done)
    if isinstance(e, sp.Rational):
        return iv.mpf(e.p) / e.q
    if e is sp.pi:
        return +iv.pi
    if e is sp.E:
        return iv.exp(1)
    if e is sp.I:
        raise NotRealError("the imaginary unit")
    parts = [_enclosed(part, point, done) for part in e.args]
    if isinstance(e, sp.Add):
        return sum(parts[1:], parts[0])
    if isinstance(e, sp.Mul):
        product = parts[0]
        for part in parts[1:]:
            product = product * part
        return product
    if isinstance(e, sp.Pow):
        return _power(parts[0], e.exp, parts[1])
    if isinstance(e, (sp.Min, sp.Max)):
        ends = min if isinstance(e, sp.Min) else max
        return iv.mpf([ends(p.a for p in parts), ends(p.b for p in parts)])
    if type(e) in _FUNCTIONS:
        return _FUNCTIONS[type(e)](*parts)
    raise ValueError(f"no interval extension for {type(e).__name__}")


def _power(base: Any, exponent: sp.Expr, exponent_interval: Any) -> Any:
    if isinstance(exponent, sp.Integer):
        return base ** int(exponent) if exponent > 0 else 1 / base ** int(-exponent)
    if base.b < 0:
        raise NotRealError("a root of a negative number")
    if base.a < 0:
        raise ValueError("a root of an interval around zero")
    if isinstance(exponent, sp.Rational) and exponent.q == 2:
        root = iv.sqrt(base)
        return root ** int(exponent.p) if exponent.p > 0 else 1 / root ** int(-exponent.p)
    return iv.exp(exponent_interval * _log(base))


def _log(x: Any) -> Any:
    if not x.a > 0:
        raise ValueError("the logarithm of a number that is not positive")
    return iv.log(x)


_FUNCTIONS: dict[type, Callable[..., Any]] = {
    sp.exp: iv.exp,
    sp.log: _log,
    sp.sin: iv.sin,
    sp.cos: iv.cos,
    sp.Abs: lambda x: abs(x),
}
