"""Every centre and every spread that a reading names is the number of that name, by hand."""

import math

import numpy as np
import pytest

from refimpl.conformance.checks.measures import CENTRES, OF, OF_EACH, SPREADS

R = np.array([[1.0, 2.0, 4.0, 13.0], [3.0, 0.0, 0.0, 1.0]])
QUANTILES = {
    1: 1.03, 5: 1.15, 10: 1.3, 15: 1.45, 20: 1.6, 25: 1.75, 30: 1.9, 35: 2.1, 40: 2.4, 45: 2.7,
    55: 3.3, 60: 3.6, 65: 3.9, 70: 4.9, 75: 6.25, 80: 7.6, 85: 8.95, 90: 10.3, 95: 11.65, 99: 12.73,
}  # fmt: skip
"""Of the first group: its fourth places lie at 0, 1/3, 2/3 and 1."""

BY_HAND_CENTRES = {
    "the mean of the group before": 1,
    "the mean of the group after": 1,
    "the group's mean without its last sample": 7 / 3,
    "the group's mean without its first sample": 19 / 3,
    "the group's mean without its largest": 7 / 3,
    "the group's mean without its smallest": 19 / 3,
    "the group's mean": 5,
    "the group's median": 3,
    "the lower of the group's two medians": 2,
    "the group's largest": 13,
    "the group's smallest": 1,
    "the middle between the group's ends": 7,
    "nothing": 0,
    "the batch's mean": 3,
    "the batch's median": 1.5,
    "the batch's largest": 13,
    "the batch's smallest": 0,
    "the group's mean without its ends": 3,
    "the mean of the group's better half": 8.5,
    "the first sample's reward": 1,
    "the last sample's reward": 13,
    **{f"the group's {q} % quantile": value for q, value in QUANTILES.items()},
}
BY_HAND_SPREADS = {
    "the group's std": math.sqrt(22.5),
    "the group's std (n − 1)": math.sqrt(30),
    "the batch's std": 4,
    "the batch's std (n − 1)": math.sqrt(128 / 7),
    "the mean of all groups' stds": (math.sqrt(22.5) + math.sqrt(1.5)) / 2,
    "the largest of all groups' stds": math.sqrt(22.5),
    "the others' std": np.sqrt([206 / 9, 26, 266 / 9, 14 / 9]),
    "the others' std (n − 1)": np.sqrt([103 / 3, 39, 133 / 3, 7 / 3]),
    "the group's std times its size": 4 * math.sqrt(22.5),
    "the group's std over its size": math.sqrt(22.5) / 4,
    "the group's std times G/(G − 1), G its size": math.sqrt(22.5) * 4 / 3,
    "the group's std times (G − 1)/G, G its size": math.sqrt(22.5) * 3 / 4,
    "G/(G − 1), G the size of the group": 4 / 3,
    "(G − 1)/G, G the size of the group": 3 / 4,
    "the group's standard error": math.sqrt(22.5) / 2,
    "the group's range": 12,
    "the batch's range": 13,
    "the mean absolute deviation from the mean": 4,
    "the mean absolute deviation from the median": 3.5,
    "the median absolute deviation": 1.5,
    "the group's 25 % to 75 % range": 4.5,
    "the group's 20 % to 80 % range": 6,
    "the group's 10 % to 90 % range": 9,
    "the group's 5 % to 95 % range": 10.5,
    "the group's 1 % to 99 % range": 11.7,
    "the largest deviation": 8,
    "the sum of absolute deviations from the mean": 16,
    "the batch's mean absolute deviation": 22 / 8,
    "the largest above the mean": 8,
    "the smallest below the mean": 4,
    "the mean reward's size": 5,
    "the largest reward's size": 13,
    "the rewards' root mean square": math.sqrt(47.5),
    "the deviations' norm": math.sqrt(90),
    "the group's variance": 22.5,
    "the rewards' mean size": 5,
    "the group's mean": 5,
    "the group's sum": 20,
    "the size of the group": 4,
    "the deviation from the batch's mean": math.sqrt(26.5),
}
BY_HAND_OF_EACH = {
    "the others' mean": (19 / 3, 6, 16 / 3, 7 / 3),
    "the others' median": (4, 4, 2, 2),
    "the others' largest": (13, 13, 13, 4),
    "the others' smallest": (2, 1, 1, 1),
    "the previous sample's reward": (13, 1, 2, 4),
    "the next sample's reward": (2, 4, 13, 1),
}


@pytest.mark.parametrize(
    ("measures", "by_hand"),
    [(CENTRES, BY_HAND_CENTRES), (SPREADS, BY_HAND_SPREADS), (OF_EACH, BY_HAND_OF_EACH)],
)
def test_every_measure_is_what_its_name_says(measures, by_hand):
    assert measures.keys() == by_hand.keys()
    for name, value in by_hand.items():
        found = measures[name](R) + 0 * R
        np.testing.assert_allclose(found[0], value, rtol=1e-12, err_msg=name)


