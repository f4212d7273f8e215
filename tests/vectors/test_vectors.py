"""Test vectors: the files, the functions that they judge, and what if either is spoiled."""

import json
import sys
from dataclasses import replace
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from mpmath import iv
from typer.testing import CliRunner

from refimpl import vectors
from refimpl.cli import app
from refimpl.conformance import mistakes
from refimpl.equations import equations, find, registry
from refimpl.evidence.inputs import reduces
from refimpl.vectors import DATA, edges, exact, flags, glossary, judge, load, verify, verifying
from refimpl.vectors.intervals import enclose, farthest, middle
from refimpl.vectors.judging import Part
from refimpl.vectors.verifying import SYSTEMS, call

KL = "kl.flow_grpo"


def content(equation_id: str = KL) -> str:
    return (DATA / f"{equation_id}.json").read_text(encoding="utf-8")


@pytest.fixture
def run():
    return lambda *line: CliRunner().invoke(app, ["vectors", *map(str, line)])


# ---------------------------------------------------------------- the files hold


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("equation_id", vectors.written())
def test_the_production_function_agrees_with_its_file(equation_id, system):
    for test in load(equation_id).tests:
        got = call(equation_id, test, system)
        if test.result == "invalid":
            assert test.reason in str(got)
        else:
            verdict = judge(test.expected, got, SYSTEMS[system][0], test.wrong)
            assert verdict.passes, (test.id, verdict)


def holds(equation_id: str) -> None:
    report = verify(content(equation_id))
    assert (report.name, report.problems) == (equation_id, ())
    assert set(report.gaps) == set(SYSTEMS)
    assert report.wrong > 0


FIRST_OF_TOPIC = {id.partition(".")[0]: id for id in reversed(vectors.written())}


@pytest.mark.parametrize("equation_id", FIRST_OF_TOPIC.values())
def test_a_file_is_what_is_generated(equation_id):
    holds(equation_id)


@pytest.mark.slow
@pytest.mark.parametrize("equation_id", vectors.written())
def test_every_file_is_what_is_generated(equation_id):
    holds(equation_id)


def test_there_is_a_file_for_every_equation_and_no_other():
    assert {file.stem for file in DATA.glob("*.json")} == set(vectors.written())
    assert set(vectors.written()) | set(vectors.skipped()) == set(equations())
    files = list(DATA.glob("*.json"))
    assert sum(file.stat().st_size for file in files) < 12e3 * len(files)  # the wheel stays small


def test_every_mistake_of_the_zoo_stands_in_a_file_with_its_note_and_remedy():
    for mistake in mistakes():
        flag = load(mistake.equation).flags[mistake.name]
        assert (flag["note"], flag["remedy"]) == (mistake.what, mistake.remedy)


@pytest.mark.parametrize("equation_id", vectors.written())
def test_a_float64_can_decide_every_test_and_every_file_has_tests_of_each_kind(equation_id):
    tests = load(equation_id).tests
    assert [test.id for test in tests] == list(range(1, len(tests) + 1))
    assert {"valid", "invalid"} <= {test.result for test in tests}
    for test in tests:
        assert all(part.tolerance["float64"] is not None for part in test.expected.values())


@pytest.mark.parametrize("equation_id", vectors.written())
def test_not_a_number_is_refused_in_every_argument_that_is_read(equation_id):
    tests = load(equation_id).tests
    refused = {test.argument for test in tests if "NotFinite" in test.flags}
    first = next(test for test in tests if reduces(equation_id) or "Scalar" in test.flags)
    for name, x in first.inputs.items():
        if name not in refused and isinstance(x, (float, np.ndarray)):
            unread = replace(first, inputs={**first.inputs, name: x * np.nan})
            got = call(equation_id, unread, "numpy64")
            assert judge(first.expected, got, "float64").passes, name


@pytest.mark.parametrize(
    ("equation_id", "name", "bad"),
    [
        ("gaussian.log_prob", "std", 0.0),
        ("sde.flow_grpo_g", "inside", 1.0),
        ("sde.flow_grpo_g", "t", 2.0),
        ("sde.flow_grpo_g", "a", -1.0),
        ("ode.euler", "s", 0.5),
        ("sde.euler_maruyama", "h", 0.0),
        ("grpo.surrogate", "clip", -1.0),
        ("grpo.surrogate", "ratio", -1.0),
        ("grpo.advantage", "std", "other"),
        (KL, "g", 0.0),
    ],
)
def test_what_has_no_meaning_is_among_the_invalid_inputs(equation_id, name, bad):
    invalid = [test for test in load(equation_id).tests if test.argument == name]
    assert bad in [test.inputs[name] for test in invalid]


