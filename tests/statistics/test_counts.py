"""Counts: the binomial law, its power, and what is refused."""

import pytest
import torch
from scipy import stats

from refimpl.statistics import Claim, DesignError, StatisticalFailure
from refimpl.statistics.counts import share

CLAIM = Claim("a share", 10_000)


def happened(count):
    return torch.arange(CLAIM.n) < count


def test_the_expected_count_is_in_the_middle():
    found = share(happened(2000), 0.2, CLAIM, detects=0.05)
    assert found.statistic == 0
    assert found.p_value == 1.0


@pytest.mark.parametrize("direction", [-1, 1])
def test_the_bound_is_the_binomials(direction):
    alpha = CLAIM.alpha / 2
    edge = stats.binom.isf(alpha, 10_000, 0.2) if direction > 0 else stats.binom.ppf(
        alpha, 10_000, 0.2)  # fmt: skip
    share(happened(int(edge)), 0.2, CLAIM, detects=0.05)
    with pytest.raises(StatisticalFailure, match="the count, off its mean 2000 by"):
        share(happened(int(edge) + direction), 0.2, CLAIM, detects=0.05)


def test_a_promise_beyond_its_samples_is_refused():
    with pytest.raises(DesignError):
        share(happened(2000), 0.2, CLAIM, detects=0.02)


@pytest.mark.parametrize(
    ("given", "probability", "error", "words"),
    [
        (torch.ones(10_000), 0.2, TypeError, "happened must be a tensor .* of truth values"),
        (happened(1)[1:], 0.2, ValueError, "fixed n=10000 beforehand"),
        (happened(1), 1.0, ValueError, r"must lie in \(0, 1\), got 1.0"),
    ],
)
def test_bad_input_is_refused(given, probability, error, words):
    with pytest.raises(error, match=words):
        share(given, probability, CLAIM, detects=0.05)
