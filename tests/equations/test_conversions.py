"""Facts about conversions: every pair is a round trip, on every path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import of

from refimpl.equations import conversions, paths
from refimpl.equations.arguments import State
from refimpl.equations.paths import Coefficients

numbers = of(State)
inner = st.integers(8, 56).map(lambda k: k / 64)

SCHEDULES = {
    "linear": paths.linear,
    "cosine": paths.cosine,
    "vp": lambda t: paths.vp(t, 0.1, 4.0),
    "ve": lambda t: paths.ve(t, 0.5, 8.0),
}
QUANTITIES = ("velocity", "noise", "data", "score")
SHORT = {"velocity": "v", "noise": "noise", "data": "data", "score": "score"}


def convert(source, target, c, x, value):
    """Any of the twelve conversions; score ↔ noise needs no x."""
    if source == target:
        return value
    function = getattr(conversions, f"{target}_from_{source}")
    given_x = {} if {source, target} == {"score", "noise"} else {"x": x}
    return function(c, **given_x, **{SHORT[source]: value})


def truth(c, data, noise):
    return {
        "velocity": c.d_alpha * data + c.d_sigma * noise,
        "noise": noise, "data": data, "score": -noise / c.sigma,
    }  # fmt: skip


@pytest.mark.covers(
    "conversions.noise_from_velocity", "conversions.data_from_velocity",
    "conversions.score_from_velocity", "conversions.velocity_from_noise",
    "conversions.data_from_noise", "conversions.score_from_noise",
    "conversions.velocity_from_data", "conversions.noise_from_data",
    "conversions.score_from_data", "conversions.velocity_from_score",
    "conversions.noise_from_score", "conversions.data_from_score",
)  # fmt: skip
@pytest.mark.parametrize("source", QUANTITIES)
@pytest.mark.parametrize("target", QUANTITIES)
@pytest.mark.parametrize("name", SCHEDULES)
@given(t=inner, data=numbers, noise=numbers)
def test_any_quantity_determines_any_other(source, target, name, t, data, noise):
    c = SCHEDULES[name](t)
    x = c.alpha * data + c.sigma * noise
    views = truth(c, data, noise)
    got = convert(source, target, c, x, views[source])
    # the condition of a conversion is a few hundred on these levels, times ten operations
    assert got == pytest.approx(views[target], abs=1e-12, rel=1e-12)


@pytest.mark.covers("conversions.score_from_velocity", "conversions.velocity_from_score")
def test_on_the_linear_path_score_and_velocity_are_the_article_s():
    t, x, v = 0.75, 1.5, -2.0
    c = paths.linear(t)
    score = conversions.score_from_velocity(c, x, v)
    assert score == pytest.approx(-x / t - (1 - t) / t * v, rel=1e-15)
    assert conversions.velocity_from_score(c, x, score) == pytest.approx(
        -x / (1 - t) - t / (1 - t) * score, rel=1e-15
    )


@pytest.mark.covers("conversions.noise_from_velocity", "conversions.data_from_velocity")
@given(inner, numbers, numbers)
def test_on_the_linear_path_the_ends_are_where_the_velocity_points(t, x, v):
    c = paths.linear(t)
    assert conversions.noise_from_velocity(c, x, v) == (1 - t) * v + x
    assert conversions.data_from_velocity(c, x, v) == x - t * v


@pytest.mark.covers("conversions.score_from_velocity")
def test_at_pure_noise_the_score_is_minus_x():
    assert conversions.score_from_velocity(paths.linear(1.0), 1.5, 7.0) == -1.5


@pytest.mark.covers("conversions.noise_from_score")
def test_clean_data_has_no_noise_and_no_score():
    clean = paths.linear(0.0)
    assert conversions.noise_from_score(clean, 3.0) == 0
    with pytest.raises(ValueError, match=r"sigma must be positive, got 0.0; the score is infinite"):
        conversions.score_from_noise(clean, 3.0)


@pytest.mark.covers("conversions.noise_from_velocity", "conversions.data_from_velocity",
                    "conversions.score_from_velocity")  # fmt: skip
def test_a_path_that_stands_still_determines_nothing():
    for still in (Coefficients(0.5, 0.5, 1.0, 1.0), Coefficients(0.5, 0.25, 1.0, 0.5)):
        for name in ("noise", "data", "score"):
            with pytest.raises(ValueError, match="determinant must not vanish, got 0"):
                getattr(conversions, f"{name}_from_velocity")(still, 1.0, 2.0)


@pytest.mark.covers("conversions.noise_from_velocity")
def test_a_data_time_path_has_a_negative_determinant_and_converts():
    flipped = Coefficients(0.25, 0.75, 1, -1)
    assert conversions.noise_from_velocity(flipped, 1.0, 2.0) == 0.5
    assert conversions.data_from_velocity(flipped, 1.0, 2.0) == 2.5