# ---------------------------------------------------------------- expected values and radii


def test_an_expected_value_is_right_where_it_is_known():
    got = exact.expected("gaussian.log_prob", {"x": 0.5, "mean": 0.5, "std": 1.0})["value"]
    with mp.workdps(60):
        assert abs(mp.mpf(got.digits[0]) + mp.log(2 * mp.pi) / 2) <= mp.mpf(got.radius[0])
    assert got.radius == ("1e-40",)
    assert len(got.digits[0].lstrip("-0.")) == 40
    known = exact.expected("kl.k2", {"log_ratio": 0.75})["value"]
    assert (Fraction(known.digits[0]), known.radius) == (Fraction(9, 32), ("0",))


@pytest.mark.parametrize(
    "e",
    [
        sp.sqrt(2),
        sp.exp(sp.Rational(-7, 3)),
        sp.log(3) - sp.pi,
        sp.Rational(2, 3) ** (-sp.S.Half),
        sp.Rational(5, 2) ** sp.Rational(4, 3),
        sp.cos(1) * sp.sin(2),
        sp.Min(sp.pi, sp.E),
        1 / sp.pi,
    ],
)
def test_an_enclosure_is_tight_around_the_value(e):
    enclosure, small = enclose(e), mp.mpf(10) ** -105  # what 110 digits of the value are good for
    with mp.workdps(110):
        value = mp.mpf(str(e.evalf(110)))
        assert mp.mpf(enclosure.a) - small <= value <= mp.mpf(enclosure.b) + small
        assert mp.mpf(enclosure.delta.b) < small
        assert abs(middle(enclosure) - value) < small
        assert abs(farthest(enclosure, "0.5") - abs(value - 0.5)) < small


def test_the_farthest_point_of_a_wide_enclosure_counts():
    with mp.workdps(30):
        assert farthest(iv.mpf([1, 2]), "1.25") == mp.mpf("0.75")
        assert farthest(iv.mpf([1, 2]), "4") == 3


@pytest.mark.parametrize("e", [sp.Float(0.5), sp.Symbol("x"), sp.erf(1)])
def test_what_cannot_be_enclosed_is_refused_by_name(e):
    with pytest.raises(ValueError, match=type(e).__name__):
        enclose(e)


def test_a_radius_holds_both_evaluators_and_disagreement_is_an_error(monkeypatch):
    wrong = next(m for m in mistakes(KL) if m.name == "KL without h").wrong
    monkeypatch.setitem(registry._REGISTER, KL, replace(find(KL), function=wrong))
    with pytest.raises(exact.EvaluatorsDisagree, match=r"kl.flow_grpo \(value\)"):
        exact.expected(KL, edges.cases(KL)[0])


@pytest.mark.parametrize(("x", "up"), [(2.5, 2.5), (2.501, 2.51), (0.0, 0.0), (1e-40, 1e-40)])
def test_a_condition_is_rounded_up_to_three_digits(x, up):
    assert exact.round_up(x) == up


def test_extra_edges_are_of_equations_and_are_accepted_by_them():
    for equation_id in equations():
        for case in edges.cases(equation_id):
            assert edges.refusal(equation_id, case) == ""


# ---------------------------------------------------------------- judging


RIGHT = {"value": Part(np.array([1.0, 2.0]), {"float64": np.array([1e-3, 1e-3])})}
WRONG = {"half": {"value": np.array([0.5, 1.0])}, "swapped": {"value": np.array([2.0, 1.0])}}


def test_a_number_within_the_tolerance_passes_and_one_outside_does_not():
    assert judge(RIGHT, {"value": np.array([1.0005, 2.0])}, "float64").passes
    verdict = judge(RIGHT, {"value": np.array([1.002, 2.0])}, "float64", WRONG)
    assert (verdict.passes, verdict.named) == (False, ())
    assert verdict.gap == pytest.approx(2)


def test_a_known_wrong_answer_is_named():
    assert judge(RIGHT, {"value": np.array([0.5, 1.0])}, "float64", WRONG).named == ("half",)
    assert judge(RIGHT, {"value": np.array([2.0, 1.0])}, "float64", WRONG).named == ("swapped",)


@pytest.mark.parametrize(
    "got",
    [
        {"value": np.array([np.nan, 2.0])},
        {"value": np.array([1.0, np.inf])},
        {"value": np.array([1.0, 2.0, 3.0])},
        {"value": np.array([[1.0, 2.0]])},
        {"mean": np.array([1.0, 2.0])},
        {},
    ],
)
def test_wrong_parts_wrong_shapes_and_no_numbers_fail(got):
    assert judge(RIGHT, got, "float64").gap == np.inf