ONE_FOR_ALL = ("nothing", "the batch's", "the mean of all", "the largest of all", "the size of",
               "G/(G", "(G − 1)/G")  # fmt: skip


def test_a_group_is_measured_by_itself_and_the_batch_as_one():
    for name, measure in {**CENTRES, **SPREADS}.items():
        one, other = (measure(R) + 0 * R)[:, 0]
        assert (one == other) == name.startswith(ONE_FOR_ALL), name


def test_what_is_measured_is_what_its_name_says():
    """Equal rewards share their rank, and have places of their own."""
    by_hand = {
        "rewards": R,
        "ranks": [[0, 1, 2, 3], [3, 0.5, 0.5, 2]],
        "places in order": [[0, 1, 2, 3], [3, 0, 1, 2]],
        "exponentials": np.exp(R),
        "exponentials of 0.1 times the rewards": np.exp(R / 10),
        "exponentials of 0.5 times the rewards": np.exp(R / 2),
        "exponentials of 2 times the rewards": np.exp(2 * R),
        "exponentials of 10 times the rewards": np.exp(10 * R),
        "tanh(rewards)": np.tanh(R),
        "sigmoid(rewards)": 0.5 + np.tanh(R / 2) / 2,
        "squared rewards": [[1, 4, 16, 169], [9, 0, 0, 1]],
        "rewards held between −1 and 1": [[1, 1, 1, 1], [1, 0, 0, 1]],
        "rewards held between 0 and 1": [[1, 1, 1, 1], [1, 0, 0, 1]],
        "rewards held between −2 and 2": [[1, 2, 2, 2], [2, 0, 0, 1]],
        "rewards held between −3 and 3": [[1, 2, 3, 3], [3, 0, 0, 1]],
        "rewards held between −5 and 5": [[1, 2, 4, 5], [3, 0, 0, 1]],
        "rewards held between 0 and 5": [[1, 2, 4, 5], [3, 0, 0, 1]],
        "rewards held between −10 and 10": [[1, 2, 4, 10], [3, 0, 0, 1]],
        "rewards held between 0 and 10": [[1, 2, 4, 10], [3, 0, 0, 1]],
        "rewards held at −1 from below": R,
        "rewards held at 0 from below": R,
        "rewards held at 1 from above": [[1, 1, 1, 1], [1, 0, 0, 1]],
        "rewards held at 2 from above": [[1, 2, 2, 2], [2, 0, 0, 1]],
        "rewards held at 5 from above": [[1, 2, 4, 5], [3, 0, 0, 1]],
        "rewards held at 10 from above": [[1, 2, 4, 10], [3, 0, 0, 1]],
        "1 for the best": [[0, 0, 0, 1], [1, 0, 0, 0]],
        "log(1 + rewards above the smallest)": np.log([[1, 2, 4, 13], [4, 1, 1, 2]]),
    }
    assert OF.keys() == by_hand.keys()
    for name, value in by_hand.items():
        np.testing.assert_allclose(OF[name](R), value, rtol=1e-12, err_msg=name)


def test_rewards_are_held_from_below_too():
    low = np.array([[-4.0, -0.5, 0.5]])
    by_hand = {"between −1 and 1": (-1, -0.5, 0.5), "between 0 and 5": (0, 0, 0.5),
               "between −2 and 2": (-2, -0.5, 0.5), "at −1 from below": (-1, -0.5, 0.5),
               "at 0 from below": (0, 0, 0.5), "at 1 from above": (-4, -0.5, 0.5)}  # fmt: skip
    for name, value in by_hand.items():
        np.testing.assert_array_equal(OF[f"rewards held {name}"](low)[0], value, name)


def test_what_is_left_out_of_a_mean_and_whose_mean_it_is():
    three = np.array([[3.0, 0.0, 9.0, 6.0], [1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, 6.0]])
    by_hand = {
        "the group's mean without its last sample": (4, 1, 2),
        "the group's mean without its first sample": (5, 1, 10 / 3),
        "the group's mean without its largest": (3, 1, 2),
        "the group's mean without its smallest": (6, 1, 10 / 3),
        "the mean of the group before": (3, 4.5, 1),
        "the mean of the group after": (1, 3, 4.5),
    }
    for name, value in by_hand.items():
        np.testing.assert_allclose(CENTRES[name](three)[:, 0], value, rtol=1e-12, err_msg=name)


def test_a_measure_has_no_value_in_a_group_too_small_for_it():
    one = np.array([[1.0], [2.0]])
    assert np.isnan(OF_EACH["the others' mean"](one))
    assert np.isnan(CENTRES["the group's mean without its ends"](one))
    assert np.isnan(CENTRES["the group's mean without its last sample"](one))
