"""The second kernel: what Coq is asked is what the line says, and a wrong line is refused."""

import dataclasses
from pathlib import Path

import pytest
import sympy as sp

from derivations.coq import certify, checked, compiling, verdicts
from derivations.coq.claims import as_printed, claims, of_derivation
from derivations.coq.conditions import Condition, existence, satisfied
from derivations.coq.lemmas import calculus, equality, implication, inequality
from derivations.coq.plain import Plain, mean_of
from derivations.coq.terms import Names, NotInCoq, term
from derivations.engine.algebra.symbols import g, h, std, t, v, x
from derivations.engine.derivation import Derivation
from derivations.engine.written import Writing, density, field, of_time
from derivations.run import load
from refimpl.equations import find

ROOT = Path(__file__).parents[2]
coqc = pytest.mark.skipif(not compiling.available(), reason="coqc is not installed")
real = sp.Symbol("real", real=True)


def printed(e: sp.Expr) -> str:
    names = Names()
    return term(names.letters(e), names)


# ---------------------------------------------------------------- printing


@pytest.mark.parametrize(
    ("e", "text"),
    [
        (x - t, "x - t"),
        (-t * v, "- (v * t)"),
        (sp.Rational(-1, 2), "- 1 / 2"),
        (x / (2 * t), "(1 / 2) * x / t"),
        (sp.sqrt(t) ** 3, "(sqrt t) ^ 3"),
        (1 / sp.sqrt(t), "/ (sqrt t)"),
        (t**real, "Rpower t real"),
        (sp.exp(-x) + sp.log(t) * sp.pi, "PI * ln t + exp (- x)"),
        (sp.Max(x, 0), "Rmax 0 x"),
        (sp.Function("p")(x).diff(x, 2) * sp.Function("p")(x), "p_xx * p"),
        (sp.Symbol("exp", real=True) + 1, "1 + exp_2"),
    ],
)
def test_a_term_is_printed_as_coq_reads_it(e, text):
    assert printed(e) == text


def test_a_minus_sign_never_slips_out_of_a_power():
    assert printed((-x) ** 2 + sp.Pow(-x, 2, evaluate=False)).count("(- x) ^ 2") >= 1


@pytest.mark.parametrize("e", [sp.I * x, sp.besselj(0, x), sp.Piecewise((x, x > 0), (0, True))])
def test_what_has_no_term_is_said_to_have_none(e):
    with pytest.raises(NotInCoq):
        printed(e)


def test_two_symbols_of_one_name_keep_apart():
    assert equality("l", sp.Symbol("y"), sp.Symbol("y", positive=True)).statement.count("y_2") >= 1


def test_a_line_is_exported_as_it_is_written():
    w = Writing()
    (value,), steps = Plain(1).values(w("x + x - (t - t)*v"))
    assert not steps
    assert printed(value).count("x") == 2
    assert "t - t" in printed(value)


def test_steps_of_calculus_are_recorded():
    w = Writing(p=density(), v=field(), g=of_time())
    _, steps = Plain(2).values(w("div(p*v) + lap(p)"))
    assert [s.kind for s in steps if calculus("c", s) is not None] == ["derivative"] * 2
    w = Writing()
    _, steps = Plain(1).values(w("E(eps, (x + std*eps)**2) + integral(s**2, s, 0, h)"))
    assert [s.kind for s in steps] == ["mean", "integral"]
    assert sp.expand(steps[0].result - x**2 - std**2) == 0


def test_moments_are_those_of_the_table():
    eps = sp.Symbol("eps", real=True)
    assert mean_of(eps**4 + 3 * eps**3, eps) == 3
    assert sp.simplify(mean_of(sp.exp(x * eps), eps) - sp.exp(x**2 / 2)) == 0


# ---------------------------------------------------------------- hypotheses


def test_everything_that_is_assumed_stands_in_the_lemma():
    text = equality("l", 1 / (x - 1) + sp.log(x) + sp.sqrt(real), t).statement
    assert "0 < t" in text
    assert "- 1 + x <> 0" in text
    assert "0 < x" in text
    assert "0 <= real" in text


def test_a_declared_sign_is_not_assumed_twice():
    assert existence(x / (2 * g**2 * h)) == []


def test_a_lemma_that_assumes_what_cannot_be_is_refused():
    assert not satisfied([Condition(real, "<"), Condition(-real, "<")])
    with pytest.raises(NotInCoq, match="hypotheses"):
        equality("l", sp.log(-(real**2)), sp.Integer(0))


def test_an_implication_needs_its_equation():
    made = implication("l", (2 * v, x), (v, x / 2))
    assert "(equation : 2 * v = x)" in made.statement


# ---------------------------------------------------------------- hashes


def test_a_changed_line_is_no_longer_checked(monkeypatch, tmp_path):
    monkeypatch.setattr(verdicts, "FILE", tmp_path / "verdicts.json")
    found = claims("kl.velocity")
    verdicts.write(found, {}, "8.16.1")
    assert checked("kl.velocity", found).whole
    for change in ({"sides": "other"}, {"lemmas": ()}):
        changed = [dataclasses.replace(found[0], **change), *found[1:]]
        assert checked("kl.velocity", changed).stale == (found[0].key,)
        assert not checked("kl.velocity", changed).whole


def test_a_refused_lemma_is_not_checked(monkeypatch, tmp_path):
    monkeypatch.setattr(verdicts, "FILE", tmp_path / "verdicts.json")
    found = claims("kl.velocity")
    verdicts.write(found, {found[0].lemmas[0].name: "No."}, "8.16.1")
    assert checked("kl.velocity", found).closed == len(found) - 1


TOPICS = sorted({id.partition(".")[0] for id in load()})


