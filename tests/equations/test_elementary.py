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


CANCELLING = {
    "expm1": (lambda x: mp.expm1(x), lambda x: sp.exp(x) - 1),
    "log1p": (lambda x: mp.log1p(x), lambda x: sp.log(1 + x)),
    "exp_remainder": (lambda x: mp.expm1(x) - x, lambda x: sp.exp(x) - 1 - x),
}


@pytest.mark.parametrize("name", CANCELLING)
@pytest.mark.parametrize(("dtype", "u"), [(torch.float32, 2.0**-24), (torch.float64, 2.0**-53)])
def test_a_function_of_small_numbers_keeps_its_digits(name, dtype, u):
    exact, _ = CANCELLING[name]
    sizes = torch.logspace(-12, 1.5, 400, dtype=dtype)
    x = torch.cat([-sizes[sizes < 0.9], sizes]) if name == "log1p" else torch.cat([-sizes, sizes])
    with mp.workdps(60):
        for got, at in zip(getattr(e, name)(x).tolist(), x.tolist(), strict=True):
            assert abs(got / exact(mp.mpf(at)) - 1) <= 6 * u, at


@pytest.mark.parametrize("name", CANCELLING)
def test_a_function_of_small_numbers_is_its_formula_on_symbols_and_arrays_of_any_kind(name):
    f, (exact, formula) = getattr(e, name), CANCELLING[name]
    x = sp.Symbol("x", positive=True)
    assert f(x) == formula(x)
    assert list(f(np.array([x, sp.Integer(1)], dtype=object))) == [formula(x), formula(1)]
    want = float(exact(mp.mpf(0.75)))
    for given in (0.75, np.float64(0.75), np.array(0.75), torch.tensor(0.75, dtype=torch.float64)):
        assert float(f(given)) == pytest.approx(want, rel=1e-15)
    assert f(np.array([0.75], dtype=np.float32)).dtype == np.float32
    assert f(mp.mpf("0.75")) == pytest.approx(want)


def test_the_remainder_of_an_exponential_has_a_slope_everywhere():
    x = torch.tensor([-1e4, -1.0, -1e-6, 0.0, 1e-6, 1.0, 80.0], dtype=torch.float64)
    x.requires_grad_(True)
    e.exp_remainder(x).sum().backward()
    torch.testing.assert_close(x.grad, torch.expm1(x.detach()), rtol=1e-14, atol=0)


@pytest.mark.parametrize("apart", [1e-9, 1e-3, 0.5, 1e6, 1e-6 - 1])
def test_the_logarithm_of_a_quotient_keeps_its_digits(apart):
    b = 0.3
    a = b * (1 + apart)
    with mp.workdps(60):
        want = float(mp.log(mp.mpf(a) / mp.mpf(b)))
    for of in (float, np.float64, lambda x: torch.tensor(x, dtype=torch.float64)):
        assert float(e.log_quotient(of(a), of(b))) == pytest.approx(want, rel=4e-16, abs=0)
    x, y = sp.symbols("x y", positive=True)
    assert e.log_quotient(x, y) == sp.log(x / y)


@pytest.mark.parametrize("z", [-1e-9, -1.0, -40.0, 1e-9, 1.0, 40.0])
@pytest.mark.parametrize("u", [0.0, 2.0**-20, 0.5, 1 - 2.0**-20, 1.0])
def test_the_logarithm_of_a_mixture_keeps_its_digits(u, z):
    with mp.workdps(60):
        want = float(mp.log1p(u * mp.expm1(mp.mpf(z))))
    assert e.log_mix(u, z) == pytest.approx(want, rel=2e-15, abs=0)
    x, y = sp.symbols("x y", positive=True)
    assert e.log_mix(x, y) == sp.log(1 - x + x * sp.exp(y))


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


def test_a_sum_in_place_is_one_where_memory_can_be_used_again():
    x, y, a = sp.symbols("x y a")
    assert e.add_scaled_to(x, a, y) == x + a * y
    assert e.add_scaled_to(1.0, -0.5, 4.0) == -1.0
    one, other = torch.tensor([1.0, 2.0]), torch.tensor([4.0, 8.0])
    assert e.add_scaled_to(one, 0.5, other) is one
    assert one.tolist() == [3.0, 6.0]
    for kept, b in ((torch.ones(1), other), (torch.ones(2), other.double())):  # no room for the sum
        assert e.add_scaled_to(kept, 0.5, b).tolist() == [3.0, 5.0]
        assert kept.tolist() == [1.0] * len(kept)
    assert e.add_scaled_to(torch.ones(2), torch.tensor([0.5, -0.5]), other).tolist() == [3.0, -3.0]
    v = torch.tensor([4.0, 8.0], requires_grad=True)
    e.add_scaled_to(2 * one, -0.25, v).sum().backward()
    assert v.grad.tolist() == [-0.25, -0.25]
