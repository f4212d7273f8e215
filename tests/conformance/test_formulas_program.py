"""Programs: what a line may call, which lines are computed again, and what is told."""

import ast
import math

import numpy as np
import pytest

from refimpl.conformance.formulas.program import FUNCTIONS, Program, line, parsed, written

X = np.array(
    [[[3.0, -1.0], [2.0, 0.0]], [[1.0, -4.0], [-2.0, 5.0]], [[-2.0, 6.0], [0.5, 1.5]]]
)  # three samples; their sums are 4, 0, 6, their sums of squares 14, 46, 42.5
SQUARES = 14 + 46 + 42.5
R = np.array([[1.0, 2.0, 6.0], [-1.0, 0.0, 4.0]])  # two groups of three
ONES = np.ones(X.shape)


def column(*numbers):
    return np.array(numbers).reshape(3, 1, 1)


PLAIN = {
    **{name: ((0.75,), getattr(math, name)(0.75)) for name in (
        "sqrt", "exp", "log", "sin", "cos", "tan", "cosh", "tanh", "expm1", "log1p")},
    "arctan": ((0.75,), math.atan(0.75)), "sign": ((-0.75,), -1), "abs": ((-0.75,), 0.75),
    "where": ((np.array([True, False]), 2.0, 3.0), [2, 3]),
    "floor": ((-0.75,), -1), "ceil": ((0.25,), 1), "rint": ((1.75,), 2),
    "sigmoid": ((0.75,), 1 / (1 + math.exp(-0.75))), "log_gamma": ((5.0,), math.log(24)),
    "huber": ((np.array([-0.5, 2.0, 3.0]), 2.0), [0.125, 2.0, 4.0]),
    "minimum": ((2.0, 3.0), 2), "maximum": ((2.0, 3.0), 3),
    "clamp": ((np.array([-5.0, 0.5, 5.0]), -1.0, 2.0), [-1, 0.5, 2]),
    "bfloat16": ((np.array([1.003, -1.005, 3.01]),), [1, -1 - 2**-7, 3 + 2**-6]),
    "float32": ((np.array([1 + 2**-25, -1.00000013, 3.0000004]),), [1, -1 - 2**-23, 3 + 2**-21]),
    "float16": ((np.array([1.0004, -1.0006, 3.001]),), [1, -1 - 2**-10, 3 + 2**-9]),
}  # fmt: skip
"""Arguments, and what comes of them: functions of each number by itself."""

OF_SAMPLES = {
    "total": ((X,), [4, 0, 6]), "average": ((X,), [1, 0, 1.5]), "count": ((X,), 4),
    "norm": ((X,), column(14**0.5, 46**0.5, 42.5**0.5)),
    "rms": ((X,), column(3.5**0.5, 11.5**0.5, 10.625**0.5)),
    "average_of": ((X,), column(1, 0, 1.5)),
    "std_of": ((X,), column(2.5**0.5, 11.5**0.5, 8.375**0.5)),
    "unbiased_std_of": ((X,), column((10 / 3) ** 0.5, (46 / 3) ** 0.5, (33.5 / 3) ** 0.5)),
    "thresholded": ((X, 0.5), np.stack([X[0].clip(-1.5, 1.5) / 1.5, X[1].clip(-3, 3) / 3,
                                        X[2].clip(-1.75, 1.75) / 1.75])),
    "quantile_of_abs": ((X, 0.5), column(1.5, 3, 1.75)),
    "largest": ((X,), [3, 5, 6]), "smallest": ((X,), [-1, -4, -2]),
    "middle": ((X,), [1, -0.5, 1]), "first_of": ((X,), [3, 1, -2]), "last_of": ((X,), [0, 5, 1.5]),
    "inner": ((X, X + 1), column(18, 46, 48.5)),
    "mean_of_last": ((X,), [[[1, 1], [1, 1]], [[-1.5, -1.5], [1.5, 1.5]], [[2, 2], [1, 1]]]),
    "norm_of_last": ((X,), np.sqrt([[[10], [4]], [[17], [29]], [[40], [2.5]]])),
    "in_first_half": ((R, 0 * R), [[1, 2, 0], [-1, 0, 0]]),
    "in_first_three": ((np.c_[R, R], 0 * np.c_[R, R]), np.c_[R, 0 * R]),
}  # fmt: skip
"""Functions of a sample's coordinates, a sample at a time."""

OF_BATCHES = {
    "mean_of_all": ((X,), 10 / 12 * ONES),
    "std_of_all": ((X,), math.sqrt(SQUARES / 12 - (10 / 12) ** 2) * ONES),
    "unbiased_std_of_all": ((X,), math.sqrt((SQUARES - 100 / 12) / 11)),
    "mean_over_samples": ((X,), [[[2 / 3, 1 / 3], [0.5 / 3, 6.5 / 3]]]),
    "largest_of_all": ((X,), 6 * ONES), "smallest_of_all": ((X,), -4 * ONES),
    "mirrored": ((X,), [X[0], X[1], -X[0]]),
    "previous_of_batch": ((X,), X[[2, 0, 1]]), "next_of_batch": ((X,), X[[1, 2, 0]]),
    "previous_or_first_of_batch": ((X,), X[[0, 0, 1]]),
    "next_or_last_of_batch": ((X,), X[[1, 2, 2]]),
    "reversed_batch": ((X,), X[[2, 1, 0]]), "first_of_batch": ((X,), X[[0, 0, 0]]),
    "group_mean": ((R,), [[3], [1]]), "group_sum": ((R,), [[9], [3]]),
    "batch_mean": ((R,), [[2], [2]]), "batch_sum": ((R,), [[12], [12]]),
}  # fmt: skip
"""Functions of the whole batch."""