def test_every_verdict_is_about_its_line_as_it_is_printed():
    known = {key: row["sides"] for key, row in verdicts.recorded()["claims"].items()}
    now = as_printed()
    changed = [key for key, sides in known.items() if now.get(key) != sides]
    assert changed == [], "run make certify CERTIFY=--write"


@pytest.mark.parametrize("topic", ["kl", "sde", "flow_grpo"])
def test_every_line_of_the_headline_proofs_is_checked(topic):
    now = [key for key in as_printed() if key.partition(" ")[0].partition(".")[0] == topic]
    known = verdicts.recorded()["claims"]
    assert now
    assert [key for key in now if known.get(key, {}).get("verdict") != verdicts.CLOSED] == []


def test_the_page_says_how_far_coq_has_come():
    said = [row["verdict"] for row in verdicts.recorded()["claims"].values()]
    none = sum(word.startswith(verdicts.NOT) for word in said)
    page = " ".join((ROOT / "docs/second-kernel.md").read_text("utf-8").split())
    for words in (
        f"Of {len(as_printed())} lines, {len(said)} have been put to Coq.",
        f"It has checked {said.count(verdicts.CLOSED)} of them",
        f"{said.count('refused')} are not closed",
        f"{none} have no lemma yet",
    ):
        assert words in page


@pytest.mark.slow
@pytest.mark.parametrize("topic", TOPICS)
def test_the_verdicts_are_about_the_lemmas_as_they_are(topic):
    found = [claim for id in load() if id.partition(".")[0] == topic for claim in claims(id)]
    found = [c for c in found if c.id.partition(".")[0] == topic]
    assert verdicts.stale(found) == [], "run make certify CERTIFY=--write"
    known = verdicts.recorded()["claims"]
    assert not [c.key for c in found if known[c.key]["verdict"] == "refused"]


def test_theorems_speak_of_registered_equations():
    assert "sde.forward_drift" in verdicts.theorems()
    for id in verdicts.theorems():
        find(id)


# ---------------------------------------------------------------- coqc


@pytest.mark.parametrize("word", ["admit", "Admitted", "Axiom a : 0 = 1", "Parameter e : 0 = 1"])
def test_a_gap_is_refused_wherever_it_stands(word):
    with pytest.raises(compiling.CoqError, match="gap"):
        compiling.refuse_gaps(f"Lemma l : 0 = 1. Proof. {word}. Qed.", "here")
    compiling.refuse_gaps(f"(* {word} *)", "here")


def test_a_strange_axiom_is_refused():
    told = "Axioms:\nClassical_Prop.classic : forall P : Prop, P \\/ ~ P\nfalse_is_true : False\n"
    with pytest.raises(compiling.CoqError, match="false_is_true"):
        compiling.axioms_of(told)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("coq")
    assert compiling.prepare(made, ("Lines", "Normal")) <= compiling.OWN_AXIOMS
    return made


@coqc
def test_coq_closes_what_is_true_and_refuses_what_is_not(folder):
    good = [
        equality("roots", sp.sqrt(t**2 * g), t * sp.sqrt(g)),
        equality("exponentials", sp.exp(x + v), sp.exp(x) * sp.exp(v)),
        equality("logarithms", sp.log(g / t), sp.log(g) - sp.log(t)),
        equality("circles", sp.sin(x) ** 2, 1 - sp.cos(x) ** 2),
        equality("cases", sp.Min(x, v) + sp.Max(x, v), x + v),
        inequality("squares", 2 * x * v, x**2 + v**2),
        implication("solved", (2 * v, x), (v**2, x**2 / 4)),
    ]
    wrong = [
        equality("wrong_sign", x - t, x + t),
        equality("wrong_root", sp.sqrt(x + v), sp.sqrt(x) + sp.sqrt(v)),
        equality("wrong_exponential", sp.exp(x + v), sp.exp(x) + sp.exp(v)),
        equality("wrong_case", sp.Min(x, v), x),
        inequality("wrong_side", x**2 + v**2, 2 * x * v),
        implication("wrong_conclusion", (2 * v, x), (2 * v, x)),
    ]
    wrong[-1] = dataclasses.replace(
        wrong[-1], statement=wrong[-1].statement.replace("2 * v\n  = x", "2 * v\n  = x + 1")
    )
    done = compiling.compile_lemmas([*good, *wrong], folder)
    assert sorted(done.refused) == sorted(lemma.name for lemma in wrong)


@coqc
def test_a_step_of_calculus_that_sympy_got_wrong_is_refused(folder):
    w = Writing(p=density(), v=field())
    _, steps = Plain(1).values(w("div(p*v)"))
    _, more = Plain(1).values(Writing()("E(eps, (x + std*eps)**2)"))
    right = [calculus("slope", steps[0]), calculus("moment", more[0])]
    wrong = [
        calculus(f"wrong_{i}", dataclasses.replace(step, result=-step.result))
        for i, step in enumerate((steps[0], more[0]))
    ]
    done = compiling.compile_lemmas([*right, *wrong], folder)
    assert sorted(done.refused) == ["wrong_0", "wrong_1"]


@coqc
def test_a_line_with_its_sign_flipped_turns_the_run_red(monkeypatch, capsys):
    def lines(production):
        """A wrong line."""
        yield Writing().chain(
            "kl.velocity(v, v_ref)", ("-bracket(v - v_ref)**2", "a sign too many")
        )

    wrong = Derivation("kl.velocity", ("kl.velocity",), (), (), {}, lines)
    monkeypatch.setattr(certify, "claims", lambda *asked: list(of_derivation(wrong)))
    assert certify.main([]) == 1
    assert "REFUSED kl_velocity_1_1" in capsys.readouterr().out
