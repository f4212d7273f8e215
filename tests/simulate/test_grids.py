"""Grids: golden numbers, and nothing that fails to fall."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl.simulate import Grid, diffusion, grids


def test_sd35_as_shipped_has_its_golden_levels():
    golden = [1, 0.9601, 0.9133, 0.8577, 0.7904, 0.7073, 0.6022, 0.4649, 0.2780, 0.0089, 0]
    # half a unit of the printed digits
    assert grids.sd35_as_shipped(10).levels == pytest.approx(golden, abs=5.1e-5)


def test_sd35_once_shifted_has_its_golden_levels():
    golden = [1, 0.9643, 0.9231, 0.8750, 0.8182, 0.7500, 0.6667, 0.5625, 0.4286, 0.2500, 0]
    assert grids.sd35_once_shifted(10).levels == pytest.approx(golden, abs=5.1e-5)


def test_the_lowest_shipped_level_is_two_shifts_of_one_thousandth():
    assert grids.shift(1 / 1000, 3.0) == pytest.approx(0.0029940, abs=5e-8)
    twice = grids.shift(grids.shift(1 / 1000, 3.0), 3.0)
    assert grids.sd35_as_shipped(28).levels[-2] == pytest.approx(twice, rel=1e-12)


@settings(deadline=None)
@given(st.integers(1, 200), st.floats(0.1, 20))
def test_every_grid_has_T_steps_from_noise_to_data(T, by):
    for grid in (grids.uniform(T), grids.shifted(T, by), grids.sd35_once_shifted(T)):
        assert grid.T == T == len(grid.steps)
        assert grid.levels[0] == 1
        assert grid.levels[-1] == 0
        assert sum(step.h for step in grid.steps) == pytest.approx(1)


def test_a_grid_may_end_in_other_steps_than_its_own():
    found = grids.ending(grids.uniform(10), 5, 2)
    assert found.levels == (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.25, 0.0)
    shipped = grids.sd35_as_shipped(10)
    assert grids.ending(shipped, 9, 1) == shipped
    assert grids.ending(shipped, 3, 4).levels[:4] == shipped.levels[:4]
    assert grids.ending(shipped, 0, 3).levels == pytest.approx([1, 2 / 3, 1 / 3, 0])
    short = grids.uniform(4, 0.9, 0.1)  # one that ends above 0
    assert grids.ending(short, 2, 1).levels == pytest.approx([0.9, 0.7, 0.5, 0.1])


@pytest.mark.parametrize(("step", "steps", "said"), [(10, 1, "step must lie in 0 ... 9"),
    (-1, 1, "got -1"), (3, 0, "T counts steps")])  # fmt: skip
def test_what_leaves_nothing_to_end_in_is_refused(step, steps, said):
    with pytest.raises(ValueError, match=said):
        grids.ending(grids.uniform(10), step, steps)


def test_shifts_compose_by_multiplication():
    assert grids.shift(grids.shift(0.3, 2.0), 1.5) == pytest.approx(grids.shift(0.3, 3.0))


def test_a_grid_comes_from_tensors_too():
    assert grids.from_levels(torch.tensor([1.0, 0.5, 0.0])) == Grid((1.0, 0.5, 0.0))
    learnt = torch.tensor([1.0, 0.5, 0.0], requires_grad=True)
    assert grids.from_levels(learnt) == Grid((1.0, 0.5, 0.0))


def test_a_part_of_a_grid_is_a_grid():
    assert grids.uniform(4).between(0.75, 0.25) == Grid((0.75, 0.5, 0.25))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Grid((0.9, 0.8, 0.4, 0.5)), "a grid must fall: level 3 is 0.5 after 0.4"),
        (lambda: Grid((0.9, 0.9)), "level 1 is 0.9 after 0.9"),
        (lambda: Grid((1.0,)), "at least two levels"),
        (lambda: Grid((1000.0, 0.0)), r"level 0 must be a float in \[0, 1\].*1000.0"),
        (lambda: Grid((1.0, math.nan)), "level 1 must be .* nan"),
        (lambda: Grid((1, 0)), "level 0 must be a float"),
        (lambda: Grid((1.5, 0.0)), r"level 0 must be a float in \[0, 1\].*, got 1.5"),
        (lambda: grids.uniform(0), "T counts steps"),
        (lambda: grids.uniform(2.5), "T must be a whole number, got 2.5"),
        (lambda: grids.sd35_as_shipped(1), "T >= 2"),
        (lambda: grids.shifted(4, -1.0), "by must be positive, got -1.0"),
        (lambda: grids.uniform(4, 0.2, 0.8), "a grid must fall"),
    ],
)
def test_bad_grids_are_refused_with_their_values(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: grids.shift(2.0, 3.0), r"t must be a noise level in \[0, 1\] .*, got 2.0"),
        (lambda: grids.shift("0.5", 3.0), "t must be a finite number, got '0.5'"),
        (lambda: grids.shift(0.5, "3"), "by must be a finite number, got '3'"),
        (lambda: grids.shift(0.5, float("nan")), "by must be a finite number, got nan"),
        (lambda: grids.uniform(True), "T must be a whole number, got True"),
        (lambda: grids.uniform(2.5), "T must be a whole number, got 2.5"),
        (lambda: grids.from_levels("10"), "levels must be a sequence, got '10'"),
        (lambda: grids.from_levels([1.0, "0"]), "level 1 must be a real number, .*got str '0'"),
        (
            lambda: grids.from_levels([1.0, torch.zeros(2)]),
            r"level 1 must be one number, got shape \(2,\)",
        ),
        (lambda: Grid([1.0, 0.0]), r"levels must be a tuple of floats, got \[1.0, 0.0\]"),
        (
            lambda: diffusion.window(diffusion.constant(1.0), "1", 0.0),
            "high must be a finite number, got '1'",
        ),
        (lambda: diffusion.constant(None), "g must be a finite number, got None"),
    ],
)
def test_what_is_no_level_and_no_number_is_refused_by_name(make, words):
    with pytest.raises((TypeError, ValueError), match=f"^{words}"):
        make()
