"""Inputs of many sizes: what is free has either sign, what is positive stays so, levels stay."""

import numpy as np
import pytest

from refimpl.conformance.adapter.spreads import SMALL, spread
from refimpl.conformance.adapter.subject import Subject
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
