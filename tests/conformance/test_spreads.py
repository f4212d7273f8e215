"""Inputs of many sizes: what is free has either sign, what is positive stays so, levels stay."""

import numpy as np
import pytest

from refimpl.conformance.adapter.inputs import STEPS, at
from refimpl.conformance.adapter.spreads import SMALL, elsewhere, spread
from refimpl.conformance.adapter.subject import Subject
from refimpl.conformance.checks.asking import fresh
from refimpl.conformance.diagnosis.readings import Case
from refimpl.peers.own import Refimpl

C = Subject(Refimpl, "").conventions
ONES = {name: np.ones((8, 16)) for name in ("x", "advantage", "kl", "ratio", "std")}


def test_free_numbers_have_either_sign_and_sizes_from_a_sixteenth_to_two():
    for name in ("x", "advantage"):
        made = spread(C, ONES)[name]
        assert 0.3 < (made > 0).mean() < 0.7
        size = np.abs(made)
        assert size.min() < 0.1
        assert size.max() > 1.5
        assert ((size > 0.9 / 16) & (size < 2 * 1.1)).all()


@pytest.mark.parametrize(("name", "low", "high"), [("kl", 1 / 16, 2), ("ratio", 0.6, 1.7)])
def test_what_is_positive_stays_so(name, low, high):
    made = spread(C, ONES)[name]
    assert ((made > 0.9 * low) & (made < 1.1 * high)).all()
    assert np.ptp(made) > (high - low) / 2


def test_all_that_is_free_can_be_small_and_nothing_else():
    large, small = spread(C, ONES, 5), spread(C, ONES, 5, SMALL)
    np.testing.assert_allclose(small["x"], SMALL * large["x"])
    np.testing.assert_array_equal(small["kl"], large["kl"])


def test_levels_and_a_std_told_twice_stay_and_other_seeds_give_other_numbers():
    inputs = {
        "x": np.ones(16),
        "t": np.full(16, 0.5),
        "g": np.full(16, 0.7),
        "std": np.full(16, 0.3),
    }
    made = spread(C, inputs)
    assert np.abs(made["t"] - 0.5).max() < 0.05  # its digits are filled
    assert np.abs(made["std"] - 0.3).max() < 0.03
    assert not np.array_equal(made["x"], spread(C, inputs, 1)["x"])


def of(**conventions):
    """A subject of these conventions."""
    c = {**Refimpl.conventions, **conventions}
    return Subject({"ode_step": Refimpl().ode_step, "conventions": c})


@pytest.mark.parametrize("clock", ["noise at 1", "data at 1", "noise at 1000"])
def test_levels_elsewhere_are_others_that_fall_and_no_thousandths(clock):
    c = of(time=clock, dtype="float64").conventions
    made = elsewhere(c, {"x": np.ones((3, 4)), **at(c, 0.75, 0.5, 3)})
    t, s = (np.asarray(c.level(made[name])) for name in ("t", "s"))
    assert (t > s).all()
    assert s.min() < min(min(row) for row in STEPS)
    for levels in (t, s):
        assert len(set(levels)) == 3
        assert not {round(level, 9) for level in levels} & {x for row in STEPS for x in row}
        assert (np.abs(1000 * levels - np.rint(1000 * levels)) > 0.05).all()


def test_a_scalar_time_stays_one_time_elsewhere():
    c = of(t="scalar").conventions
    made = elsewhere(c, {"x": np.ones((3, 4)), **at(c, 0.75, 0.5, 3)})
    assert np.ptp(made["t"]) == 0


@pytest.mark.parametrize("bound", ["g", "std", "h", "levels", "x_s"])
def test_nothing_is_asked_elsewhere_where_a_number_hangs_on_the_level(bound):
    c = of().conventions
    assert elsewhere(c, {**at(c, 0.75, 0.5, 3), bound: np.ones(3)}) == {}
    assert elsewhere(c, {"x": np.ones(3)}) == {}


@pytest.mark.parametrize(("dtype", "kinds"), [("float32", 4), ("float16", 2)])
def test_a_reading_is_held_to_other_numbers_sizes_and_levels(dtype, kinds):
    subject = of(dtype=dtype)
    case = Case({"x": np.ones((3, 4)), **at(subject.conventions, 0.75, 0.5, 3)}, "here")
    made = fresh(subject, [case])
    assert [k.label.split(", ")[1] for k in made] == [
        "afresh", "of many sizes", "of many sizes", "at other levels"
    ][:kinds]  # fmt: skip
    assert len({k.inputs["x"].tobytes() for k in made}) == kinds
    moved = [k for k in made if np.abs(k.inputs["t"] - case.inputs["t"]).max() > 0.1]
    assert [k.label for k in moved] == ["here, at other levels"][: kinds - 3]
