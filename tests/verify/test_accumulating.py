"""The log of scheduled runs: a fresh seed each, one line more, and a bound that can be reached."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from refimpl.cli import app
from refimpl.statistics import budget
from refimpl.verify import accumulating
from refimpl.verify.accumulating import Accused, Line, judged, one_more, read
from refimpl.verify.check import Check, Evidence

ROOT = Path(__file__).resolve().parents[2]


def lines(*p):
    return [Line(k, {"a": x}, {}) for k, x in enumerate(p, 1)]


@pytest.fixture
def one_check(monkeypatch):
    def run(seed):
        return Evidence("", p_values={"a": 0.5 / seed})

    made = Check("statistics.one", "statistics", (), (), run)
    monkeypatch.setattr(accumulating, "sampled", lambda: [made])


def test_each_run_adds_a_line_with_a_seed_of_its_own(tmp_path, one_check):
    log = tmp_path / "log.jsonl"
    assert [line.seed for line in one_more(log)] == [1]
    assert [line.seed for line in one_more(log)] == [1, 2]
    assert [line.p for line in read(log)] == [{"a": 0.5}, {"a": 0.25}]


def test_a_seed_that_was_used_is_no_new_evidence(tmp_path):
    log = tmp_path / "log.jsonl"
    row = json.dumps({"seed": 3, "p": {"a": 0.5}, "versions": {}})
    log.write_text(f"{row}\n{row}\n")
    with pytest.raises(ValueError, match="line 2 has seed 3, as a line before"):
        read(log)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"seed": 1}', '{"seed": 1, "p": {"a": 2.0}, "versions": {}}']
)
def test_a_line_that_is_no_run_is_named(tmp_path, text):
    log = tmp_path / "log.jsonl"
    log.write_text(f"{text}\n")
    with pytest.raises(ValueError, match="line 1 is no run"):
        read(log)


def test_small_p_values_in_every_run_are_an_accusation():
    assert "of 1e+09 allowed" in judged(lines(*[0.3] * 40))
    with pytest.raises(Accused, match="most of it from a"):
        judged(lines(*[1e-3] * 40))


def test_what_was_reached_once_is_not_forgotten():
    with pytest.raises(Accused):
        judged(lines(*[1e-3] * 40, *[1.0] * 400))


def test_the_command_says_what_the_runs_amount_to(tmp_path, one_check):
    log = tmp_path / "log.jsonl"
    log.write_text("".join(
        json.dumps({"seed": k, "p": {"a": 1e-3}, "versions": {}}) + "\n" for k in range(1, 41)
    ))  # fmt: skip
    result = CliRunner().invoke(app, ["accumulate", str(log)])
    assert result.exit_code == 1
    assert "beyond 1e+09" in " ".join(result.output.split())
    (fresh := tmp_path / "fresh.jsonl").write_text("")
    assert CliRunner().invoke(app, ["accumulate", str(fresh)]).exit_code == 0


def test_the_kept_log_holds_runs_of_listed_assertions_and_accuses_nobody():
    kept = read(ROOT / ".ci" / "evidence.jsonl")
    assert kept
    for line in kept:
        assert len(line.p) > 100
        assert set(line.p) <= set(budget.claims())
    judged(kept)
