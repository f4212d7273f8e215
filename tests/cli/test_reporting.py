"""What a run shows: progress on a pipe and a terminal, a table that fits a screen, reports."""

import contextlib
import io
import os
import shlex
import subprocess
import sys
import time

import pytest
from rich.console import Console
from typer.testing import CliRunner

from refimpl.cli import app, progress
from refimpl.equations import equations
from refimpl.verify import report, run
from refimpl.verify.run import Outcome, Report


def refimpl(line):
    return CliRunner().invoke(app, shlex.split(line))


def outcome(id, verdict="holds", detail=""):
    """A number that speaks for one equation."""
    return Outcome(id, "numbers", (id,), verdict, detail, 0.1)


def made(outcomes, asked=None):
    """A report of a whole run, or of a part of what was asked."""
    return Report(tuple(outcomes), (), 0, 1.0, False, len(outcomes) if asked is None else asked)


def shown(table, width=80):
    """A table as lines."""
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(table)
    return console.export_text().splitlines()


def test_the_closing_table_fits_a_screen():
    every = made([outcome(id) for id in equations()])
    topics = {id.partition(".")[0] for id in equations()}
    lines = shown(report.by_topic(every))
    assert len(lines) <= len(topics) + 4
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines[3:] if line.strip()] == list(
        dict.fromkeys(id.partition(".")[0] for id in equations())
    )


def test_all_of_them_are_printed_when_asked_for():
    every = made([outcome(id) for id in equations()])
    text = "\n".join(shown(report.by_id(every), 150))
    assert all(id in text for id in equations())


def test_topics_in_which_something_fails_come_first():
    some = [outcome("sde.drift"), outcome("kl.k1"), outcome("kl.k3", "fails")]
    first, second = shown(report.by_topic(made(some)))[3:5]
    assert first.split()[:5] == ["kl", "2", "✗", "1/2", "0.2"]
    assert second.split()[:4] == ["sde", "1", "✓", "1"]


def test_an_outcome_for_several_equations_counts_once_in_their_topic():
    both = Outcome("numbers.both", "numbers", ("kl.k1", "kl.k3"), "holds", "", 2.0)
    line = shown(report.by_topic(made([both])))[3]
    assert line.split() == ["kl", "2", "✓", "1", "2.0", "s"]


@pytest.fixture
def pretending(monkeypatch):
    """Let `refimpl verify` report what it is given, at once."""

    def pretend(found):
        monkeypatch.setattr(run, "verify", lambda *args, **options: found)

    return pretend


def test_what_failed_comes_first_and_in_full(pretending):
    detail = "off by 2.6 at (0, 0, 0, 1) " * 20
    pretending(made([outcome("kl.k1"), outcome("kl.k3", "fails", detail)]))
    ended = refimpl("verify")
    assert ended.exit_code == 1
    assert ended.stdout.startswith(f"✗ kl.k3: {detail}")
    assert "not everything holds" in ended.stdout.splitlines()[-1]
    assert "statement" not in ended.stdout
    assert "statement" in refimpl("verify --all").stdout


def test_a_part_is_called_a_part(pretending):
    pretending(made([outcome("kl.k1"), outcome("kl.k3", "fails")], asked=9))
    ended = refimpl("verify")
    assert ended.exit_code == 130
    last = ended.stdout.splitlines()[-1]
    assert "interrupted: these are 2 of 9 proofs and checks, 1 of which fail" in last
    assert refimpl("coverage").exit_code == 130


@pytest.mark.parametrize("line", ["verify --json /dev/full", "verify --html /dev/full"])
def test_a_report_that_cannot_be_written_in_the_end_is_one_line(line, pretending):
    pretending(made([outcome("kl.k1")]))
    ended = refimpl(line)
    assert ended.exit_code == 2
    assert "No space left" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_report_may_go_to_a_pipe(pretending, tmp_path):
    pretending(made([outcome("kl.k1")]))
    ended = refimpl("verify --json /dev/stdout")
    assert ended.exit_code == 0


def test_lines_come_now_and_then_and_while_nothing_is_told(monkeypatch, capsys):
    monkeypatch.setattr(progress, "FIRST", 0.1)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    with progress.progress("counting", 10) as told:
        time.sleep(0.2)
        told.advance("one")
        told.advance("[two]")
        time.sleep(0.25)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "counting   0 s"
    assert lines[-1] == "counting   2 of 10   [two]   0 s"
    assert 2 <= len(lines) <= 4  # the pauses grow


def test_shares_are_told_in_percent_and_a_total_may_come_late(monkeypatch):
    told = progress._Lines("reading", 1.0)
    told.at(0.25, "step 3")
    assert told.line() == "reading   25%   step 3   0 s"
    rows = progress._Lines("reading", None)
    rows.at(5, total=20)
    assert rows.line() == "reading   5 of 20   0 s"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("eq sde.drift", "proving sde.drift"),
        ("sample --n 20000 --steps 20", "sampling mixture_2d"),
        ("check refimpl", "refimpl"),
        ("train toy --quick --out run", "gaussian"),
        pytest.param("study methods --out study", "study methods", marks=pytest.mark.slow),
        pytest.param("verify --only kl.k3", "verifying", marks=pytest.mark.slow),
        pytest.param("topic densities", "topic densities", marks=pytest.mark.slow),
    ],
)
def test_every_long_command_tells_that_it_is_at_work(line, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(progress, "FIRST", 0.01)
    ended = refimpl(line)
    assert ended.exit_code == 0
    assert told in ended.stderr
    assert told not in ended.stdout.splitlines()


@pytest.mark.slow
def test_a_terminal_gets_a_bar_that_leaves_standard_output_alone(tmp_path):
    ours, its = os.openpty()
    command = [sys.executable, "-m", "refimpl", "study", "methods", "--out", "study"]
    with open(tmp_path / "out", "w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=its, cwd=tmp_path)
    os.close(its)
    bar = b""
    with contextlib.suppress(OSError):  # the end of a terminal whose last process is gone
        while part := os.read(ours, 4096):
            bar += part
    os.close(ours)
    assert process.wait() == 0
    assert b"study methods" in bar
    assert (tmp_path / "out").read_text() == "study/methods.json\n"


@pytest.mark.parametrize(
    ("ratio", "advantage", "branch"),
    [
        ("1.0", "0", "A = 0: no gradient, r is inside"),
        ("1.5", "0", "A = 0: no gradient, r is outside"),
        ("1.0", "1", "not clipped: r is inside"),
        ("1.0", "-1", "not clipped: r is inside"),
        ("1.3", "1", "clipped: no gradient, r is above 1.2"),
        ("0.7", "-1", "clipped: no gradient, r is below 0.8"),
        ("1.3", "-1", "not clipped: r is outside, and A pulls it back"),
        ("0.7", "1", "not clipped: r is outside, and A pulls it back"),
        ("1.2", "1", "at the edge, r = 1.2"),
        ("0.8", "-1", "at the edge, r = 0.8"),
        ("1.2", "-1", "not clipped: r is inside"),
    ],
)
def test_the_branch_of_the_surrogate_is_told_by_where_r_is(ratio, advantage, branch):
    ended = refimpl(f"surrogate {ratio} --advantage={advantage} --clip 0.2")
    told = dict(line.split(None, 1) for line in ended.stdout.splitlines())
    assert told["branch"].startswith(branch)
    slope = float(ended.stdout.splitlines()[1].split()[-1])
    assert (slope == 0) == (branch.startswith(("A = 0", "clipped")))
