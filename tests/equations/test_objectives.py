"""Facts about objectives: what their minimisers are, and the constants between them."""

import numpy as np
import pytest
import torch

from refimpl.equations import density, objectives

POSTERIOR = np.array([0.25, 0.5, 0.25])
TARGETS = np.array([1.0, -2.0, 3.0])


@pytest.mark.covers("objectives.flow_matching", "objectives.gap", "density.conditional_mean")
@pytest.mark.parametrize("v", [0.0, 1.5, -3.0])
def test_marginal_and_conditional_losses_differ_by_a_constant(v):
    mean = density.conditional_mean(POSTERIOR, TARGETS)
    conditional = POSTERIOR @ objectives.flow_matching(np.full(3, v), TARGETS)
    marginal = objectives.flow_matching(v, mean)
    assert marginal == conditional + objectives.gap(POSTERIOR, TARGETS)
    assert objectives.gap(POSTERIOR, TARGETS) == -4.5


@pytest.mark.covers("objectives.gap")
def test_the_constant_vanishes_where_x_decides():
    assert objectives.gap(np.array([0.0, 1.0, 0.0]), TARGETS) == 0


@pytest.mark.covers("objectives.denoising", "objectives.weighted_denoising")
def test_the_true_score_has_no_loss_and_weights_tame_its_size():
    noise, sigma = 1.5, 0.25
    assert objectives.denoising(-noise / sigma, noise, sigma) == 0
    assert objectives.weighted_denoising(-noise / sigma, noise, sigma) == 0
    assert objectives.denoising(0.0, noise, sigma) == 36
    assert objectives.weighted_denoising(0.0, noise, sigma) == 2.25
    assert objectives.weighted_denoising(2.0, noise, sigma) == 0.0625 * objectives.denoising(
        2.0, noise, sigma
    )


@pytest.mark.covers("objectives.implicit")
def test_implicit_score_matching_finds_the_score_of_a_gaussian():
    x = np.linspace(-12, 12, 2401)
    p = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    losses = {
        k: np.trapezoid(p * objectives.implicit(-k * x, np.full_like(x, -k)), x)
        for k in (0.9, 1.0, 1.1)
    }
    assert losses[1.0] == pytest.approx(-0.5, abs=1e-13)  # −k + k²/2
    assert losses[0.9] - losses[1.0] == pytest.approx(0.005, rel=1e-10)
    assert losses[1.1] - losses[1.0] == pytest.approx(0.005, rel=1e-10)


@pytest.mark.covers("objectives.energy_score", "objectives.energy_gradient")
def test_gradients_of_an_energy_model():
    # f = θ x²/2: log p = −θx²/2 + ½ log θ + const
    theta = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    x = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    log_p = -theta * x**2 / 2 + torch.log(theta) / 2
    d_theta, d_x = torch.autograd.grad(log_p, (theta, x))
    assert objectives.energy_score(2.0 * 1.5) == d_x.item()
    # E[x²/2] = 1/(2θ)
    assert objectives.energy_gradient(1.5**2 / 2, 1 / 4) == d_theta.item()
