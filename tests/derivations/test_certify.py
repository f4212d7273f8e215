"""The second kernel: what Coq is asked is what the line says, and a wrong line is refused."""

import dataclasses
import re
from pathlib import Path

import pytest
import sympy as sp

from derivations.coq import certify, checked, compiling, verdicts
from derivations.coq.branches import branch
from derivations.coq.calculus import calculus
from derivations.coq.claims import as_printed, claims, of_derivation
from derivations.coq.conditions import Condition, existence, satisfied
from derivations.coq.lemmas import equality, implication, inequality
from derivations.coq.moments import mean_of
from derivations.coq.plain import Plain, Step
from derivations.coq.raw import NotInCoq, exact, slope
from derivations.coq.terms import Names, term
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


def test_two_functions_of_one_lemma_have_two_names():
    """The derivatives of J by x and by t are functions of x, and both of first order."""
    asked = [lemma for c in claims("adjoint.lean") for lemma in c.lemmas]
    for lemma in asked:
        functions = re.findall(r"\((\w+) : R -> R\)", lemma.statement)
        assert len(set(functions)) == len(functions), lemma.name
    assert any("R -> R" in lemma.statement for lemma in asked)


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


def test_roots_without_the_noise_stay_as_they_are_written():
    eps, root = sp.Symbol("eps", real=True), sp.sqrt(1 - real**2)
    assert mean_of((x + root * eps) ** 2, eps).has(root)


def test_a_floating_point_number_is_the_fraction_that_it_is():
    assert exact(sp.Float(1.0)) == 1
    assert exact(sp.Float(0.1)) == sp.Rational(3602879701896397, 36028797018963968)


def test_a_comparison_is_answered_while_nothing_else_is_evaluated():
    w = Writing()
    for limit, want in (("1/5", 0), ("2/5", 1)):
        (value,), _ = Plain(1).values(w(f"weights.divergence_mask(5/4, 1, 3/10, {limit})"))
        assert sp.simplify(value.doit()) == want


def test_a_power_of_zero_is_not_that_of_the_library():
    assert printed(sp.Pow(sp.Add(1, -1, evaluate=False), real, evaluate=False)).startswith("power")


def test_a_minimum_is_what_the_signs_of_its_letters_make_it():
    smooth, choices = branch(sp.Min(x, x + t, evaluate=False), x, x)
    assert (smooth, len(choices)) == (x, 1)
    with pytest.raises(NotInCoq, match="signs"):
        branch(sp.Min(x, v), x, x)


def test_a_derivative_where_the_function_starts_is_one_from_the_right():
    w = Writing()
    _, steps = Plain(1).values(w("at(d(sqrt(t**2 + (g*sqrt(h))**2), h), h, 0)"))
    assert [s.kind for s in steps] == ["right derivative"]
    assert calculus("c", steps[0]).statement.count("right_derivative") == 1


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


def test_another_way_of_proving_it_leaves_a_verdict_as_it_is(monkeypatch, tmp_path):
    monkeypatch.setattr(verdicts, "FILE", tmp_path / "verdicts.json")
    found = claims("kl.velocity")
    verdicts.write(found, {}, "8.16.1")
    lemmas = tuple(dataclasses.replace(one, proof=("ring.",)) for one in found[0].lemmas)
    changed = [dataclasses.replace(found[0], lemmas=lemmas), *found[1:]]
    assert checked("kl.velocity", changed).whole


@pytest.mark.parametrize("name", ["meanings", "sources"])
def test_a_verdict_needs_the_definitions_and_the_code_of_then(monkeypatch, tmp_path, name):
    monkeypatch.setattr(verdicts, "FILE", tmp_path / "verdicts.json")
    found = claims("kl.velocity")
    verdicts.write(found, {}, "8.16.1")
    asked = []
    monkeypatch.setattr(verdicts, "claims", lambda id: asked.append(id) or found)
    assert checked("kl.velocity").whole
    assert asked == []
    monkeypatch.setattr(verdicts, name, lambda *id: "other")
    assert checked("kl.velocity").whole == (name == "sources")
    assert asked == ["kl.velocity"]


