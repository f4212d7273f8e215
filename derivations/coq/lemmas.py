"""A line of a chain as lemmas of Coq: one a coordinate, and one for each step of calculus in it.

Lemma kl_flow_grpo_2_4 (h g t v v_ref : R) (H1 : 0 < h) ... : h / 2 * ... = ... .
Proof. algebra. Qed.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from derivations.engine.algebra.jets import _as_jet

from .conditions import Condition, declared, existence, satisfied
from .hints import Hints, comparisons, hints
from .plain import Step, by_moments, settled
from .terms import ATOM, Names, NotInCoq, term

SECONDS = 20
"""After so many seconds a proof counts as not found."""


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


@dataclass(frozen=True)
class Wanted:
    """A lemma that could not be written, and why."""

    name: str
    kind: str
    because: str


def _assemble(
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
    given = [c.text(names) for c in conditions] + list(extra)
    letters = [text for text in names.of.values() if " " not in text]
    binders = f" ({' '.join(letters)} : R)" if letters else ""
    binders += "".join(f" ({f} : R -> R)" for f in functions)
    binders += "".join(f"\n  (H{i} : {text})" for i, text in enumerate(given, 1))
    binders += over
    return Lemma(name, f"Lemma {name}{binders} :\n  {claim}.", tuple(proof), kind, means)


def _prepared(*sides: sp.Expr) -> tuple[Names, list[sp.Expr]]:
    names = Names()
    made = [names.letters(side) for side in sides]
    for side in made:
        term(side, names)  # names are given in the order of the text
    return names, made


def _given(names: Names, *sides: sp.Expr) -> list[Condition]:
    return declared(list(names.of)) + existence(*sides)


def _proof(found: Hints, last: str) -> list[str]:
    """The last tactic at once; if that does not do, after the laws."""
    if not found.script():
        return [f"{last}."]
    return [
        f"first [ solve [ {last} ]",
        *(f"| {found.script()[0]}" if i == 0 else f"; {s}" for i, s in enumerate(found.script())),
        f"; {last} ].",
    ]


def _closing(sides: list[sp.Expr], names: Names) -> tuple[Hints, str, str]:
    """The hints, the tactic that ends the proof, and what it rests on."""
    found = hints(sides, names)
    tactic = found.algebra()
    laws = ["exp, ln, sqrt"] if found.asserts or found.roots else []
    laws += ["sin, cos"] if found.circles else []
    if any(side.has(sp.Min, sp.Max, sp.Abs) for side in sides):
        laws.append("cases")
        known = "".join(f"{s}; " for s in comparisons(sides, names))
        tactic = f"{known}cases; first [ {tactic} | lra | nra ]"
    return found, tactic, ", ".join(laws) or "field"


def equality(name: str, left: sp.Expr, right: sp.Expr) -> Lemma:
    """left = right."""
    names, (a, b) = _prepared(left, right)
    found, tactic, means = _closing([a, b], names)
    claim = f"{term(a, names)}\n  = {term(b, names)}"
    return _assemble(name, names, _given(names, a, b), claim, _proof(found, tactic), "line", means)


def inequality(name: str, left: sp.Expr, right: sp.Expr) -> Lemma:
    """left ≤ right: the difference has a form that is never negative."""
    names, (a, b) = _prepared(left, right)
    found, tactic, means = _closing([a, b], names)
    gap = term(sp.factor(settled(b) - settled(a)), names, ATOM)
    claim = f"{term(a, names)}\n  <= {term(b, names)}"
    last = f"first [ apply (below _ _ {gap}); [ {tactic} | pos ] | cases; first [ lra | nra ] ]"
    return _assemble(
        name, names, _given(names, a, b), claim, _proof(found, last), "line", f"{means}, signs"
    )


def implication(
    name: str, known: tuple[sp.Expr, sp.Expr], wanted: tuple[sp.Expr, sp.Expr]
) -> Lemma:
    """a = b → c = d: c − d is a multiple of a − b, or a = b is solved for a letter."""
    names, (a, b, c, d) = _prepared(*known, *wanted)
    tactic, means = "algebra", _closing([a, b, c, d], names)[2]
    gap, claim = settled(a) - settled(b), settled(c) - settled(d)
    factor = sp.cancel(sp.together(claim / gap))
    under = sp.denom(factor)
    conditions = _given(names, a, b, c, d)
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
    made = _assemble(name, names, conditions, equation, script, "line", f"{means}, an equation")
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


# ---------------------------------------------------------------- calculus


def calculus(name: str, step: Step) -> Lemma | None:
    """The lemma for a step of calculus; None where there is nothing to show."""
    match step.kind:
        case "derivative":
            return _derivative(name, step)
        case "mean":
            return _mean(name, step)
        case "integral":
            return _integral(name, step)
    return _limit(name, step)


def _derivative(name: str, step: Step) -> Lemma | None:
    """is_derive (fun x => inside) x result, functions of x being functions of Coq."""
    if _as_jet(step.inside) is not None or step.inside == step.letter:
        return None  # the derivative of a letter is named, not worked out
    if step.inside.has(sp.Min, sp.Max):
        raise NotInCoq("it differentiates a minimum, on the branch that holds nearby")
    names = Names()
    names.name(step.letter)
    inside, result = names.letters(step.inside), names.letters(step.result)
    inner = [s for s in names.stands_for if inside.has(s) and names.stands_for[s].has(step.letter)]
    functions, extra = _functions(names, inner, result, step.letter)
    a, b = term(inside, names, ATOM), term(result, names, ATOM)
    x = names.name(step.letter)
    claim = f"is_derive (fun {x} : R => {a}) {x} {b}"
    proof = ["derivative."]
    conditions = declared(list(names.of)) + [
        Condition(c.e, "<") if c.relation == "<=" else c for c in existence(inside)
    ]
    return _assemble(
        name, names, conditions, claim, proof, "derivative", "is_derive",
        tuple(extra), tuple(functions),
    )  # fmt: skip


def _functions(
    names: Names, inner: list[sp.Symbol], result: sp.Expr, letter: sp.Symbol
) -> tuple[list[str], list[str]]:
    """Names the functions of the letter, and says what their derivatives are called."""
    functions: dict[tuple[object, ...], str] = {}
    by_key = {_as_jet(e): s for s, e in names.stands_for.items()}
    slopes = []
    for symbol in inner:
        found = _as_jet(names.stands_for[symbol])
        moving = [i for i, a in enumerate(found[2]) if a.has(letter)] if found else []
        if found is None or len(moving) != 1:
            raise NotInCoq("it differentiates a function of which several arguments move")
        (i,) = moving
        function, orders, arguments = found
        key = (function, orders, i, (*arguments[:i], *arguments[i + 1 :]))
        if key not in functions:
            order = sum(orders)
            functions[key] = names.fresh(f"{function.__name__}{order or ''}_of")
            names.of[sp.Dummy()] = f"{functions[key]} "  # taken, and no letter
        at = term(names.letters(arguments[i]), names, ATOM)
        names.of[symbol] = f"({functions[key]} {at})"
        up = (function, (*orders[:i], orders[i] + 1, *orders[i + 1 :]), arguments)
        slopes.append((functions[key], at, by_key.get(up)))
    extra = []
    for f, at, slope in slopes:
        if slope is None:
            slope = sp.Dummy()
            names.of[slope] = names.fresh("slope")
        extra.append(f"is_derive {f} {at} {names.name(slope)}")
    others = [
        s for s, e in names.stands_for.items()
        if result.has(s) and e.has(letter) and s not in names.of
    ]  # fmt: skip
    if others:
        raise NotInCoq("its derivative holds one of a function of which several arguments move")
    return list(functions.values()), extra


def _mean(name: str, step: Step) -> Lemma:
    """E (fun eps => inside) = result for every E with the moments of N(0, 1)."""
    names, (inside, result) = _prepared(step.inside, step.result)
    eps = names.name(step.letter)
    powers, slopes = by_moments(settled(inside), step.letter)
    before = {b: _exp(_times(b, step.letter)) for b in slopes}
    after = [
        _exp(_times(sp.Pow(b, 2, evaluate=False), sp.Pow(2, -1, evaluate=False))) for b in slopes
    ]
    terms = [f"{term(c, names, ATOM)} * {eps} ^ {n}" for n, c in powers.items()]
    terms += [f"{term(c, names, ATOM)} * {term(before[b], names)}" for b, c in slopes.items()]
    normal = "".join(f"{t} + (" for t in terms) + "0" + ")" * len(terms)
    parts = [*slopes.values(), *powers.values()]
    inner, pointwise, _ = _closing([inside, *parts, *before.values()], names)
    found, tactic, _ = _closing([*parts, *after, result], names)
    script = "; ".join(s.rstrip(".") for s in [f"intro {eps}", *inner.script(), pointwise])
    proof = [
        f"rewrite (same E normal _ (fun {eps} : R => {normal})); [ mean | {script} ].",
        *_proof(found, f"simpl; {tactic}"),
    ]
    claim = f"E (fun {eps} : R => {term(inside, names)})\n  = {term(result, names)}"
    letters = Names(of={k: v for k, v in names.of.items() if k != step.letter}, jets=names.jets)
    fixed = [c for c in _given(letters, inside, result) if not c.e.has(step.letter)]
    return _assemble(
        name, letters, fixed, claim, proof, "mean", "moments",
        over="\n  (E : (R -> R) -> R) (normal : standard_normal E)",
    )  # fmt: skip


def _exp(e: sp.Expr) -> sp.Expr:
    return sp.exp(e, evaluate=False)


def _times(a: sp.Expr, b: sp.Expr) -> sp.Expr:
    return sp.Mul(a, b, evaluate=False)


def _integral(name: str, step: Step) -> Lemma:
    """is_RInt (fun s => inside) a b result, by an antiderivative that Coq differentiates."""
    names, (inside, result, low, high) = _prepared(step.inside, step.result, *step.ends)
    s = names.name(step.letter)
    primitive = sp.integrate(sp.expand(settled(inside)), step.letter)
    ends = [term(primitive.subs(step.letter, settled(e)), names, ATOM) for e in (high, low)]
    a, b = term(low, names, ATOM), term(high, names, ATOM)
    f, F = term(inside, names), term(primitive, names)
    claim = f"is_RInt (fun {s} : R => {f}) {a} {b} {term(result, names, ATOM)}"
    found, tactic, _ = _closing([result, primitive], names)
    ends_meet = "; ".join([*found.script(), tactic])
    proof = [
        f"replace {term(result, names, ATOM)} with ({ends[0]} - {ends[1]}) by ({ends_meet}).",
        f"apply (is_RInt_derive (fun {s} : R => {F}) (fun {s} : R => {f})); "
        f"[ intros {s} between; derivative "
        f"| intros {s} between; apply ex_derive_continuous; auto_derive; repeat split; "
        "exists_here ].",
    ]
    bound = step.letter
    used = set().union(*(e.free_symbols for e in (result, low, high)))
    letters = Names(of={k: v for k, v in names.of.items() if k != bound or k in used})
    fixed = [c for c in _given(letters, inside, result) if not c.e.has(bound)]
    return _assemble(name, letters, fixed, claim, proof, "integral", "is_RInt")


def _limit(name: str, step: Step) -> Lemma:
    """is_lim (fun s => inside) a result: near a it equals what is continuous there."""
    names, (inside, result, to) = _prepared(step.inside, step.result, *step.ends)
    s = names.name(step.letter)
    smooth = sp.cancel(sp.together(settled(inside)))
    f, g = term(inside, names), term(smooth, names)
    a, b = term(to, names, ATOM), term(result, names, ATOM)
    claim = f"is_lim (fun {s} : R => {f}) {a} {b}"
    proof = [
        f"apply (is_lim_ext_loc (fun {s} : R => {g})); "
        f"[ exists posreal_one; intros {s} near other; algebra | ].",
        f"apply (limit_here (fun {s} : R => {g}) {a} {b}); [ algebra "
        "| apply derivable_continuous_pt; apply ex_derive_Reals_0; auto_derive; repeat split; "
        "exists_here ].",
    ]
    letters = Names(of={k: v for k, v in names.of.items() if k != step.letter})
    fixed = [c for c in _given(letters, inside, result) if not c.e.has(step.letter)]
    return _assemble(name, letters, fixed, claim, proof, "limit", "is_lim")
