"""Facts about Langevin dynamics: its bias on a Gaussian, and what stays the same across scales."""

import numpy as np
import pytest

from refimpl.equations import langevin, paths


@pytest.mark.covers("langevin.step", "langevin.stationary_variance")
@pytest.mark.parametrize(("std", "eps"), [(1.0, 0.125), (0.5, 0.25), (2.0, 0.01)])
def test_the_chain_settles_at_a_variance_that_is_too_large(std, eps):
    v = langevin.stationary_variance(std, eps)
    gain = langevin.step(1.0, -1.0 / std**2, eps).mean  # the mean is linear in x
    assert gain**2 * v + langevin.step(0.0, 0.0, eps).std ** 2 == pytest.approx(v, rel=1e-14)
    assert v > std**2


@pytest.mark.covers("langevin.stationary_variance")
@pytest.mark.parametrize("eps", [2.0, 3.0])
def test_a_chain_that_diverges_is_refused(eps):
    with pytest.raises(ValueError, match="stability must be positive"):
        langevin.stationary_variance(1.0, eps)
    with pytest.raises(ValueError, match="stability must be positive"):
        langevin.stationary_variance(2.0, 4 * eps)
    assert langevin.stationary_variance(2.0, 7.0) == 32.0  # 4/(1 − 7/8): slow, but it settles


@pytest.mark.covers("langevin.annealed_eps")
def test_signal_to_noise_is_the_same_at_every_scale():
    scales = np.array([0.01, 0.1, 1.0])
    eps = langevin.annealed_eps(np.array([2e-5]), scales, np.array([0.01]))
    # drift ε·(1/σ) against noise √(2ε)
    snr = eps / scales / np.sqrt(2 * eps)
    assert np.allclose(snr, snr[0], rtol=1e-14)
    assert eps[0] == pytest.approx(2e-5)


@pytest.mark.covers("langevin.perturbed_weight")
def test_the_weighted_target_has_unit_size():
    assert langevin.perturbed_weight(0.25) * (1 / 0.25) ** 2 == 1


@pytest.mark.covers("langevin.noise_rate")
def test_the_rate_of_known_paths():
    t = np.array([0.25, 0.5, 0.875])
    c = paths.linear(t)
    rate = langevin.noise_rate(c.alpha, c.sigma, np.array([-1.0]), np.array([1.0]))
    assert np.allclose(rate, 2 * t / (1 - t), rtol=1e-14)
    c = paths.vp(t, 0.1, 20.0)
    rate = langevin.noise_rate(c.alpha, c.sigma, c.d_alpha, c.d_sigma)
    assert np.allclose(rate, 0.1 + 19.9 * t, rtol=1e-13)
    with pytest.raises(ValueError, match="noise_rate must be zero or positive"):
        langevin.noise_rate(0.5, 0.5, 1.0, -1.0)
    assert langevin.noise_rate(0.5, 0.0, -1.0, 1.0) == 0
