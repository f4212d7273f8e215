"""Limits of quotients whose two sides vanish, as tactics.

(exp(x) − 1) / x                   the quotient of the slopes
(exp(−x) − 1 + x) / x²             both vanish twice, so that x²/2 leads above
(exp(−c) − (1 − c q)^(1/q)) / q    the exponent grows: `compound`, whose slope Coq knows
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from .lemmas import closing, proof_by
from .raw import NotInCoq, put_in, settled, slope
from .terms import ATOM, Names, term

HIGHEST = 6
"""The order up to which a numerator is differentiated."""


@dataclass(frozen=True)
class Limit:
    """What tends where: the function of a letter, in one fraction, and its limit."""

    names: Names
    letter: sp.Symbol
    smooth: sp.Expr
    to: sp.Expr
    result: sp.Expr

    def text(self, e: sp.Expr) -> str:
        """The term of an expression."""
        return term(e, self.names, ATOM)

    def function(self, e: sp.Expr) -> str:
        """The function of the letter."""
        return f"(fun {self.names.name(self.letter)} : R => {self.text(e)})"

    def here(self, e: sp.Expr) -> sp.Expr:
        """The expression at the point."""
        return put_in(e, self.letter, self.to)

    def vanishes(self, e: sp.Expr) -> bool:
        """Whether it is 0 at the point."""
        return bool(sp.simplify(settled(self.here(e))) == 0)


def shown(sides: list[sp.Expr], names: Names) -> str:
    """The tactic for an equality of these sides."""
    found, tactic, _ = closing(sides, names)
    return " ".join(proof_by(found, tactic)).rstrip(".")


def _in_one_fraction(
    one: Limit, top: sp.Expr, under: sp.Expr, above: str = "", first: str = ""
) -> str:
    """As a quotient, of which the numerator may be called otherwise."""
    s = one.names.name(one.letter)
    agree = shown([one.smooth, top, under], one.names)
    return (
        f"apply (is_lim_ext_loc (fun {s} : R => {above or one.text(top)} / {one.text(under)})); "
        f"[ exists posreal_one; intros {s} near other; {first}"
        f"first [ unfold Rdiv; plainly | {agree} ] |]"
    )


def has_slope(one: Limit, top: sp.Expr, under: sp.Expr) -> bool:
    """Whether the denominator has a slope there."""
    slopes = [one.here(slope(e, one.letter)) for e in (top, under)]
    if any(settled(e).has(sp.zoo, sp.nan, sp.oo) for e in (*slopes, one.here(top))):
        raise NotInCoq("it is a limit of what grows without bound")
    return bool(sp.simplify(settled(slopes[1])) != 0)


def by_slopes(one: Limit, top: sp.Expr, under: sp.Expr) -> str:
    """Both sides vanish once: the quotient of their slopes."""
    slopes = [one.here(slope(e, one.letter)) for e in (top, under)]
    zeros = shown([one.here(top)], one.names)
    value = shown([*slopes, slopes[0] / slopes[1], one.result], one.names)
    m, n = map(one.text, slopes)
    return (
        f"{_in_one_fraction(one, top, under)}; "
        f"replace {one.text(one.result)} with ({m} / {n}) by ({value}); "
        f"apply (limit_of_quotient {one.function(top)} {one.function(under)}); "
        f"[ {zeros} | plainly | derivative | derivative | first [ pos | nonzero ] ]"
    )


def by_order(one: Limit, top: sp.Expr, under: sp.Expr) -> str:
    """Both sides vanish n times at 0: l sⁿ leads above, and sⁿ r(s) is below."""
    letter, s = one.letter, one.names.name(one.letter)
    n = sp.factor(under).as_powers_dict().get(letter, sp.Integer(0))
    rest = sp.cancel(sp.factor(under) / letter**n) if n else under
    if one.to != 0 or not (n.is_Integer and 1 < n <= HIGHEST) or one.vanishes(rest):
        raise NotInCoq("a limit of a quotient whose denominator vanishes, and is no power")
    slopes = [top]
    for _ in range(int(n)):
        slopes.append(sp.expand(sp.diff(slopes[-1], letter)))
    last, below = (sp.simplify(settled(one.here(e))) for e in (slopes[-1], rest))
    leads = (
        f"apply leads_at_first; [ {_smooth(one, slopes[-1])} "
        f"| {shown([one.here(slopes[-1]), last], one.names)} ]"
    )
    order = one.text(last)
    for k, (f, g) in enumerate(zip(reversed(slopes[:-1]), reversed(slopes[1:]), strict=True), 1):
        leads = (
            f"apply (leads_once_more {one.function(f)} {one.function(g)}); [ simpl; ring "
            f"| {shown([one.here(f)], one.names)} "
            f"| apply filter_forall; intro {s}; derivative | {leads} ]"
        )
        order = f"({order} / {k})"
    value = shown([last, below, last / below, one.result], one.names)
    return (
        f"{_in_one_fraction(one, top, under)}; "
        f"replace {one.text(one.result)} with ({order} / {one.text(below)}) by ({value}); "
        f"apply (limit_by_order {one.function(top)} {one.function(under)} {one.function(rest)} "
        f"{n}); [ {leads} | intro {s}; algebra | {_smooth(one, rest)} "
        f"| {shown([one.here(rest), below], one.names)} | first [ pos | nonzero ] ]"
    )


def _smooth(one: Limit, e: sp.Expr) -> str:
    return f"apply (ex_derive_continuous {one.function(e)}); auto_derive; repeat split; exists_here"


def growing_power(one: Limit) -> tuple[sp.Expr, sp.Expr] | None:
    """A power (1 + c s)^(1/s) as s → 0, and its c."""
    for power in sorted(one.smooth.atoms(sp.Pow), key=sp.default_sort_key):
        if one.to == 0 and settled(power.exp * one.letter) == 1:
            c = sp.cancel((power.base - 1) / one.letter)
            if not c.has(one.letter):
                return power, c
    return None


def by_compound(one: Limit, top: sp.Expr, under: sp.Expr, growing: tuple[sp.Expr, sp.Expr]) -> str:
    """Both sides vanish once, and above stands `compound`, whose slope at 0 is known."""
    power, c = growing
    whole, w = sp.Dummy(positive=True), one.names.fresh("w")
    above, s = top.xreplace({power: whole}), one.names.name(one.letter)
    limit, moves = sp.exp(c), -(c**2) / 2 * sp.exp(c)
    moving = sp.Mul(slope(above, whole), moves, evaluate=False)
    rises = sp.Add(slope(above, one.letter), moving, evaluate=False)
    slopes = [one.here(put_in(e, whole, limit)) for e in (rises, slope(under, one.letter))]
    value = shown([*slopes, slopes[0] / slopes[1], one.result], one.names)
    zeros = shown([one.here(put_in(above, whole, limit))], one.names)
    m, n = map(one.text, slopes)
    above_it = []
    for called in (f"(compound {one.text(c)} {s})", f"({w} {s})"):
        one.names.of[whole] = called
        above_it.append(one.text(above))
    del one.names.of[whole]
    back = "rewrite <- compound_is by exact other; "
    return (
        f"{_in_one_fraction(one, top, under, above_it[0], back)}; "
        f"replace {one.text(one.result)} with ({m} / {n}) by ({value}); "
        f"generalize (compound_moves {one.text(c)}) (compound_at_zero {one.text(c)}); "
        f"generalize (compound {one.text(c)}); intros {w} moves begins; "
        f"apply (limit_of_quotient (fun {s} : R => {above_it[1]}) {one.function(under)}); "
        f"[ rewrite begins; {zeros} | plainly | derivative | derivative | first [ pos | nonzero ] ]"
    )
