"""Inputs and second routes: complete, exact, and independent of what they test."""

import ast
import statistics
from fractions import Fraction
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

import refimpl.conformance as conformance
from refimpl.conformance import reference
from refimpl.equations import equations
from refimpl.evidence.calls import cast, flat_names, parts, unit_roundoff
from refimpl.evidence.inputs import inputs
from refimpl.evidence.routes import routes

FOLDER = Path(conformance.__file__).parent


@pytest.mark.parametrize("equation_id", equations())
def test_every_equation_has_a_second_route_and_inputs(equation_id):
    first, *_ = inputs(equation_id)
    assert set(first) == set(flat_names(equation_id))
    assert any(isinstance(x, np.ndarray) for x in first.values())
    assert equation_id in routes()


@pytest.mark.parametrize("seed", range(6))
def test_every_input_is_exact_in_bfloat16(seed):
    for equation_id in equations():
        for case in inputs(equation_id, seed):
            for name, x in case.items():
                if not isinstance(x, str):
                    mantissa, _ = np.frexp(np.asarray(x, dtype=np.float64))
                    assert (mantissa * 256 == np.round(mantissa * 256)).all(), (equation_id, name)


def test_array_cases_have_four_dimensions_and_differ_everywhere():
    case = inputs("sde.drift")[0]
    assert case["v"].shape == (2, 3, 1, 2)
    assert case["g"].shape == (2, 1, 1, 1)
    assert len(set(case["v"].ravel())) == case["v"].size
    assert set(inputs("sde.drift", 1)[0]["v"].ravel()) != set(case["v"].ravel())


def test_a_second_route_imports_nothing_from_the_equations():
    for file in FOLDER.glob("routes_*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        modules = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        assert not any(m and "equations" in m for m in modules), file.name


def value(equation_id, **case):
    return reference(equation_id, case).want["value"]


def test_second_routes_agree_with_scipy_where_it_speaks():
    x, mean, std = 0.5, -1.25, 0.75
    assert float(value("gaussian.log_prob", x=x, mean=mean, std=std)) == pytest.approx(
        stats.norm.logpdf(x, mean, std), rel=1e-14
    )


def test_the_quadrature_of_three_points_is_the_integral():
    p, q = (1.5, 0.75), (0.25, 1.25)
    case = {"p_mean": p[0], "p_std": p[1], "q_mean": q[0], "q_std": q[1]}
    with mp.workdps(20):
        integral = mp.quad(
            lambda y: mp.npdf(y, *p) * mp.log(mp.npdf(y, *p) / mp.npdf(y, *q)), [-8, 0, 3, 9]
        )
    assert float(value("kl.gaussian", **case)) == pytest.approx(float(integral), rel=1e-14)


def test_advantages_agree_with_the_standard_library():
    rewards = np.array([[1.0, 2.5, 0.25, -1.5], [3.0, 3.5, 4.0, 8.0]])
    got = value("grpo.advantage", rewards=rewards, std="group", ddof=1, eps=0.0)
    for row, advantages in zip(rewards.tolist(), got, strict=True):
        exact = [Fraction(r) for r in row]
        mean, variance = statistics.mean(exact), statistics.variance(exact)
        for r, a in zip(exact, advantages, strict=True):
            assert float(a) ** 2 == pytest.approx(float((r - mean) ** 2 / variance), rel=1e-14)
            assert (a > 0) == (r > mean)


def test_casting_rounds_nothing():
    for system in ("numpy64", "numpy32", "torch64", "torch32"):
        case = inputs("sde.transition")[0]
        for name, x in cast(case, system).items():
            assert np.array_equal(parts(x)["value"], case[name])


def test_the_roundoff_of_a_result_is_that_of_its_coarsest_part():
    assert unit_roundoff(1.0) == 2.0**-53
    assert unit_roundoff(np.float32(1)) == 2.0**-24
    assert unit_roundoff({"mean": np.ones(1), "std": np.ones(1, dtype=np.float32)}) == 2.0**-24
