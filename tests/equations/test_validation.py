"""Validation itself: what its five checks refuse, in which words, and what they leave unread."""

import numpy as np
import pytest
import sympy as sp
import torch
from hypothesis import given
from hypothesis import strategies as st

from refimpl.equations import (
    Gaussian,
    conventions,
    ddpm,
    expand_like,
    gaussian,
    kernels,
    kl,
    langevin,
    sde,
    weights,
)
from refimpl.equations.domain import bounds, fields, level, nonnegative, nonzero, positive


def test_remedies_are_given_with_the_refusal():
    step = sde.Step(0.75, 0.5)
    for call, words in (
        (lambda: gaussian.log_prob(1.0, 1.0, 0.0), "a step without noise has no density"),
        (
            lambda: kl.gaussian(Gaussian(0.0, 1.0), Gaussian(0.0, 0.0)),
            "^std must be positive, got 0.0; a step without noise has no density",
        ),
        (lambda: langevin.perturbed_weight(0.0), "stop the grid before t = 0"),
        (lambda: langevin.noise_rate(0.0, 1.0, 0.0, 1.0), "no data is left in x"),
        (lambda: kl.without_h(1.0, 1.0, 0.0), "their KL is infinite"),
        (
            lambda: sde.flow_grpo_g(1.0, 0.5, sde.refuse(sde.Step(1.0, 0.5))),
            "one_minus_inside must be positive, got 0.0; .* choose a boundary policy",
        ),
        (lambda: weights.signal(1.5), "one_minus_rho_squared .*; correlation lies between"),
        (lambda: ddpm.forward(1.0, 1.5), "one_minus_beta must be positive.*; beta lies below 1"),
        (lambda: conventions.level_of_network_time(1500.0), "got 1.5; tau is a network time"),
        (lambda: positive(rate=0.0, otherwise="say what to do"), "got 0.0; say what to do$"),
        (lambda: kernels.moment_matched(1.0, 1.0, 0.75, 1.0, step), "std is at most s$"),
    ):
        with pytest.raises(ValueError, match=words):
            call()


def test_a_refusal_shows_the_range_of_an_array():
    with pytest.raises(
        ValueError, match=r"^g must be zero or positive, got values from -2.0 to 3.0$"
    ):
        nonnegative(g=np.array([3.0, -2.0, 1.0]))
    with pytest.raises(ValueError, match=r"^t must be a noise level .*, got 1.5; network time"):
        level(t=torch.tensor([1.5, 1.5]))
    with pytest.raises(ValueError, match=r"^x must be finite, got nan$"):
        fields(x=np.array([1.0, np.nan]))


def test_infinity_is_refused_at_either_end():
    for check in (positive, nonnegative, nonzero):
        for bad in (float("inf"), np.array([1.0, np.inf])):
            with pytest.raises(ValueError, match=r"^x must be .*inf$"):
                check(x=bad)
    with pytest.raises(ValueError, match=r"^x must be finite, got -inf$"):
        nonzero(x=float("-inf"))
    with pytest.raises(ValueError, match=r"^x must be positive, got 0.0$"):
        positive(x=0.0)


def test_a_refusal_ends_with_its_remedy():
    with pytest.raises(ValueError, match=r"must not vanish, got 0$"):
        nonzero(g=0.0)
    with pytest.raises(ValueError, match=r"are converted by refimpl\.equations\.conventions$"):
        level(t=2.0)
    with pytest.raises(TypeError, match=r"; give all arrays in one framework$"):
        fields(a=np.ones(2), b=torch.ones(2))
    with pytest.raises(TypeError, match=r": a closed form never casts$"):
        fields(a=np.ones(2), b=np.ones(2, dtype=np.float32))
    with pytest.raises(
        ValueError, match=r"; give equal shapes, or .* refimpl\.equations\.expand_like$"
    ):
        fields(a=np.ones(2), b=np.ones((2, 2)))


def test_a_determinant_of_either_sign_passes_and_zero_does_not():
    nonzero(determinant=-1.0)
    nonzero(determinant=np.array([-0.5]))
    nonzero(determinant=torch.tensor([-0.5, -2.0]))
    nonzero(determinant=torch.tensor([-0.5, 2.0]))
    for zero in (0, 0.0, np.float64(0.0), torch.tensor([1.0, 0.0, -1.0])):
        with pytest.raises(ValueError, match=r"determinant must not vanish, got 0$"):
            nonzero(determinant=zero)
    with pytest.raises(ValueError, match="determinant must be finite"):
        nonzero(determinant=float("inf"))


@given(st.lists(st.floats(allow_nan=False, width=32), min_size=1, max_size=8))
def test_bounds_are_the_least_and_the_greatest(values):
    for array in (np.array(values), torch.tensor(values, dtype=torch.float64)):
        assert bounds(array) == (min(values), max(values))


