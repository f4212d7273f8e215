"""Facts about tilted laws: they are the optimum, and Gaussians stay Gaussian."""

import math

import numpy as np
import pytest

from refimpl.equations import Gaussian, conversions, langevin, paths, sde, tilting

PRIOR, REWARD, BETA = np.array([0.25, 0.625, 0.125]), np.array([1.0, -0.5, 2.0]), 0.75


def objective(q):
    """E_q[r] − β KL(q ‖ p)."""
    return q @ REWARD - BETA * (q @ np.log(q / PRIOR))


@pytest.mark.covers("tilting.weights", "tilting.value")
def test_the_tilted_law_is_the_optimum_and_its_value_the_optimal_value():
    q = tilting.weights(PRIOR, REWARD, BETA)
    assert q.sum() == pytest.approx(1)
    assert objective(q) == pytest.approx(tilting.value(PRIOR, REWARD, BETA), rel=1e-14)
    for direction in ([1, -1, 0], [0, 1, -1], [1, 0, -1]):
        for sign in (1, -1):
            assert objective(q + sign * 1e-3 * np.array(direction)) < objective(q)


@pytest.mark.covers("tilting.weights", "tilting.value")
def test_an_impossible_prior_is_refused():
    for call in (tilting.weights, tilting.value):
        with pytest.raises(ValueError, match="normaliser must be positive"):
            call(np.zeros(3), REWARD, BETA)
        with pytest.raises(ValueError, match="normaliser must be positive"):
            call(np.array([[0.5, 0.0], [0.5, 0.0]]), np.ones((2, 2)), BETA)


@pytest.mark.covers("tilting.weights", "tilting.value")
def test_a_beta_of_another_shape_is_refused():
    for call in (tilting.weights, tilting.value):
        with pytest.raises(ValueError, match="beta has"):
            call(np.ones((2, 2)), np.ones((2, 2)), np.ones(2))


@pytest.mark.covers("tilting.linear", "tilting.quadratic")
def test_tilted_gaussians_are_proportional_to_what_they_claim():
    p, beta, x = Gaussian(0.5, 1.5), 0.75, np.array([-1.0, 0.25, 2.0])
    for tilted, reward in (
        (tilting.linear(p, 2.0, beta), 2.0 * x),
        (tilting.quadratic(p, -1.0, beta), -((x + 1.0) ** 2) / 2),
    ):
        constants = tilted.log_prob(x) - p.log_prob(x) - reward / beta
        assert np.allclose(constants, constants[0], rtol=1e-13)


@pytest.mark.covers("tilting.quadratic")
def test_a_loose_goal_leaves_the_reference():
    q = tilting.quadratic(Gaussian(0.5, 1.5), 7.0, 1e12)
    assert (q.mean, q.std) == (pytest.approx(0.5), pytest.approx(1.5))


@pytest.mark.covers("tilting.memoryless_drift", "langevin.noise_rate", "sde.drift")
def test_the_memoryless_drift_is_the_sampling_drift_at_its_noise():
    c, x, v = paths.cosine(0.375), 0.5, -1.25
    g = math.sqrt(langevin.noise_rate(c.alpha, c.sigma, c.d_alpha, c.d_sigma))
    score = conversions.score_from_velocity(c, x, v)
    assert tilting.memoryless_drift(c, x, v) == pytest.approx(sde.drift(v, score, g), rel=1e-14)


@pytest.mark.covers("tilting.fixed_start")
def test_a_sampler_that_remembers_falls_short_by_its_squared_correlation():
    p = Gaussian(1.5, 0.5)
    target = tilting.linear(p, 2.0, 4.0)
    for rho, share in ((0.0, 1.0), (0.5, 0.75), (-0.5, 0.75), (1.0, 0.0)):
        reached = tilting.fixed_start(p, 2.0, 4.0, rho)
        assert reached.mean - 1.5 == share * (target.mean - 1.5)
        assert reached.std == 0.5
    for impossible in (1.2, -1.2):
        with pytest.raises(ValueError, match="one_minus_rho_squared"):
            tilting.fixed_start(p, 2.0, 4.0, impossible)
    with pytest.raises(ValueError, match=r"std must be positive, got -0\.5"):
        tilting.fixed_start(Gaussian(1.5, -0.5), 2.0, 4.0, 0.5)
    with pytest.raises(ValueError, match=r"beta must be positive, got -4\.0"):
        tilting.fixed_start(p, 2.0, -4.0, 0.5)
