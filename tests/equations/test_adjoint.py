"""Facts about Adjoint Matching: what forgets, what is carried, and where the regression rests."""

import math

import numpy as np
import pytest

from refimpl.equations import Coefficients, Gaussian, adjoint, kl, langevin, paths, tilting

P, GOAL, BETA = Gaussian(1.5, 0.5), 2.5, 0.5
STAR = tilting.quadratic(P, GOAL, BETA)


def score(law, c, x):
    """Of the marginal that the path makes of a Gaussian."""
    return -(x - c.alpha * law.mean) / (c.alpha**2 * law.std**2 + c.sigma**2)


@pytest.mark.covers("adjoint.memory")
@pytest.mark.parametrize("kappa", [0.245, 1.0, 2.0])
def test_memory_falls_from_one_at_data_to_nothing_at_noise(kappa):
    levels = np.linspace(0, 1, 101)
    rho = [adjoint.memory(paths.linear(float(t)), 0.5, kappa) for t in levels]
    assert (rho[0], rho[-1]) == (1.0, 0.0)
    assert all(np.diff(rho) < 0)


@pytest.mark.covers("adjoint.memory")
def test_memory_is_the_correlation_of_the_noising_process_for_kappa_one():
    c = paths.cosine(0.6)
    covariance, variance = c.alpha * 0.7**2, c.alpha**2 * 0.7**2 + c.sigma**2
    assert adjoint.memory(c, 0.7, 1.0) == pytest.approx(
        covariance / (0.7 * variance**0.5), rel=1e-14
    )


@pytest.mark.covers("adjoint.memory", "langevin.noise_rate")
def test_an_integrated_chain_remembers_what_the_formula_says():
    kappa, std, n = 0.5, 0.5, 4000
    logarithm = 0.0
    for i in range(n):  # ∫ g²/(2V) from 0.05 to 0.95, by midpoints
        t = 0.05 + 0.9 * (i + 0.5) / n
        c = paths.linear(t)
        rate = kappa * langevin.noise_rate(c.alpha, c.sigma, c.d_alpha, c.d_sigma)
        logarithm -= 0.9 / n * rate / (2 * (c.alpha**2 * std**2 + c.sigma**2))
    low, high = (adjoint.memory(paths.linear(t), std, kappa) for t in (0.05, 0.95))
    assert math.exp(logarithm) == pytest.approx(high / low, rel=1e-6)  # midpoints: order h²


@pytest.mark.covers("adjoint.lean", "adjoint.carried", "tilting.memoryless_drift")
def test_the_lean_steps_converge_to_what_is_carried_at_first_order():
    def drift(t, x):
        c = paths.linear(t)
        v = -P.mean + (t - (1 - t) * P.std**2) / (
            c.alpha**2 * P.std**2 + c.sigma**2
        ) * (x - c.alpha * P.mean)  # fmt: skip
        return tilting.memoryless_drift(c, x, v)

    def error(n):
        found, h = 1.0, 0.8 / n
        for i in range(n):
            t = (i + 1) * h
            found = adjoint.lean(found, (drift(t, 1.0) - drift(t, 0.0)) * found, h)
        return abs(found - adjoint.carried(paths.linear(0.8), P.std))

    assert error(200) / error(400) == pytest.approx(2, abs=0.05)
    assert error(400) < 2e-3


@pytest.mark.covers("adjoint.carried")
def test_nothing_is_carried_to_pure_noise_and_everything_stays_at_data():
    assert adjoint.carried(paths.linear(1.0), 0.5) == 0.0
    assert adjoint.carried(paths.linear(0.0), 0.5) == 1.0


@pytest.mark.covers("adjoint.control", "kl.of_means")
def test_half_the_squared_control_is_the_steps_divergence():
    u = adjoint.control(0.75, -0.5, 0.2, 0.3)
    assert u**2 / 2 == pytest.approx(kl.of_means(1.0 - 0.2 * 0.75, 1.0 + 0.2 * 0.5, 0.3), rel=1e-14)


@pytest.mark.covers("adjoint.loss", "adjoint.target", "adjoint.control")
def test_the_target_has_no_loss_and_its_neighbours_have():
    v = adjoint.target(0.25, -1.5, 0.2, 0.3)
    for moved, lossy in ((0.0, False), (0.1, True), (-0.1, True)):
        u = adjoint.control(v + moved, 0.25, 0.2, 0.3)
        loss = adjoint.loss(u, -1.5, 0.3)
        assert (loss > 1e-4) is lossy
        assert lossy or loss == pytest.approx(0, abs=1e-28)


@pytest.mark.covers("adjoint.quadratic")
@pytest.mark.parametrize("t", [0.01, 0.3, 0.7, 0.99])
def test_the_optimal_adjoint_leads_from_the_references_score_to_the_tilted_laws(t):
    c = paths.linear(t)
    for x in (-1.0, 0.5, 2.0):
        wanted = score(P, c, x) - score(STAR, c, x)
        assert adjoint.quadratic(c, x, P, GOAL, BETA) == pytest.approx(wanted, rel=1e-9, abs=1e-12)


@pytest.mark.covers("adjoint.quadratic", "adjoint.target")
def test_the_target_of_the_optimal_adjoint_is_the_velocity_of_the_tilted_law():
    t, x, h = 0.6, 0.4, 0.1
    c = paths.linear(t)

    def velocity(law):
        variance = c.alpha**2 * law.std**2 + c.sigma**2
        return -law.mean + (t - (1 - t) * law.std**2) / variance * (x - c.alpha * law.mean)

    std = math.sqrt(langevin.noise_rate(c.alpha, c.sigma, c.d_alpha, c.d_sigma) * h)
    waiting = adjoint.quadratic(c, x, P, GOAL, BETA)
    assert adjoint.target(velocity(P), waiting, 2 * h, std) == pytest.approx(
        velocity(STAR), rel=1e-12
    )


@pytest.mark.covers("adjoint.end", "adjoint.quadratic")
def test_at_the_end_the_optimal_adjoint_is_the_costs_slope():
    c = Coefficients(1.0, 0.0, -1.0, 1.0)
    assert adjoint.quadratic(c, 0.7, P, GOAL, BETA) == adjoint.end(GOAL - 0.7, BETA)


@pytest.mark.covers("adjoint.memory", "adjoint.carried", "adjoint.quadratic")
def test_a_state_that_is_a_point_is_refused():
    c = Coefficients(0.0, 0.0, -1.0, 1.0)
    for call in (
        lambda: adjoint.memory(c, 0.5, 1.0),
        lambda: adjoint.carried(c, 0.5),
        lambda: adjoint.quadratic(c, 0.0, P, GOAL, BETA),
    ):
        with pytest.raises(ValueError, match="variance_of_state must be positive, got 0"):
            call()


@pytest.mark.covers("adjoint.end", "adjoint.memory", "adjoint.loss", "adjoint.target")
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: adjoint.end(1.0, 0.0), "beta must be positive, got 0"),
        (lambda: adjoint.memory(paths.linear(0.5), 0.5, 0.0), "kappa must be positive, got 0"),
        (lambda: adjoint.loss(0.0, 0.0, 0.0), "std must be positive, got 0"),
        (lambda: adjoint.target(0.0, 0.0, 0.0, 0.1), "must not vanish, got 0"),
        (lambda: adjoint.lean(1.0, 1.0, 0.0), "h must be positive, got 0"),
    ],
)
def test_what_has_no_answer_is_refused_by_name(call, words):
    with pytest.raises(ValueError, match=words):
        call()
