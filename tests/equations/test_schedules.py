"""Facts about schedules: what a shift does to odds, to a boundary and to itself."""

import math

import numpy as np
import pytest
import torch

from refimpl.equations import schedules
from refimpl.simulate import grids

LEVELS = (0.0, 0.001, 0.125, 0.5, 0.875, 1.0)


@pytest.mark.covers("schedules.shift")
def test_both_ends_stay_exactly_where_they_are():
    for by in (1e-3, 1 / 3, 1.0, 3.0, 12.0):
        assert schedules.shift(0.0, by) == 0.0
        assert schedules.shift(1.0, by) == 1.0


@pytest.mark.covers("schedules.shift")
def test_shifted_twice_by_3_is_shifted_by_9():
    for t in LEVELS:
        twice = schedules.shift(schedules.shift(t, 3.0), 3.0)
        assert twice == pytest.approx(schedules.shift(t, 9.0), rel=1e-14)


@pytest.mark.covers("schedules.shift")
def test_the_grid_of_the_package_is_this_equation():
    assert grids.shift(0.3, 3.0) == schedules.shift(0.3, 3.0)


@pytest.mark.covers("schedules.shift")
def test_a_boundary_of_shifted_levels_lies_lower_before_the_shift():
    """Wan 2.2 changes networks at .875 of the levels that are run, shifted by 12."""
    before = schedules.shift(0.875, 1 / 12)
    assert before == pytest.approx(0.875 / (0.875 + 12 * 0.125), rel=1e-15)
    assert before == pytest.approx(0.3684, abs=5e-5)
    assert schedules.shift(before, 12.0) == pytest.approx(0.875, rel=1e-15)


@pytest.mark.covers("schedules.shift_between")
def test_sd35s_first_levels_tell_its_shift():
    even, shipped = grids.uniform(10).levels[3], grids.sd35_once_shifted(10).levels[3]
    assert schedules.shift_between(even, shipped) == pytest.approx(3.0, rel=1e-14)
    with pytest.raises(ValueError, match="t must be positive, got 0"):
        schedules.shift_between(0.0, 0.5)


@pytest.mark.covers("schedules.dynamic", "schedules.mu")
def test_flux_at_1024_pixels_is_shifted_by_e_to_the_1_15():
    mu = schedules.mu(4096.0, 256.0, 4096.0, 0.5, 1.15)
    assert mu == 1.15
    for t in LEVELS:
        assert schedules.dynamic(t, mu) == pytest.approx(
            schedules.shift(t, math.exp(1.15)), rel=1e-14
        )


@pytest.mark.covers("schedules.mu")
def test_mu_is_not_cut_beyond_the_longest_sequence():
    assert schedules.mu(8192.0, 256.0, 4096.0, 0.5, 1.15) == pytest.approx(1.84333, abs=1e-5)
    with pytest.raises(ValueError, match="; max_tokens must lie above base_tokens$"):
        schedules.mu(1024.0, 256.0, 256.0, 0.5, 1.15)


@pytest.mark.covers("schedules.stretch")
@pytest.mark.parametrize("make", [np.array, torch.DoubleTensor])
def test_a_stretched_grid_starts_at_noise_and_ends_where_it_is_told(make):
    levels = make([1.0, 0.75, 0.5, 0.25])
    stretched = schedules.stretch(levels, 0.25, 0.02)
    assert float(stretched[0]) == 1.0
    assert float(stretched[-1]) == pytest.approx(0.02, rel=1e-14)
    slopes = (stretched[:-1] - stretched[1:]) / (levels[:-1] - levels[1:])
    assert float(abs(slopes - 0.98 / 0.75).max()) < 1e-14
    with pytest.raises(ValueError, match="; last is the lowest level of the grid$"):
        schedules.stretch(levels, 0.3, 0.02)


@pytest.mark.covers("schedules.karras", "schedules.exponential")
def test_spacings_have_both_ends_and_karras_tends_to_the_exponential():
    u = np.linspace(0, 1, 9)
    for rho in (1.0, 7.0, 1e6):
        levels = schedules.karras(u, 0.004, 1.0, rho)
        assert levels[0] == 1.0
        assert levels[-1] == pytest.approx(0.004, rel=1e-9)
        assert (np.diff(levels) < 0).all()
    assert levels == pytest.approx(schedules.exponential(u, 0.004, 1.0), rel=1e-4)
    ratios = schedules.exponential(u, 0.004, 1.0)
    assert ratios[1:] / ratios[:-1] == pytest.approx(0.004 ** (1 / 8) * np.ones(8), rel=1e-12)


@pytest.mark.covers("schedules.log_snr")
def test_a_shift_moves_lambda_by_a_constant():
    for t in LEVELS[1:-1]:
        moved = schedules.log_snr(schedules.shift(t, 3.0)) - schedules.log_snr(t)
        assert moved == pytest.approx(-math.log(3), rel=1e-13)
    for end in (0.0, 1.0):
        with pytest.raises(ValueError, match="must be positive"):
            schedules.log_snr(end)


@pytest.mark.covers("schedules.level_of_sigma", "schedules.log_snr")
def test_edms_sigma_is_the_odds_of_its_level():
    for sigma in (0.002, 1.0, 80.0):
        t = schedules.level_of_sigma(sigma)
        assert schedules.log_snr(t) == pytest.approx(-math.log(sigma), rel=1e-12)
    assert schedules.level_of_sigma(0.0) == 0.0