def test_a_refused_lemma_is_asked_about_again(monkeypatch, tmp_path):
    monkeypatch.setattr(verdicts, "FILE", tmp_path / "verdicts.json")
    found = claims("kl.velocity")
    verdicts.write(found, {found[0].lemmas[0].name: "No."}, "8.16.1")
    assert verdicts.unsettled(found) == [found[0].key]


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


def test_every_verdict_is_that_coq_has_checked_the_line_unless_the_line_is_named_as_open():
    known = verdicts.recorded()
    assert known["meanings"] == verdicts.meanings(), "run make certify CERTIFY='--quick --write'"
    open_lines = {k for k, row in known["claims"].items() if row["verdict"] != verdicts.CLOSED}
    assert open_lines == set(certify.OPEN) & set(known["claims"])
    assert set(certify.OPEN) <= set(as_printed())


def test_the_readme_and_the_page_say_how_far_coq_has_come():
    known = verdicts.recorded()["claims"]
    closed = sum(row["verdict"] == verdicts.CLOSED for row in known.values())
    lines = len(as_printed())
    page = " ".join((ROOT / "docs/second-kernel.md").read_text("utf-8").split())
    assert f"has checked {closed} of {lines} lines" in page
    assert (f"{lines - len(known)} have not been put to it" in page) == (lines != len(known))
    assert all(f"`{key}`" in page for key in certify.OPEN if key in known)
    assert f"| {closed} of {lines}" in (ROOT / "README.md").read_text("utf-8")


def test_nothing_is_said_of_a_proof_that_was_never_asked_about(monkeypatch, tmp_path):
    monkeypatch.setattr(verdicts, "FILE", tmp_path / "verdicts.json")
    assert not checked("kl.velocity").whole
    assert checked("kl.velocity").closed == 0


@pytest.mark.slow
@pytest.mark.parametrize("topic", TOPICS)
def test_the_verdicts_are_about_the_lemmas_as_they_are(topic):
    found = [claim for id in load() if id.partition(".")[0] == topic for claim in claims(id)]
    found = [c for c in found if c.id.partition(".")[0] == topic]
    assert verdicts.stale(found) == [], "run make certify CERTIFY=--write"


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
    assert (
        compiling.prepare(made, [n for n in compiling.THEORIES if n != "Theorems"])
        <= compiling.OWN_AXIOMS
    )
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


HALF = sp.Rational(1, 2)
nonzero = sp.Symbol("D", real=True, nonzero=True)
ANGLE = sp.pi * t / 2
LOGIT = sp.log(t / (1 - t))
FURTHER = {
    "complement": (sp.cos(sp.pi * (1 - t) / 2), sp.sin(ANGLE)),
    "double": (2 * sp.sin(ANGLE) * sp.cos(ANGLE), sp.sin(sp.pi * t)),
    "turned": ((sp.sin(ANGLE) + sp.cos(ANGLE)) ** 2, 1 + sp.sin(sp.pi * t)),
    "logit": (sp.exp(-LOGIT), (1 - t) / t),
    "scaled_logit": (sp.exp(g * ((LOGIT - x) / g)), t * sp.exp(-x) / (1 - t)),
    "determinant": (sp.log(sp.Pow(nonzero**2, HALF, evaluate=False)), sp.log(nonzero**2) / 2),
}


@coqc
@pytest.mark.parametrize("name", FURTHER)
def test_angles_logits_and_squares_are_closed_and_their_near_misses_are_not(name, folder):
    left, right = FURTHER[name]
    lemmas = [equality(name, left, right), equality(f"wrong_{name}", left, right + 1)]
    assert sorted(compiling.compile_lemmas(lemmas, folder).refused) == [f"wrong_{name}"]


