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
        ([1.0, 0.5, 0.7, 0.0], "number 2 is 0.7 after 0.5"),
        ([1.0, 0.5, 0.5, 0.0], "number 2 is 0.5 after 0.5"),
    ],
)
def test_what_is_no_grid_is_refused_with_its_value(numbers, words):
    with pytest.raises(ValueError, match=words):
        named.levelled(numbers)
