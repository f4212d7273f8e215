"""Which grid is it: every family is named from its own levels, others by the nearest."""

import math
import re

import numpy as np
import pytest

from refimpl.simulate import config, grids, named, shipped
from refimpl.simulate.named import identify


def best(numbers, rounding=0.0):
    seen, found = identify(numbers, rounding)
    return seen, found[0]


@pytest.mark.parametrize(
    ("model", "name", "shift"),
    [
        ("sd3.5", "diffusers' own levels", 3.0),
        ("flux.1-dev", "uniform, shifted once", math.exp(1.15)),
        ("qwen-image", "stretched to its last level", math.exp(0.6935483870967742)),
        ("ltx-video", "stretched to its last level", math.exp(2.05)),
        ("wan2.1", "UniPC", 3.0),
        ("hunyuan-video", "uniform, shifted once", 7.0),
        ("sana", "DPM\\+\\+", 3.0),
    ],
)
@pytest.mark.parametrize("steps", [6, 28])
def test_the_grids_of_models_are_named_with_their_shift(model, name, shift, steps):
    entry = config.model(model)
    c = config.read(entry["config"])
    made = shipped.made(c, steps, tokens=4096 if c.dynamic else None, handed=entry["handed"])
    _, match = best(np.float32(made.levels))
    assert match.exact
    assert match.shift == pytest.approx(shift, rel=1e-6)
    assert re.search(name, match.name)


@pytest.mark.parametrize("kind", config.SPACINGS)
def test_spacings_are_named(kind):
    _, match = best(shipped.spaced(kind, 12, 0.01, 1.0))
    assert match.exact
    assert match.name.startswith(kind if kind != "karras" else "Karras")


def test_a_last_level_of_one_thousandth_is_told_from_one_over_t():
    even = np.linspace(1, 1 / 1000, 10)
    _, thousandth = best([grids.shift(t, 3.0) for t in even])
    _, tenth = best([grids.shift(t, 3.0) for t in np.linspace(1, 1 / 10, 10)])
    assert (thousandth.name, thousandth.shift) == ("from 1 to 1/1000, shifted once", 3.0)
    assert (tenth.name, tenth.shift) == ("uniform, shifted once", 3.0)


def test_printed_digits_are_enough_for_the_golden_grid():
    printed = [1, 0.9601, 0.9133, 0.8577, 0.7904, 0.7073, 0.6022, 0.4649, 0.2780, 0.0089, 0]
    _, match = best(printed, 5e-5)
    assert match.exact
    assert match.shift == 3.0


def test_network_times_and_the_other_clock_are_read_and_said():
    seen, match = best([1000.0, 750.0, 500.0, 250.0])
    assert match.name == "uniform"
    assert len(seen.done) == 2
    seen, match = best([0.0, 0.25, 0.5, 0.75, 1.0])
    assert match.name == "uniform"
    assert seen.done == ("it rises: read on the other clock, 1 − t",)
    shifted = [1 - t for t in grids.shifted(8, 3.0).levels]
    seen, match = best(shifted)
    assert (match.name, match.shift) == ("uniform, shifted once", 3.0)


def test_karras_in_the_ratio_of_noise_and_data_is_named():
    """σ = t/(1 − t) to the power of a seventh falls evenly."""
    low, high = 0.02 / 0.98, 0.9 / 0.1
    sigma = [(high ** (1 / 7) + u * (low ** (1 / 7) - high ** (1 / 7))) ** 7
             for u in np.linspace(0, 1, 9)]  # fmt: skip
    _, match = best([s / (1 + s) for s in sigma] + [0.0])
    assert match.exact
    assert match.name == "Karras in σ = t/(1 − t)"


def test_families_without_a_shift_tell_one():
    _, found = identify(grids.shifted(8, 3.0).levels)
    shift = {match.name: match.shift for match in found}
    assert [shift[f.name] for f in named.FAMILIES if not f.shifted] == [1.0] * 5
    assert len(shift) == len(named.FAMILIES)


