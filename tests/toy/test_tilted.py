"""A tilted mixture is what its density says, by ratios, by quadrature and by weighted samples."""

import math

import pytest
import torch

from refimpl.toy import mixture_1d, mixture_2d
from refimpl.toy.tilted import importance_weighted_mean, tilted


def test_the_log_ratio_to_the_reference_is_the_reward_and_a_constant():
    p, slope, beta = mixture_2d(), torch.tensor([0.75, -0.5], dtype=torch.float64), 0.8
    star = tilted(p, slope, beta)
    x = p.sample(50, torch.Generator().manual_seed(0))
    constant = star.log_density(x) - p.log_density(x) - x @ slope / beta
    assert float(constant.max() - constant.min()) < 1e-12  # a hundred roundings of numbers near 10


def test_the_tilted_mean_is_the_integral():
    p, slope, beta = mixture_1d(), torch.tensor([1.25], dtype=torch.float64), 0.5
    x = torch.linspace(-8, 10, 20001, dtype=torch.float64)
    density = torch.exp(p.log_density(x[:, None]) + slope * x / beta)
    mean = float((density * x).sum() / density.sum())
    assert float(tilted(p, slope, beta).mean[0]) == pytest.approx(mean, rel=1e-9)


def test_a_large_beta_leaves_the_reference_and_a_small_one_moves_weight_to_the_best_mode():
    p, slope = mixture_1d(), torch.tensor([1.0], dtype=torch.float64)
    assert torch.allclose(tilted(p, slope, 1e9).weights, p.weights, atol=1e-8)
    assert float(tilted(p, slope, 0.2).weights[2]) > 0.99


def test_weighted_samples_find_the_tilted_mean():
    """Six standard errors of a self-normalised mean, from the effective number of samples."""
    p, slope, beta, n = mixture_1d(), torch.tensor([0.5], dtype=torch.float64), 1.0, 100_000
    star, x = tilted(p, slope, beta), p.sample(100_000, torch.Generator().manual_seed(1))
    weight = torch.exp(x @ slope / beta)
    effective = float(weight.sum() ** 2 / (weight**2).sum())
    found = importance_weighted_mean(p, slope, beta, x)
    bound = 6 * math.sqrt(float(star.covariance[0, 0]) / effective)
    assert effective > n / 4
    assert abs(float(found - star.mean)) < bound


@pytest.mark.parametrize(
    ("slope", "beta", "word"),
    [
        (torch.ones(2, dtype=torch.float64), 1.0, r"slope must be \(1,\), got \(2,\)"),
        (torch.ones(1, dtype=torch.float64), 0.0, "beta must be positive, got 0.0"),
        (torch.full((1,), math.nan, dtype=torch.float64), 1.0, "slope must be finite"),
    ],
)
def test_tilts_that_make_no_sense_are_refused(slope, beta, word):
    with pytest.raises(ValueError, match=word):
        tilted(mixture_1d(), slope, beta)
