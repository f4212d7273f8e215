"""Facts about contrastive divergence: where it rests, for every k, and what a temperature does."""

import pytest

from refimpl.equations import energy, gaussian, langevin


def after(precision, variance, eps, k):
    for _ in range(k):
        variance = energy.after(precision, variance, eps)
    return variance


@pytest.mark.covers("energy.resting", "energy.after", "energy.contrastive")
@pytest.mark.parametrize("k", [1, 3, 50])
def test_the_gradient_vanishes_at_rest_for_every_k_and_pulls_back_around_it(k):
    std, eps = 0.8, 0.05
    theta = energy.resting(std, eps)
    assert energy.contrastive(after(theta, std**2, eps, k), std) == pytest.approx(0, abs=1e-15)
    assert energy.contrastive(after(0.9 * theta, std**2, eps, k), std) > 1e-3
    assert energy.contrastive(after(1.1 * theta, std**2, eps, k), std) < -1e-3


@pytest.mark.covers("energy.resting", "langevin.stationary_variance")
def test_at_rest_the_chain_of_the_model_is_as_wide_as_the_data():
    std, eps = 0.8, 0.05
    model = energy.resting(std, eps) ** -0.5
    assert model < std
    assert langevin.stationary_variance(model, eps) == pytest.approx(std**2, rel=1e-13)


@pytest.mark.covers("energy.resting")
def test_the_bias_is_of_first_order_in_the_step():
    bias = [energy.resting(0.8, eps) - 1 / 0.8**2 for eps in (1e-4, 2e-4)]
    assert bias[1] / bias[0] == pytest.approx(2, rel=1e-3)
    assert bias[0] == pytest.approx(1e-4 / (2 * 0.8**4), rel=1e-3)


@pytest.mark.covers("energy.tempered")
def test_a_tempered_gaussian_has_t_times_the_variance():
    found = energy.tempered(gaussian.score(0.7, 0.2, 0.5), 3.0)
    assert found == pytest.approx(gaussian.score(0.7, 0.2, 0.5 * 3**0.5), rel=1e-14)


@pytest.mark.covers("energy.resting", "energy.tempered", "energy.after", "energy.contrastive")
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: energy.resting(0.5, 0.2), "stability must be zero or positive, got -0.6"),
        (lambda: energy.tempered(1.0, 0.0), "temperature must be positive, got 0"),
        (lambda: energy.after(0.0, 1.0, 0.1), "precision must be positive, got 0"),
        (lambda: energy.contrastive(-1.0, 1.0), "moved must be zero or positive, got -1"),
    ],
)
def test_what_never_rests_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