def test_a_shift_has_no_more_digits_than_the_list_can_tell():
    def told(shift, rounding):
        _, found = identify(grids.shifted(8, shift).levels, rounding)
        return next(m.shift for m in found if m.name == "uniform, shifted once")

    assert told(3.3, 0.1) == 3
    assert told(3.3, 0.0) == 3.3
    assert told(3.25, 0.0) == 3.25
    assert told(3.14159, 0.0) == 3.14159


@pytest.mark.parametrize(
    ("numbers", "levels", "done"),
    [
        ([0.0, 0.5, 0.9], (0.9, 0.5, 0.0), ["it rises: read reversed"]),
        ([0.6, 0.75, 1.0], (1.0, 0.75, 0.6, 0.0),
         ["it rises: read reversed", "it does not end at 0: a last level of 0 was added"]),
        ([0.0, 0.625, 1.0], (1.0, 0.375, 0.0), ["it rises: read on the other clock, 1 − t"]),
        ([0.0, 0.25, 1.0], (1.0, 0.75, 0.0), ["it rises: read on the other clock, 1 − t"]),
        ([0.25, 0.5, 1.0], (0.75, 0.5, 0.0), ["it rises: read on the other clock, 1 − t"]),
        ([0.0, 0.5, 0.75], (0.75, 0.5, 0.0), ["it rises: read reversed"]),
        ([2.0, 1.0, 0.0], (0.002, 0.001, 0.0), ["read as network times: divided by 1000"]),
        ([1000.0, 500.0], (1.0, 0.5, 0.0),
         ["read as network times: divided by 1000",
          "it does not end at 0: a last level of 0 was added"]),
        ([1.0, 0.0], (1.0, 0.0), []),
    ],
)  # fmt: skip
def test_a_list_is_brought_to_falling_levels_and_each_change_is_told(numbers, levels, done):
    seen = named.levelled(numbers)
    assert seen.levels.tolist() == pytest.approx(levels, rel=1e-14)
    assert list(seen.done) == done


def test_the_rounding_of_network_times_is_that_of_their_levels():
    assert named.levelled([1000.0, 500.0, 0.0], 0.5).rounding == pytest.approx(0.0005, rel=1e-14)
    assert named.levelled([1.0, 0.5, 0.0], 0.01).rounding == 0.01
    assert named.levelled([1.0, 0.5, 0.0], 0.0).rounding == named.ROUNDED


def test_a_grid_of_nobody_is_given_its_nearest_with_the_difference():
    levels = list(grids.shifted(10, 3.0).levels)
    levels[4] += 0.003
    _, found = identify(levels)
    assert not found[0].exact
    assert found[0].gap == min(m.gap for m in found)
    assert 0.001 < found[0].gap < 0.0035
    assert found[0].at == 4


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([1.0], "two numbers or more"),
        ([1.0, float("nan")], "got nan"),
        ([1.0, -0.5], "got -0.5"),
        ([2000.0, 1.0], "got 2000.0"),
        ([1000.0, 1000.5, 0.0], "got 1000.5"),
        ([0.0, 0.5, 1000.0, 2000.0], "got 2000.0"),
        ([0.0, 0.5, 0.5, 1.0], "a grid falls or rises: number 2 is 0.5 after 0.5"),
        ([0.0, 0.25, 0.75, 0.5], "number 3 is 0.5 after 0.75"),
        (np.array([1.0, 0.5, 0.625]), "number 2 is 0.625 after 0.5"),
        ([1.0, 0.5, 0.7, 0.0], "number 2 is 0.7 after 0.5"),
        ([1.0, 0.5, 0.5, 0.0], "number 2 is 0.5 after 0.5"),
    ],
)
def test_what_is_no_grid_is_refused_with_its_value(numbers, words):
    with pytest.raises(ValueError, match=words):
        named.levelled(numbers)
