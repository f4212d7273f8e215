"""Facts about likelihoods of flows: volumes, composition, and the trace from random signs."""

import itertools
import math

import numpy as np
import pytest

from refimpl.equations import gaussian, likelihood


@pytest.mark.covers("likelihood.change_of_variables")
@pytest.mark.parametrize("scale", [2.0, -0.5])
def test_an_affine_map_of_a_gaussian_is_a_gaussian(scale):
    x = 0.75
    got = likelihood.change_of_variables(gaussian.log_prob(x, 0.0, 1.0), scale)
    assert got == pytest.approx(gaussian.log_prob(scale * x + 1, 1.0, abs(scale)), rel=1e-15)


@pytest.mark.covers("likelihood.change_of_variables")
def test_a_map_that_collapses_is_refused():
    with pytest.raises(ValueError, match="determinant must not vanish"):
        likelihood.change_of_variables(0.0, 0.0)


@pytest.mark.covers("likelihood.residual_step", "likelihood.instantaneous",
                    "likelihood.change_of_variables")  # fmt: skip
def test_many_residual_steps_become_the_flow_and_its_likelihood():
    x, log_p, n = 1.0, 0.0, 4096
    for _ in range(n):
        x = likelihood.residual_step(x, -0.5 * x, 1 / n)
        log_p = likelihood.change_of_variables(log_p, 1 - 0.5 / n)
    # both errors are of first order in 1/n, with constants below 1
    assert x == pytest.approx(math.exp(-0.5), abs=1 / n)
    assert log_p == pytest.approx(likelihood.instantaneous(-0.5), abs=1 / n)
    assert likelihood.instantaneous(3.0) == -3.0
    assert likelihood.residual_step(1.0, 2.0, 0.25) == 1.5


@pytest.mark.covers("likelihood.hutchinson")
def test_the_mean_over_all_signs_is_the_trace():
    jacobian = np.array([[1.0, 2.0, -3.0], [0.5, -2.0, 4.0], [7.0, 0.0, 3.0]])
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
    estimates = likelihood.hutchinson(signs, signs @ jacobian.T)
    assert estimates.shape == (8,)
    assert estimates.mean() == np.trace(jacobian)


@pytest.mark.covers("likelihood.coupled", "likelihood.uncoupled", "likelihood.through_block")
def test_a_block_is_undone_by_its_own_scale_and_shift():
    y = likelihood.coupled(0.7, -0.4, 1.5)
    assert y == pytest.approx(0.7 * math.exp(-0.4) + 1.5, rel=1e-15)
    assert likelihood.uncoupled(y, -0.4, 1.5) == pytest.approx(0.7, rel=1e-15)
    slope = likelihood.coupled(1.0, -0.4, 0.0)
    through = likelihood.change_of_variables(-0.9, slope)
    assert likelihood.through_block(-0.9, -0.4) == pytest.approx(through, rel=1e-14)
