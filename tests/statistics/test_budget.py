"""The budget: bounded, committed, and repeatable."""

import pytest
import torch

from refimpl.statistics import Claim, DesignError, Outcome, StatisticalFailure, budget, calibration
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
    found = calibration.calibrate(replicate, claim, exact=True, detects=1.0)
    assert found.p_value > 1e-3
    for off in (0.15, 0.4):
        with pytest.raises(StatisticalFailure, match=r"−2 Σ log p|the p-values' Kolmogorov"):
            calibration.calibrate(lambda g, off=off: replicate(g, off), claim, exact=True,
                                  detects=1.0)  # fmt: skip


@pytest.mark.parametrize("exact", [True, False])
def test_a_calibration_sees_evidence_exaggerated_by_what_it_promises(exact):
    """p-values of U^(1 + δ): −log p is 1 + δ times what it should be."""
    promised, claim = 0.35, Claim("calibration of powers", 1000)

    def powers(generator, power):
        p = float(torch.rand((), generator=generator, dtype=torch.float64)) ** power
        return Outcome(claim, "p", 0.0, 1.0, p, 0.0)

    calibration.calibrate(lambda g: powers(g, 1.0), claim, exact=exact, detects=promised)
    with pytest.raises(StatisticalFailure, match="−2 Σ log p"):
        calibration.calibrate(lambda g: powers(g, 1.35), claim, exact=exact, detects=promised)


def test_a_calibration_too_short_for_its_promise_is_refused():
    claim = Claim("calibration of few", 100)
    sound = Outcome(claim, "p", 0.0, 1.0, 0.5, 0.0)
    with pytest.raises(DesignError, match="promises to detect 0.35"):
        calibration.calibrate(lambda g: sound, claim, exact=False, detects=0.35)