CALLED = PLAIN | OF_SAMPLES | OF_BATCHES


def test_no_function_is_left_out():
    assert set(CALLED) == set(FUNCTIONS) - {"pi"}
    assert FUNCTIONS["pi"] == math.pi


@pytest.mark.parametrize("name", CALLED)
def test_a_line_may_call_it(name):
    given, want = CALLED[name]
    names = dict(zip("abc", given, strict=False))
    got = written(f"value = {name}({', '.join(names)})").run(names)["value"]
    assert np.shape(got) == np.shape(want)
    np.testing.assert_allclose(got, want, rtol=1e-14)  # a few roundings of float64


def test_what_is_thresholded_is_not_made_larger():
    small = X / 8
    np.testing.assert_array_equal(FUNCTIONS["thresholded"](small, 0.5), small)


def test_a_line_may_call_nothing_else():
    with pytest.raises(NameError):
        parsed("value", "open(name)").value({"name": "/dev/null"})


def test_a_line_knows_the_numbers_that_it_uses():
    source = "where(x > pi, [x, y][0], -h * sqrt(y))"
    for row in (parsed("mean", source), line("mean", ast.parse(source, mode="eval").body)):
        assert (row.name, row.source, row.uses) == ("mean", source, {"x", "y", "h"})


def test_a_line_runs_whose_parts_come_from_several_places():
    """Nodes without a place, and with places that contradict each other."""
    below = ast.parse("\n\n\ny +\\\n 1", mode="eval").body
    made = line("value", ast.BinOp(ast.Name("x", ast.Load()), ast.Mult(), below))
    assert made.name == "value"
    assert made.value({"x": 3, "y": 4}) == 15


STEPS = written("""
    a = x + 1
    b = a * y

    c = x - y
    d = b + c
""", total="d", first="a")  # fmt: skip
STALE = {"x": 2.0, "y": 5.0, "a": 3.0, "b": 15.0, "c": 100.0, "d": 115.0}
"""c is not what its line says: whoever computes it again is seen."""


def test_the_result_is_called_value_unless_it_is_named():
    assert written("value = 2 * x").run({"x": 4}) == {"value": 8}
    assert written("value = x\nw = 3 * x", w="w").run({"x": 4}) == {"w": 12}


def test_a_program_is_as_long_as_its_text():
    assert [(row.name, row.source) for row in STEPS.lines] == [
        ("a", "x + 1"), ("b", "a * y"), ("c", "x - y"), ("d", "b + c")]  # fmt: skip


def test_every_line_may_use_those_before_it():
    assert STEPS.values({"x": 2.0, "y": 5.0}) == {**STALE, "c": -3.0, "d": 12.0}
    assert STEPS.run({"x": 2.0, "y": 5.0}) == {"total": 12.0, "first": 3.0}


def test_what_is_told_is_brought_to_the_adapters_conventions():
    made = written("value = x + 1", lambda parts: {k: -x for k, x in parts.items()})
    told = made.run({"x": np.array([1.0, 2.0])})["value"]
    np.testing.assert_array_equal(told, [-2, -3])
    assert isinstance(written("value = 3").run({})["value"], np.ndarray)


def test_lines_that_depend_on_a_change_are_computed_again_and_no_others():
    a, b = parsed("a", "x + 2"), parsed("b", "a - y")
    assert STEPS.after(STALE, 0, a) == {**STALE, "a": 4.0, "b": 20.0, "d": 120.0}
    assert STEPS.after(STALE, 1, b) == {**STALE, "b": -2.0, "d": 98.0}
    assert STALE["d"] == 115.0  # what was known stays


def test_of_several_changed_lines_those_that_a_part_depends_on_are_computed_again_and_no_others():
    a, b = parsed("a", "x + 2"), parsed("b", "a - y")

    def with_these(changed, part):
        known = dict(STALE)
        for row in STEPS.again(changed, part):
            known[row.name] = row.value(known)
        return known

    assert with_these({0: a}, "total") == STEPS.after(STALE, 0, a)
    assert with_these({0: a, 1: b}, "total") == {**STALE, "a": 4.0, "b": -1.0, "d": 99.0}
    assert with_these({1: b}, "total") == STEPS.after(STALE, 1, b)
    assert with_these({0: a, 1: b}, "first") == {**STALE, "a": 4.0}
    assert with_these({1: b}, "first") == STALE


def test_a_line_is_not_computed_again_for_a_later_one_of_its_inputs_names():
    """Line k takes what stands above it: what is below is not its input."""
    made = written("b = x\na = 2 * y\nvalue = a + b")
    known = made.values({"x": 1.0, "y": 3.0})
    moved = made.after({**known, "b": 50.0}, 1, parsed("a", "3 * y"))
    assert (moved["b"], moved["a"], moved["value"]) == (50, 9, 59)


def test_a_program_with_another_line_keeps_the_rest():
    made = STEPS.changed(1, parsed("b", "a + y"))
    assert [row.source for row in made.lines] == ["x + 1", "a + y", "x - y", "b + c"]
    assert made.parts == STEPS.parts
    assert isinstance(made, Program)
