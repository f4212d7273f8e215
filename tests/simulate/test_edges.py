"""Exact laws, grids and diffusions away from the numbers that hide a mistake (mean 0, std 1)."""

import math

import pytest
import torch

from refimpl.equations import Step, paths
from refimpl.equations.gaussian import Gaussian
from refimpl.simulate import diffusion, grids, laws, replay, rollout


def start(mean, std):
    return torch.tensor([mean], dtype=torch.float64), torch.tensor([std], dtype=torch.float64)


def affine(slope, offset, std):
    return lambda x: Gaussian(slope * x + offset, std)


def test_a_gaussian_start_of_any_mean_and_std_goes_through_affine_kernels():
    law = laws.gaussian_law([affine(0.9, 0.1, 0.2), affine(-0.5, 1.0, 0.3)], *start(0.7, 0.5))
    first = (0.9 * 0.7 + 0.1, 0.9**2 * 0.25 + 0.04, 0.9 * 0.25)
    second = (-0.5 * first[0] + 1, 0.25 * first[1] + 0.09, -0.5 * first[2])
    for i, (m, variance, covariance) in enumerate(((0.7, 0.25, 0.25), first, second)):
        assert float(law.mean[i]) == pytest.approx(m)
        assert float(law.variance[i]) == pytest.approx(variance)
        assert float(law.covariance_with_start[i]) == pytest.approx(covariance)
        rho = covariance / (0.5 * math.sqrt(variance))
        assert float(law.correlation_with_start[i]) == pytest.approx(rho)


def test_a_kernels_own_std_may_depend_on_where_it_is():
    """Then it is read at the mean, where an affine law has its variance."""
    kernel = lambda x: Gaussian(x, 0.1 + (x.max() - 0.7).abs())  # noqa: E731
    law = laws.gaussian_law([kernel], *start(0.7, 0.5))
    assert float(law.variance[1]) == pytest.approx(0.25 + 0.01)


def test_how_far_a_kernel_may_bend_is_relative_to_its_slope():
    bent = lambda bend, slope: lambda x: Gaussian(slope * x + bend / 2 * (x - 0.7) ** 2, 0.1)  # noqa: E731
    with pytest.raises(ValueError, match=r"kernel 0 is not affine \(it bends by 1.5e-09\)"):
        laws.gaussian_law([bent(1.5e-9, 0.0)], *start(0.7, 0.5))
    with pytest.raises(ValueError, match=r"kernel 0 is not affine \(it bends by 2.5e-08\)"):
        laws.gaussian_law([bent(1e-7, 3.0)], *start(0.7, 0.5))
    laws.gaussian_law([bent(0.9e-9, 0.0)], *start(0.7, 0.5))
    laws.gaussian_law([bent(1e-6, 1e5)], *start(0.7, 0.5))  # rounding, at that slope


def test_a_cdf_is_the_integral_inside_and_constant_outside():
    nodes = torch.linspace(0, 1, 11, dtype=torch.float64)
    flat = laws.DensityLaw(nodes, torch.ones(11, dtype=torch.float64))
    at = torch.tensor([-5.0, 0.0, 0.05, 0.25, 0.95, 1.0, 7.0], dtype=torch.float64)
    torch.testing.assert_close(flat.cdf(at), at.clamp(0, 1))


@pytest.mark.parametrize(
    ("density", "cdf"),
    [(lambda x: 2 * x, lambda x: x**2), (lambda x: 2 - 2 * x, lambda x: 2 * x - x**2)],
)
def test_a_cdf_is_0_below_its_nodes_and_1_above_them_however_its_density_ends(density, cdf):
    nodes = torch.linspace(0, 1, 11, dtype=torch.float64)
    at = torch.tensor([-7.0, -0.5, 0.3, 0.9, 1.5, 9.0], dtype=torch.float64)
    found = laws.DensityLaw(nodes, density(nodes)).cdf(at)
    torch.testing.assert_close(found, cdf(at.clamp(0, 1)))


