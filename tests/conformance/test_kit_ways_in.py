"""Three ways in over one list of checks; deviation files; reports."""

import json
import subprocess
import sys
import textwrap

import pytest
import torch
from typer.testing import CliRunner

from refimpl.cli import app
from refimpl.conformance.checks import checks
from refimpl.conformance.decorator import Failed
from refimpl.conformance.deviations import read
from refimpl.conformance.kit import CannotRun, judge, refimpl_checks

ADAPTER = """
import torch


class Mine:
    conventions = {"log_prob": "mean"}

    def ratio(self, log_prob, log_prob_old):
        return torch.exp(log_prob - log_prob_old)

    def log_prob(self, x_s, mean, std):
        return torch.distributions.Normal(mean, std).log_prob(x_s).flatten(1).mean(1)


class Wrong(Mine):
    def ratio(self, log_prob, log_prob_old):
        return torch.exp(log_prob_old - log_prob)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "adapters.py").write_text(ADAPTER)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(line, code):
    result = CliRunner().invoke(app, line.split())
    assert result.exit_code == code, result.output
    return result.output


def test_the_command_prints_a_table_and_exits_with_what_it_found(folder):
    assert "conforms" not in run("check adapters.py:Mine", 0)
    shown = run("check adapters.py:Wrong", 1)
    assert "ratio.value" in shown
    assert "ratio reversed" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("check adapters.py:Mne", "did you mean 'Mine'"),
        ("check nowhere.py:Mine", "no file nowhere.py"),
        ("check no.such.module:Mine", "cannot import no.such.module"),
        ("check difusers", "did you mean 'diffusers'"),
        ("check adapters.py:torch", "provides none of"),
        ("check adapters.py:Mine --deviations nowhere.toml", "cannot read nowhere.toml"),
        ("check adapters.py:Mine --tier law", "did you mean 'laws'"),
        ("check adapters.py:Mine --json /nowhere/at/all.json", "no folder /nowhere/at"),
    ],
)
def test_what_cannot_run_exits_with_2_and_says_why(folder, line, says):
    assert says in " ".join(run(line, 2).split())


def test_reports_are_written(folder):
    run("check adapters.py:Wrong --json r.json --html r.html", 1)
    (report,) = json.loads((folder / "r.json").read_text())
    assert not report["conforms"]
    assert report["declared"] == {"log_prob": "mean"}
    by_check = {r["check"]: r for r in report["results"]}
    assert list(by_check) == list(checks())
    names = {e["name"] for e in by_check["ratio.value"]["explanations"]}
    assert "ratio reversed" in names
    page = (folder / "r.html").read_text()
    assert "ratio reversed" in page
    assert "http" not in page


def pytest_run(folder, *options):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_the_plugin_runs_the_same_checks_as_tests(folder):
    code, shown = pytest_run(folder, "--refimpl-check", "adapters:Wrong", "-rfs")
    assert code == 1
    assert "ratio reversed" in shown
    results = judge(_wrong()).results
    failed = sum(r.verdict == "differs" for r in results)
    passed = sum(r.verdict == "agrees" for r in results)
    assert f"{failed} failed, {passed} passed, {len(results) - failed - passed} skipped" in shown
    code, shown = pytest_run(folder, "--refimpl-check", "adapters.py:Mine", "-k", "ratio")
    assert code == 0, shown
    assert "deselected" in shown


def _wrong():
    space = {}
    exec(ADAPTER, space)
    return space["Wrong"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--refimpl-chek", "adapters:Mine"], "unrecognized arguments"),
        (["--refimpl-check", "adapters:Mne"], "did you mean 'Mine'"),
        (["--refimpl-deviations", "known.toml"], "needs --refimpl-check"),
    ],
)
def test_a_mistyped_option_of_the_plugin_is_an_error(folder, options, says):
    code, shown = pytest_run(folder, *options)
    assert code == 4, shown
    assert says in shown


def test_the_plugin_is_inert_and_light_when_it_is_not_asked():
    source = "import sys, refimpl.pytest_plugin; print([m for m in sys.modules if 'torch' in m])"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_the_decorator_makes_the_same_checks_tests():
    @refimpl_checks(_wrong())
    def test(check):
        check()

    (mark,) = test.pytestmark
    bound = {b.id: b for b in mark.args[1]}
    assert list(bound) == list(checks())
    assert bound["log_prob.value"]().verdict == "agrees"
    with pytest.raises(Failed, match="ratio reversed"):
        bound["ratio.value"]()
    with pytest.raises(pytest.skip.Exception, match="not provided"):
        bound["kl.value"]()


# ---------------------------------------------------------------- deviations


def known(tmp_path, **row):
    file = tmp_path / "known.toml"
    lines = "\n".join(f'{key} = "{value}"' for key, value in row.items())
    file.write_text(f"[[deviation]]\n{lines}\n", encoding="utf-8")
    return read(file)


REVERSED = {"case": "ratio.value", "kind": "convention", "reason": "as in our paper"}


def verdict(adapter, deviations, check="ratio.value"):
    return next(r for r in judge(adapter, deviations).results if r.check == check)


def test_a_declared_convention_is_verified_against_its_variant(tmp_path):
    met = verdict(_wrong(), known(tmp_path, **REVERSED, variant="ratio reversed"))
    assert met.verdict == "differs by design"
    assert "as in our paper" in met.told
    missed = verdict(_wrong(), known(tmp_path, **REVERSED, variant="no exponential"))
    assert missed.verdict == "differs"
    assert "it is not that" in missed.told


def test_a_convention_of_the_table_is_a_variant_too(tmp_path):
    def kl(mean, mean_ref, std):
        return ((mean - mean_ref) ** 2 / (2 * std**2)).flatten(1).mean(1)

    row = {
        "case": "kl.value",
        "kind": "convention",
        "reason": "ours",
        "variant": "kl_reduction = 'mean'",
    }
    assert verdict({"kl": kl}, known(tmp_path, **row), "kl.value").verdict == "differs by design"


def test_a_bug_is_a_strict_expected_failure(tmp_path):
    row = {"case": "ratio.value", "kind": "bug", "reason": "issue 1", "link": "https://example.org"}
    assert verdict(_wrong(), known(tmp_path, **row)).verdict == "differs by design"
    space = {}
    exec(ADAPTER, space)
    stale = verdict(space["Mine"], known(tmp_path, **row))
    assert stale.verdict == "differs"
    assert "remove the declaration" in stale.told


def test_what_is_unsupported_must_be_refused_not_answered(tmp_path):
    row = {"case": "ratio.basic", "kind": "unsupported", "reason": "later"}

    def refuses(log_prob, log_prob_old):
        raise NotImplementedError("later")

    refused = verdict({"ratio": refuses}, known(tmp_path, **row), "ratio.basic")
    assert refused.verdict == "differs by design"
    answered = {"ratio": lambda log_prob, log_prob_old: torch.zeros(3)}
    assert verdict(answered, known(tmp_path, **row), "ratio.basic").verdict == "differs"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({**REVERSED, "case": "ratio.valu", "variant": "x"}, "did you mean 'ratio.value'"),
        ({**REVERSED, "kind": "conventoin", "variant": "x"}, "did you mean 'convention'"),
        ({**REVERSED, "varient": "x"}, "did you mean 'variant'"),
        (REVERSED, "needs a variant"),
        ({**REVERSED, "reason": "", "variant": "x"}, "needs a reason"),
        ({"case": "ratio.value", "kind": "bug"}, "lacks reason"),
        ({**REVERSED, "case": "kl.value", "variant": "x"}, "kl is not provided"),
    ],
)
def test_a_deviation_file_is_strict(tmp_path, row, says):
    with pytest.raises(CannotRun) as refused:
        judge(_wrong(), known(tmp_path, **row))
    assert says in str(refused.value)


def test_a_case_is_declared_once_and_a_file_is_toml(tmp_path):
    file = tmp_path / "known.toml"
    row = '[[deviation]]\ncase = "ratio.value"\nkind = "bug"\nreason = "x"\n'
    for content, says in (
        (2 * row, "declared twice"), ("deviation", "not TOML"), ("", "declares nothing"),
        ("[other]\nx = 1\n", "unknown key 'other'"),
    ):  # fmt: skip
        file.write_text(content)
        with pytest.raises(CannotRun, match=says):
            read(file)


def test_the_example_of_the_page_conforms_and_its_tables_are_those_of_the_code():
    import re
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs/adapters.md").read_text(encoding="utf-8")
    example, decorated, *_ = re.findall(r"```python\n(.*?)```", page, re.S)
    space = {}
    exec(example, space)
    report = judge(space["Mine"])
    assert report.conforms, report.failures
    assert report.count("agrees") >= 20
    exec(decorated, space)
    toml = re.search(r"```toml\n(.*?)```", page, re.S)[1]
    assert textwrap.dedent(toml).startswith("[[deviation]]")
