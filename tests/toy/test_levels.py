"""What law and weight change, exactly: the noise always, the optimum of a small network too."""

import math

import pytest

from refimpl.simulate import levels
from refimpl.toy import levels as toy


def test_drawing_a_law_and_weighing_by_it_have_one_optimum_and_two_noises():
    uniform, none = levels.uniform(), levels.weight("none")
    for text in ("logit-normal(0, 1)", "cosmap", "mode(1.29)"):
        wanted = levels.law(text)
        weigh = toy.instead(uniform, wanted, none)
        drawn, weighed = toy.noise(wanted, none), toy.noise(uniform, weigh)
        assert toy.common_slope(uniform, weigh) == pytest.approx(
            toy.common_slope(wanted, none), rel=1e-6
        )
        assert weighed.least == pytest.approx(drawn.least, rel=1e-6)
        assert weighed.variance > 1.02 * drawn.variance


def test_the_optimum_of_a_small_network_moves_with_the_product():
    found = {
        (law, weight): toy.common_slope(levels.law(law), levels.weight(weight))
        for law in ("uniform", "logit-normal(0, 1)")
        for weight in ("none", "cosmap", "bell")
    }
    assert len({round(c, 4) for c in found.values()}) == len(found)
    # E v x = ½ (1 − s²) and E x² = ⅓ (1 + s²) for uniform levels, s² = ¼
    assert found["uniform", "none"] == pytest.approx(0.5 * 0.75 / (1.25 / 3), rel=1e-9)


def test_no_law_is_better_than_the_best_one():
    for text in ("uniform", "logit-normal(0, 1)", "beta(1.5, 1)"):
        for weight in ("none", "min-snr(5)", "bell"):
            assert toy.noise(levels.law(text), levels.weight(weight)).wasted >= 1
    # ∫ s²/((1 − t)² s² + t²) dt is an angle: s π/2
    found = toy.noise(levels.uniform(), levels.weight("none"))
    assert found.variance == pytest.approx(0.5 * math.pi / 2, rel=1e-9)


def test_what_no_network_predicts_is_the_variance_of_gaussian_regression():
    t, s = 0.3, 0.5
    covariance, variance = t - (1 - t) * s**2, (1 - t) ** 2 * s**2 + t**2
    assert toy.left_over(t, s) == pytest.approx(1 + s**2 - covariance**2 / variance, rel=1e-12)
    assert math.isclose(toy.left_over(0.0, s), 1.0)
