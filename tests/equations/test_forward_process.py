"""Facts about reinforcement on the forward process: where the minima are, and what is bounded."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from refimpl.equations import forward_process as fp

TARGETS = torch.tensor([-1.5, 0.25, 2.0, 0.75], dtype=torch.float64)
CHANCES = torch.tensor([0.4, 0.3, 0.1, 0.2], dtype=torch.float64)
GOOD = torch.tensor([0.1, 0.9, 0.6, 1.0], dtype=torch.float64)
V_OLD = float(CHANCES @ TARGETS)
FINITE = st.floats(-4, 4)


@pytest.mark.covers("forward_process.optimality")
@given(st.floats(-20, 20), st.floats(0.01, 10))
def test_optimality_is_a_chance_and_symmetric(advantage, limit):
    r = fp.optimality(advantage, limit)
    assert 0 <= r <= 1
    assert r + fp.optimality(-advantage, limit) == pytest.approx(1, rel=1e-15)


@pytest.mark.covers("forward_process.optimality")
def test_optimality_runs_from_the_worst_to_the_best():
    got = fp.optimality(np.array([-7.0, -5.0, -2.5, 0.0, 2.5, 5.0, 7.0]), 5.0)
    assert got.tolist() == [0, 0, 0.25, 0.5, 0.75, 1, 1]


@pytest.mark.covers("forward_process.positive_velocity", "forward_process.negative_velocity")
@given(FINITE, FINITE, st.floats(0.01, 3))
def test_the_two_velocities_are_mirror_images_round_the_old_one(v, v_old, b):
    good, bad = fp.positive_velocity(v, v_old, b), fp.negative_velocity(v, v_old, b)
    assert (good + bad) / 2 == pytest.approx(v_old, abs=1e-14)  # terms of size at most 28
    assert good - bad == pytest.approx(2 * b * (v - v_old), abs=1e-13)


@pytest.mark.covers("forward_process.nft")
def test_with_b_one_and_good_samples_it_is_flow_matching():
    assert fp.nft(1.25, -0.5, 2.0, 1.0, 1.0) == (1.25 - 2.0) ** 2
    assert fp.nft(1.25, -0.5, 2.0, 0.0, 1.0) == (-0.5 - 1.75 - 2.0) ** 2


def minimum(loss):
    """The minimum of a parabola in v, from three of its values."""
    left, middle, right = (float(loss(v)) for v in (-1.0, 0.0, 1.0))
    return (left - right) / (2 * (left + right - 2 * middle))


@pytest.mark.covers("forward_process.nft")
@pytest.mark.parametrize("b", [0.1, 0.5, 1.0, 2.0])
def test_the_minimum_moves_from_the_old_velocity_towards_the_good_samples(b):
    found = minimum(lambda v: CHANCES @ fp.nft(v, V_OLD, TARGETS, GOOD, b))
    moved = float(CHANCES @ ((2 * GOOD - 1) * (TARGETS - V_OLD))) / b
    assert found == pytest.approx(V_OLD + moved, rel=1e-11)
    good = float(CHANCES * GOOD @ TARGETS / (CHANCES @ GOOD))
    share = float(CHANCES @ GOOD)
    assert found - V_OLD == pytest.approx(2 * share * (good - V_OLD) / b, rel=1e-11)


@pytest.mark.covers("forward_process.nft")
def test_equal_rewards_leave_the_old_velocity():
    for r in (0.0, 0.5, 1.0):
        same = torch.full_like(GOOD, r)
        found = minimum(lambda v, same=same: CHANCES @ fp.nft(v, V_OLD, TARGETS, same, 0.5))
        assert found == pytest.approx(V_OLD, rel=1e-12)


@pytest.mark.covers("forward_process.nft", "forward_process.awm")
def test_only_the_contrast_is_bounded_below():
    far = 1e6
    assert fp.awm(far, 0.0, -1.0) < -1e11
    assert fp.nft(far, 0.0, 0.0, 0.0, 1.0) > 1e11


@pytest.mark.covers("forward_process.nft", "forward_process.awm", "forward_process.optimality")
@given(st.floats(-5, 5), FINITE, FINITE, st.floats(0.05, 2))
def test_at_the_old_policy_both_gradients_are_parallel(advantage, v_old, target, b):
    v = torch.tensor(v_old, dtype=torch.float64, requires_grad=True)
    r = fp.optimality(advantage, 5.0)
    (contrast,) = torch.autograd.grad(fp.nft(v, v_old, target, r, b), v)
    (match,) = torch.autograd.grad(fp.awm(v, target, advantage), v)
    assert float(contrast) == pytest.approx(b / 5.0 * float(match), abs=1e-12)


@pytest.mark.covers("forward_process.awm")
def test_a_centred_advantage_pushes_nothing_where_the_targets_agree():
    advantages = torch.tensor([1.0, -2.0, 0.5, 0.5], dtype=torch.float64)
    v = torch.tensor(0.25, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(fp.awm(v, torch.tensor(2.0).double(), advantages).sum(), v)
    assert float(slope) == pytest.approx(0, abs=1e-14)


@pytest.mark.covers("forward_process.nft", "forward_process.awm", "forward_process.optimality")
def test_what_has_no_meaning_is_refused():
    for call, words in (
        (lambda: fp.optimality(1.0, 0.0), "limit must be positive, got 0.0"),
        (lambda: fp.nft(1.0, 1.0, 1.0, 1.5, 1.0), "optimal must be .*got 1.5"),
        (lambda: fp.nft(1.0, 1.0, 1.0, 0.5, 0.0), "b must be positive, got 0.0"),
        (lambda: fp.awm(np.ones((4, 2)), np.ones((4, 2)), np.ones(4)), "expand_like"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
