"""Every centre and every spread that a reading names is the number of that name, by hand."""

import math

import numpy as np
import pytest

from refimpl.conformance.checks.measures import CENTRES, OF, SPREADS

R = np.array([[1.0, 2.0, 4.0, 13.0], [3.0, 0.0, 0.0, 1.0]])
QUANTILES = {1: 1.03, 5: 1.15, 10: 1.3, 25: 1.75, 75: 6.25, 90: 10.3, 95: 11.65, 99: 12.73}
"""Of the first group: its fourth places lie at 0, 1/3, 2/3 and 1."""

BY_HAND_CENTRES = {
    "the group's mean": 5,
    "the group's median": 3,
    "the group's largest": 13,
    "the group's smallest": 1,
    "the middle between the group's ends": 7,
    "nothing": 0,
    "the batch's mean": 3,
    "the batch's median": 1.5,
    "the batch's largest": 13,
    "the batch's smallest": 0,
    **{f"the group's {q} % quantile": value for q, value in QUANTILES.items()},
}
BY_HAND_SPREADS = {
    "the group's std": math.sqrt(22.5),
    "the group's std (n − 1)": math.sqrt(30),
    "the batch's std": 4,
    "the group's range": 12,
    "half the group's range": 6,
    "the batch's range": 13,
    "the mean absolute deviation from the mean": 4,
    "the mean absolute deviation from the median": 3.5,
    "the median absolute deviation": 1.5,
    "1.4826 times the median absolute deviation": 2.2239,
    "the group's 25 % to 75 % range": 4.5,
    "the group's 10 % to 90 % range": 9,
    "the group's 5 % to 95 % range": 10.5,
    "the group's 1 % to 99 % range": 11.7,
    "the largest deviation": 8,
    "the largest reward's size": 13,
    "the rewards' root mean square": math.sqrt(47.5),
    "the deviations' norm": math.sqrt(90),
    "the group's variance": 22.5,
    "the group's mean": 5,
    "nothing": 1,
}


@pytest.mark.parametrize(
    ("measures", "by_hand"), [(CENTRES, BY_HAND_CENTRES), (SPREADS, BY_HAND_SPREADS)]
)
def test_every_measure_is_what_its_name_says(measures, by_hand):
    assert measures.keys() == by_hand.keys()
    for name, value in by_hand.items():
        found = measures[name](R) + 0 * R
        np.testing.assert_allclose(found[0], value, rtol=1e-12, err_msg=name)


def test_a_group_is_measured_by_itself_and_the_batch_as_one():
    for name, measure in {**CENTRES, **SPREADS}.items():
        one, other = (measure(R) + 0 * R)[:, 0]
        assert (one == other) == (name == "nothing" or name.startswith("the batch's")), name


def test_equal_rewards_share_their_rank_and_have_places_of_their_own():
    assert OF.keys() == {"rewards", "ranks", "places in order"}
    np.testing.assert_array_equal(OF["rewards"](R), R)
    np.testing.assert_array_equal(OF["ranks"](R), [[0, 1, 2, 3], [3, 0.5, 0.5, 2]])
    np.testing.assert_array_equal(OF["places in order"](R), [[0, 1, 2, 3], [3, 0, 1, 2]])
