"""Facts about the chain's accuracy: the defect of a step, what is left of it, and the constant."""

import math

import pytest
from scipy import integrate

from refimpl.equations import accuracy, adjoint, paths


@pytest.mark.covers("accuracy.defect")
def test_a_step_errs_by_its_defect_exactly():
    t, h, std, kappa = 0.7, 0.1, 0.5, 0.6

    def variance(t):
        return (1 - t) ** 2 * std**2 + t**2

    g2 = kappa * 2 * t / (1 - t)
    slope = (t - (1 - t) * std**2 + g2 / 2) / variance(t)
    stepped = (1 - h * slope) ** 2 * variance(t) + g2 * h
    wanted = h**2 * accuracy.defect(slope, variance(t), 2 * (1 + std**2))
    assert stepped - variance(t - h) == pytest.approx(wanted, rel=1e-11)


@pytest.mark.covers("accuracy.left", "adjoint.memory")
def test_what_is_left_of_a_shift_is_memory_in_units_of_both_stds():
    c, std, kappa = paths.linear(0.4), 0.7, 0.8
    variance = c.alpha**2 * std**2 + c.sigma**2
    carried = adjoint.memory(c, std, kappa) * std / variance**0.5
    assert accuracy.left(c, std, kappa) == pytest.approx(carried**2, rel=1e-14)


@pytest.mark.covers("accuracy.rate")
@pytest.mark.parametrize("std", [0.1, 0.5, 1.0, 3.0])
def test_the_memoryless_rate_integrates_to_nothing_from_level_to_level(std):
    def gathered(t):
        return -(std**4) * t * (1 - t) / ((1 - t) ** 2 * std**2 + t**2) ** 2

    found = integrate.quad(lambda t: float(accuracy.rate(t, std, 1.0)), 0.2, 0.9, epsabs=1e-13)[0]
    assert found == pytest.approx(gathered(0.9) - gathered(0.2), rel=1e-9, abs=1e-12)
    assert gathered(0.0) == gathered(1.0) == 0.0


@pytest.mark.covers("accuracy.rate")
def test_the_constant_at_a_two_and_unit_width_is_a_sixteenth_of_pi():
    found = integrate.quad(lambda t: float(accuracy.rate(t, 1.0, 2.0)), 0, 1 - 1e-9)[0]
    assert found == pytest.approx(math.pi / 16, rel=1e-9)


@pytest.mark.covers("accuracy.best_step")
def test_the_best_lengths_make_up_the_interval_and_beat_equal_ones():
    rates = [0.04, 1.0, 0.25]  # on three intervals of length 1
    root = sum(r**0.5 for r in rates)
    lengths = [accuracy.best_step(r, root, 12.0) for r in rates]
    assert sum(1 / h for h in lengths) == pytest.approx(12.0, rel=1e-14)
    least = sum(r * h for r, h in zip(rates, lengths, strict=True))
    assert least == pytest.approx(root**2 / 12, rel=1e-14)
    assert least < sum(rates) * 3 / 12


@pytest.mark.covers("accuracy.rate", "accuracy.left", "accuracy.best_step")
def test_where_nothing_is_defined_it_is_refused():
    with pytest.raises(ValueError, match="one_minus_t must be positive, got 0"):
        accuracy.rate(1.0, 0.5, 1.0)
    with pytest.raises(ValueError, match="variance_of_state must be positive, got 0"):
        accuracy.left(paths.Coefficients(0.0, 0.0, -1.0, 1.0), 0.5, 1.0)
    with pytest.raises(ValueError, match="rate must be positive, got 0"):
        accuracy.best_step(0.0, 1.0, 10.0)
