"""The proof engine can say no: three verdicts, each shown, and every way of fooling it closed."""

import sys

import pytest
import sympy as sp

from derivations import run
from derivations.engine import Verdict, decide, derivation
from derivations.engine import derivation as derivation_module
from derivations.engine.algebra.decide import NotAClaim, enclose
from derivations.engine.algebra.moments import expectation, variance
from derivations.engine.algebra.symbols import eps, g, score, std, t, v, x
from derivations.engine.controls import neighbours
from derivations.engine.derivation import Derivation
from derivations.engine.written import Writing, pairs, settle
from derivations.run import load, prove
from refimpl.equations import equations, sde

p = sp.Function("p", positive=True)(x, t)


@pytest.mark.parametrize(
    ("left", "right", "method"),
    [
        ((x + 1) ** 2, x**2 + 2 * x + 1, "rational identity"),
        (p * sp.diff(sp.log(p), x), sp.diff(p, x), "rational identity"),
        (sp.sqrt(t**2 * g), t * sp.sqrt(g), "rational identity"),
        (
            sp.log(g * t) + sp.exp(2 * x),
            sp.log(g) + sp.log(t) + sp.exp(x) ** 2,
            "rational identity",
        ),
        (sp.cos(x) ** 2 + sp.sin(x) ** 2, sp.Integer(1), "trigonometric identity"),
    ],
)
def test_an_identity_is_proved(left, right, method):
    decision = decide(left, right)
    assert decision.verdict is Verdict.PROVED
    assert decision.method == method


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (x**2, x**2 + 1),
        (p * sp.diff(sp.log(p), x), 2 * sp.diff(p, x)),
        (sp.exp(x), 1 + x),
        (sp.pi, sp.Rational(355, 113)),
        (t, t + sp.Rational(1, 10**60)),
    ],
)
@pytest.mark.parametrize("doubtful", [False, True])
def test_a_wrong_statement_is_refuted_with_a_witness(left, right, doubtful):
    decision = decide(left, right, doubtful=doubtful)
    assert decision.verdict is Verdict.REFUTED
    assert "left − right =" in decision.witness


def test_a_glance_refutes_with_the_same_witness_and_proves_nothing():
    wrong = x**2, x**2 + 1
    assert decide(*wrong, glance=True) == decide(*wrong, doubtful=True)
    assert decide((x + 1) ** 2, x**2 + 2 * x + 1, glance=True).verdict is Verdict.UNDECIDED


def test_what_neither_algebra_nor_intervals_settle_is_undecided():
    unknown = sp.besselj(0, x)
    assert decide(unknown, unknown + sp.besselj(1, x)).verdict is Verdict.UNDECIDED


@pytest.mark.parametrize("doubtful", [False, True])
def test_algebra_that_the_intervals_contradict_does_not_count(monkeypatch, doubtful):
    module = sys.modules["derivations.engine.algebra.decide"]
    monkeypatch.setitem(module._NORMAL_FORMS, "rational identity", lambda e: sp.Integer(0))
    assert decide(x, x + 1, doubtful=doubtful).verdict is Verdict.REFUTED


def test_a_rounded_number_in_a_claim_is_an_error():
    with pytest.raises(NotAClaim, match="rounded"):
        decide(x / 2, 0.5 * x)


def test_an_enclosure_contains_the_value_and_is_tight():
    value = enclose(sp.sqrt(x) * sp.exp(x) / sp.log(3), {x: sp.Rational(1, 3)})
    exact = sp.N(sp.sqrt(sp.Rational(1, 3)) * sp.exp(sp.Rational(1, 3)) / sp.log(3), 30)
    assert float(value.delta) < 1e-14
    assert abs(float(value.mid) - float(exact)) < 1e-14


@pytest.mark.parametrize(
    ("expression", "want"),
    [(eps, 0), (eps**2, 1), (eps**4, 3), (eps**6, 15), (3 * x + eps * x, 3 * x)],
)
def test_moments_of_the_standard_normal(expression, want):
    assert sp.expand(expectation(expression, eps) - want) == 0


def test_the_exponential_moment_and_the_variance():
    assert sp.simplify(expectation(sp.exp(g * eps + x), eps) - sp.exp(x + g**2 / 2)) == 0
    assert sp.expand(variance(x + std * eps, eps) - std**2) == 0
    with pytest.raises(ValueError, match="no closed form"):
        expectation(sp.exp(eps**2), eps)


def _proof(lines, id="sde.drift"):
    return prove(Derivation(id, (id,), (), (), {}, lines))


