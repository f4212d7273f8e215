"""Facts about paths: ends, derivatives, and the velocity of the linear one."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import of

from refimpl.equations import paths
from refimpl.equations.arguments import Data
from refimpl.equations.paths import Coefficients

numbers = of(Data)
inner = st.integers(1, 63).map(lambda k: k / 64)

SCHEDULES = {
    "paths.linear": paths.linear,
    "paths.cosine": paths.cosine,
    "paths.vp": lambda t: paths.vp(t, 0.1, 20.0),
    "paths.ve": lambda t: paths.ve(t, 0.5, 8.0),
}


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.covers(n)) for n in SCHEDULES])
def test_derivatives_are_those_of_automatic_differentiation(name):
    t = torch.linspace(0.0625, 0.9375, 12, dtype=torch.float64).reshape(2, 3, 2, 1).requires_grad_()
    c = SCHEDULES[name](t)
    for value, claimed in ((c.alpha, c.d_alpha), (c.sigma, c.d_sigma)):
        if isinstance(value, torch.Tensor):
            (true,) = torch.autograd.grad(value.sum(), t, retain_graph=True)
        else:
            true = torch.zeros(())
        assert torch.allclose(
            torch.as_tensor(claimed, dtype=torch.float64), true.double(), rtol=1e-13
        )


@pytest.mark.covers("paths.linear", "paths.cosine")
def test_a_path_starts_as_data_and_ends_as_noise():
    for path in (paths.linear, paths.cosine):
        start, end = path(0.0), path(1.0)
        assert (start.alpha, start.sigma) == (1, 0)
        assert (abs(end.alpha) < 1e-16, end.sigma) == (True, 1)  # cos(π/2), with π rounded


@pytest.mark.covers("paths.vp", "paths.cosine")
@given(inner)
def test_variance_is_preserved(t):
    for c in (paths.cosine(t), paths.vp(t, 0.1, 20.0)):
        assert c.alpha**2 + c.sigma**2 == pytest.approx(1, abs=4 * 2.0**-53)
        # and so α α̇ + σ σ̇ = 0
        assert c.alpha * c.d_alpha == pytest.approx(-c.sigma * c.d_sigma, rel=1e-14)


@pytest.mark.covers("paths.vp")
def test_vp_leaves_a_trace_of_data():
    assert paths.vp(1.0, 0.1, 20.0).alpha == pytest.approx(0.0065716, abs=5e-8)  # half a digit
    # the integrated rate is B = β_min t + (β_max − β_min) t²/2 = 1/2 + 3/8 at t = 1/2
    assert paths.vp(0.5, 1.0, 4.0).alpha == pytest.approx(np.exp(-0.875 / 2), rel=1e-15)


@pytest.mark.covers("paths.ve")
def test_ve_keeps_data_and_explodes_noise():
    c = paths.ve(0.5, 0.5, 8.0)
    assert c.alpha == 1
    assert c.d_alpha == 0
    assert c.sigma == pytest.approx(0.5 * np.sqrt(15), rel=1e-15)
    with pytest.raises(ValueError, match="sigma_max_minus_sigma_min must be positive"):
        paths.ve(0.5, 2.0, 2.0)


@pytest.mark.covers("paths.interpolate", "paths.velocity")
@given(inner, numbers, numbers)
def test_on_the_linear_path_velocity_is_noise_minus_data(t, data, noise):
    c = paths.linear(t)
    assert paths.velocity(c, data, noise) == noise - data
    assert paths.interpolate(c, data, noise) == (1 - t) * data + t * noise


@pytest.mark.covers("paths.conditional")
def test_a_conditional_law_is_centred_on_the_faded_datum():
    p = paths.conditional(Coefficients(0.5, 0.25, -1, 1), 3.0)
    assert (p.mean, p.std) == (1.5, 0.25)


@pytest.mark.covers("paths.conditional_velocity", "paths.velocity", "paths.interpolate")
@pytest.mark.parametrize("name", SCHEDULES)
@given(t=inner, data=numbers, noise=numbers)
def test_the_conditional_field_moves_a_point_along_its_path(name, t, data, noise):
    c = SCHEDULES[name](t)
    x = paths.interpolate(c, data, noise)
    size = abs(c.d_sigma / c.sigma) * (abs(x) + abs(c.alpha * data)) + abs(c.d_alpha * data) + 1
    # ten operations at the size of the largest term
    assert paths.conditional_velocity(c, data, x) == pytest.approx(
        paths.velocity(c, data, noise), abs=10 * 2.0**-53 * size
    )


def test_a_schedule_returns_what_was_asked_elementwise():
    t = np.array([0.25, 0.5])
    assert np.array_equal(paths.linear(t).alpha, [0.75, 0.5])
    assert np.array_equal(paths.linear(t).sigma, [0.25, 0.5])
    assert (paths.linear(t).d_alpha, paths.linear(t).d_sigma) == (-1, 1)
