"""A conversion gives back what a state was made of: on every path, every clock, in every form."""

import numpy as np
import pytest

from refimpl.conformance.adapter.conventions import Conventions
from refimpl.conformance.formulas.conversions import CONVERSIONS, conversions
from refimpl.conformance.formulas.values import (
    Formulas,
    coefficients,
    conversion,
    path,
    velocity_target,
)
from refimpl.conformance.formulas.written import begins, programs

T = np.array([0.75, 0.25, 0.5])
DATA = np.array([[[1.0, -2.0]], [[0.5, 3.0]], [[-1.5, 0.25]]])
NOISE = np.array([[[-0.5, 0.75]], [[2.0, -1.0]], [[1.25, 1.0]]])
SHORT = {"velocity": "v"}
CLOSE = dict(rtol=1e-12, atol=1e-12)
"""Numbers of order one, divided by no less than α = 0.06: float64 keeps this."""


def of_vp(t):
    alpha = np.exp(-(19.9 * t**2 / 4 + 0.1 * t / 2))
    rate = 0.1 + 19.9 * t
    sigma = np.sqrt(1 - alpha**2)
    return alpha, sigma, -rate * alpha / 2, rate * alpha**2 / (2 * sigma)


def of_cosine(t):
    a = np.pi * t / 2
    return np.cos(a), np.sin(a), -np.pi / 2 * np.sin(a), np.pi / 2 * np.cos(a)


PATHS = {"linear": lambda t: (1 - t, t, -1, 1), "cosine": of_cosine, "vp": of_vp}
CLOCKS = {
    "noise at 1": (T, 1), "data at 1": (1 - T, -1),
    "noise at 1000": (1000 * T, 1), "data at 1000": (1000 * (1 - T), -1),
}  # fmt: skip
"""The levels on each clock, and the sign of v there."""


def truth(name, clock):
    """A state of a path, with everything that it can be converted to, as an adapter has it."""
    alpha, sigma, d_alpha, d_sigma = PATHS[name](T.reshape(3, 1, 1))
    t, sign = CLOCKS[clock]
    v = sign * (d_alpha * DATA + d_sigma * NOISE)
    return {"t": t, "x": alpha * DATA + sigma * NOISE, "data": DATA, "noise": NOISE,
            "score": -NOISE / sigma, "velocity": v, "v": v}  # fmt: skip


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("along", PATHS)
@pytest.mark.parametrize("name", CONVERSIONS)
def test_a_conversion_gives_what_the_state_is_made_of(name, along, clock):
    c, known = Conventions({"time": clock, "path": along}), truth(along, clock)
    if name in ("path", "velocity_target"):
        target, names = {"path": "x", "velocity_target": "v"}[name], ("data", "noise", "t")
        evaluate, given = {"path": path, "velocity_target": velocity_target}[name], {}
    else:
        to = "score_from_velocity" if name == "score" else name
        target, _, source = to.partition("_from_")
        names, evaluate, given = ("x", SHORT.get(source, source), "t"), conversion, {"to": to}
    given |= {n: known[n] for n in names}
    np.testing.assert_allclose(evaluate(Formulas(), given, c)["value"], known[target], **CLOSE)
    forms = programs(name, given, c)
    assert len(forms) == len(conversions(name, along)) >= 1
    for form in forms:
        np.testing.assert_allclose(form.run(begins(given, c))["value"], known[target], **CLOSE)


def test_the_velocity_has_the_sign_that_is_declared():
    known = truth("linear", "data at 1")
    c = Conventions({"time": "data at 1", "velocity": "noise - data"})
    given = {"t": known["t"], "x": known["x"], "v": -known["v"], "to": "data_from_velocity"}
    np.testing.assert_allclose(conversion(Formulas(), given, c)["value"], DATA, **CLOSE)
    given = {"t": known["t"], "data": DATA, "noise": NOISE}
    np.testing.assert_allclose(velocity_target(Formulas(), given, c)["value"], NOISE - DATA)


@pytest.mark.parametrize("along", PATHS)
def test_levels_are_held_between_the_declared_ends(along):
    c = Conventions({"path": along, "t_min": 0.3, "t_max": 0.6})
    at = coefficients(Formulas(), c, T)
    want = PATHS[along](np.array([0.6, 0.3, 0.5]))
    for got, right in zip((at.alpha, at.sigma, at.d_alpha, at.d_sigma), want, strict=True):
        np.testing.assert_allclose(got, right, rtol=1e-14)
