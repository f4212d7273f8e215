"""Facts about couplings: the optimal map reaches the least cost, and leaves nothing unexplained."""

import numpy as np
import pytest

from refimpl.equations import Gaussian, coupling

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(8)
WEIGHTS = WEIGHTS / np.sqrt(2 * np.pi)


@pytest.mark.covers("coupling.cost", "coupling.gaussian_map", "coupling.gaussian_cost")
def test_the_optimal_map_reaches_the_least_cost():
    law = Gaussian(1.5, 0.5)
    data = coupling.gaussian_map(NODES, law)
    mean_cost = WEIGHTS @ coupling.cost(data, NODES)
    assert mean_cost == pytest.approx(coupling.gaussian_cost(law, Gaussian(0.0, 1.0)), rel=1e-13)
    assert WEIGHTS @ data == pytest.approx(1.5)
    assert WEIGHTS @ (data - 1.5) ** 2 == pytest.approx(0.25)
    assert coupling.gaussian_cost(law, law) == 0


@pytest.mark.covers("coupling.correlated_velocity_variance")
def test_only_the_optimal_coupling_explains_its_velocity():
    assert coupling.correlated_velocity_variance(0.5, 2.0, 1.0) == 0
    assert coupling.correlated_velocity_variance(0.5, 2.0, 0.0) == 4 / 1.25
    for correlation in (1.25, 1.5, -1.5):
        with pytest.raises(ValueError, match="one_minus_rho_squared"):
            coupling.correlated_velocity_variance(0.5, 2.0, correlation)
    with pytest.raises(ValueError, match="variance_of_x must be positive"):
        coupling.correlated_velocity_variance(0.5, 1.0, -1.0)


@pytest.mark.covers("coupling.straightness")
def test_a_straight_line_is_straight():
    ends = np.array([[1.0, -2.0], [0.5, 3.0]])
    assert (coupling.straightness(ends, np.stack([ends] * 4)) == 0).all()
    bent = np.stack([ends - 1, ends + 1])
    assert (coupling.straightness(ends, bent) == 1).all()
    with pytest.raises(ValueError, match="ends has shape"):
        coupling.straightness(ends, np.ones((4, 2)))
