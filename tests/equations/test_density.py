"""Facts about moving densities: mass is kept, diffusion spreads, and Bayes adds up to one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.equations import density

weights = st.lists(st.integers(1, 32), min_size=3, max_size=3).map(np.array)


@pytest.mark.covers("density.continuity")
def test_a_translated_density_changes_by_minus_its_slope():
    # p(x, t) = p0(x − 2t): ∂_t p = −2 p′
    assert density.continuity(p=0.5, dp_dx=0.25, v=2.0, dv_dx=0.0) == -0.5
    # expansion dilutes: v = 3x at x = 0
    assert density.continuity(p=0.5, dp_dx=0.25, v=0.0, dv_dx=3.0) == -1.5


@pytest.mark.covers("density.continuity", "density.fokker_planck")
def test_total_mass_is_kept():
    x = np.linspace(-10, 10, 4001)
    p = np.exp(-(x**2) / 2)
    v, dv = np.sin(x), np.cos(x)
    rates = (
        density.continuity(p, -x * p, v, dv),
        density.fokker_planck(p, -x * p, (x**2 - 1) * p, v, dv, np.array(1.5)),
    )
    for rate in rates:
        # the trapezoid rule is exact to rounding on functions that vanish at both ends
        assert abs(np.trapezoid(rate, x)) < 1e-14


@pytest.mark.covers("density.fokker_planck")
def test_without_noise_fokker_planck_is_continuity():
    args = {"p": 0.5, "dp_dx": 0.25}
    assert density.fokker_planck(**args, d2p_dx2=7.0, f=2.0, df_dx=3.0, g=0.0) == (
        density.continuity(**args, v=2.0, dv_dx=3.0)
    )


@pytest.mark.covers("density.fokker_planck")
def test_the_heat_equation_at_one_point():
    assert density.fokker_planck(1.0, 0.0, 0.5, 0.0, 0.0, 3.0) == 2.25


@pytest.mark.covers("density.fokker_planck")
def test_a_stationary_law_does_not_change():
    # Ornstein–Uhlenbeck dx = −x dt + √2 dw keeps N(0, 1)
    x = np.linspace(-4, 4, 17)
    p = np.exp(-(x**2) / 2)
    rate = density.fokker_planck(p, -x * p, (x**2 - 1) * p, -x, np.full(17, -1.0), np.sqrt([2.0]))
    assert np.abs(rate).max() < 4e-15


@pytest.mark.covers("density.posterior", "density.marginal")
@given(weights, weights)
def test_posteriors_add_up_to_one(w, likelihood):
    prior = (w / w.sum()).reshape(3, 1, 1)
    like = np.stack([likelihood, 33.0 - likelihood], axis=1).reshape(3, 2, 1)
    posterior = density.posterior(prior, like)
    assert posterior.shape == (3, 2, 1)
    # three additions and a division
    assert np.abs(posterior.sum(axis=0) - 1).max() <= 4 * 2.0**-53
    assert np.array_equal(posterior * density.marginal(prior, like), prior * like) or np.allclose(
        posterior * density.marginal(prior, like), prior * like, rtol=4 * 2.0**-53
    )


@pytest.mark.covers("density.posterior")
def test_an_uninformative_likelihood_leaves_the_prior():
    prior = np.array([0.25, 0.75])
    assert np.array_equal(density.posterior(prior, np.array([0.5, 0.5])), prior)


@pytest.mark.covers("density.posterior")
def test_an_impossible_observation_is_refused():
    with pytest.raises(ValueError, match=r"density must be positive, got 0.0"):
        density.posterior(np.array([0.5, 0.5]), np.array([0.0, 0.0]))


@pytest.mark.covers("density.conditional_mean")
def test_a_conditional_mean_lies_at_the_certain_value():
    values = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert np.array_equal(
        density.conditional_mean(np.array([[0.0, 1.0], [1.0, 0.0]]), values), [3, 2]
    )
    assert np.array_equal(
        density.conditional_mean(np.array([[0.5, 0.25], [0.5, 0.75]]), values), [2, 3.5]
    )


@pytest.mark.covers("density.marginal")
def test_the_leading_axis_is_summed():
    out = density.marginal(np.full((2, 1, 1), 0.5), np.arange(12.0).reshape(2, 3, 2))
    assert np.array_equal(out, [[3, 4], [5, 6], [7, 8]])
