"""Elementary functions follow their argument, through five number systems."""

import math

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
import torch

from refimpl.equations import elementary as e

FUNCTIONS = ("sqrt", "exp", "log", "sin", "cos")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_its_argument_s_own(name):
    f, value = getattr(e, name), getattr(math, name)(0.75)
    assert f(0.75) == value
    assert isinstance(f(np.float64(0.75)), np.float64)
    assert f(np.array([0.75]))[0] == pytest.approx(value, rel=1e-15)
    assert f(torch.tensor([0.75], dtype=torch.float64)).item() == pytest.approx(value, rel=1e-15)
    x = sp.Symbol("x", positive=True)
    assert f(x) == getattr(sp, name)(x)
    assert isinstance(f(mp.mpf("0.75")), mp.mpf)
    entries = f(np.array([x, sp.Integer(1)], dtype=object))
    assert list(entries) == [getattr(sp, name)(x), getattr(sp, name)(1)]
    assert entries.dtype == object


def test_pi_is_exact_where_numbers_are():
    assert e.pi(1.0) == e.pi(np.ones(1)) == e.pi(torch.ones(1)) == math.pi
    assert e.pi(sp.Symbol("x")) is sp.pi
    with mp.workdps(40):
        assert mp.nstr(e.pi(mp.mpf(1)), 30) == "3.14159265358979323846264338328"


def test_home_is_the_module_of_the_number():
    homes = [e.home(x) for x in (1, 1.0, np.ones(1), torch.ones(1), sp.Symbol("x"), mp.mpf(1))]
    assert homes == [math, math, np, torch, sp, mp]


@pytest.mark.parametrize(
    ("name", "symbolic", "want"), [("minimum", sp.Min, 1.0), ("maximum", sp.Max, 2.0)]
)
def test_extremes_mix_numbers_with_anything(name, symbolic, want):
    f, x = getattr(e, name), sp.Symbol("x")
    assert f(1.0, 2.0) == f(2.0, 1.0) == want
    assert type(f(1.0, 2.0)) is float
    assert f(np.array([1.0, 3.0]), 2.0)[0] == want
    assert f(2.0, np.array([1.0]))[0] == want
    for a, b in (
        (torch.tensor([1.0]), 2.0),
        (2.0, torch.tensor([1.0])),
        (torch.tensor([1.0]), torch.tensor([2.0])),
    ):
        assert f(a, b).item() == want
        assert f(a, b).dtype == torch.float32
    assert f(x, 2.0) == f(2.0, x) == symbolic(x, 2.0)
    assert f(sp.Integer(1), sp.Integer(2)) == int(want)
    assert isinstance(f(np.array([1.0]), np.array([2.0])), np.ndarray)


def test_extremes_keep_nan():
    for f in (e.minimum, e.maximum):
        assert np.isnan(f(np.array([np.nan]), 1.0))[0]
        assert torch.isnan(f(torch.tensor([float("nan")]), 1.0))[0]


def test_extremes_of_doubles_stay_doubles():
    x = torch.tensor([0.1], dtype=torch.float64)
    assert e.minimum(x, 0.7).dtype == torch.float64
    assert e.maximum(x, 0.7).item() == 0.7


def test_extremes_go_to_the_tensor_s_device():
    there = torch.empty(2, device="meta")
    for f in (e.minimum, e.maximum):
        assert f(torch.ones(2), there).device.type == "meta"


def test_where_follows_the_condition():
    assert e.where(True, 1, 2) == 1
    assert e.where(False, 1, 2) == 2
    assert e.where(np.array([True, False]), 1.0, np.array([2.0, 3.0])).tolist() == [1, 3]
    assert e.where(torch.tensor([True, False]), 1.0, torch.tensor([2.0, 3.0])).tolist() == [1, 3]


def test_a_scaled_sum_is_one_in_every_number_system():
    x, y, a = sp.symbols("x y a")
    assert e.add_scaled(x, a, y) == x + a * y
    assert e.add_scaled(1.0, -0.5, 4.0) == -1.0
    assert e.add_scaled(np.array([1.0, 2.0]), 0.5, np.array([4.0, 8.0])).tolist() == [3.0, 6.0]
    one, other = torch.tensor([1.0, 2.0]), torch.tensor([4.0, 8.0])
    assert e.add_scaled(one, 0.5, other).tolist() == [3.0, 6.0]
    assert e.add_scaled(one, torch.tensor([0.5, -0.5]), other).tolist() == [3.0, -2.0]
    assert one.tolist() == [1.0, 2.0]  # nothing is changed in place
