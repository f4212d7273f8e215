"""Facts about biases: what enumeration and quadrature give, the formulas give."""

import itertools
import math

import numpy as np
import pytest

from refimpl.equations import bias, grpo

NODES, MASSES = np.polynomial.hermite_e.hermegauss(60)
MASSES = MASSES / MASSES.sum()


def every_group(p, n):
    """All groups of n rewards of 0 and 1, with their chances."""
    rewards = np.array(list(itertools.product((0.0, 1.0), repeat=n)))
    return rewards, np.prod(np.where(rewards == 1, p, 1 - p), axis=1)


@pytest.mark.covers("bias.centred", "grpo.leave_one_out", "grpo.advantage")
@pytest.mark.parametrize("n", [2, 3, 6])
def test_over_all_groups_centring_loses_one_nth_and_leave_one_out_nothing(n):
    rewards, chance = every_group(0.3, n)
    score = rewards - 0.3
    truth = 0.3 * 0.7
    centred = grpo.advantage(rewards, std="none", ddof=0, eps=0.0)
    assert chance @ (centred * score).mean(axis=1) == pytest.approx(
        bias.centred(float(n)) * truth, rel=1e-13
    )
    others = grpo.leave_one_out(rewards)
    assert chance @ (others * score).mean(axis=1) == pytest.approx(truth, rel=1e-13)
    assert np.allclose(others * bias.centred(float(n)), centred, atol=1e-15)


@pytest.mark.covers("bias.silent")
@pytest.mark.parametrize("p", [0.0, 0.02, 0.5, 1.0])
def test_silent_groups_are_those_whose_rewards_are_all_equal(p):
    rewards, chance = every_group(p, 5)
    equal = (rewards == rewards[:, :1]).all(axis=1)
    assert bias.silent(p, 5.0) == pytest.approx(chance @ equal, rel=1e-14)


@pytest.mark.covers("bias.mean_ratio", "bias.effective")
@pytest.mark.parametrize("d", [0.1, 0.5, 1.5])
def test_moments_of_the_ratio_by_quadrature(d):
    log_ratio = d * NODES - d**2 / 2
    for D in (1.0, 4.0, 1000.0):
        found = MASSES @ np.exp(log_ratio / D)
        assert bias.mean_ratio(d**2 / 2, D) == pytest.approx(found, rel=1e-12)
    assert 1 / bias.effective(d**2 / 2) == pytest.approx(MASSES @ np.exp(2 * log_ratio), rel=1e-10)


@pytest.mark.covers("bias.stale")
def test_an_old_batch_has_the_old_policys_gradient():
    mean, std, goal, c, d = 0.4, 0.3, 1.5, 0.8, 0.25
    x = mean + std * NODES
    reward = -c * (x - goal) ** 2 / 2
    estimate = MASSES @ ((reward - MASSES @ reward) * (x - (mean + d)) / std**2)
    assert estimate - c * (goal - (mean + d)) == pytest.approx(bias.stale(c, d), rel=1e-12)


@pytest.mark.covers("bias.centred", "grpo.leave_one_out")
def test_a_group_of_one_has_no_baseline():
    with pytest.raises(ValueError, match="samples_minus_1 must be positive, got 0.*group of one"):
        bias.centred(1.0)
    with pytest.raises(ValueError, match=r"G >= 2 .*got shape \(3, 1\)"):
        grpo.leave_one_out(np.ones((3, 1)))
    with pytest.raises(ValueError, match=r"got shape \(3,\)"):
        grpo.leave_one_out(np.ones(3))


@pytest.mark.covers("bias.mean_ratio", "bias.effective", "bias.silent")
def test_the_same_policy_has_no_bias():
    assert bias.mean_ratio(0.0, 16.0) == bias.effective(0.0) == bias.silent(1.0, 8.0) == 1.0
    assert bias.mean_ratio(0.5, 16.0) == pytest.approx(math.exp(-0.5 * 15 / 256))
