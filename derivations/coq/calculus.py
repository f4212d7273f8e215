"""Steps of calculus as lemmas of Coq: a derivative, a mean over ε, an integral, a limit."""

from __future__ import annotations

import sympy as sp

from .derivatives import derivative, slope_script
from .lemmas import Lemma, assemble, closing, hypotheses, prepared, proof_by
from .limits import limit
from .moments import by_moments
from .plain import Step
from .raw import NotInCoq, kept, put_in, settled, slope
from .terms import ATOM, Names, term


def calculus(name: str, step: Step) -> Lemma | None:
    """The lemma for a step of calculus; None where there is nothing to show."""
    match step.kind:
        case "derivative" | "right derivative":
            return derivative(name, step)
        case "mean":
            return _mean(name, step)
        case "integral":
            return _integral(name, step)
    return limit(name, step)


def _mean(name: str, step: Step) -> Lemma:
    """E (fun eps => inside) = result for every E with the moments of N(0, 1)."""
    names, (inside, result) = prepared(step.inside, step.result)
    eps = names.name(step.letter)
    powers, slopes = by_moments(inside, step.letter)
    powers = {n: _divided_as_written(c, inside) for n, c in powers.items()}
    before = {b: _exp(_times(b, step.letter)) for b in slopes}
    after = [
        _exp(_times(sp.Pow(b, 2, evaluate=False), sp.Pow(2, -1, evaluate=False))) for b in slopes
    ]
    terms = [f"{term(c, names, ATOM)} * {eps} ^ {n}" for n, c in powers.items()]
    terms += [f"{term(c, names, ATOM)} * {term(before[b], names)}" for b, c in slopes.items()]
    normal = "".join(f"{t} + (" for t in terms) + "0" + ")" * len(terms)
    parts = [*slopes.values(), *powers.values()]
    inner, pointwise, _ = closing([inside, *parts, *before.values()], names)
    found, tactic, _ = closing([*parts, *after, result], names)
    script = " ".join(proof_by(inner, pointwise)).rstrip(".")
    proof = [
        f"rewrite (same E normal _ (fun {eps} : R => {normal}));",
        f"[ mean | intro {eps}; {script} ].",
        *proof_by(found, f"simpl; {tactic}"),
    ]
    claim = f"E (fun {eps} : R => {term(inside, names)})\n  = {term(result, names)}"
    letters = Names(of={k: v for k, v in names.of.items() if k != step.letter}, jets=names.jets)
    fixed = [c for c in hypotheses(letters, inside, result) if not c.e.has(step.letter)]
    return assemble(
        name, letters, fixed, claim, proof, "mean", "moments",
        over="\n  (E : (R -> R) -> R) (normal : standard_normal E)",
    )  # fmt: skip


def _divided_as_written(e: sp.Expr, written: sp.Expr) -> sp.Expr:
    """e divided by (1 − t)² c + t², whose sign is seen, not by the same multiplied out."""
    forms = {
        sp.expand(settled(p.base)): p.base
        for p in written.atoms(sp.Pow)
        if p.exp.is_negative and p.base.is_Add
    }

    def walk(e: sp.Expr) -> sp.Expr:
        if isinstance(e, sp.Pow) and e.exp.is_negative and e.base in forms:
            return sp.Pow(forms[e.base], e.exp, evaluate=False)
        return kept(e, tuple(map(walk, e.args))) if e.args else e

    return walk(e)


def _exp(e: sp.Expr) -> sp.Expr:
    return sp.exp(e, evaluate=False)


def _times(a: sp.Expr, b: sp.Expr) -> sp.Expr:
    return sp.Mul(a, b, evaluate=False)