def test_one_number_stands_for_a_part_that_is_constant():
    constant = {"value": Part(np.ones((2, 3)), {"float64": np.zeros((2, 3))})}
    for got in (1.0, np.ones((1, 3)), np.ones((2, 3))):
        assert judge(constant, {"value": got}, "float64").passes
    assert not judge(constant, {"value": 1 + 1e-15}, "float64").passes


def test_a_wrong_step_is_named_whether_its_std_is_per_sample_or_per_coordinate():
    test = load("sde.transition").tests[0]
    wrong = test.wrong["√h missing"]
    for std in (wrong["std"], wrong["std"][:, :1, :, :1]):
        verdict = judge(test.expected, {**wrong, "std": std}, "float64", test.wrong)
        assert verdict.named == ("√h missing",)


def test_float32_decides_where_terms_cancel():
    (test,) = [t for t in load("kl.k3").tests if np.all(t.inputs["log_ratio"] == 2.0**-14)]
    right, r = test.expected["value"], np.float32(2.0**-14)
    assert right.tolerance["float32"] < 2e-6 * right.digits
    subtracted = np.exp(r) - np.float32(1) - r
    assert not judge({"value": right}, {"value": subtracted}, "float32").passes
    assert judge({"value": right}, {"value": np.expm1(np.float64(r)) - r}, "float32").passes


def test_a_precision_too_coarse_to_decide_decides_nothing():
    coarse = {"value": Part(np.ones(2), {"bfloat16": None})}
    assert judge(coarse, {"value": np.full(2, 7.0)}, "bfloat16").passes
    assert not judge(coarse, {"value": np.ones(3)}, "bfloat16").passes


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (lambda x: -x, "SIGN"),
        (lambda x: 1.01 * x, "FACTOR"),
        (lambda x: x + 0.25, "OFFSET"),
        (lambda x: x.sum(), "SHAPE"),
        (np.square, "FORMULA"),
    ],
)
def test_the_bug_type_is_read_off_the_numbers(wrong, kind):
    x = np.array([0.5, -1.25, 3.0])
    assert flags._bug_type({"value": x}, {"value": np.asarray(wrong(x))}) == kind


def test_every_argument_has_a_meaning_and_every_bug_type_a_word():
    for equation_id in vectors.written():
        document = json.loads(content(equation_id))
        assert all(argument["meaning"] for argument in document["arguments"])
        assert {f["bugType"] for f in document["flags"].values()} == set(document["bugTypes"])
    assert glossary.meaning("grpo.advantage", "ddof").startswith("0 or 1")  # from the docstring
    assert glossary.meaning("ddpm.forward", "beta") != glossary.meaning("grpo.objective", "beta")


# ---------------------------------------------------------------- a spoiled function is noticed


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("name", ["KL without h", "KL without ½"])
def test_a_planted_mistake_is_found_and_named_in_every_number_system(name, system, monkeypatch):
    wrong = next(m for m in mistakes(KL) if m.name == name).wrong
    monkeypatch.setitem(registry._REGISTER, KL, replace(find(KL), function=wrong))
    tests = [test for test in load(KL).tests if test.wrong]
    verdicts = [judge(t.expected, call(KL, t, system), SYSTEMS[system][0], t.wrong) for t in tests]
    assert name in {n for verdict in verdicts if not verdict.passes for n in verdict.named}


@pytest.mark.parametrize("mistake", mistakes(), ids=lambda m: m.title)
def test_every_planted_mistake_fails_its_file_by_name(mistake, monkeypatch):
    planted = replace(find(mistake.equation), function=mistake.wrong)
    monkeypatch.setitem(registry._REGISTER, mistake.equation, planted)
    named = set()
    for test in load(mistake.equation).tests:
        if mistake.name in test.wrong:
            with np.errstate(all="ignore"):
                got = call(mistake.equation, test, "numpy64")
            verdict = judge(test.expected, got, "float64", test.wrong)
            assert not verdict.passes
            named |= set(verdict.named)
    assert mistake.name in named


def test_a_function_that_refuses_nothing_is_noticed(monkeypatch):
    unvalidated = replace(find("policy.ratio"), function=lambda log_prob, log_prob_old: log_prob)
    monkeypatch.setitem(registry._REGISTER, "policy.ratio", unvalidated)
    problems = " ".join(verify(content("policy.ratio")).problems)
    assert "not refused as 'log_prob_old must be finite'" in problems


# ---------------------------------------------------------------- a spoiled file is noticed


