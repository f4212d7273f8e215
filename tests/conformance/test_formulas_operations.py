"""The accuracy that inputs allow: |result| + Σ |input · ∂result/∂input|, on formulas by hand."""

import numpy as np
import pytest

from refimpl.conformance.adapter.conventions import Conventions
from refimpl.conformance.formulas.operations import (
    ROUNDINGS,
    Operation,
    allowed,
    sensitivities,
    size,
)
from refimpl.conformance.formulas.values import Formulas

A, B = np.array([[3.0, -2.0], [0.5, 1.0]]), np.array([[-1.0, 4.0], [2.0, 8.0]])
NEAR = dict(rtol=1e-5)
"""A derivative is a difference over 1e-6: so much is its own error."""


def made(parts, capability="path", **more):
    """An operation whose parts are these functions of the inputs."""

    def evaluate(f, i, c):
        assert isinstance(f, Formulas)
        assert isinstance(c, Conventions)
        return {k: p(i, c) for k, p in parts.items()}

    return Operation(capability, evaluate, **more)


def of(formula, inputs, capability="path", *, inner=lambda i, c: {}, **conventions):
    op = made({"value": formula}, capability, inner=inner)
    return size(op, inputs, Conventions(conventions))["value"]


def test_half_precision_is_allowed_twice_the_roundings():
    assert allowed(2.0**-53) == ROUNDINGS * 2.0**-53
    assert allowed(2.0**-24) == ROUNDINGS * 2.0**-24
    assert allowed(2.0**-11) == 2 * ROUNDINGS * 2.0**-11


def test_a_sum_is_as_large_as_its_terms_and_itself():
    got = of(lambda i, c: i["a"] + i["b"], {"a": A, "b": B})
    np.testing.assert_allclose(got, abs(A + B) + abs(A) + abs(B), **NEAR)


def test_a_power_counts_its_factors():
    got = of(lambda i, c: i["a"] ** 2 * i["w"], {"a": A, "w": -1.5})
    np.testing.assert_allclose(got, (1 + 2 + 1) * 1.5 * A**2, **NEAR)


def test_a_result_of_whole_numbers_has_a_size_as_well():
    got = of(lambda i, c: np.array([2, -3]) + 0 * i["n"], {"n": np.array([1, 2])})
    assert got.dtype.kind == "f"
    np.testing.assert_array_equal(got, [2, 3])


@pytest.mark.parametrize(
    ("name", "x"),
    [("steps", 4), ("on", True), ("clip", 0.25), ("beta", 0.5), ("eps", 0.125),
     ("k", np.array([2, 3]))],
)  # fmt: skip
def test_numbers_that_are_not_rounded_do_not_count(name, x):
    got = of(lambda i, c: A[0] * i[name], {name: x, "to": "score", "field": abs})
    np.testing.assert_array_equal(got, abs(A[0] * x))


def test_parts_are_sized_by_themselves():
    op = made({"a": lambda i, c: i["a"], "b": lambda i, c: i["a"] * i["b"]})
    got = size(op, {"a": A, "b": B}, Conventions())
    np.testing.assert_allclose(got["a"], 2 * abs(A), **NEAR)
    np.testing.assert_allclose(got["b"], 3 * abs(A * B), **NEAR)


@pytest.mark.parametrize("name", ["t", "levels"])
def test_the_noisy_end_of_the_path_is_exact(name):
    t = np.array([1.0, 0.25])
    np.testing.assert_allclose(of(lambda i, c: i[name], {name: t}), [1, 0.5], **NEAR)
    np.testing.assert_allclose(of(lambda i, c: i["s"], {"s": t}), [2, 0.5], **NEAR)


@pytest.mark.parametrize("name", ["t", "s", "levels"])
@pytest.mark.parametrize(("time", "end"), [("data at 1", 1.0), ("data at 1000", 1000.0)])
def test_on_a_data_clock_the_level_is_rounded_too(name, time, end):
    t = np.array([0.0, 0.25, 0.75]) * end
    got = of(lambda i, c: i[name], {name: t}, time=time)
    np.testing.assert_allclose(got, np.array([0, 0.25 * 2 + 0.75, 0.75 * 2 + 0.25]) * end, **NEAR)


def test_what_is_no_time_is_not_turned():
    np.testing.assert_allclose(
        of(lambda i, c: i["a"], {"a": A}, time="data at 1"), 2 * abs(A), **NEAR
    )