def test_an_integral_is_asked_about_as_it_is_written():
    asked = next(c for c in claims("levels.beta_density") if c.key.endswith(" 3.1"))
    inside = next(lemma for lemma in asked.lemmas if "c2" in lemma.name).statement
    assert "t ^ 3" in inside
    assert "2 * t ^ 2" in inside
    assert "Rpower" not in inside


def test_parts_that_are_asked_about_as_sympy_evaluates_them_are_said():
    (told,) = {c.evaluated for c in claims("ode.euler") if c.evaluated}
    assert told == ("Limit",)
    assert all(not c.evaluated for c in claims("kl.gaussian"))


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


ZERO = sp.Integer(0)
CALCULUS = {
    "of_a_minimum": Step("derivative", sp.Min(x, x - t), x, (), sp.Integer(1)),
    "at_a_point": Step("derivative", sp.Max(x**2, x - 2 * t), x, (t,), 2 * t),
    "of_a_power": Step("derivative", t**real, t, (), real * t ** (real - 1)),
    "from_the_right": Step("right derivative", sp.sqrt(h) ** 2 * g, h, (sp.Integer(0),), g),
    "of_the_bell": Step("integral", sp.exp(-(x**2) / 2), x, (-sp.oo, sp.oo), sp.sqrt(2 * sp.pi)),
    "of_a_quotient": Step("limit", (sp.exp(x) - 1) / x, x, (sp.Integer(0),), sp.Integer(1)),
    "from_above": Step("limit", sp.exp(-g / h), h, (sp.Integer(0),), sp.Integer(0)),
    "that_vanishes_twice": Step("limit", (sp.exp(-x) - 1 + x) / x**2, x, (ZERO,), HALF),
    "that_vanishes_three_times": Step(
        "limit",
        (x - 2 + (x + 2) * sp.exp(-x)) / (g * x**3),
        x,
        (ZERO,),
        1 / (6 * g),
    ),
    "of_a_growing_power": Step(
        "limit",
        (sp.exp(-v) - (1 - v * h) ** (1 / h)) / h,
        h,
        (ZERO,),
        v**2 * sp.exp(-v) / 2,
    ),
    "of_a_power_from_zero": Step("integral", g * (h / t) ** (std - 1), h, (ZERO, t), g * t / std),
    "of_a_log_of_a_power": Step(
        "derivative",
        sp.log(sp.Pow(t**2 + 1, std, evaluate=False)),
        t,
        (),
        std * 2 * t * (t**2 + 1) ** (std - 1) / (t**2 + 1) ** std,
    ),
}


@coqc
def test_steps_at_the_edge_of_calculus_are_closed_and_their_wrong_results_are_not(folder):
    right = [calculus(name, step) for name, step in CALCULUS.items()]
    wrong = [
        calculus(f"wrong_{name}", dataclasses.replace(step, result=step.result + 1))
        for name, step in CALCULUS.items()
    ]
    done = compiling.compile_lemmas([*right, *wrong], folder)
    assert sorted(done.refused) == sorted(lemma.name for lemma in wrong)


moved = sp.Function("f", real=True)(x - h * v, t - h)
moved_3 = sp.Function("f", real=True)(x - h * v, t - h, h**2)
within = sp.Function("f", real=True)(x / sp.Function("b", positive=True)(t))
SEVERAL = {
    "two_arguments": (moved, h),
    "three_arguments": (h * moved_3, h),
    "the_slope_itself": (slope(moved, h), h),
    "what_moves_by_another": (within, t),
}


@coqc
@pytest.mark.parametrize("name", SEVERAL)
def test_the_chain_rule_is_closed_where_several_arguments_move(name, folder):
    inside, letter = SEVERAL[name]
    step = Step("derivative", inside, letter, (), slope(inside, letter))
    lemmas = [
        calculus(name, step),
        calculus(f"wrong_{name}", dataclasses.replace(step, result=2 * step.result)),
        calculus(f"off_{name}", dataclasses.replace(step, result=step.result + 1)),
    ]
    assert "_of : R -> R" in lemmas[0].statement
    refused = compiling.compile_lemmas(lemmas, folder).refused
    assert sorted(refused) == sorted(lemma.name for lemma in lemmas[1:])


