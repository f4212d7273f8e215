"""A sum of terms is read off its numbers: which terms, how often; and nothing where none fits."""

import numpy as np

from refimpl.conformance.adapter.conventions import Conventions
from refimpl.conformance.diagnosis.sums import sums, written_out

C = Conventions()
CASES = [
    {"a": np.linspace(-2, 1, 7), "b": np.linspace(0.5, 3, 7) ** 2},
    {"a": np.ones(6), "b": np.arange(6.0)},
]


def terms(i, c):
    return {"a": i["a"], "b": i["b"], "a b": i["a"] * i["b"], "1": 1 + 0 * i["a"]}


def found(of):
    told = [{"value": of(i["a"], i["b"])} for i in CASES]
    return list(sums(terms, "a + b", CASES, told, C))


def test_the_fewest_terms_are_found_with_their_factors():
    (one,) = found(lambda a, b: -0.25 * a * b)
    assert (one.now, one.meant, one.size) == ("−0.25 a b", "a + b", 1)
    (two,) = found(lambda a, b: a - 1.5 * b)
    assert (two.now, two.size) == ("a − 1.5 b", 2)


def test_a_sum_gives_its_numbers_for_other_inputs():
    (three,) = found(lambda a, b: 2 * a + b - 3)
    other = {"a": np.array([0.3, -7.0]), "b": np.array([11.0, 0.1])}
    np.testing.assert_allclose(three.parts(other, C)["value"], 2 * other["a"] + other["b"] - 3)


def test_nothing_is_found_where_no_sum_fits():
    assert found(lambda a, b: np.sin(5 * a) + b**3) == []


def test_a_sum_is_written_as_one_writes_it():
    assert written_out({"x": -1.0, "y": 0.5, "1": -2.0}) == "−x + 0.5 y − 2"
