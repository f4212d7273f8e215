"""Sampling by a named solver: calls, exact laws, and one line for what does not go together."""

import re

import pytest
import torch
from typer.testing import CliRunner

from refimpl.cli import app
from refimpl.simulate import grids, normal, solvers
from refimpl.verify.solving import GRIDLESS, OPTIONS, SDES, Counted, Solving, solve_toy, tilted

CALLS = {"euler": 6, "midpoint": 12, "heun": 12, "rk4": 24, "dpmpp_2m": 6, "unipc": 6, "ddim": 6,
         "heun_churn": 11}  # fmt: skip


def run(*line, code=0):
    ended = CliRunner().invoke(app, ["sample", *map(str, line)])
    assert ended.exit_code == code, ended.output
    return ended.output


def told(shown, what):
    (line,) = [line for line in shown.splitlines() if line.startswith(what)]
    return [float(x) for x in re.findall(r"[-+]?\d+\.?\d*(?:e[-+]?\d+)?", line.removeprefix(what))]


@pytest.mark.parametrize("name", CALLS)
def test_the_calls_of_a_solver_are_counted(name):
    shown = run("--toy", "gaussian_1d", "--solver", name, "--steps", 6, "--n", 64)
    assert told(shown, "calls")[0] == CALLS[name]


def test_the_law_that_is_printed_is_the_law_of_the_chain():
    shown = run("--toy", "correlated_2d", "--solver", "unipc", "--steps", 8, "--start", 0.999,
                "--n", 64)  # fmt: skip
    data, grid = tilted(), grids.uniform(8, 0.999)
    law = normal.law(
        lambda x, e: solvers.run(solvers.UNIPC, normal.field(data), x, grid, noise=e),
        normal.standard(2),
    )
    std = law.covariance.diagonal().sqrt()
    correlation = float(law.covariance[0, 1] / std.prod())
    assert told(shown, "law, std")[:2] == pytest.approx(std.tolist(), abs=5e-5)
    assert told(shown, "correlation") == pytest.approx([correlation, 0.7746], abs=5e-5)
    assert told(shown, "KL")[0] == pytest.approx(normal.kl(law, data), rel=5e-3)
    far = re.search(r"^W2 +(\S+)", shown, re.M)
    assert float(far[1]) == pytest.approx(normal.wasserstein(law, data), rel=5e-3)


def test_a_smaller_tolerance_costs_more_calls_and_ends_nearer():
    rows = []
    for tolerance in (1e-3, 1e-6):
        shown = run("--toy", "mixture_1d", "--solver", "adaptive", "--tolerance", tolerance,
                    "--n", 64)  # fmt: skip
        rows.append((told(shown, "calls")[0], told(shown, "ends")[0]))
    assert rows[0][0] < rows[1][0]
    assert rows[1][1] < rows[0][1] / 10


@pytest.mark.parametrize("sde", SDES)
def test_the_probability_flow_of_an_sde_has_its_marginal_at_the_end(sde):
    line = ("--toy", "correlated_2d", "--solver", "probability-flow", "--sde", sde, "--n", 64,
            "--tolerance", 1e-8)  # fmt: skip
    shown = run(*line)
    assert f"of the {sde} SDE" in shown
    assert told(shown, "KL")[0] < 1e-9
    far = re.search(r"^W2 +(\S+)", shown, re.M)
    assert float(far[1]) < 1e-5  # the law is met to the tolerance; the distance is a root


def test_the_flow_of_any_noise_is_one_flow():
    one, two = (
        solve_toy(Solving("gaussian_1d", "probability_flow", n=32,
                          settings={"sde": "flow_grpo", "a": a, "tolerance": 1e-9})).ends
        for a in (0.3, 1.4)
    )  # fmt: skip
    torch.testing.assert_close(one, two, rtol=0, atol=1e-7)


def test_shift_and_start_make_the_grid():
    asked = Solving("gaussian_1d", "euler", 4, shift=3.0, start=0.5)
    assert asked.grid.levels[0] == grids.shift(0.5, 3.0)
    assert asked.grid.levels == tuple(grids.shift(t, 3.0) for t in grids.uniform(4, 0.5).levels)


def test_noise_is_drawn_from_the_seed():
    one, two, other = (
        solve_toy(Solving("gaussian_1d", "ddim", 3, n=16, seed=seed, settings={"eta": 0.5})).ends
        for seed in (1, 1, 2)
    )
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_calls_are_counted_by_the_sample():
    counted = Counted(lambda x, t: -x)
    counted(torch.zeros(5, 2), 0.5)
    counted(torch.zeros(3, 2), 0.5)
    assert counted.rows == 8


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--solver hune", "no solver is called 'hune'; did you mean heun?"),
        ("--solver dpm++2m", "did you mean dpmpp_2m"),
        ("--solver nothing_like_it", "known are euler, midpoint"),
        ("--solver heun --toy gauss_1d", "no toy is called 'gauss_1d'; did you mean gaussian_1d"),
        ("--solver heun --eta 0.5", "--eta belongs to --solver ddim, not to heun"),
        ("--solver euler --a 0.7", "--a belongs to --solver probability_flow, not to euler"),
        ("--solver heun --tolerance 0.1",
         "--tolerance belongs to --solver adaptive or probability_flow, not to heun"),
        ("--eta 0.5", "--eta belongs to --solver NAME, which is not given"),
        ("--sampler ode --shift 3", "--shift belongs to --solver NAME, which is not given"),
        ("--sampler ode --solver heun", "--solver heun or --sampler ode: give one of the two"),
        ("--solver adaptive --steps 3", "chooses its own steps: leave --steps and --shift out"),
        ("--solver probability_flow --shift 3", "leave --steps and --shift out"),
        ("--solver probability_flow --start 0.5", "begins where its SDE does: leave --start out"),
        ("--solver probability_flow --sde vq", "no SDE is called 'vq'; did you mean vp or ve?"),
        ("--solver probability_flow --a 0", "an SDE needs a > 0, got a=0.0"),
        ("--solver adaptive --tolerance 0", "the tolerance must lie in [1e-13, 1), got 0.0"),
        ("--solver ddim --eta 1.5", "eta must be"),
        ("--solver heun_churn --churn=-1", "churn must be zero or positive, got -1.0"),
        ("--solver restart --restarts 0", "must be a whole number >= 1, got 0"),
        ("--solver heun --steps 0", "at least 1 step and 2 samples, got steps=0"),
        ("--solver heun --n 1", "at least 1 step and 2 samples, got steps=None, n=1"),
        ("--solver heun --n 1000000000", "steps × n is at most"),
        ("--solver heun --start 0", "start is a noise level in (0, 1], got 0.0"),
        ("--solver heun --start 1.5", "start is a noise level in (0, 1], got 1.5"),
        ("--solver heun --shift 0", "by must be positive, got 0"),
        ("--solver heun --out r.npz", "--out writes a rollout's steps"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_one_line(line, message):
    shown = run(*line.split(), code=2)
    assert message in shown
    assert shown.count("\n") == 1


def test_every_solver_has_its_settings_and_a_run():
    assert set(CALLS) | {"restart", *GRIDLESS} == set(OPTIONS)
    for name in OPTIONS:
        steps = None if name in GRIDLESS else 3
        done = solve_toy(Solving("mixture_2d", name, steps, n=16))
        assert done.ends.shape == (16, 2)
        assert torch.isfinite(done.ends).all()