def test_bounds_of_a_repeated_tensor_are_read_once(monkeypatch):
    read = []
    aminmax = torch.aminmax
    monkeypatch.setattr(torch, "aminmax", lambda x: read.append(x.numel()) or aminmax(x))
    row = torch.tensor([3.0, -1.0, 2.0])
    assert bounds(row.expand(1000, 3)) == (-1.0, 3.0)
    assert bounds(row[:, None].expand(3, 500)) == (-1.0, 3.0)
    assert bounds(torch.tensor(0.5).expand(4, 4)) == (0.5, 0.5)
    assert read == [3, 3, 1]


def test_bounds_read_numbers_and_leave_what_cannot_be_read():
    assert bounds(3) == bounds(np.int64(3)) == bounds(3.0) == (3.0, 3.0)
    assert bounds(sp.Symbol("x")) is None
    assert bounds(np.array([])) is None
    assert bounds(torch.tensor([])) is None
    assert bounds(np.array([sp.Symbol("x")], dtype=object)) is None
    assert bounds(torch.empty(2, device="meta")) is None
    low, high = bounds(np.array([1.0, np.nan]))
    assert low != low
    assert high != high
    assert torch.vmap(lambda x: x * (1.0 if bounds(x) is None else 0.0))(
        torch.ones(2)
    ).tolist() == [1, 1]


def test_nothing_is_read_while_compiling(monkeypatch):
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    assert bounds(torch.tensor([2.0])) is None


def test_gradients_are_not_asked_for_by_reading():
    assert bounds(torch.tensor([2.0], requires_grad=True)) == (2.0, 2.0)


@pytest.mark.parametrize("convert", [np.array, torch.tensor])
def test_integers_and_booleans_are_not_real_numbers(convert):
    for values in ([1, 2], [True, False]):
        with pytest.raises(TypeError, match="x must hold real numbers, got dtype"):
            fields(x=convert(values))
    fields(x=convert([1.0, 2.0]))
    fields(x=np.array([sp.Symbol("x")], dtype=object), y=np.array([1.0]))


def test_shapes_meet_dimension_by_dimension():
    ok = [((2, 3), (2, 1)), ((2, 1, 1), (2, 3, 4)), ((1,), (5,)), ((), (2, 3)), ((2, 3), (1, 3))]
    refused = [((2,), (2, 2)), ((2, 3), (3, 2)), ((2, 1), (2, 1, 1)), ((3,), (2,))]
    for a, b in ok:
        fields(a=np.ones(a), b=np.ones(b))
        fields(a=torch.ones(a), b=torch.ones(b))
    for a, b in refused:
        with pytest.raises(ValueError, match=r"a has shape .* and b has .*expand_like"):
            fields(a=np.ones(a), b=np.ones(b))


def test_the_third_array_is_compared_as_well():
    with pytest.raises(ValueError, match=r"a has shape .* and c has"):
        fields(a=np.ones((2, 2)), b=np.ones((2, 2)), c=np.ones(2))
    with pytest.raises(TypeError, match="a is a ndarray and c a Tensor"):
        fields(a=np.ones(2), b=np.ones(2), c=torch.ones(2))
    with pytest.raises(TypeError, match="a has dtype float64 and c has float32"):
        fields(a=np.ones(2), b=np.ones(2), c=np.ones(2, dtype=np.float32))


def test_fields_without_arrays_check_numbers_only():
    fields()
    fields(x=1.0, y=sp.Symbol("y"), z=2)
    with pytest.raises(ValueError, match="y must be finite"):
        fields(x=1.0, y=float("nan"))


def test_a_batch_of_times_is_expanded_on_purpose():
    x = torch.ones(2, 3, 4)
    assert expand_like(torch.ones(2), x).shape == (2, 1, 1)
    assert expand_like(np.ones(2), np.ones((2, 5))).shape == (2, 1)
    for t, shape in (
        (torch.ones(3), r"\(3,\)"),
        (torch.ones(2, 1), r"\(2, 1\)"),
        (0.5, r"\(\)"),
        (torch.tensor(0.5), r"\(\)"),
    ):
        words = f"^expand_like wants one value per row of x: got shape {shape} for x of shape"
        with pytest.raises(ValueError, match=words):
            expand_like(t, x)


def test_a_step_must_fall():
    for t, s in ((0.5, 0.5), (0.25, 0.5)):
        with pytest.raises(
            ValueError, match=f"noise levels must fall from t to s, got t={t}, s={s}"
        ):
            sde.Step(t, s)
    with pytest.raises(ValueError, match="noise levels must fall"):
        sde.Step(torch.tensor([0.5, 0.5]), torch.tensor([0.25, 0.5]))
    for t, s in ((1.5, 0.5), (0.5, -0.5), (float("nan"), 0.5), (0.5, float("nan"))):
        with pytest.raises(ValueError, match="noise level"):
            sde.Step(t, s)
    with pytest.raises(ValueError, match="shape"):
        sde.Step(torch.ones(2), torch.zeros(2, 1))
    assert sde.Step(1.0, 0.0).h == 1.0
    assert sde.Step(sp.Symbol("t"), sp.Symbol("s")).h == sp.Symbol("t") - sp.Symbol("s")
