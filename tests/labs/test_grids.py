"""The study of grids: constants, chains against the law of the simulator, and the kept optimum."""

import json
from pathlib import Path

import pytest
import torch

from refimpl.equations import sde
from refimpl.labs import biases, grids
from refimpl.simulate import diffusion, laws
from refimpl.simulate import sde as chains
from refimpl.simulate.grids import Grid, sd35_once_shifted, uniform
from refimpl.toy import field, gaussian

FOLDER = Path(__file__).parents[2] / "docs/assets/study"
KEPT = json.loads((FOLDER / "grids.json").read_text("utf-8"))


@pytest.mark.parametrize("std", grids.WIDTHS)
@pytest.mark.parametrize("grid", [uniform(10), sd35_once_shifted(7)], ids=["uniform", "shifted"])
def test_the_end_is_that_of_the_simulators_chain(grid, std):
    one = torch.ones(1, dtype=torch.float64)
    noise = diffusion.flow_grpo(0.7, sde.next_level)
    made = chains.denoising(field(gaussian([1.5], [std])), grid, diffusion=noise)
    law = laws.gaussian_law(made, 0 * one, one)
    variance, explored = grids.end(grid, 0.7, std)
    assert variance == pytest.approx(float(law.variance[-1]), rel=1e-12)
    assert explored == pytest.approx(1 - float(law.correlation_with_start[-1]) ** 2, rel=1e-12)
    assert float(law.mean[-1]) == pytest.approx(1.5, rel=1e-12)


def test_the_memoryless_chain_has_no_error_of_first_order():
    for std in (0.1, 0.5, 2.0):
        assert grids.constant(2**0.5, std) == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError, match="a > 1 alone, got a=0.7"):
        grids.constant(0.7, 0.5)


def test_the_noise_found_explores_what_was_asked():
    a = grids.noise_for(sd35_once_shifted(10), 0.9)
    assert grids.end(sd35_once_shifted(10), a, 0.5)[1] == pytest.approx(0.9, rel=1e-9)
    with pytest.raises(ValueError, match="no a up to 2 explores 1"):
        grids.noise_for(uniform(10), 1.1)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n == "best")) for n in KEPT["grids"]]
)
def test_the_kept_rows_are_what_is_computed(name):
    row = KEPT["grids"][name]
    found = grids.row(Grid(tuple(row["levels"])), KEPT["explored"])
    assert found["KL"] == pytest.approx(row["KL"], rel=1e-6)
    assert found["a"] == pytest.approx(row["a"], rel=1e-6)


def test_the_best_grid_is_better():
    losses = {name: row["KL"] for name, row in KEPT["grids"].items()}
    assert losses["best"] < losses["uniform"] < losses["shifted once, by 3"]


def test_no_step_of_the_best_grid_can_be_moved_to_gain():
    levels = KEPT["grids"]["best"]["levels"]
    least = grids.loss(Grid(tuple(levels)), KEPT["explored"])
    for i in range(1, len(levels) - 1):
        for d in (0.02, -0.02):
            moved = list(levels)
            moved[i] += d * (levels[i - 1] - levels[i + 1])
            assert grids.loss(Grid(tuple(moved)), KEPT["explored"]) > least


def test_the_kept_biases_are_what_is_computed(tmp_path):
    kept = json.loads((FOLDER / "bias.json").read_text("utf-8"))
    found = biases.run(tmp_path)
    for table, rows in kept.items():
        for name, row in rows.items():
            assert found[table][name] == pytest.approx(row, rel=1e-9), (table, name)
