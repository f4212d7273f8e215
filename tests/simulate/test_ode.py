"""Solvers of the flow against exact transports."""

import math

import pytest
import torch
from scipy.integrate import solve_ivp

from refimpl.equations import ode as rules
from refimpl.equations import paths
from refimpl.simulate import grids, ode
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


@pytest.mark.parametrize(
    ("rows", "tolerance", "each"), [(2, 1e-6, 5e-7), (8, 1e-6, 2.5e-7), (8, 1e-13, 3e-14)]
)
def test_the_tolerance_of_a_batch_is_divided_by_the_root_of_its_size_down_to_scipys_floor(
    monkeypatch, rows, tolerance, each
):
    asked = []

    def listen(*given, rtol, atol):
        asked.append((given[3], rtol, atol))
        return solve_ivp(*given, rtol=rtol, atol=atol)

    monkeypatch.setattr(ode, "solve_ivp", listen)
    x = torch.ones(rows, 2, dtype=torch.float64)
    found = adaptive(lambda x, t: x, x, 1.0, 0.5, tolerance=tolerance)
    torch.testing.assert_close(
        found, x * math.exp(-0.5), rtol=0, atol=10 * tolerance
    )  # over a few steps
    each = pytest.approx(each, rel=1e-12, abs=0)
    assert asked == [("DOP853", each, each)]


@pytest.mark.filterwarnings("ignore:overflow")
def test_a_flow_that_runs_away_is_told_with_where():
    """x = 1/(t − 1/2) on its way down from 2."""
    with pytest.raises(RuntimeError, match=r"^the adaptive solver stopped at t=0\.[45]\d+: Req"):
        adaptive(lambda x, t: -(x**2), torch.tensor([[2.0]]).double(), 1.0, 0.0)


def test_bad_input_is_refused():
    x = latents()
    with pytest.raises(ValueError, match="noise levels must fall"):
        adaptive(lambda x, t: x, x, 0.2, 0.5)
    for tolerance in (0.0, 0.9e-13, 1.0, 1.5):
        with pytest.raises(
            ValueError, match=rf"tolerance must lie in \[1e-13, 1\), got {tolerance}"
        ):
            adaptive(lambda x, t: x, x, 1.0, 0.0, tolerance=tolerance)
    with pytest.raises(ValueError, match="x must be finite"):
        solve(rules.euler, lambda x, t: x, x * math.nan, grids.uniform(2))
