"""Facts about the SDE and its step: drifts come in pairs, the start is singular."""

import math

import numpy as np
import pytest
import sympy as sp
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import of

from refimpl.equations import ode, paths, sde
from refimpl.equations.arguments import Diffusion, Velocity
from refimpl.equations.sde import Step

numbers = of(Velocity)
scales = of(Diffusion)


@pytest.mark.covers("sde.forward_drift", "sde.drift", "sde.reverse_drift", "sde.probability_flow")
@given(numbers, numbers, scales)
def test_the_drifts_are_one_family(v, score, g):
    f = sde.forward_drift(v, score, g)
    assert sde.reverse_drift(f, score, g) == sde.drift(v, score, g)
    assert sde.probability_flow(f, score, g) == v
    assert (f + sde.drift(v, score, g)) / 2 == v


@pytest.mark.covers("sde.drift")
def test_the_drift_at_one_point():
    assert sde.drift(v=1.0, score=-2.0, g=3.0) == 10.0
    assert sde.forward_drift(v=1.0, score=-2.0, g=3.0) == -8.0
    assert sde.reverse_drift(f=1.0, score=-2.0, g=3.0) == 19.0


@pytest.mark.covers("sde.flow_grpo_drift", "sde.drift")
@given(numbers, numbers, scales, st.integers(1, 16).map(lambda k: k / 16))
def test_eq_1_is_the_drift_with_the_score_eliminated(x, v, g, t):
    score = -(x + (1 - t) * v) / t
    got, want = sde.flow_grpo_drift(x, v, g, t), sde.drift(v, score, g)
    # six operations at the size of the correction
    assert got == pytest.approx(want, abs=6 * 2.0**-53 * (abs(v) + g**2 * abs(score) / 2 + 1))


@pytest.mark.covers("sde.flow_grpo_g")
def test_g_of_the_article():
    assert sde.flow_grpo_g(0.5, 0.7, 0.5) == 0.7
    assert sde.flow_grpo_g(0.8, 0.5, 0.8) == pytest.approx(1.0, rel=1e-15)
    assert sde.flow_grpo_g(0.0, 0.7, 0.0) == 0
    assert sde.flow_grpo_g(0.5, 0.0, 0.5) == 0


@pytest.mark.covers("sde.flow_grpo_g")
def test_the_start_is_singular_and_its_remedies_differ():
    first = Step(1.0, 0.9375)
    with pytest.raises(
        ValueError, match=r"one_minus_inside must be positive, got 0.0; g is singular"
    ):
        sde.flow_grpo_g(1.0, 0.7, sde.refuse(first))
    assert sde.flow_grpo_g(1.0, 0.5, sde.next_level(first)) == 2.0
    assert sde.flow_grpo_g(1.0, 0.7, sde.clamp(0.99)(first)) == pytest.approx(7.0)


def test_boundary_policies_leave_other_levels_alone():
    later = Step(0.75, 0.5)
    assert sde.refuse(later) == sde.next_level(later) == sde.clamp(0.99)(later) == 0.75
    t = torch.tensor([1.0, 0.75]).reshape(2, 1)
    s = torch.tensor([0.9375, 0.5]).reshape(2, 1)
    assert sde.next_level(Step(t, s)).flatten().tolist() == [0.9375, 0.75]
    assert sde.clamp(0.875)(Step(t, s)).flatten().tolist() == [0.875, 0.75]
    t, s = np.array([1.0, 0.75]), np.array([0.9375, 0.5])
    assert sde.next_level(Step(t, s)).tolist() == [0.9375, 0.75]
    assert sde.clamp(0.875)(Step(t, s)).tolist() == [0.875, 0.75]
    assert sde.clamp(sp.Rational(7, 8))(Step(sp.Integer(1), sp.Rational(1, 2))) == sp.Rational(7, 8)


@pytest.mark.parametrize("limit", [0.0, 1.0, -0.5, 2.0, float("nan")])
def test_a_clamp_lies_strictly_inside(limit):
    with pytest.raises(ValueError, match=r"limit of a clamped boundary must lie in \(0, 1\), got"):
        sde.clamp(limit)


@pytest.mark.covers("sde.flow_grpo_g")
@pytest.mark.parametrize("inside", [-0.5, 1.5])
def test_what_stands_inside_is_a_level_too(inside):
    with pytest.raises(ValueError, match=f"inside must be a noise level .*, got {inside}"):
        sde.flow_grpo_g(0.5, 0.7, inside)


@pytest.mark.covers("sde.euler_maruyama")
def test_a_step_moves_by_h_f_and_spreads_by_g_root_h():
    p = sde.euler_maruyama(x=1.0, f=-2.0, g=3.0, h=0.25)
    assert (p.mean, p.std) == (0.5, 1.5)


@pytest.mark.covers("sde.euler_maruyama")
@given(numbers, numbers, scales, st.integers(1, 8).map(lambda k: k / 8))
def test_two_half_steps_with_frozen_coefficients_are_one(x, f, g, h):
    whole = sde.euler_maruyama(x, f, g, h)
    first = sde.euler_maruyama(x, f, g, h / 2)
    second = sde.euler_maruyama(first.mean, f, g, h / 2)
    assert second.mean == whole.mean
    assert math.hypot(first.std, second.std) == pytest.approx(whole.std, rel=4 * 2.0**-53)


@pytest.mark.covers("sde.transition", "ode.euler")
def test_without_noise_a_step_is_euler_s():
    x = torch.linspace(-2, 2, 24, dtype=torch.float64).reshape(2, 3, 2, 2)
    v = torch.cos(x)
    step = Step(0.75, 0.5)
    p = sde.transition(paths.linear(0.75), x, v, 0.0, step)
    assert torch.equal(p.mean, ode.euler(lambda x, t: v, x, step))
    assert p.std == 0


@pytest.mark.covers("sde.transition")
def test_one_step_of_the_article_by_hand():
    # t = 1/2, s = 1/4, g = 1: drift = v + (x + v/2) = 2 + 2, mean = 1 − 4/4, std = 1/2
    p = sde.transition(paths.linear(0.5), 1.0, 2.0, 1.0, Step(0.5, 0.25))
    assert (p.mean, p.std) == (0.0, 0.5)


@pytest.mark.covers("sde.transition")
def test_clean_data_cannot_take_a_step():
    with pytest.raises(ValueError, match="sigma must be positive"):
        sde.transition(paths.linear(0.0), 1.0, 2.0, 1.0, Step(0.5, 0.25))