def test_a_slope_of_a_slope_names_no_letter_that_is_not_there():
    """Computer algebra leaves a letter called −h + t behind where it differentiates twice."""
    assert slope(slope(moved, h), h).free_symbols == {x, h, v, t}


def test_functions_of_several_arguments_are_assumed_to_be_differentiable_there():
    asked = calculus("l", Step("derivative", moved, h, (), slope(moved, h))).statement
    assert "(f_of : R -> R -> R)" in asked
    assert (
        "filterdiff (fun z : R * R => f_of (fst z) (snd z)) (locally (x - v * h, t - h))" in asked
    )


def test_a_function_of_four_arguments_that_move_is_refused():
    four = sp.Function("f", real=True)(h, 2 * h, 3 * h, 4 * h)
    with pytest.raises(NotInCoq, match="more than three"):
        calculus("l", Step("derivative", four, h, (), slope(four, h)))


def test_a_quotient_by_what_vanishes_and_is_no_power_is_refused():
    flat = sp.exp(x) - 1 - x
    with pytest.raises(NotInCoq, match="no power"):
        calculus("l", Step("limit", x**2 / flat, x, (ZERO,), sp.Integer(2)))


SQUARES = {
    "a_root_in_a_square": ((g * sp.sqrt(t - real)) ** 2, g**2 * (t - real)),
    "a_root_within_a_root": (
        sp.sqrt(g**2 + (1 - sp.sqrt(t - real)) ** 2 * t) ** 2,
        g**2 + (1 - 2 * sp.sqrt(t - real) + t - real) * t,
    ),
    "roots_of_exponentials": (
        sp.sqrt((1 - sp.exp(-2 * t)) / (2 * g)) ** 2 * sp.exp(-t) ** 2,
        sp.exp(-2 * t) * (1 - sp.exp(-2 * t)) / (2 * g),
    ),
    "equal_roots": (
        1 / sp.sqrt(1 - sp.exp(-(t + real * t) / 2) ** 2),
        1 / sp.sqrt(-(sp.exp(-(t + real * t)) - 1)),
    ),
}


@coqc
@pytest.mark.parametrize("name", SQUARES)
def test_squared_roots_and_power_means_are_closed_and_their_near_misses_are_not(name, folder):
    left, right = SQUARES[name]
    with sp.evaluate(False):
        off = right + 1
    lemmas = [equality(name, left, right), equality(f"wrong_{name}", left, off)]
    assert sorted(compiling.compile_lemmas(lemmas, folder).refused) == [f"wrong_{name}"]


@coqc
def test_the_common_factor_of_a_power_mean_is_taken_out_and_no_other(folder):
    (mean,) = next(c for c in claims("schedules.karras") if c.key.endswith(" 1.1")).lemmas
    off = mean.statement.replace("high * exp", "low * exp").replace("schedules", "wrong")
    wrong = dataclasses.replace(mean, name="wrong_karras_1_1", statement=off)
    assert sorted(compiling.compile_lemmas([mean, wrong], folder).refused) == [wrong.name]


@coqc
def test_a_line_with_its_sign_flipped_turns_the_run_red(monkeypatch, capsys):
    def lines(production):
        """A wrong line."""
        yield Writing().chain(
            "kl.velocity(v, v_ref)", ("-bracket(v - v_ref)**2", "a sign too many")
        )

    wrong = Derivation("kl.velocity", ("kl.velocity",), (), (), {}, lines)
    monkeypatch.setattr(certify, "claims_of", lambda *asked: list(of_derivation(wrong)))
    assert certify.main([]) == 1
    assert "REFUSED kl_velocity_1_1" in capsys.readouterr().out
