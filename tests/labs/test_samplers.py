"""The sampler study: its tables are what a computation finds, and its claims hold."""

import json
import math
from pathlib import Path

import pytest
import torch

from refimpl.conformance import mistakes
from refimpl.equations import kernels, paths, tilting
from refimpl.equations.gaussian import Gaussian
from refimpl.labs import chains, study
from refimpl.labs.chains import MODES, NARROW, POINT, SAMPLERS, WIDE, end, noise_for
from refimpl.simulate import grids, laws

KEPT = json.loads(
    (Path(__file__).parents[2] / "docs/assets/study/samplers.json").read_text("utf-8")
)
ONCE = grids.sd35_once_shifted(10)
GRIDS = list(study.GRIDS)


@pytest.mark.parametrize("name", ["flow_grpo", "cps", "exact", "matched", "matched, mean last"])
def test_the_kept_table_is_what_is_computed(name):
    found, kept = study.row(name, "once", 10), KEPT["ends"]["once, 10"][name]
    for key, value in found.items():
        assert value == pytest.approx(kept[key], abs=2e-4), key  # the noise is met to 1e-5


def test_the_chain_of_a_point_has_its_golden_noise():
    stds = laws.gaussian_law(
        chains.chain(SAMPLERS["flow_grpo"], 0.7, POINT, grids.sd35_as_shipped(10)),
        chains.ZERO, chains.ONE,
    ).std[1:, 0]  # fmt: skip
    printed = [1.0007, 0.9887, 0.9285, 0.8556, 0.7680, 0.6604, 0.5252, 0.3561, 0.2488, 0.0618]
    assert stds.tolist() == pytest.approx(printed, abs=5.1e-5)


def test_flow_grpo_on_the_wide_law_has_its_golden_variance():
    found = end(SAMPLERS["flow_grpo"], 0.7, WIDE, grids.uniform(10))
    assert (found.std**2, found.memory) == pytest.approx((0.2300, 0.226), abs=5e-4)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("T", [2, 5, 10])
def test_the_matched_step_is_exact_on_gaussians_and_points(grid, T):
    made = study.GRIDS[grid](T)
    for eta in (0.0, 0.4, 1.0):
        assert end(SAMPLERS["matched"], eta, NARROW, made).std == pytest.approx(0.1, rel=1e-7)
        assert end(SAMPLERS["matched"], eta, WIDE, made).std == pytest.approx(0.5, rel=1e-7)
        assert end(SAMPLERS["matched"], eta, POINT, made).std == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("T", study.STEPS)
def test_exploring_equally_the_recommended_step_beats_flow_grpos_on_all_three_gaussians(grid, T):
    rows = KEPT["ends"][f"{grid}, {T}"]
    ours, theirs = rows["matched"], rows["flow_grpo"]
    assert ours["reach"] == pytest.approx(theirs["reach"], abs=1e-4)
    for problem in ("point", "narrow", "wide"):
        assert abs(ours[problem]) < 1e-7
        assert abs(theirs[problem]) > 1e-3


def test_what_the_page_says_of_the_modes_is_so():
    def quotient(T):
        rows = KEPT["ends"][f"once, {T}"]
        return rows["matched"]["modes"] / rows["flow_grpo"]["modes"]

    assert 0.88 < quotient(5) < 0.92
    assert 1.08 < quotient(10) < 1.12
    assert 1.38 < quotient(40) < 1.44
    for other in ("cps", "exact"):
        assert (
            KEPT["ends"]["once, 10"][other]["modes"] > KEPT["ends"]["once, 10"]["matched"]["modes"]
        )


def test_what_the_page_says_of_flow_grpos_step_is_so():
    rows = {grid: KEPT["ends"][f"{grid}, 10"]["flow_grpo"] for grid in GRIDS}
    assert rows["once"]["narrow"] == pytest.approx(1.11, abs=0.01)
    assert rows["once"]["wide"] == pytest.approx(-0.15, abs=0.01)
    for problem in ("narrow", "wide", "modes"):
        best = min(GRIDS, key=lambda grid: abs(rows[grid][problem]))
        assert best == "uniform", problem
    by_a = KEPT["by_noise"]["once"]
    at = dict(zip(KEPT["a"], by_a["Euler–Maruyama, narrow"], strict=True))
    assert at[0.3] < 0 < at[0.4]
    assert max(by_a["Euler–Maruyama, wide"]) < 0
    constant = KEPT["ends"]["once, 10"]["constant g"]
    assert constant["noise"] / SAMPLERS["constant g"].published == pytest.approx(3, abs=0.05)


