"""Facts about any start law: density, score, and two counterexamples."""

import math

import numpy as np
import pytest

from refimpl.equations import conversions, interpolants, paths


def quartic(y):
    """log p up to a constant, and its slope, of a start that is not Gaussian."""
    return -(y**4) / 4, -(y**3)


@pytest.mark.covers("interpolants.log_density", "interpolants.score")
def test_the_conditional_density_has_mass_one_and_the_score_is_its_slope():
    c, z = paths.linear(0.4), 0.7
    normal = 2 ** (-0.5) * math.gamma(0.25)  # ∫ exp(−y⁴/4) dy

    def log_p(x):
        start = quartic((x - c.alpha * z) / c.sigma)[0] - math.log(normal)
        return interpolants.log_density(start, c.sigma)

    x = np.linspace(-2, 3, 20001)
    assert np.exp(log_p(x)).sum() * (x[1] - x[0]) == pytest.approx(1, rel=1e-9)
    slope = (log_p(0.9 + 1e-6) - log_p(0.9 - 1e-6)) / 2e-6
    found = interpolants.score(quartic((0.9 - c.alpha * z) / c.sigma)[1], c.sigma)
    assert found == pytest.approx(slope, rel=1e-8)


@pytest.mark.covers("interpolants.score", "conversions.score_from_noise")
def test_for_a_gaussian_start_it_is_the_score_of_the_noise():
    c = paths.linear(0.3)
    assert interpolants.score(-0.8, c.sigma) == conversions.score_from_noise(c, 0.8)


@pytest.mark.covers("interpolants.from_point", "interpolants.score")
def test_one_velocity_has_two_scores():
    x, t = 0.9, 0.6
    velocities = [interpolants.from_point(t * y, t) for y in (x / t,)]
    assert velocities == [pytest.approx(x / t)]
    gaussian, other = (interpolants.score(s, t) for s in (-x / t, quartic(x / t)[1]))
    assert gaussian == pytest.approx(-x / t**2)
    assert abs(gaussian - other) > 1


@pytest.mark.covers("interpolants.turning")
@pytest.mark.parametrize("turn", [1.0, -1.0])
def test_the_velocity_follows_the_turning_path(turn):
    z = np.array([0.3, -1.2])

    def at(t):
        return (1 - t) * z + t * turn * np.array([-z[1], z[0]])

    t = 0.35
    x = at(t)
    found = [interpolants.turning(x[0], -x[1], t, turn), interpolants.turning(x[1], x[0], t, turn)]
    assert found == pytest.approx((at(t + 1e-6) - at(t - 1e-6)) / 2e-6, rel=1e-8)


@pytest.mark.covers("interpolants.turning")
def test_one_score_has_two_velocities():
    left, right = (interpolants.turning(0.5, 0.8, 0.35, turn) for turn in (1.0, -1.0))
    assert left - right == pytest.approx(2 * 0.8 / (0.65**2 + 0.35**2))


@pytest.mark.covers("interpolants.from_point", "interpolants.score", "interpolants.log_density")
def test_the_datas_own_level_is_refused():
    with pytest.raises(ValueError, match="t must be positive, got 0"):
        interpolants.from_point(1.0, 0.0)
    for call in (interpolants.score, interpolants.log_density):
        with pytest.raises(ValueError, match="sigma must be positive, got 0"):
            call(1.0, 0.0)
