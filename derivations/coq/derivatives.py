"""Derivatives as lemmas of Coq: is_derive (fun x => inside) x result, functions being functions.

A minimum or a maximum has a derivative where one argument is strictly the less, because that stays
so nearby: the lemma assumes nothing of it, the signs of the letters tell. A function that is smooth
only to the right of a point has its derivative from the right there.
"""

from __future__ import annotations

import sympy as sp

from derivations.engine.algebra.jets import _as_jet

from .branches import Choice, branch
from .conditions import Condition, declared, existence
from .hints import hints
from .lemmas import Lemma, assemble, closing, proof_by
from .moving import by_chain, functions, known_slope
from .plain import Step
from .raw import NotInCoq, put_in, settled
from .terms import ATOM, Names, term


def derivative(name: str, step: Step) -> Lemma | None:
    """The derivative by a letter; None where it is that of p(x) by x, which is named, not found."""
    if not step.ends and _is_named(step.inside, step.letter):
        return None
    at = step.ends[0] if step.ends else step.letter
    smooth, choices = branch(step.inside, step.letter, at)
    if step.kind == "right derivative":
        smooth = settled(step.inside)
    names = Names()
    x = names.name(step.letter)
    inside, nearby, result = (names.letters(e) for e in (step.inside, smooth, step.result))
    point = names.letters(at)
    values = functions(names, step.letter, at, (inside, nearby), result)
    f, g = term(inside, names, ATOM), term(nearby, names, ATOM)
    a, b = term(point, names, ATOM), term(result, names, ATOM)
    here = names.letters(put_in(smooth, step.letter, at))
    last = slope_script(names, nearby, here, result)
    if several := [value for value in values if len(value.moved) > 1]:
        if choices or step.ends:
            raise NotInCoq("at one point, it differentiates what moves in several arguments")
        last = by_chain(names, step.letter, several, nearby, result) + last
    if step.kind == "right derivative":
        claim = f"right_derivative (fun {x} : R => {f}) {a} {b}"
        found, tactic, _ = closing([inside, nearby], names)
        agree = " ".join(proof_by(found, tactic)).rstrip(".")
        script = [
            f"apply (right_agrees _ (fun {x} : R => {g}));",
            f"[ intros {x} right; {agree} | {last} ].",
        ]
    else:
        claim = f"is_derive (fun {x} : R => {f}) {a} {b}"
        script = [*_near(names, x, step, choices, g), f"{last}."]
    fixed = {k: v for k, v in names.of.items() if k != step.letter or not step.ends}
    letters = Names(fixed, names.jets, names.stands_for)
    conditions = declared(list(letters.of)) + [
        Condition(c.e, "<") if c.relation == "<=" else c for c in existence(here)
    ]
    return assemble(
        name, letters, conditions, claim, script, "derivative", "is_derive",
        tuple(known_slope(names, value) for value in values),
        tuple(dict.fromkeys(value.binder for value in values)),
    )  # fmt: skip


def _is_named(e: sp.Expr, letter: sp.Symbol) -> bool:
    """Whether it is the letter, or a function of it whose slope is a letter of its own."""
    found = _as_jet(e)
    moved = [] if found is None else [a for a in found[2] if a.has(letter)]
    return e == letter or moved == [letter] or (found is not None and not moved)


def slope_script(names: Names, inside: sp.Expr, here: sp.Expr, result: sp.Expr) -> str:
    """Coq differentiates; powers with letters in the exponent need their laws afterwards.

    Logarithms are gone by then.
    """
    if not any(_is_power(p) for e in (inside, result) for p in e.atoms(sp.Pow)):
        return "derivative"
    found = hints([here, result], names)
    found.asserts = [known for known in found.asserts if not known[0].startswith("ln")]
    facts = "; ".join(found.facts()) or "idtac"
    return f"{facts}; derivative_by ltac:({found.rewrites()})"


def _is_power(e: sp.Pow) -> bool:
    return e.base is not sp.E and not e.exp.is_Rational


def _near(names: Names, x: str, step: Step, choices: list[Choice], g: str) -> list[str]:
    """That every minimum is one of its arguments nearby."""
    if not choices:
        return []
    gaps, positive = [], []
    for choice in choices:
        gap = names.letters(choice.gap)
        at = names.letters(put_in(choice.gap, step.letter, step.ends[0])) if step.ends else gap
        form = names.letters(choice.form)
        found, tactic, _ = closing([at, form], names)
        shown = " ".join(proof_by(found, tactic)).rstrip(".")
        gaps.append(f"0 < {term(gap, names, ATOM)}")
        positive.append(
            f"apply (near (fun {x} : R => {term(gap, names, ATOM)})); "
            f"[ auto_derive; repeat split; exists_here "
            f"| cbv beta; apply (positive_form _ {term(form, names, ATOM)}); [ {shown} | pos ] ]"
        )
    patterns = "P0"
    filters = positive[-1]
    for n, one in enumerate(reversed(positive[:-1]), 1):
        patterns = f"[P{n} {patterns}]"
        filters = f"apply filter_and; [ {one} | {filters} ]"
    together = r" /\ ".join(gaps)
    close = names.fresh(x)
    return [
        f"apply (derive_near _ (fun {x} : R => {g}));",
        f"[ apply (filter_imp (fun {x} : R => {together}));",
        f"[ intros {close} {patterns}; resolve | {filters} ] | ].",
    ]
