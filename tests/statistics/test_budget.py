"""The budget: bounded, committed, and repeatable."""

import pytest
import torch

from refimpl.statistics import Claim, StatisticalFailure, budget, calibration
from refimpl.statistics.gaussian import mean


def test_a_whole_run_errs_less_than_once_in_a_million():
    assert len(budget.claims()) <= budget.LIMIT
    assert budget.false_alarm() <= 1e-6
    assert f"{len(budget.claims())} statistical assertions" in budget.statement()


def test_an_unlisted_assertion_is_refused():
    with pytest.raises(KeyError, match="no assertion 'one more' is listed"):
        budget.claim("one more")


def test_n_is_the_ledgers():
    assert budget.claim("ratio.log").n == budget.claims()["ratio.log"]


def test_the_ledger_cannot_be_changed_in_passing():
    with pytest.raises(TypeError):
        budget.claims()["one more"] = 10  # type: ignore[index]


def test_seeds_follow_from_names_alone():
    # pinned: a seed that moves would mean other samples under the same name
    assert budget.seed_of("ratio.log", 0) == 3806053739486890329
    assert len({budget.seed_of(n, s) for n in ("a", "b") for s in (0, 1)}) == 4
    one, two = (torch.rand(3, generator=budget.generator("a", 0)) for _ in range(2))
    assert torch.equal(one, two)


def test_calibration_accepts_a_sound_test_and_rejects_a_biased_one():
    small, eye = Claim("replicate", 50), torch.eye(1, dtype=torch.float64)

    def replicate(generator, shift=0.0):
        x = torch.randn(50, 1, generator=generator, dtype=torch.float64) + shift
        return mean(x, torch.zeros(1, dtype=torch.float64), eye, small, detects=10.0)

    claim = Claim("calibration of a test", 200)
    shares = calibration.calibrate(replicate, claim, exact=True)
    assert set(shares) == set(calibration.LEVELS)
    with pytest.raises(StatisticalFailure, match=r"the count of p <= 0\.05"):
        calibration.calibrate(lambda g: replicate(g, shift=0.4), claim, exact=True)
