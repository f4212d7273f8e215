"""Exact laws of discrete chains: golden numbers, two routes to one law, and limits."""

import math

import pytest
import torch

from refimpl.equations import sde
from refimpl.simulate import diffusion, grids, laws
from refimpl.simulate import sde as chains
from refimpl.toy import field, gaussian, gaussian_1d, mixture_1d

ONE = torch.ones(1, dtype=torch.float64)


def chain(problem, a=0.7, T=10):
    g = diffusion.flow_grpo(a, sde.next_level)
    return chains.denoising(field(problem), grids.uniform(T), diffusion=g)


@pytest.mark.parametrize(
    ("a", "variance", "correlation", "half"),
    [
        (0.0, 0.1856, 1.0, 1e-12),
        (0.7, 0.2300, 0.226, 5e-4),
        (1.0, 0.2435, 0.032, 5e-4),
        (math.sqrt(2), 0.2544, 0.00056, 5e-6),
    ],
)
def test_ten_steps_have_their_golden_law(a, variance, correlation, half):
    law = laws.gaussian_law(chain(gaussian_1d(), a), 0 * ONE, ONE)
    assert float(law.variance[-1]) == pytest.approx(variance, abs=5e-5)
    assert float(law.correlation_with_start[-1]) == pytest.approx(correlation, abs=half)
    assert float(law.mean[-1]) == pytest.approx(1.5, abs=1e-12)


def test_coordinates_are_pushed_one_by_one():
    both = laws.gaussian_law(
        chain(gaussian([1.5, -2.0], [0.5, 0.1])), torch.zeros(2).double(), torch.ones(2).double()
    )
    one = laws.gaussian_law(chain(gaussian_1d()), 0 * ONE, ONE)
    torch.testing.assert_close(both.variance[:, :1], one.variance)
    assert both.mean.shape == (11, 2)


@pytest.mark.parametrize("a", [0.3, 0.7, 1.0])
def test_quadrature_agrees_with_the_recursion(a):
    law = laws.gaussian_law(chain(gaussian_1d(), a), 0 * ONE, ONE)
    nodes = laws.nodes_for(a * math.sqrt(0.1 * 0.1 / 0.9))
    start = gaussian([0.0], [1.0]).log_density(nodes[:, None]).exp()
    density = laws.density_law(chain(gaussian_1d(), a), start, nodes)
    assert density.mass == pytest.approx(1, abs=1e-11)
    assert density.mean == pytest.approx(float(law.mean[-1]), abs=1e-11)
    assert density.variance == pytest.approx(float(law.variance[-1]), abs=1e-11)
    exact = gaussian([float(law.mean[-1])], [float(law.std[-1])])
    x = torch.linspace(-1, 4, 33, dtype=torch.float64)
    # a cubic spline between nodes: their spacing to the fourth power, times a fourth derivative
    torch.testing.assert_close(density.cdf(x), exact.cdf(x), rtol=0, atol=1e-5)
    w = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    torch.testing.assert_close(density.characteristic(w), exact.characteristic(w[:, None]))


def test_the_chain_of_a_mixture_nears_the_data_as_steps_are_added():
    p, gaps = mixture_1d(), []
    for T in (5, 10, 20):
        nodes = laws.nodes_for(0.7 / T * math.sqrt(1 / (1 - 1 / T)), resolution=2.0)
        start = gaussian([0.0], [1.0]).log_density(nodes[:, None]).exp()
        law = laws.density_law(chain(p, T=T), start, nodes)
        gaps.append(float((law.cdf(nodes) - p.cdf(nodes)).abs().max()))
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[1] == pytest.approx(0.0229, abs=1e-4)


def test_a_field_that_bends_has_no_gaussian_law():
    # from t = 1 every field is affine, so the bend shows one step later
    with pytest.raises(ValueError, match=r"kernel 1 is not affine .* use density_law"):
        laws.gaussian_law(chain(mixture_1d()), 0 * ONE, ONE)


def test_nodes_that_are_too_coarse_are_refused():
    nodes = laws.nodes_for(2.0, resolution=1.5)
    start = gaussian([0.0], [1.0]).log_density(nodes[:, None]).exp()
    with pytest.raises(ValueError, match=r"the mass is off by .* finer nodes"):
        laws.density_law(chain(mixture_1d()), start, nodes)


def test_a_deterministic_step_has_no_density_to_push():
    nodes = laws.nodes_for(0.1)
    start = gaussian([0.0], [1.0]).log_density(nodes[:, None]).exp()
    with pytest.raises(ValueError, match=r"kernel 0 has std 0\.0"):
        laws.density_law(chain(mixture_1d(), a=0.0), start, nodes)
