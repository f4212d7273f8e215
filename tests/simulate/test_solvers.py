"""Solvers as they are deployed: who asks the network where, what the ends do, their laws."""

import math

import pytest
import torch

from refimpl.equations import kernels, multistep, ode, paths
from refimpl.equations.sde import Step
from refimpl.simulate import grids, normal, solvers
from refimpl.simulate.normal import Normal
from refimpl.simulate.ode import adaptive
from refimpl.toy import field, gaussian_1d, mixture_1d

TILTED = Normal(
    torch.tensor([1.0, -0.5], dtype=torch.float64),
    torch.tensor([[0.75, 0.375], [0.375, 0.3125]], dtype=torch.float64),
)
GRID = grids.uniform(6, 0.999)
EVERY = {
    "euler": lambda: solvers.one_step("euler", ode.euler),
    "heun": lambda: solvers.one_step("heun", ode.heun),
    "midpoint": lambda: solvers.one_step("midpoint", ode.midpoint),
    "rk4": lambda: solvers.one_step("rk4", ode.rk4),
    "dpmpp_2m": lambda: solvers.DPMPP_2M,
    "unipc": lambda: solvers.UNIPC,
    "ddim": lambda: solvers.ddim(0.5),
    "heun_churn": lambda: solvers.churned(3.0),
    "restart": lambda: solvers.restarts(2),
    "adaptive": lambda: solvers.to_tolerance(1e-6),
}
"""Made inside a test, so that what makes them is tested too."""


def law(solver, data=TILTED, grid=GRID, start=None):
    def sampler(x, noise):
        return solvers.run(solver, normal.field(data), x, grid, noise=noise)

    return normal.law(sampler, start or normal.standard(data.d), solver.draws(grid))


def asked(solver, grid=GRID):
    """The levels at which the network is asked, in order."""
    seen = []

    def watching(x, t):
        seen.append(t)
        return x * (0.75 - t)

    x = torch.ones(2, 1, dtype=torch.float64)
    solvers.run(solver, watching, x, grid, generator=torch.Generator().manual_seed(0))
    return seen


def test_each_solver_asks_where_it_says():
    grid = grids.uniform(3, 0.75)
    assert asked(solvers.EULER, grid) == [0.75, 0.5, 0.25]
    assert asked(solvers.DPMPP_2M, grid) == [0.75, 0.5, 0.25]
    assert asked(solvers.UNIPC, grid) == [0.75, 0.5, 0.25]
    assert asked(solvers.ddim(0.3), grid) == [0.75, 0.5, 0.25]
    assert asked(solvers.HEUN, grid) == [0.75, 0.5, 0.5, 0.25, 0.25, 0.0]
    assert asked(solvers.MIDPOINT, grid) == [0.75, 0.625, 0.5, 0.375, 0.25, 0.125]
    # EDM's: the last step is Euler's; without churn nothing goes up
    assert asked(solvers.churned(0.0), grid) == [0.75, 0.5, 0.5, 0.25, 0.25]


def test_churn_goes_up_by_one_plus_gamma_in_the_odds_and_no_more_than_the_root_of_two():
    grid = grids.uniform(2, 0.5)
    for churn, factor in ((0.5, 1.25), (10.0, math.sqrt(2))):
        first, _, third = asked(solvers.churned(churn), grid)
        assert first / (1 - first) == pytest.approx(factor * 1.0, rel=1e-14)
        assert third / (1 - third) == pytest.approx(factor / 3, rel=1e-14)
    assert asked(solvers.churned(3.0), grids.uniform(2))[0] == 1.0  # nowhere to go up to


def test_restarts_go_from_the_nearest_level_to_high_and_over_the_grids_own_levels():
    grid = grids.uniform(8)
    down = [1.0, 0.875, 0.875, 0.75, 0.75, 0.625, 0.625, 0.5, 0.5, 0.375, 0.375, 0.25, 0.25, 0.125]
    again = [0.55, 0.5, 0.5, 0.375, 0.375, 0.25, 0.25, 0.125]
    solver = solvers.restarts(2, low=0.1, high=0.55)
    assert asked(solver, grid) == [*down, *again, *again, 0.125]
    assert solver.draws(grid) == 2


def test_without_noise_ddim_dpm_1_and_euler_are_one_solver():
    one, two = law(solvers.EULER), law(solvers.ddim(0.0))
    torch.testing.assert_close(one.mean, two.mean, rtol=0, atol=1e-14)
    torch.testing.assert_close(one.covariance, two.covariance, rtol=0, atol=1e-14)
    torch.testing.assert_close(
        law(solvers.DPMPP_2M, grid=grids.uniform(1, 0.9)).covariance,
        law(solvers.EULER, grid=grids.uniform(1, 0.9)).covariance,
    )


