"""The statistics layer: checks that hold, rows that are covered, tests that keep their power."""

from functools import cache

import pytest

from refimpl.equations import equations
from refimpl.statistics import budget
from refimpl.verify.controls import MISTAKES
from refimpl.verify.evidence import checks
from refimpl.verify.outcomes import must_reject

STATISTICS = [c for c in checks().values() if c.layer == "statistics"]
ROWS = """PATH-2 PATH-3 VF-3 VF-4 SC-2 SC-4 SC-5 SC-8 SC-9 SC-10 GRPO-4 GRPO-5 GRPO-6 GRPO-7 GRPO-8
DYN-4 DYN-5 DYN-7 DYN-9"""


@cache
def evidence_of(name):
    """One run of each check serves all tests here: its samples are fixed by its name."""
    return checks()[name].run(0)


@pytest.mark.statistical
@pytest.mark.parametrize("check", STATISTICS, ids=lambda c: c.name)
def test_the_check_holds(check):
    evidence = evidence_of(check.name)
    assert evidence.summary
    assert all(isinstance(x, float) for x in evidence.figures.values())
    assert all(svg.startswith("<svg") for svg in evidence.pictures.values())


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


@pytest.mark.statistical
def test_every_listed_assertion_is_made():
    """The ledger lists what runs: an entry that nobody uses is a test that went missing.

    Calibration, the conformance kit and the policy gradient make theirs in tests of their own.
    """
    made = {f.partition(": ")[0] for check in STATISTICS for f in evidence_of(check.name).figures}
    elsewhere = ("calibration.", "conformance.", "gradient.group_")
    by_tests = {name for name in budget.claims() if name.startswith(elsewhere)}
    assert set(budget.claims()) - made - by_tests == set()