def test_a_cdf_stays_between_0_and_1_where_its_spline_does_not():
    nodes = torch.linspace(0, 1, 11, dtype=torch.float64)
    spike = torch.zeros(11, dtype=torch.float64)
    spike[5] = 20.0
    found = laws.DensityLaw(nodes, spike).cdf(torch.linspace(0, 1, 400, dtype=torch.float64))
    assert (float(found.min()), float(found.max())) == (0.0, 1.0)


def normal(nodes):
    return torch.exp(-(nodes**2) / 2) / math.sqrt(2 * math.pi)


def test_a_density_without_kernels_is_itself():
    nodes = laws.nodes_for(0.5)
    law = laws.density_law([], normal(nodes), nodes)
    assert torch.equal(law.nodes, nodes)
    assert law.mass == pytest.approx(1, abs=1e-12)
    assert law.variance == pytest.approx(1, abs=1e-12)


def test_nodes_reach_both_ends_with_three_to_a_std():
    nodes = laws.nodes_for(0.5)
    assert (float(nodes[0]), float(nodes[-1]), len(nodes)) == (-9.0, 9.0, 109)
    assert float(laws.nodes_for(0.5, 4.0, 2.0)[-1]) == 4.0
    assert len(laws.nodes_for(0.5, 4.0, 2.0)) == 33


def test_a_mass_that_is_lost_is_refused_with_how_much():
    nodes = laws.nodes_for(0.5, half_width=5.0)
    out = [affine(1.0, 0.0, 0.5)]  # some of it ends beyond the nodes
    lost = r"after kernel 0 \(std 0.5\) the mass is off by -5.47e-06: give finer nodes, or a longer"
    with pytest.raises(ValueError, match=f"{lost} interval$"):
        laws.density_law(out, normal(nodes), nodes)
    assert laws.density_law(out, normal(nodes), nodes, tolerance=1e-3).mass < 1


def test_the_last_level_is_the_one_that_was_asked_for():
    assert 1.0 + (0.1 - 1.0) * 3 / 3 != 0.1
    assert grids.uniform(3, 1.0, 0.1).levels[-1] == 0.1


def test_the_shipped_grid_begins_at_two_steps():
    assert grids.sd35_as_shipped(2).levels == (1.0, pytest.approx(0.0089286, abs=1e-6), 0.0)
    with pytest.raises(ValueError, match="needs T >= 2, got 1"):
        grids.sd35_as_shipped(1)


def test_a_constant_diffusion_is_its_number_and_a_window_cuts_it():
    g = diffusion.constant(0.3)
    assert g(Step(0.5, 0.4)) == 0.3
    inside = diffusion.window(g, 0.8, 0.4)
    assert [inside(Step(t, 0.1)) for t in (0.9, 0.8, 0.5, 0.4, 0.3)] == [0.0, 0.3, 0.3, 0.0, 0.0]


@pytest.mark.parametrize(
    ("high", "low", "words"),
    [
        (0.5, 0.5, "low < high"),
        (0.5, -0.1, "low must"),
        (1.5, 0.5, "high must"),
        (0.4, 0.5, "low < high"),
    ],
)
def test_a_window_that_is_none_is_refused(high, low, words):
    with pytest.raises(ValueError, match=words):
        diffusion.window(diffusion.constant(1.0), high, low)


def test_a_chain_on_another_path_uses_it_in_sampling_and_in_replay():
    x = torch.linspace(-1, 1, 6, dtype=torch.float64).reshape(2, 3)
    field = lambda x, t: torch.sin(x) + t  # noqa: E731
    given = {
        "diffusion": diffusion.constant(0.3),
        "noise": torch.ones(3, 2, 3, dtype=torch.float64),
    }
    grid = grids.from_levels((0.9, 0.6, 0.3, 0.1))
    bent, straight = (
        rollout(field, x, grid, path=p, **given) for p in (paths.cosine, paths.linear)
    )
    assert not torch.allclose(bent.states, straight.states)
    for i, law in enumerate(replay(bent, field)):
        assert torch.equal(law.mean, bent.means[i])