SPOILED = {
    "a digit": (lambda d: _expected(d)["digits"].__setitem__(0, "0.8120211623829"), "differs"),
    "a value": (lambda d: _expected(d)["digits"].__setitem__(0, "0.9"), "tolerances off"),
    "a tolerance": (lambda d: _expected(d)["tolerance"]["float64"].__setitem__(0, 9.0), "differs"),
    "an input": (lambda d: _v(d)["decimal"].__setitem__(0, 0.5), "not the same in hex and decimal"),
    "a coarse input": (lambda d: _v(d)["hex"].__setitem__(0, "0x1.0001p+0"), "not exact in bf"),
    "a refusal": (lambda d: d["tests"][-1]["error"].update(reason="of a whim"), "not refused as"),
    "a test less": (lambda d: d["tests"].pop(), "differs"),
    "a wrong answer": (
        lambda d: d["tests"][0]["wrong"]["KL without h"]["value"].update(
            decimal=[float(x) for x in _expected(d)["digits"]]
        ),
        "'KL without h' is not told apart",
    ),
    "no wrong answer": (
        lambda d: [t["wrong"].pop("KL without h", 0) for t in d["tests"] if "wrong" in t],
        "no test tells the mistake 'KL without h'",
    ),
    "a field less": (lambda d: d.pop("source"), "schema: at $: 'source' is a required property"),
    "a field more": (lambda d: d.update(extra=1), "schema: at $"),
    "a result": (lambda d: d["tests"][0].update(result="maybe"), "schema: at $.tests[0].result"),
    "an id": (lambda d: d.update(equation="kl.none"), "no vectors belong to 'kl.none'"),
}


def _expected(document):
    return document["tests"][0]["expected"]["value"]


def _v(document):
    return document["tests"][0]["inputs"]["v"]


@pytest.mark.parametrize("what", SPOILED)
def test_a_spoiled_file_is_noticed(what):
    spoil, words = SPOILED[what]
    document = json.loads(content())
    spoil(document)
    problems = verify(json.dumps(document)).problems
    assert any(words in problem for problem in problems), problems


def test_a_missing_and_a_stray_file_are_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr("refimpl.vectors.verifying.written", lambda: ("kl.k1", "kl.k2"))
    (tmp_path / "kl.k1.json").write_text(content("kl.k1"), encoding="utf-8")
    (tmp_path / "kl.none.json").write_text("{}", encoding="utf-8")
    holds, missing, stray = vectors.verify_all(tmp_path)
    assert (holds.name, holds.problems) == ("kl.k1", ())
    assert "refimpl vectors write" in missing.problems[0]
    assert "delete the file" in stray.problems[0]


# ---------------------------------------------------------------- the commands


def test_write_puts_the_same_bytes_and_the_schema_into_a_folder(run, tmp_path, monkeypatch):
    monkeypatch.setattr("refimpl.vectors.written", lambda: (KL, "kl.k1"))
    result = run("write", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert {file.name for file in tmp_path.iterdir()} == {
        f"{KL}.json", "kl.k1.json", "schema.json",
    }  # fmt: skip
    assert (tmp_path / f"{KL}.json").read_text(encoding="utf-8") == content()


def test_verify_exits_0_on_a_file_that_holds_and_1_on_one_that_does_not(run, tmp_path):
    assert "1 of 1 files hold" in run("verify", "--id", KL).output
    file = tmp_path / "mine.json"
    file.write_text(content().replace('"wrong"', '"wronged"'), encoding="utf-8")
    result = run("verify", "--file", file)
    assert result.exit_code == 1
    assert "0 of 1 files hold" in result.output
    file.write_text("{", encoding="utf-8")
    assert "not JSON" in run("verify", "--file", file).output


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (("write", "--out", "/nowhere/at/all"), "make it first"),
        (("verify", "--id", "kl.flow_grop"), "did you mean kl.flow_grpo"),
        (("verify", "--file", "/nowhere.json"), "No such file"),
        (("verify", "--id", KL, "--file", "x"), "not both"),
    ],
)
def test_bad_arguments_are_one_line_and_exit_code_2(run, line, word):
    result = run(*line)
    assert result.exit_code == 2
    assert word in " ".join(result.output.split())
    assert "Traceback" not in result.output


def test_without_jsonschema_the_error_names_the_extra(run, monkeypatch):

    from refimpl.vectors import verify as _  # noqa: F401

    module = verifying
    module._validator.cache_clear()
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    result = run("verify", "--id", KL)
    assert result.exit_code == 2
    assert "refimpl[vectors]" in result.output
