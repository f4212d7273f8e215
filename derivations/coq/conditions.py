"""What a lemma assumes: the signs that the letters were declared with, and where both sides exist.

    0 < t       because t was declared positive
    1 - t <> 0  because something is divided by 1 − t, and no declaration says that it is not zero

Every hypothesis is printed in the lemma. A lemma whose hypotheses no numbers satisfy would hold of
anything: `satisfied` looks for such numbers, and a lemma without any is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sympy as sp
from mpmath import iv

from derivations.engine.algebra.decide import PRECISION, _point, enclose

from .raw import settled
from .terms import SUM, Names, term

TRIES = 400
"""Points that are tried before hypotheses count as contradictory."""


@dataclass(frozen=True)
class Condition:
    """An expression and how it compares with 0: "<", "<=", "<>", or ">" for negative."""

    e: sp.Expr
    relation: str

    def text(self, names: Names) -> str:
        """As a proposition of Coq."""
        inside = term(self.e, names, SUM)
        match self.relation:
            case "<>":
                return f"{inside} <> 0"
            case ">":
                return f"{inside} < 0"
        return f"0 {self.relation} {inside}"

    def holds(self, value: object) -> bool:
        """Whether it holds of an interval."""
        low, high = value.a, value.b  # type: ignore[attr-defined]
        match self.relation:
            case "<>":
                return bool(low > 0 or high < 0)
            case ">":
                return bool(high < 0)
            case "<":
                return bool(low > 0)
        return bool(low >= 0)


def declared(letters: list[sp.Symbol]) -> list[Condition]:
    """The signs of letters, from the assumptions they were declared with."""
    found = []
    for letter in letters:
        if letter.is_positive:
            found.append(Condition(letter, "<"))
        elif letter.is_negative:
            found.append(Condition(letter, ">"))
        elif letter.is_nonnegative:
            found.append(Condition(letter, "<="))
        elif letter.is_nonzero:
            found.append(Condition(letter, "<>"))
    return found


def existence(*sides: sp.Expr) -> list[Condition]:
    """What must hold for the sides to have a value, unless the declarations say so."""
    found: dict[tuple[sp.Expr, str], Condition] = {}
    for side in sides:
        for e, relation in _needs(side, set()):
            for whole, part in _parts(e, relation):
                if not _known(whole, relation):
                    found.setdefault((whole, relation), Condition(part, relation))
    stronger = {whole for whole, relation in found if relation == "<"}
    return [
        c
        for (whole, relation), c in found.items()
        if relation == "<" or not {whole, -whole} & stronger
    ]


def _needs(e: sp.Expr, seen: set[sp.Expr]) -> Iterator[tuple[sp.Expr, str]]:
    if e in seen or not e.args:
        return
    seen.add(e)
    for part in e.args:
        yield from _needs(part, seen)
    if isinstance(e, sp.log):
        yield e.args[0], "<"
    elif isinstance(e, sp.Pow) and not e.exp.is_Rational and settled(e.base) == 0:
        yield e.exp, "<"
    elif isinstance(e, sp.Pow) and e.base is not sp.E and not isinstance(e.exp, sp.Integer):
        root = isinstance(e.exp, sp.Rational) and e.exp.q == 2 and e.exp > 0
        yield e.base, "<=" if root else "<"
    elif isinstance(e, sp.Pow) and e.base is not sp.E and e.exp.is_negative:
        yield e.base, "<>"


def _parts(e: sp.Expr, relation: str) -> Iterator[tuple[sp.Expr, sp.Expr]]:
    """What has to have the sign; of a product that must not vanish, each factor."""
    whole = settled(e)
    rational = not whole.has(sp.exp, sp.log) and all(p.exp.is_Integer for p in whole.atoms(sp.Pow))
    if relation != "<>" or whole.is_nonzero or not rational:
        yield whole, e
        return
    for factor in sp.Mul.make_args(sp.factor(whole)):
        base = factor.as_base_exp()[0]
        made = -base if base.could_extract_minus_sign() else base
        yield made, made


def _known(e: sp.Expr, relation: str) -> bool:
    name = {"<>": "is_nonzero", "<": "is_positive", "<=": "is_nonnegative"}[relation]
    return any(getattr(f, name) is True for f in (e, sp.factor_terms(e)))


def satisfied(conditions: list[Condition]) -> bool:
    """Whether some numbers satisfy all conditions at once, found by trying."""
    if not conditions:
        return True
    letters = sorted(
        set().union(*(c.e.free_symbols for c in conditions)), key=lambda s: (s.name, str(s))
    )
    before, iv.prec = iv.prec, PRECISION
    try:
        return any(_all_hold(conditions, _point(letters, i)) for i in range(TRIES))
    finally:
        iv.prec = before


def _all_hold(conditions: list[Condition], point: dict[sp.Symbol, sp.Rational]) -> bool:
    try:
        return all(c.holds(enclose(c.e, point)) for c in conditions)
    except (ValueError, ZeroDivisionError, ArithmeticError):
        return False
