"""Facts about conventions: every conversion has an inverse, and a flipped path is the same path."""

import numpy as np
import pytest
from hypothesis import given
from strategies import of

from refimpl.equations import conventions, kl, paths
from refimpl.equations.arguments import Level, Velocity

levels = of(Level)
numbers = of(Velocity)


@pytest.mark.covers("conventions.flip_time", "conventions.flip_velocity")
@given(levels, numbers)
def test_flips_are_their_own_inverse(t, v):
    assert conventions.flip_time(conventions.flip_time(t)) == t
    assert conventions.flip_velocity(conventions.flip_velocity(v)) == v
    assert conventions.flip_time(t) + t == 1
    assert conventions.flip_velocity(v) == -v


@pytest.mark.covers("conventions.flip_path")
@given(levels, numbers, numbers)
def test_a_flipped_path_has_the_same_points_and_the_opposite_velocity(t, data, noise):
    c = paths.cosine(t)
    flipped = conventions.flip_path(c)
    assert paths.interpolate(flipped, data, noise) == paths.interpolate(c, data, noise)
    assert paths.velocity(flipped, data, noise) == -paths.velocity(c, data, noise)
    assert conventions.flip_path(flipped) == c


@pytest.mark.covers("conventions.network_time", "conventions.level_of_network_time")
@given(levels)
def test_network_time_is_a_thousand_levels(t):
    assert conventions.network_time(t) == 1000 * t
    assert conventions.level_of_network_time(conventions.network_time(t)) == t


@pytest.mark.covers("conventions.level_of_network_time")
@pytest.mark.parametrize("tau", [-1.0, 1001.0])
def test_a_network_time_outside_its_clock_is_refused(tau):
    with pytest.raises(ValueError, match="tau_over_1000 must be a noise level"):
        conventions.level_of_network_time(tau)


@pytest.mark.covers("conventions.level_of_network_time")
def test_an_integer_network_time_is_refused():
    with pytest.raises(TypeError, match="tau must hold real numbers"):
        conventions.level_of_network_time(np.array([500]))


@pytest.mark.covers("conventions.beta_for_mean_without_h")
def test_weights_and_dimensions_do_not_broadcast_by_accident():
    with pytest.raises(ValueError, match=r"beta has shape .* and dimensions has"):
        conventions.beta_for_mean_without_h(np.ones((2, 2)), 0.5, np.ones(2))


@pytest.mark.covers("conventions.w_from_omega", "conventions.omega_from_w")
@given(numbers)
def test_scales_of_guidance_differ_by_one(omega):
    assert conventions.w_from_omega(omega) == omega + 1
    assert conventions.omega_from_w(conventions.w_from_omega(omega)) == omega


@pytest.mark.covers("conventions.beta_for_mean_without_h", "kl.without_h", "kl.of_means")
def test_a_converted_weight_gives_the_same_penalty():
    beta, g, h, gaps = 0.04, 0.75, 0.0625, [0.5, -1.0, 0.25, 2.0]
    theirs = beta * sum(kl.without_h(m, 0.0, g) for m in gaps) / len(gaps)
    ours = sum(kl.of_means(m, 0.0, g * h**0.5) for m in gaps)
    weight = conventions.beta_for_mean_without_h(beta, h, len(gaps))
    assert weight * ours == pytest.approx(theirs, rel=1e-14)
    assert weight == pytest.approx(0.04 * 0.0625 / 4)
