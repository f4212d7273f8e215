"""An interval around the value of an exact expression.

    −log(3/16) − 121/32 − log(2π)/2   →   [−3.0260…, −3.0260…], its ends a hundred digits apart

The expression is what a production function returns for exact rational arguments. Each operation is
done in interval arithmetic, so the enclosure is a theorem about that expression, not an estimate.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import mpmath as mp
import sympy as sp
from mpmath import iv

BITS = 400
"""Precision of the interval arithmetic."""

_FUNCTIONS = {sp.exp: iv.exp, sp.log: iv.log, sp.sin: iv.sin, sp.cos: iv.cos, sp.Abs: abs}
_CONSTANTS = {sp.pi: iv.pi, sp.E: iv.e}


def enclose(e: sp.Expr) -> Any:
    """An interval that contains the value of a constant expression.

    Raises:
        ValueError: a rounded number, a free symbol, or a function without an interval extension.
    """
    with _precise():
        return _enclose(sp.sympify(e))


def middle(enclosure: Any) -> Any:
    """The middle of an enclosure."""
    with _precise(), mp.workprec(BITS):
        return mp.mpf(enclosure.mid)


def farthest(enclosure: Any, digits: str) -> Any:
    """An upper bound of the distance between a decimal number and any point of the enclosure."""
    with _precise(), mp.workprec(BITS):
        return mp.mpf(abs(enclosure - iv.mpf(digits)).b)


@contextlib.contextmanager
def _precise() -> Iterator[None]:
    before, iv.prec = iv.prec, BITS
    try:
        yield
    finally:
        iv.prec = before


def _enclose(e: sp.Expr) -> Any:
    if isinstance(e, sp.Rational):
        return iv.mpf(e.p) / e.q
    if e in _CONSTANTS:
        return +_CONSTANTS[e]
    parts = [_enclose(part) for part in e.args]
    if isinstance(e, sp.Add):
        return sum(parts[1:], parts[0])
    if isinstance(e, sp.Mul):
        product = parts[0]
        for part in parts[1:]:
            product = product * part
        return product
    if isinstance(e, sp.Pow):
        return _power(e.exp, *parts)
    if isinstance(e, (sp.Min, sp.Max)):
        ends = min if isinstance(e, sp.Min) else max
        return iv.mpf([ends(p.a for p in parts), ends(p.b for p in parts)])
    if type(e) in _FUNCTIONS:
        return _FUNCTIONS[type(e)](*parts)
    raise ValueError(f"{e!r} ({type(e).__name__}) has no enclosure: give it one in intervals.py")


def _power(exponent: sp.Expr, base: Any, power: Any) -> Any:
    if isinstance(exponent, sp.Integer):
        return base ** int(exponent) if exponent > 0 else 1 / base ** int(-exponent)
    if exponent in (sp.S.Half, -sp.S.Half):
        root = iv.sqrt(base)
        return root if exponent > 0 else 1 / root
    return iv.exp(power * iv.log(base))
