"""Numbers of many digits have the names that they are made of; others stay as they are."""

import ast
import math
from types import SimpleNamespace

import pytest

from refimpl.conformance.diagnosis.constants import named
from refimpl.conformance.formulas.program import parsed

A = 0.7
PLAIN = {
    "sqrt(2)": 2**0.5, "1 / sqrt(2)": 2**-0.5, "sqrt(3)": 3**0.5, "1 / sqrt(3)": 3**-0.5,
    "1 / 3": 1 / 3, "2 / 3": 2 / 3, "4 / 3": 4 / 3, "1 / 6": 1 / 6,
    "pi": 3.141592653589793, "pi / 2": 1.5707963267948966, "2 / pi": 0.6366197723675814,
    "2 * pi": 6.283185307179586, "1 / pi": 0.3183098861837907, "sqrt(pi)": 1.772453850905516,
    "sqrt(2 * pi)": 2.5066282746310002, "log(2)": 0.6931471805599453,
    "log(2 * pi)": 1.8378770664093453, "log(10)": 2.302585092994046,
}  # fmt: skip
OF_A = {
    "1 / a": 1 / A, "1 / a**2": 1 / A**2, "sqrt(a)": A**0.5, "1 / sqrt(a)": A**-0.5,
    "1 / (2 * a)": 1 / (2 * A), "sqrt(1 - a**2)": (1 - A * A) ** 0.5, "sqrt(2) * a": 2**0.5 * A,
    "a / sqrt(2)": A / 2**0.5, "a * pi / 2": A * math.pi / 2,
    "sin(a * pi / 2)": math.sin(A * math.pi / 2), "cos(a * pi / 2)": math.cos(A * math.pi / 2),
    "sin(a * pi / 2)**2": math.sin(A * math.pi / 2) ** 2,
    "tan(a * pi / 2)": math.tan(A * math.pi / 2),
}  # fmt: skip


def told(number, unit=2.0**-53, cases=({"x": 1.0},), a=A):
    e = SimpleNamespace(c={"a": a}, unit=unit, cases=[SimpleNamespace(inputs=i) for i in cases])
    return ast.unparse(named(parsed("y", f"x + {number!r} * t").expression, e))


@pytest.mark.parametrize("name", PLAIN | OF_A)
def test_a_number_is_told_by_its_name(name):
    number = (PLAIN | OF_A)[name]
    expected = ast.unparse(ast.parse(f"x + ({name}) * t", mode="eval"))
    assert told(number) == expected
    assert told(number * (1 + 1e-11)) == expected  # as it is solved for


@pytest.mark.parametrize("name", PLAIN | OF_A)
def test_a_number_near_it_is_none(name):
    number = (PLAIN | OF_A)[name] * (1 + 1e-7)
    assert told(number) == f"x + {number!r} * t"
    assert told(number, unit=2.0**-24) != f"x + {number!r} * t"  # answers in float32


def test_powers_of_a_are_told_where_they_have_many_digits():
    for name in ("a**2", "a**3", "1 - a**2"):
        number = eval(name, {"a": 0.732})
        assert told(number, a=0.732) == ast.unparse(ast.parse(f"x + ({name}) * t", mode="eval"))


def test_numbers_of_few_digits_stay():
    for number in (0.5, 0.75, 1.0, 0.3333, 1000.0):
        assert told(number) == f"x + {number!r} * t"


def test_an_a_that_differs_from_case_to_case_names_nothing():
    given = ({"a": 0.5}, {"a": 0.7})
    assert told(1 / A, cases=given) == f"x + {1 / A!r} * t"
    assert told(2**0.5, cases=given) == "x + sqrt(2) * t"


@pytest.mark.parametrize("a", [1.0, 1.5])
def test_an_a_beyond_its_range_names_nothing(a):
    assert told(1 / 1.5, a=a) == "x + 2 / 3 * t"
    assert told(1.5**0.5, a=a) == f"x + {1.5**0.5!r} * t"
