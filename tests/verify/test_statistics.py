"""The statistics layer: checks that hold, rows that are covered, tests that keep their power."""

import importlib.util
import os
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from refimpl.conformance.kit import judge
from refimpl.equations import Step, equations
from refimpl.methods import Method, kernel
from refimpl.statistics import budget
from refimpl.verify.accepting import must_reject
from refimpl.verify.controls import MISTAKES
from refimpl.verify.layers import checks

STATISTICS = [c for c in checks().values() if c.layer == "statistics"]
ROWS = """PATH-2 PATH-3 VF-3 VF-4 SC-2 SC-4 SC-5 SC-8 SC-9 SC-10 GRPO-4 GRPO-5 GRPO-6 GRPO-7 GRPO-8
DYN-4 DYN-5 DYN-7 DYN-9"""
ELSEWHERE = ("conformance.", "gradient.group_")


@cache
def evidence_of(name):
    """One run of each check serves all tests here: its samples are fixed by its name."""
    return checks()[name].run(0)


@pytest.fixture(scope="session")
def shown(tmp_path_factory, worker_id):
    """A folder for what the checks showed in this run of the tests, whichever process ran them."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "shown"
    folder.mkdir(exist_ok=True)
    return folder


def assertions_of(name, shown):
    """The assertions that a check made, run once for all processes."""
    path = shown / name
    if not path.exists():
        made = sorted({f.partition(": ")[0] for f in evidence_of(name).figures})
        part = path.with_suffix(f".{os.getpid()}")
        part.write_text("\n".join(made))
        part.replace(path)
    return path.read_text().splitlines()


@pytest.mark.statistical
@pytest.mark.parametrize("check", STATISTICS, ids=lambda c: c.name)
def test_the_check_holds(check, shown):
    evidence = evidence_of(check.name)
    assert assertions_of(check.name, shown)
    assert evidence.summary
    assert all(isinstance(x, float) for x in evidence.figures.values())
    assert all(
        picture.svg(title).startswith("<svg") for title, picture in evidence.pictures.items()
    )


def test_every_row_that_asks_for_samples_has_them():
    assert set(ROWS.split()) <= {row for c in STATISTICS for row in c.rows}


def test_every_check_covers_known_equations_and_states_its_fact():
    for check in STATISTICS:
        assert set(check.covers) <= set(equations()), check.name
        assert check.statement.endswith("."), check.name


def test_every_mistake_has_a_name_of_its_own():
    assert len({m.name for m in MISTAKES}) == len(MISTAKES) >= 15


def test_a_test_without_power_is_a_failure():
    with pytest.raises(AssertionError, match="the test lost its power: it accepts 'no ½'"):
        must_reject("no ½", lambda: None)


class DrawsItsOwn:
    """A step and a sampler that draw their own noise, so that the kit judges them by their law."""

    conventions: ClassVar = {"t": "scalar"}

    def sde_step(self, x, v, t, s):
        law = kernel(Method(), x, v, Step(t.item(), s.item()))
        return law.sample(torch.randn_like(x)), law.mean, law.std

    def sde_sampler(self, field, x, levels):
        for t, s in pairwise(levels):
            x = self.sde_step(x, field(x, t), t, s)[0]
        return x


@pytest.mark.statistical
@pytest.mark.parametrize("prefix", ELSEWHERE)
def test_an_assertion_that_is_made_elsewhere_is_made_there(prefix, monkeypatch):
    asked, claim = set(), budget.claim
    monkeypatch.setattr(budget, "claim", lambda name: asked.add(name) or claim(name))
    if prefix == "conformance.":
        report = judge(DrawsItsOwn)
        assert report.conforms, [r for r in report.results if r.verdict == "differs"]
    else:
        path = Path(__file__).parents[1] / "toy" / "test_grpo_exact.py"
        spec = importlib.util.spec_from_file_location("exact_tests", path)
        tests = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(tests)
        for std in ("none", "group"):
            tests.test_what_dividing_by_the_groups_std_does_to_the_gradient(std)
    assert asked == {name for name in budget.claims() if name.startswith(prefix)}


@pytest.mark.statistical
def test_every_listed_assertion_is_made(shown):
    """The ledger lists what runs: an entry that nobody uses is a test that went missing.

    Calibration, the conformance kit and the policy gradient make theirs in tests of their own;
    the next test sees the last two do it.
    """
    made = {name for check in STATISTICS for name in assertions_of(check.name, shown)}
    by_tests = {name for name in budget.claims() if name.startswith(("calibration.", *ELSEWHERE))}
    assert set(budget.claims()) - made - by_tests == set()
