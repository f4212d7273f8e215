"""Solvers of the flow against exact transports."""

import math

import pytest
import torch

from refimpl.equations import ode as rules
from refimpl.equations import paths
from refimpl.simulate import grids
from refimpl.simulate.ode import adaptive, solve, trajectory
from refimpl.toy import field, gaussian_1d, mixture_1d


def latents():
    return torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_euler_by_hand_on_four_dimensions():
    x = latents()
    y = solve(rules.euler, lambda x, t: t * x, x, grids.from_levels((1.0, 0.5, 0.2)))
    torch.testing.assert_close(y, x * (1 - 0.5 * 1.0) * (1 - 0.3 * 0.5))


def test_every_step_is_taken_the_last_one_included():
    seen = []

    def v(x, t):
        seen.append(t)
        return 0 * x

    grid = grids.sd35_as_shipped(10)
    solve(rules.euler, v, latents(), grid)
    assert tuple(seen) == grid.levels[:-1]


@pytest.mark.parametrize(("rule", "tolerance"), [(rules.heun, 4e-3), (rules.rk4, 1e-5)])
def test_a_gaussian_flow_scales_and_shifts(rule, tolerance):
    """x_s = m_s + (std_s/std_t)(x_t − m_t); 40 steps leave h² and h⁴ times a constant near 5."""
    p, path = gaussian_1d(), paths.cosine
    x = torch.linspace(-2, 2, 5, dtype=torch.float64)[:, None]
    high, low = p.at(path(1.0)), p.at(path(0.0))
    exact = low.mean + low.stds / high.stds * (x - high.mean)
    found = solve(rule, field(p, path), x, grids.uniform(40))
    torch.testing.assert_close(found, exact, rtol=0, atol=tolerance)


def test_a_trajectory_holds_both_ends():
    x, grid = latents(), grids.uniform(3)
    states = trajectory(rules.heun, lambda x, t: x, x, grid)
    assert states.shape == (4, *x.shape)
    assert torch.equal(states[0], x)
    assert torch.equal(states[-1], solve(rules.heun, lambda x, t: x, x, grid))


def test_the_adaptive_solver_holds_its_tolerance_for_every_sample():
    """One stiff sample among many easy ones is what a batch-wide norm gets wrong."""
    x = torch.cat([torch.full((200, 1), 0.01), torch.full((1, 1), 2.0)]).double()
    exact = lambda x: x / (1 + 2 * x**2).sqrt()  # noqa: E731  dx/dt = +x³ from 1 to 0
    y = adaptive(lambda x, t: x**3, x, 1.0, 0.0, tolerance=1e-8)
    assert float((y - exact(x)).abs().max()) < 1e-7  # a few steps of 1e-8 each


def test_the_adaptive_solver_follows_quantiles():
    p = mixture_1d()
    x = torch.linspace(-3, 3, 9, dtype=torch.float64)[:, None]
    y = adaptive(field(p), x, 1.0, 0.0, chunk=4)
    torch.testing.assert_close(p.cdf(y), torch.special.ndtr(x), rtol=0, atol=1e-9)


def test_bad_input_is_refused():
    x = latents()
    with pytest.raises(ValueError, match="noise levels must fall"):
        adaptive(lambda x, t: x, x, 0.2, 0.5)
    with pytest.raises(ValueError, match="tolerance must lie"):
        adaptive(lambda x, t: x, x, 1.0, 0.0, tolerance=0.0)
    with pytest.raises(ValueError, match="x must be finite"):
        solve(rules.euler, lambda x, t: x, x * math.nan, grids.uniform(2))