@pytest.mark.parametrize("name", ["t", "s", "levels"])
def test_on_the_vp_path_a_levels_rounding_counts_over_its_noise(name):
    t = np.array([0.5, 0.125, 0.0])
    alpha = np.exp(-(t**2 * 19.9 / 4 + t * 0.1 / 2))
    sigma = np.sqrt(np.where(t > 0, 1 - alpha**2, 1 - np.exp(-10.05)))
    got = of(lambda i, c: 2 + i[name], {name: t}, path="vp")
    np.testing.assert_allclose(got, 2 + t + t * (1 + 1 / sigma**2), **NEAR)
    np.testing.assert_allclose(of(lambda i, c: i["a"], {"a": A}, path="vp"), 2 * abs(A), **NEAR)
    np.testing.assert_allclose(of(lambda i, c: i[name], {name: t}), 2 * t, **NEAR)


def test_levels_count_for_each_sample():
    t = np.array([0.5, 0.25])
    got = of(lambda i, c: A * i["t"].reshape(2, 1), {"t": t}, path="vp")
    alpha = np.exp(-(t**2 * 19.9 / 4 + t * 0.1 / 2))
    lost = 1 + 1 / (1 - alpha**2)
    np.testing.assert_allclose(got, abs(A) * (t * (1 + lost)).reshape(2, 1), **NEAR)


def test_the_limit_of_a_clamp_is_rounded_too():
    def formula(i, c):
        return i["a"] / (1 - float(c["boundary"].partition(" ")[2] or 0.5))

    got = of(formula, {"a": A}, boundary="clamp 0.9")
    np.testing.assert_allclose(got, abs(A) * (20 + 100), rtol=2e-4)  # the limit moves by 1e-5
    np.testing.assert_allclose(of(formula, {"a": A}), 4 * abs(A), **NEAR)
    np.testing.assert_allclose(  # a limit beyond which there is none
        of(formula, {"a": A}, boundary="clamp 0.99999"), abs(A) * 5e9, rtol=2e-4
    )


def test_inner_terms_that_cancel_are_added_by_name():
    inner = lambda i, c: {"value": 10 * abs(i["a"][0]) * c["a"], "other": 1.0}  # noqa: E731
    got = of(lambda i, c: i["a"], {"a": A}, inner=inner, a=0.5)
    np.testing.assert_allclose(got, 2 * abs(A) + [15, 10], **NEAR)


@pytest.mark.parametrize(("key", "capability"), [("log_prob", "replay"), ("kl_reduction", "kl")])
@pytest.mark.parametrize("how", ["none", "sum", "mean"])
def test_what_is_reduced_is_as_large_as_its_terms_not_as_their_sum(key, capability, how):
    """Terms that cancel in a sum have rounded before."""
    x = np.array([[[1.0, -1.0], [2.0, -2.0]], [[3.0, -3.0], [1.0, 1.0]]])

    def formula(i, c):
        other = "kl_reduction" if key == "log_prob" else "log_prob"
        assert c[other] in ("none", "sum")  # its default, or per coordinate
        reduce = {"none": lambda y: y, "sum": lambda y: y.sum((1, 2)),
                  "mean": lambda y: y.mean((1, 2))}[c[key]]  # fmt: skip
        return reduce(i["x"])

    got = of(formula, {"x": x}, capability, **{key: how})
    want = {"none": 2 * abs(x), "sum": [12, 16], "mean": [3, 4]}[how]
    np.testing.assert_allclose(got, want, **NEAR)


def test_a_result_that_is_infinite_has_no_warning_and_no_number():
    with np.errstate(divide="ignore", invalid="raise"):
        got = of(lambda i, c: i["a"] / np.array([0.0, 1.0]), {"a": A[0]})
    assert np.isnan(got[0])
    np.testing.assert_allclose(got[1], 4, **NEAR)


def test_sensitivities_are_signed_and_one_for_each_number_that_is_rounded():
    op = made({"value": lambda i, c: i["a"] / i["b"] + i["n"], "b": lambda i, c: i["b"] * i["w"]})
    a, b, w = sensitivities(op, {"a": A, "n": 3, "b": B, "clip": 0.5, "w": 2.0}, Conventions())
    np.testing.assert_allclose(a["value"], A / B, **NEAR)
    np.testing.assert_array_equal(a["b"], 0)
    np.testing.assert_allclose(b["value"], -A / B, **NEAR)
    np.testing.assert_allclose(b["b"], 2 * B, **NEAR)
    np.testing.assert_allclose(w["b"], 2 * B, **NEAR)


def test_no_mistake_scales_the_noisy_end_of_the_path():
    op = made({"value": lambda i, c: i["t"] * float(c["a"])})
    (t,) = sensitivities(op, {"t": np.array([1.0, 0.25])}, Conventions({"a": 3.0}))
    np.testing.assert_allclose(t["value"], [0, 0.75], **NEAR)
