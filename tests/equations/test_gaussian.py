"""Facts about the Gaussian: normalised, peaked at its mean, and whose score is its derivative."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from strategies import of

from refimpl.equations import Gaussian, gaussian
from refimpl.equations.arguments import State, Std

numbers = of(State)
stds = of(Std)


@pytest.mark.covers("gaussian.log_prob")
def test_log_density_at_known_points():
    half_log_2_pi = 0.9189385332046727
    assert gaussian.log_prob(0.0, 0.0, 1.0) == -half_log_2_pi
    assert gaussian.log_prob(3.0, 1.0, 2.0) == pytest.approx(-0.5 - math.log(2) - half_log_2_pi)


@pytest.mark.covers("gaussian.log_prob")
@pytest.mark.parametrize(("mean", "std"), [(0.5, 0.75), (-2.0, 2.5)])
def test_the_density_integrates_to_one(mean, std):
    x = np.linspace(mean - 12 * std, mean + 12 * std, 2001)
    density = np.exp(gaussian.log_prob(x, np.full(1, mean), np.full(1, std)))
    # the trapezoid rule is exact to rounding on a Gaussian cut at twelve standard deviations
    assert np.trapezoid(density, x) == pytest.approx(1, abs=1e-14)


@pytest.mark.covers("gaussian.log_prob")
@given(numbers, numbers, stds)
def test_the_density_is_even_about_its_mean(x, mean, std):
    assert gaussian.log_prob(mean + x, mean, std) == gaussian.log_prob(mean - x, mean, std)
    assert gaussian.log_prob(mean + x, mean, std) <= gaussian.log_prob(mean, mean, std)


@pytest.mark.covers("gaussian.score", "gaussian.log_prob")
def test_the_score_is_the_gradient_of_the_log_density():
    x = torch.linspace(-3, 3, 24, dtype=torch.float64).reshape(2, 3, 2, 2).requires_grad_()
    mean = torch.full((2, 1, 1, 1), 0.25, dtype=torch.float64)
    std = torch.tensor([0.5, 2.0], dtype=torch.float64).reshape(2, 1, 1, 1)
    (gradient,) = torch.autograd.grad(gaussian.log_prob(x, mean, std).sum(), x)
    assert torch.allclose(gaussian.score(x, mean, std), gradient, rtol=1e-15, atol=1e-15)


@pytest.mark.covers("gaussian.sample", "gaussian.log_prob")
@given(numbers, stds, numbers)
def test_a_sample_is_as_likely_as_its_noise(mean, std, noise):
    x = gaussian.sample(mean, std, noise)
    # twenty operations at the size of x² /std²
    size = 1 + (x / std) ** 2 + (mean / std) ** 2
    assert gaussian.log_prob(x, mean, std) == pytest.approx(
        gaussian.log_prob(noise, 0.0, 1.0) - math.log(std), abs=20 * 2.0**-53 * size * 4
    )


@pytest.mark.covers("gaussian.sample")
def test_a_step_without_noise_is_its_mean():
    assert gaussian.sample(1.5, 0.0, 7.0) == 1.5


@pytest.mark.covers("gaussian.sample", "gaussian.log_prob")
def test_the_dataclass_calls_the_same_functions():
    p = Gaussian(1.5, 0.5)
    assert p.sample(-2.0) == 0.5
    assert p.log_prob(2.0) == gaussian.log_prob(2.0, 1.5, 0.5)