def test_an_equal_explored_share_is_met_and_is_what_a_reward_can_move():
    wanted = end(SAMPLERS["flow_grpo"], 0.7, WIDE, ONCE)
    for name in ("cps", "matched"):
        noise = noise_for(SAMPLERS[name], wanted.explored, ONCE)
        found = end(SAMPLERS[name], noise, WIDE, ONCE).explored
        assert found == pytest.approx(wanted.explored, abs=1e-4)
    p = Gaussian(1.5, 0.5)
    moved = tilting.fixed_start(p, 1.0, 1.0, wanted.memory).mean - 1.5
    assert moved == pytest.approx(wanted.explored * (tilting.linear(p, 1.0, 1.0).mean - 1.5))
    assert end(SAMPLERS["exact"], 0.1, WIDE, ONCE).explored == pytest.approx(1, abs=1e-12)
    assert noise_for(SAMPLERS["flow_grpo"], 1.1, ONCE) is None


def test_one_matched_step_from_the_exact_law_of_three_modes_keeps_mean_and_variance():
    grid = grids.from_levels((0.75, 0.4))
    start, goal = MODES.at(paths.linear(0.75)), MODES.at(paths.linear(0.4))
    nodes = laws.nodes_for(0.1, half_width=12.0)
    p = start.log_density(nodes[:, None]).exp()
    for name, exact in (("matched", True), ("cps", False)):
        law = laws.density_law(chains.chain(SAMPLERS[name], 0.3, MODES, grid), p, nodes)
        assert law.mean == pytest.approx(float(goal.mean), abs=1e-9)
        close = law.variance == pytest.approx(float(goal.covariance), rel=1e-9)
        assert close == exact


def test_the_open_variance_of_a_gaussian_is_its_posterior_variance():
    for t in (1.0, 0.6, 0.1):
        total = (1 - t) ** 2 * 0.25 + t**2
        assert chains.open_variance(WIDE, t) == pytest.approx(0.25 * t**2 / total, rel=1e-8)


def test_transport_is_zero_for_a_chain_without_error_and_falls_with_steps():
    exact = chains.transport(SAMPLERS["matched"], 0.5, WIDE, grids.uniform(4))
    assert exact < 1e-5  # a spline through two nodes a std
    falls = [
        chains.transport(SAMPLERS["flow_grpo"], 0.7, MODES, grids.uniform(T)) for T in (5, 10, 20)
    ]
    assert falls[0] > falls[1] > falls[2] > 0.01


@pytest.mark.parametrize(
    "mistake", [*mistakes("kernels.moment_matched"), *mistakes("kernels.posterior_variance")],
    ids=lambda m: m.title,
)  # fmt: skip
def test_a_planted_mistake_spoils_the_matched_chain(mistake, monkeypatch):
    monkeypatch.setattr(kernels, mistake.equation.partition(".")[2], mistake.wrong)
    chains.open_variance.cache_clear()
    try:
        found = end(SAMPLERS["matched"], 0.4, NARROW, ONCE).std
    except ValueError:
        found = math.nan
    finally:
        chains.open_variance.cache_clear()
    assert found != pytest.approx(0.1, rel=1e-3)


@pytest.mark.parametrize("mistake", mistakes("kernels.preserving"), ids=lambda m: m.title)
def test_a_planted_mistake_leaves_noise_on_a_point(mistake, monkeypatch):
    monkeypatch.setattr(kernels, "preserving", mistake.wrong)
    law = laws.gaussian_law(
        chains.chain(SAMPLERS["cps"], 0.8, POINT, ONCE), chains.ZERO, chains.ONE
    )
    levels = torch.tensor(ONCE.levels[1:-1], dtype=torch.float64)
    assert not torch.allclose(law.std[1:-1, 0], levels, rtol=1e-3)


@pytest.mark.slow
def test_the_study_writes_its_table_and_its_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr(study, "STEPS", (5, 10))
    seen = []
    study.run(tmp_path / "new", lambda share, text: seen.append(share))
    names = {file.name for file in (tmp_path / "new").iterdir()}
    assert names == {"samplers.json", "modes.svg", "narrow.svg", "wide.svg", "by_noise.svg"}
    assert seen == sorted(seen)
    assert (tmp_path / "new/modes.svg").read_text("utf-8").startswith("<svg")
