"""Files that end Python on import could not run; names from outside are printed by their codes."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from refimpl.cli import app
from refimpl.conformance import report as show
from refimpl.conformance.adapter.loading import load
from refimpl.conformance.adapter.printable import printable
from refimpl.conformance.kit import CannotRun, judge

RATIO = """
class Mine:
    conventions = {"log_prob": "mean"}
    def ratio(self, log_prob, log_prob_old):
        return (log_prob - log_prob_old).exp()
"""
CLEAR, TURN, LINE, LONE = "\x1b[2J\x1b]0;owned\x07", "\u202e", "\n0 differs", "\ud800"
HOSTILE = [CLEAR, "\x9b31m", TURN, LINE, "\r", "\u200b\u2066", LONE, "\x00"]


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Write a file, check Mine in it from a shell, and give its code and what it showed."""
    monkeypatch.chdir(tmp_path)

    def run(source, *options):
        (tmp_path / "mine.py").write_text(source + RATIO, encoding="utf-8")
        line = ["check", "mine.py:Mine", "--tier", "basic", *options]
        start = f"import sys; sys.argv[1:] = {line!r}; from refimpl.cli import main; main()"
        done = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.mark.parametrize(
    "source",
    [
        "import sys\nsys.exit(0)\n",
        "raise SystemExit\n",
        "quit()\n",
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('model')\np.parse_args()\n",
        "import sys, pytest\nsys.exit(pytest.main(['--version']))\n",
        "class Stop(BaseException): pass\nraise Stop\n",
    ],
    ids=["exit 0", "bare", "quit", "argparse", "pytest.main", "another base exception"],
)
def test_a_file_that_ends_python_on_import_could_not_run(source, check):
    code, shown = check(source)
    assert code == 2, shown
    assert "cannot import mine.py" in " ".join(shown.split())


def test_an_interrupt_on_import_is_an_interrupt(check):
    code, shown = check("raise KeyboardInterrupt\n")
    assert code == 130, shown
    assert "interrupted" in shown


def test_a_parser_of_arguments_does_not_see_ours(check):
    source = (
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--tier')\n"
        "assert p.parse_args().tier is None\n"
    )
    code, shown = check(source)
    assert code == 0, shown


def test_the_command_line_and_the_path_are_put_back(tmp_path):
    (tmp_path / "a.py").write_text("import sys\nsys.argv += ['x']\nsys.path.append('y')\nm = 1\n")
    argv, path = list(sys.argv), list(sys.path)
    load(f"{tmp_path / 'a.py'}:m")
    assert (sys.argv, sys.path) == (argv, path)
    (tmp_path / "a.py").write_text("import sys\nsys.exit(0)\n")
    with pytest.raises(CannotRun, match="ends Python"):
        load(f"{tmp_path / 'a.py'}:m")
    assert (sys.argv, sys.path) == (argv, path)


@pytest.mark.parametrize("where", ["call", "made", "conventions"])
def test_what_ends_python_later_is_no_verdict_of_agreement(where):
    def leave(*args):
        raise SystemExit(0)

    if where == "call":
        report = judge({"ratio": lambda log_prob, log_prob_old: leave()})
        assert "ratio raised SystemExit" in report.failures[0].told
        return
    body = {"ratio": lambda self, log_prob, log_prob_old: log_prob}
    body |= {"__init__": leave} if where == "made" else {"conventions": leave}
    with pytest.raises(CannotRun, match="SystemExit|ends Python"):
        judge(type("Leaving", (), body))


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_what_a_terminal_would_obey_is_shown_by_its_code(text):
    assert printable(f"a{text}b").isprintable()
    assert printable(f"a{text}b").startswith("a")
    assert printable(f"a{text}b").endswith("b")


@pytest.mark.parametrize("text", ["", "flow_grpo 1.0", "g √(t/(1 − t)), ½ log 2π", "Müller 流"])
def test_an_honest_name_stays_as_it_is(text):
    assert printable(text) == text


def clean(shown):
    """The text is printable line by line."""
    return all(line.isprintable() for line in shown.splitlines())


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_report_on_a_hostile_adapter_is_printable(text, tmp_path):
    def ratio(log_prob, log_prob_old):
        raise ValueError(f"no{text}such")

    row = {"case": "ratio.value", "kind": "bug", "reason": f"as{text}known"}
    adapter = {"ratio": ratio, "name": f"na{text}me", "version": f"1{text}"}
    for deviations in ([], [row]):
        report = judge(adapter, deviations, tiers=("basic", "vectors"))
        cells = [c for r in report.results for c in (r.check, r.told, r.cause, *r.notes)]
        told = [report.name, show.summary(report), show.conventions(report), *cells]
        assert all(t.isprintable() for t in told)
        show.as_json([report]).encode("utf-8")
        show.as_html([report]).encode("utf-8")


@pytest.mark.parametrize("text", HOSTILE[:5], ids=ascii)
def test_a_refusal_of_a_hostile_file_is_printable(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text(f"raise ValueError({text!r})\nMine = 1\n", encoding="utf-8")
    (tmp_path / "b.py").write_text(f"Mine = {{{f'rat{text}io'!r}: len}}\n", encoding="utf-8")
    for name in ("a", "b"):
        found = CliRunner().invoke(app, ["check", f"{name}.py:Mine"])
        assert found.exit_code == 2
        assert clean(found.output.replace("\n", " ")), ascii(found.output)


def test_a_deviation_file_with_a_hostile_reason_is_printable(check, tmp_path):
    rows = '[[deviation]]\ncase = "ratio.basic"\nkind = "bug"\nreason = "a\\u001b[2Jb"\n'
    (tmp_path / "known.toml").write_text(rows)
    code, shown = check("", "--deviations", "known.toml")
    assert code == 1, shown
    assert "\x1b" not in shown
    assert "\\x1b[2J" in shown