def test_a_history_at_pure_noise_is_none():
    """λ is −∞ there: the second step is of first order too, and nothing is NaN."""
    x = torch.tensor([[0.3]], dtype=torch.float64)
    v = field(mixture_1d())
    grid = grids.from_levels([1.0, 0.6, 0.3])
    data = x - v(x, 1.0)
    y = multistep.first(x, data, Step(1.0, 0.6))
    want = multistep.first(y, y - 0.6 * v(y, 0.6), Step(0.6, 0.3))
    torch.testing.assert_close(solvers.run(solvers.DPMPP_2M, v, x, grid), want)
    assert torch.isfinite(solvers.run(solvers.UNIPC, v, x, grids.uniform(5))).all()


def test_unipc_corrects_with_what_the_next_call_sees_and_keeps_it_as_history():
    """Three steps written out: the corrected state moves on, the data seen before it stay."""
    v, grid = field(mixture_1d()), grids.from_levels([0.9, 0.6, 0.35, 0.15])
    one, two, three = grid.steps
    x = torch.tensor([[0.3], [-1.0]], dtype=torch.float64)
    d0 = x - 0.9 * v(x, 0.9)
    guess = multistep.first(x, d0, one)
    d1 = guess - 0.6 * v(guess, 0.6)
    at1 = multistep.unic_1(x, d0, d1, one)
    r = float(multistep.reach(one) / multistep.reach(two))
    guess = multistep.dpmpp_2m(at1, d1, d0, r, two)
    d2 = guess - 0.35 * v(guess, 0.35)
    at2 = multistep.unic_2(at1, d1, d0, d2, r, float(multistep.reach(two)), two)
    want = multistep.first(at2, d2, three)  # the last step is of first order
    torch.testing.assert_close(solvers.run(solvers.UNIPC, v, x, grid), want, rtol=1e-14, atol=0)