def test_a_proof_that_never_calls_the_code_is_none():
    def lines(production):
        yield Writing().chain("v - g**2/2*score", ("v - score*g**2/2", "a copy of the formula"))

    proof = _proof(lines)
    assert not proof.proved
    assert "sde.drift is never called by its proof" in proof.problems


def test_a_proof_without_an_equality_is_none():
    def lines(production):
        production(v, score, g)
        yield from ()

    assert "no equality was shown" in _proof(lines).problems


def test_a_claim_too_weak_to_refute_a_neighbour_fails():
    def lines(production):
        yield Writing().chain(
            "d(sde.drift(v, score, g), v)", ("1", "true, but blind to the factor")
        )

    problems = _proof(lines).problems
    assert any("control not refuted" in problem and "g ** 2 / 2" in problem for problem in problems)


def test_neighbours_fall_to_a_witness_in_any_line_before_algebra_is_asked(monkeypatch):
    def lines(production):
        w = Writing()
        yield w.chain("2*sde.drift(v, score, g) - sde.drift(v, score, g)",
                      ("sde.drift(v, score, g)", "blind"))  # fmt: skip
        yield w.chain("sde.drift(v, score, g)", ("v - score*g**2/2", "put in"))

    asked = []
    monkeypatch.setattr(run, "settle", lambda *claim, **how: asked.append(how) or settle(*claim))
    proof = _proof(lines)
    assert not proof.problems
    assert {control.reason for control in proof.controls} == {"put in"}
    assert asked
    assert all(not how for how in asked)  # of the right lines alone


def test_a_neighbour_without_a_witness_is_left_to_algebra():
    def lines(production):
        yield Writing().chain("sde.drift(v, score, 0)", ("v", "no noise"))

    left = [c for c in _proof(lines).controls if c.verdict == Verdict.PROVED]
    assert left
    assert {control.reason for control in left} == {"every equality still holds"}


def test_what_a_glance_leaves_open_is_decided_in_full():
    chain = Writing().chain("v", ("v", "the same"), ("v + g", "wrong"))
    claims = [(before, line, None) for before, line in pairs(chain)]
    assert run._in_full(claims[:1], [])[0].verdict is Verdict.PROVED
    decision, rule = run._in_full(claims, [])
    assert (decision.verdict, rule) == (Verdict.REFUTED, "wrong")


def test_a_neighbour_without_a_formula_is_undecided_and_says_why():
    decision, told = run._in_full([], [TypeError("no such operand")])
    assert decision.verdict is Verdict.UNDECIDED
    assert told == "the neighbour gives no formula: no such operand"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (sp.Derivative(sp.exp(x * t), x), t * sp.exp(x * t)),
        (sp.Subs(x**2, x, 3), 9),
        (sp.Integral(2 * x, (x, 0, t)), t**2),
        (sp.Sum(eps, (sp.Symbol("k"), 1, 4)), 4 * eps),
        (sp.Product(eps, (sp.Symbol("k"), 1, 3)), eps**3),
        (sp.Limit(sp.sin(x) / x, x, 0), 1),
    ],
    ids=lambda side: type(side).__name__,
)
def test_what_is_left_to_do_is_worked_out(left, right):
    assert decide(left, right).verdict is Verdict.PROVED
    assert decide(left, right + 1).verdict is Verdict.REFUTED
    assert decide(left, right + 1, glance=True).verdict is Verdict.REFUTED


def test_a_wrong_claim_fails_with_its_reason():
    def lines(production):
        yield Writing().chain("sde.drift(v, score, g)", ("v - g**2*score", "a whole g²"))

    assert any("REFUTED: a whole g²" in problem for problem in _proof(lines).problems)


def test_neighbours_are_one_change_away_and_leave_validation_alone():
    found = list(neighbours(sde.drift))
    assert {n.source for n in found} >= {
        "return v + g ** 2 / 2 * score",
        "return v - g ** 3 / 2 * score",
        "return v - g ** 2 / 3 * score",
        "return v - g ** 2 * score",
        "return v",
    }
    assert len({n.source for n in found}) == len(found)
    with pytest.raises(ValueError, match="g must be zero or positive"):
        found[0].function(1.0, 1.0, -1.0)


def test_every_equation_has_a_proof():
    proved = {id for d in load().values() for id in d.of}
    assert set(equations()) - proved == set()


def test_registering_twice_or_without_words_is_an_error():
    load()
    with pytest.raises(ValueError, match="registered twice"):
        derivation("sde.drift")(load()["sde.drift"].lines)
    with pytest.raises(KeyError, match=r"did you mean sde\.drift"):
        derivation("sde.drfit")

    def silent(production):
        yield from ()

    with pytest.raises(ValueError, match="docstring"):
        derivation_module("unnamed", of=("sde.drift",))(silent)