def _integral(name: str, step: Step) -> Lemma:
    """is_RInt (fun s => inside) a b result, by an antiderivative that Coq differentiates."""
    if step.ends == (-sp.oo, sp.oo):
        return _over_the_line(name, step)
    if step.ends[0] == 0 and _grows_at_zero(sp.expand(settled(step.inside)), step.letter):
        return _from_zero(name, step)
    names, (inside, result, low, high) = prepared(step.inside, step.result, *step.ends)
    s = names.name(step.letter)
    primitive = sp.integrate(sp.expand(settled(inside)), step.letter)
    values = [primitive.subs(step.letter, settled(e)) for e in (high, low)]
    a, b = term(low, names, ATOM), term(high, names, ATOM)
    f, F = term(inside, names), term(primitive, names)
    whole = f"(fun {s} : R => {F})"
    claim = f"is_RInt (fun {s} : R => {f}) {a} {b} {term(result, names, ATOM)}"
    found, tactic, _ = closing([result, *values], names)
    ends_meet = " ".join(proof_by(found, tactic)).rstrip(".")
    proof = [
        f"apply (integral_by {whole} (fun {s} : R => {f}) {a} {b});",
        f"[ intros {s} between; cbv beta; derivative",
        f"| intros {s} between; apply (ex_derive_continuous (fun {s} : R => {f})); auto_derive; "
        "repeat split; exists_here",
        f"| cbv beta; {ends_meet} ].",
    ]
    bound = step.letter
    used = set().union(*(e.free_symbols for e in (result, low, high)))
    letters = Names(of={k: v for k, v in names.of.items() if k != bound or k in used})
    fixed = [c for c in hypotheses(letters, inside, result) if not c.e.has(bound)]
    return assemble(name, letters, fixed, claim, proof, "integral", "is_RInt")


def _grows_at_zero(e: sp.Expr, letter: sp.Symbol) -> bool:
    """Whether it holds a power of the letter that is none of its polynomials."""
    return any(p.base == letter and not p.exp.is_Integer for p in e.atoms(sp.Pow))


def _from_zero(name: str, step: Step) -> Lemma:
    """The integral over (0, t) of a power of the letter: the limit of those from a > 0."""
    names, (inside, result, high) = prepared(step.inside, step.result, step.ends[1])
    s, letter = names.name(step.letter), step.letter
    primitive = sp.integrate(sp.expand(settled(inside)), letter)
    factor, power = primitive.as_independent(letter, as_Add=False)
    if not (isinstance(power, sp.Pow) and power.base == letter and power.exp.is_positive):
        raise NotInCoq("it integrates from zero what is no power")
    k, n = term(factor, names, ATOM), term(power.exp, names, ATOM)
    f, F, b = term(inside, names), term(primitive, names), term(high, names, ATOM)
    at_end = put_in(primitive, letter, high)
    moves = slope_script(names, primitive, slope(primitive, letter), inside)
    found, tactic, _ = closing([at_end, result], names)
    value = " ".join(proof_by(found, tactic)).rstrip(".")
    claim = f"is_RInt_gen (fun {s} : R => {f}) (at_right 0) (at_point {b}) "
    proof = [
        f"apply (from_zero _ (fun {s} : R => {F}));",
        f"[ pos | intros {s} right; cbv beta; {moves}",
        f"| intros {s} right; apply (ex_derive_continuous (fun {s} : R => {f})); unfold Rpower;"
        " auto_derive; repeat split; exists_here",
        f"| apply (filterlim_ext (fun {s} : R => {k} * Rpower {s} {n})); "
        f"[ intro {s}; plainly | apply power_vanishes; pos ]",
        f"| cbv beta; {value} ].",
    ]
    letters = Names(of={a: b for a, b in names.of.items() if a != letter})
    fixed = [c for c in hypotheses(letters, inside, result) if not c.e.has(letter)]
    return assemble(
        name, letters, fixed, claim + term(result, names, ATOM), proof, "integral", "is_RInt_gen"
    )


def _over_the_line(name: str, step: Step) -> Lemma:
    """The integral of c exp(−z²/2) over all numbers, the Gaussian integral being assumed."""
    names, (inside, result) = prepared(step.inside, step.result)
    z, letter = names.name(step.letter), step.letter
    share = sp.simplify(settled(inside) / sp.exp(-(letter**2) / 2))
    if share.has(letter):
        raise NotInCoq("it integrates over all numbers what is no Gaussian")
    bell = sp.exp(-(letter**2) / 2)
    c = term(share, names, ATOM)
    ways = []
    area = sp.Pow(2 * sp.pi, sp.Rational(1, 2), evaluate=False)
    for sides in ([inside, share * bell], [share, area, result]):
        found, tactic, _ = closing(sides, names)
        ways.append(" ".join(proof_by(found, tactic)).rstrip("."))
    claim = f"gaussian_integral -> over_the_line (fun {z} : R => {term(inside, names)}) "
    proof = [
        f"intro bell; apply (times_the_bell _ {c}); [ exact bell | intro {z}; {ways[0]}",
        f"| {ways[1]} ].",
    ]
    letters = Names(of={k: v for k, v in names.of.items() if k != letter})
    return assemble(
        name, letters, hypotheses(letters, result), claim + term(result, names, ATOM), proof,
        "integral", "the Gaussian integral",
    )  # fmt: skip
