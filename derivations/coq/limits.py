"""Limits as lemmas of Coq: by continuity, as a quotient of what vanishes, or because it decays.

x²                  at 1: by continuity
(exp(x) − 1) / x    at 0: both sides vanish, see quotients.py
exp(−c/s)           at 0 from the right: it decays
"""

from __future__ import annotations

import sympy as sp

from .lemmas import Lemma, assemble, hypotheses, prepared
from .plain import Step
from .quotients import (
    Limit,
    by_compound,
    by_order,
    by_slopes,
    growing_power,
    has_slope,
    shown,
)
from .raw import settled
from .terms import ATOM, Names, term


def limit(name: str, step: Step) -> Lemma:
    """is_lim (fun s => inside) a result, or the limit from the right where s is positive."""
    names, (inside, result, to) = prepared(step.inside, step.result, *step.ends)
    s, letter = names.name(step.letter), step.letter
    smooth = sp.cancel(sp.together(settled(inside)))
    f, g = term(inside, names), term(smooth, names)
    a, b = term(to, names, ATOM), term(result, names, ATOM)
    agree = shown([inside, smooth], names)
    one = Limit(names, letter, smooth, to, result)
    if letter.is_positive and to == 0:
        claim = f"filterlim (fun {s} : R => {f}) (at_right {a}) (locally {b})"
        way = _decaying(one) if _decay(one) else f"apply right_of_limit; {_tending(one)}"
        proof = [f"apply (right_ext (fun {s} : R => {g})); [ intros {s} right; {agree} | {way} ]."]
    else:
        claim = f"is_lim (fun {s} : R => {f}) {a} {b}"
        near = f"exists posreal_one; intros {s} near other; {agree}"
        proof = [
            f"apply (is_lim_ext_loc (fun {s} : R => {g})); [ {near} | {_tending(one)} ].",
        ]
    letters = Names(of={k: v for k, v in names.of.items() if k != letter})
    fixed = [c for c in hypotheses(letters, inside, result) if not c.e.has(letter)]
    return assemble(name, letters, fixed, claim, proof, "limit", "is_lim")


def _tending(one: Limit) -> str:
    """The tactic, by the first way that fits."""
    top, under = sp.fraction(one.smooth)
    if (growing := growing_power(one)) is not None:
        return by_compound(one, top, under, growing)
    if not one.vanishes(under):
        return _continuous(one)
    return (by_slopes if has_slope(one, top, under) else by_order)(one, top, under)


def _decay(one: Limit) -> sp.Expr | None:
    """c > 0 of a multiple of exp(−c/s)."""
    bell = one.smooth.as_independent(one.letter, as_Add=False)[1]
    if not isinstance(bell, sp.exp):
        return None
    c = sp.simplify(-bell.args[0] * one.letter)
    return c if c.is_positive else None


def _decaying(one: Limit) -> str:
    s = one.names.name(one.letter)
    factor = one.smooth.as_independent(one.letter, as_Add=False)[0]
    k, c = one.text(factor), one.text(_decay(one))
    return (
        f"apply (filterlim_ext (fun {s} : R => {k} * exp (- ({c} / {s})))); "
        f"[ intro {s}; unfold Rdiv; plainly | apply vanishes_from_the_right; pos ]"
    )


def _continuous(one: Limit) -> str:
    value = shown([one.here(one.smooth), one.result], one.names)
    return (
        f"apply (limit_here {one.function(one.smooth)} {one.text(one.to)} "
        f"{one.text(one.result)}); [ {value} | apply derivable_continuous_pt; "
        "apply ex_derive_Reals_0; auto_derive; repeat split; exists_here ]"
    )