@pytest.mark.parametrize("name", EVERY)
def test_the_exact_law_is_what_samples_have(name):
    """Mean and covariance of 40,000 samples within five standard errors."""
    solver, n = EVERY[name](), 40_000
    x = torch.randn(n, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    generator = torch.Generator().manual_seed(2)
    made = solvers.run(solver, normal.field(TILTED), x, GRID, generator=generator)
    exact = law(solver)
    stds = exact.covariance.diagonal().sqrt()
    assert ((made.mean(0) - exact.mean).abs() < 5 * stds / n**0.5).all()
    off = (made.T.cov() - exact.covariance).abs()
    assert (off < 5 * torch.outer(stds, stds) * (2 / n) ** 0.5).all()


@pytest.mark.parametrize("name", [n for n in EVERY if n != "adaptive"])
def test_more_steps_bring_the_law_nearer(name):
    begins = TILTED.at(paths.linear(0.9))
    far = [
        normal.wasserstein(law(EVERY[name](), grid=grids.uniform(T, 0.9), start=begins), TILTED)
        for T in (10, 80)
    ]
    assert far[1] < far[0] / 2


def test_full_noise_ddim_is_the_chain_of_frozen_data():
    grid, data = grids.uniform(5), gaussian_1d()
    v = field(data)
    x = torch.randn(3, 1, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    e = torch.randn(5, 3, 1, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    y = x
    for step, noise in zip(grid.steps, e, strict=True):
        velocity = v(y, step.t)
        datum, predicted = y - step.t * velocity, y + (1 - step.t) * velocity
        kept = kernels.kept_flow_grpo(step, math.sqrt(2))
        y = kernels.frozen_data(datum, predicted, step.s, kept).sample(noise)
    torch.testing.assert_close(solvers.run(solvers.ddim(1.0), v, x, grid, noise=e), y)


def test_restarting_shrinks_an_error_of_the_start():
    """A wrong start is carried down; each restart shrinks its error by (1 − high)/(1 − low)."""
    wrong = Normal(torch.tensor([0.5, 0.5]).double(), torch.eye(2).double())
    grid = grids.uniform(80)
    far = [
        float((law(s, grid=grid, start=wrong).mean - TILTED.mean).abs().max())
        for s in (
            solvers.churned(0.0),
            solvers.restarts(1, 0.1, 0.9),
            solvers.restarts(2, 0.1, 0.9),
        )
    ]
    assert far[1] < 0.2 * far[0]
    assert far[2] < 0.2 * far[1]


def test_bad_settings_are_refused_by_name():
    with pytest.raises(ValueError, match="churn must be zero or positive, got -1"):
        solvers.churned(-1.0)
    with pytest.raises(ValueError, match="churn must be a finite number, got nan"):
        solvers.churned(math.nan)
    with pytest.raises(ValueError, match="times counts restarts"):
        solvers.restarts(0)
    with pytest.raises(TypeError, match="times must be a whole number, got True"):
        solvers.restarts(True)
    for low, high in ((0.0, 0.5), (0.5, 0.5), (0.1, 1.5)):
        with pytest.raises(ValueError, match="restarts need 0 < low < high <= 1"):
            solvers.restarts(1, low, high)
    x = torch.zeros(2, 1, dtype=torch.float64)
    with pytest.raises(ValueError, match="no level of the grid lies between"):
        solvers.run(
            solvers.restarts(1, 0.1, 0.15), ode_field, x, grids.uniform(4, 1.0, 0.5),
            generator=torch.Generator(),
        )  # fmt: skip
    with pytest.raises(ValueError, match="ddim draws noise"):
        solvers.run(solvers.ddim(0.5), ode_field, x, GRID)
    with pytest.raises(ValueError, match=r"noise must be \(draws, \*x.shape\) = \(6, 2, 1\)"):
        solvers.run(solvers.ddim(0.5), ode_field, x, GRID, noise=torch.zeros(5, 2, 1).double())
    with pytest.raises(ValueError, match="eta must be"):
        solvers.run(solvers.ddim(1.5), ode_field, x, GRID, generator=torch.Generator())


def ode_field(x, t):
    return -x


def test_every_rule_is_the_equation_of_its_name():
    x = torch.tensor([[0.3], [-1.0]], dtype=torch.float64)
    v, grid = field(mixture_1d()), grids.uniform(2)
    for solver in (solvers.EULER, solvers.HEUN, solvers.MIDPOINT, solvers.RK4):
        y, rule = x, getattr(ode, solver.name)
        for step in grid.steps:
            y = rule(v, y, step)
        assert torch.equal(solvers.run(solver, v, x, grid), y)


def test_solvers_go_by_their_names_and_have_quiet_defaults():
    for name, made in EVERY.items():
        assert made().name == name
    for quiet, loud in (
        (solvers.ddim(), solvers.ddim(0.0)),
        (solvers.churned(), solvers.churned(0.0)),
    ):
        torch.testing.assert_close(law(quiet).covariance, law(loud).covariance, rtol=0, atol=0)
    usual, told = solvers.restarts(), solvers.restarts(2, 0.1, 0.5)
    assert asked(usual, grids.uniform(10)) == asked(told, grids.uniform(10))
    assert usual.draws(GRID) == 2
    x = torch.tensor([[0.3], [-1.0]], dtype=torch.float64)
    v = field(mixture_1d())
    want = adaptive(v, x, 0.999, 0.0, tolerance=1e-6)
    assert torch.equal(solvers.run(solvers.to_tolerance(), v, x, GRID), want)
    assert solvers.run(solvers.to_tolerance(), v, x.float(), GRID).dtype == torch.float32


def test_dpmpp_2m_remembers_the_last_data_and_nothing_else():
    v, grid = field(mixture_1d()), grids.from_levels([0.9, 0.6, 0.35, 0.15])
    x = torch.tensor([[0.3], [-1.0]], dtype=torch.float64)
    y, before, last = x, None, None
    for step in grid.steps:
        data = y - step.t * v(y, step.t)
        if before is None:
            y = multistep.first(y, data, step)
        else:
            r = float(multistep.reach(last) / multistep.reach(step))
            y = multistep.dpmpp_2m(y, data, before, r, step)
        before, last = data, step
    torch.testing.assert_close(solvers.run(solvers.DPMPP_2M, v, x, grid), y, rtol=1e-14, atol=0)


def test_a_restart_may_turn_at_the_second_level_and_go_up_to_noise():
    grid = grids.from_levels([1.0, 0.25, 0.0])
    assert asked(solvers.restarts(1, 0.25, 0.5), grid) == [1.0, 0.25, 0.5, 0.25, 0.25]
    assert asked(solvers.restarts(1, 0.25, 1.0), grid) == [1.0, 0.25, 1.0, 0.25, 0.25]


@pytest.mark.parametrize("made", [lambda: solvers.ddim(0.5), lambda: solvers.churned(1.0)])
@pytest.mark.parametrize("draws", [5, 7])
def test_noise_for_other_steps_is_not_taken(made, draws):
    x = torch.zeros(2, 1, dtype=torch.float64)
    with pytest.raises(ValueError, match="zip"):
        made().march(ode_field, x, GRID, torch.zeros(draws, 2, 1, dtype=torch.float64))
