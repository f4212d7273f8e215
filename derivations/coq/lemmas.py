"""A line of a chain as lemmas of Coq, one a coordinate: equalities, inequalities, implications.

Lemma kl_flow_grpo_2_4 (h g t v v_ref : R) (H1 : 0 < h) ... : h / 2 * ... = ... .
Proof. algebra. Qed.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from .conditions import Condition, declared, existence, satisfied
from .hints import LARGE, Hints, comparisons, hints
from .raw import NotInCoq, settled
from .terms import ATOM, Names, term

SECONDS = 600
"""After so many seconds by the clock a proof counts as not found; most take less than one."""


@dataclass(frozen=True)
class Lemma:
    """One lemma.

    Attributes:
        name: its name in Coq.
        statement: everything up to the proof.
        proof: the sentences of the proof.
        kind: "line", "derivative", "mean", "integral" or "limit".
        means: what laws the proof uses, for the report.
    """

    name: str
    statement: str
    proof: tuple[str, ...]
    kind: str
    means: str

    @property
    def text(self) -> str:
        """The lemma and its proof, as Coq reads them."""
        lines = []
        start = True
        for line in self.proof:
            lines.append(f"  {f'Timeout {SECONDS} ' if start else '  '}{line}")
            start = line.endswith(".")
        return "\n".join([self.statement, "Proof.", *lines, "Qed."])


def _positive_factors(conditions: list[Condition], names: Names) -> list[str]:
    """Of a product that is positive, the one factor whose sign no declaration tells."""
    sentences = []
    for c in conditions:
        if c.relation != "<" or not c.e.args or sp.count_ops(c.e) > LARGE:
            continue
        whole = sp.factor(sp.together(settled(c.e)))
        known, unknown = sp.Integer(1), sp.Integer(1)
        for part in sp.Mul.make_args(whole):
            if part.is_positive:
                known *= part
            else:
                unknown *= part
        top, under = unknown.as_numer_denom()
        if top == -1:
            top, under = sp.Integer(1), -under
        if known == 1 or (under != 1 and top != 1):
            continue
        e, k, b, factor = (term(x, names, ATOM) for x in (c.e, known, unknown, top * under))
        way = "" if under == 1 else "apply inverse_pos; "
        b = b if under == 1 else f"(/ {factor})"
        way += f"apply (part_pos {e} {k} {b}); [ pos | assumption | algebra ]"
        sentences.append(f"try assert (0 < {factor}) by ({way}).")
    return sentences


@dataclass(frozen=True)
class Wanted:
    """A lemma that could not be written, and why."""

    name: str
    kind: str
    because: str


def assemble(
    name: str,
    names: Names,
    conditions: list[Condition],
    claim: str,
    proof: list[str],
    kind: str,
    means: str,
    extra: tuple[str, ...] = (),
    functions: tuple[str, ...] = (),
    over: str = "",
) -> Lemma:
    """The lemma: letters, hypotheses, claim, proof."""
    if not satisfied(conditions):
        raise NotInCoq("its hypotheses were satisfied by no numbers that were tried")
    proof = [*_positive_factors(conditions, names), *proof]
    given = [c.text(names) for c in conditions] + list(extra)
    letters = [text for text in names.of.values() if " " not in text]
    binders = f" ({' '.join(letters)} : R)" if letters else ""
    binders += "".join(f" ({f})" for f in functions)
    binders += "".join(f"\n  (H{i} : {text})" for i, text in enumerate(given, 1))
    binders += over
    return Lemma(name, f"Lemma {name}{binders} :\n  {claim}.", tuple(proof), kind, means)


def prepared(*sides: sp.Expr) -> tuple[Names, list[sp.Expr]]:
    names = Names()
    made = [names.letters(side) for side in sides]
    for side in made:
        term(side, names)  # names are given in the order of the text
    return names, made


def hypotheses(names: Names, *sides: sp.Expr) -> list[Condition]:
    return declared(list(names.of)) + existence(*sides)


def proof_by(found: Hints, last: str) -> list[str]:
    """At once by algebra; if that does not do, after the laws; else as it stands."""
    script = found.script()
    if not script:
        return [f"first [ {_by('plainly', last)} | further ]."]
    squares = "; ".join([*found.by_squares(), _by("algebra", last)])
    return [
        f"first [ solve [ {_by('algebra', last)} ]",
        *([f"| solve [ {squares} ]"] if found.squared else []),
        *(f"| {s}" if i == 0 else f"; {s}" for i, s in enumerate(script)),
        f"; {_by(found.algebra(), last)}",
        f"| {_by('plainly', last)} | further ].",
    ]


def _by(tactic: str, last: str) -> str:
    """The last tactic with what does its algebra."""
    return last.replace("ALGEBRA", tactic)


def closing(sides: list[sp.Expr], names: Names) -> tuple[Hints, str, str]:
    """The hints, the tactic that ends the proof by some ALGEBRA, and what it rests on."""
    found = hints(sides, names)
    tactic = "ALGEBRA"
    laws = ["exp, ln, sqrt"] if found.asserts or found.roots else []
    laws += ["sin, cos"] if found.circles else []
    if any(side.has(sp.Min, sp.Max, sp.Abs) for side in sides):
        laws.append("cases")
        known = "".join(f"{s}; " for s in comparisons(sides, names))
        tactic = f"{known}cases; first [ ALGEBRA | lra | nra ]"
    return found, tactic, ", ".join(laws) or "field"


def equality(name: str, left: sp.Expr, right: sp.Expr) -> Lemma:
    """left = right."""
    names, (a, b) = prepared(left, right)
    found, tactic, means = closing([a, b], names)
    claim = f"{term(a, names)}\n  = {term(b, names)}"
    return assemble(
        name, names, hypotheses(names, a, b), claim, proof_by(found, tactic), "line", means
    )


def inequality(name: str, left: sp.Expr, right: sp.Expr) -> Lemma:
    """left ≤ right: the difference has a form that is never negative."""
    names, (a, b) = prepared(left, right)
    found, tactic, means = closing([a, b], names)
    gap = settled(b) - settled(a)
    signs = " | ".join(
        f"apply (below _ _ {term(form, names, ATOM)}); [ {tactic} | pos ]"
        for form in dict.fromkeys((sp.factor(gap), gap))
    )
    claim = f"{term(a, names)}\n  <= {term(b, names)}"
    last = f"first [ {signs} | cases; first [ lra | nra ] ]"
    return assemble(
        name,
        names,
        hypotheses(names, a, b),
        claim,
        proof_by(found, last),
        "line",
        f"{means}, signs",
    )


def implication(
    name: str, known: tuple[sp.Expr, sp.Expr], wanted: tuple[sp.Expr, sp.Expr]
) -> Lemma:
    """a = b → c = d: c − d is a multiple of a − b, or a = b is solved for a letter."""
    names, (a, b, c, d) = prepared(*known, *wanted)
    tactic, means = "algebra", closing([a, b, c, d], names)[2]
    gap, claim = settled(a) - settled(b), settled(c) - settled(d)
    factor = sp.cancel(sp.together(claim / gap))
    under = sp.denom(factor)
    conditions = hypotheses(names, a, b, c, d)
    texts = [term(e, names, ATOM) for e in (a, b, c, d)]
    if not under.free_symbols & sp.numer(sp.together(gap)).free_symbols or under == 1:
        script = [f"apply (follows {' '.join(texts)} {term(factor, names, ATOM)});"]
        script = [f"{script[0]} [ exact equation | {tactic} ]."]
    else:
        letter, solved, slope = _solved(gap, claim)
        conditions += [k for k in existence(1 / slope) if k not in conditions]
        numerator = sp.together(gap)
        k = term(sp.cancel(sp.denom(numerator) / slope), names, ATOM)
        z, root = names.name(letter), term(solved, names, ATOM)
        script = [
            f"assert (solved : {z} = {root}) by (apply (follows {texts[0]} {texts[1]} {z} {root}"
            f" {k}); [ exact equation | {tactic} ]).",
            f"clear equation; rewrite solved; {tactic}.",
        ]
    equation = f"{term(c, names)}\n  = {term(d, names)}"
    made = assemble(name, names, conditions, equation, script, "line", f"{means}, an equation")
    start = made.statement.index(" :\n")
    premise = f"\n  (equation : {term(a, names)} = {term(b, names)})"
    statement = made.statement[:start] + premise + made.statement[start:]
    return Lemma(name, statement, made.proof, made.kind, made.means)


def _solved(gap: sp.Expr, claim: sp.Expr) -> tuple[sp.Symbol, sp.Expr, sp.Expr]:
    """A letter of the equation gap = 0, its value, and the slope of the numerator in it."""
    top = sp.expand(sp.numer(sp.together(gap)))
    for letter in sorted(top.free_symbols & claim.free_symbols, key=lambda s: s.name):
        if sp.degree(top, letter) == 1:
            slope = sp.diff(top, letter)
            solved = sp.cancel(letter - top / slope)
            if sp.cancel(claim.subs(letter, solved)) == 0:
                return letter, solved, slope
    raise NotInCoq("what follows is not seen to follow from a linear equation")
