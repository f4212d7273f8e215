"""No equation loses more digits than its arguments explain, also where its terms cancel."""

import math

import mpmath as mp
import pytest
import torch

from refimpl.equations import Gaussian, dynamics, equations, kl, levels, paths, schedules
from refimpl.evidence import cancelling
from refimpl.evidence.compare import Mismatch, compare
from refimpl.evidence.rounding import ROUNDINGS

EVERY = [pytest.param(id, marks=pytest.mark.covers(id), id=id) for id in equations()]


@pytest.mark.parametrize("equation_id", EVERY)
def test_an_equation_keeps_its_digits_where_terms_cancel(equation_id):
    found = cancelling.worst(equation_id, near=(20,))
    assert found.ulps <= ROUNDINGS, found
    assert found.numbers > 0


@pytest.mark.slow
@pytest.mark.parametrize("equation_id", EVERY)
def test_an_equation_keeps_its_digits_at_every_distance(equation_id):
    found = cancelling.worst(equation_id)
    assert found.ulps <= ROUNDINGS, found


def test_k3_is_never_negative():
    log_ratio = torch.linspace(-2e-3, 2e-3, 4001)
    as_written = torch.exp(log_ratio) - 1 - log_ratio
    assert int((as_written < 0).sum()) == 199  # what subtraction makes of it in float32
    assert int((kl.k3(log_ratio) < 0).sum()) == 0
    assert bool((kl.k3(torch.linspace(-80, 80, 4001)) >= 0).all())


def test_k3_of_nearly_equal_policies_keeps_its_digits():
    log_ratio = 1e-9
    with mp.workdps(50):
        exact = mp.expm1(mp.mpf(log_ratio)) - mp.mpf(log_ratio)
    assert (math.exp(log_ratio) - 1 - log_ratio) / float(exact) > 160
    assert kl.k3(log_ratio) == pytest.approx(float(exact), rel=4 * 2.0**-53, abs=0)


@pytest.mark.parametrize("t", [1e-5, 1e-7, 1e-12])
def test_the_preserving_path_has_noise_from_its_first_moment_on(t):
    level = torch.tensor(t)
    c = paths.vp(level, torch.tensor(0.125), torch.tensor(20.0))
    with mp.workdps(50):
        t = mp.mpf(level.item())
        spent = mp.mpf("0.125") * t + mp.mpf("19.875") * t**2 / 2
        sigma = mp.sqrt(-mp.expm1(-spent))
        rate = (mp.mpf("0.125") + mp.mpf("19.875") * t) * mp.exp(-spent) / (2 * sigma)
    assert c.sigma.item() == pytest.approx(float(sigma), rel=4 * 2.0**-24, abs=0)
    assert c.d_sigma.item() == pytest.approx(float(rate), rel=8 * 2.0**-24, abs=0)


@pytest.mark.parametrize(
    "path",
    [
        lambda t: paths.vp(t, torch.tensor(0.125), torch.tensor(20.0)),
        lambda t: paths.ve(t, torch.tensor(0.125), torch.tensor(0.126)),
    ],
)
def test_a_level_without_noise_is_refused_where_its_derivative_would_be_infinite(path):
    with pytest.raises(ValueError, match="sigma must be positive, got 0.0; t is so small"):
        path(torch.tensor(1e-45))


def test_the_divergence_of_near_laws_keeps_its_digits():
    p, q = 1 + 1e-9, 1.0
    as_written = math.log(q / p) + (p**2 - q**2) / (2 * q**2)
    with mp.workdps(50):
        exact = float(mp.log(1 / mp.mpf(p)) + (mp.mpf(p) ** 2 - 1) / 2)
    assert abs(as_written / exact - 1) > 0.3
    found = kl.gaussian(Gaussian(0.0, p), Gaussian(0.0, q))
    assert found == pytest.approx(exact, rel=ROUNDINGS * 2.0**-53, abs=0)


def test_the_divergence_of_laws_is_never_negative():
    std = torch.linspace(0.999, 1.001, 4001)
    divergence = kl.gaussian(Gaussian(torch.zeros(()), std), Gaussian(torch.zeros(()), std[2000]))
    assert bool((divergence >= 0).all())
    assert divergence[2000] == 0


def test_a_young_ornstein_uhlenbeck_process_is_a_brownian_motion():
    theta, t = torch.tensor(1.0), torch.tensor(2.0**-30)
    std = dynamics.ornstein_uhlenbeck(torch.zeros(()), theta, torch.tensor(1.0), t).std
    assert std.item() == pytest.approx(2.0**-15, rel=4 * 2.0**-24, abs=0)


def test_the_bell_vanishes_like_a_parabola():
    assert levels.bell(2.0**-40) == pytest.approx(2.0**-39, rel=2.0**-38, abs=0)


def test_karras_spacing_becomes_the_exponential_one():
    even = schedules.exponential(0.8125, 0.002, 80.0)
    near = schedules.karras(0.8125, 0.002, 80.0, 1e12)
    assert near == pytest.approx(even, rel=1e-10, abs=0)


def test_a_formula_that_cancels_is_told_from_the_equation():
    r = 2.0**-14
    with pytest.raises(Mismatch, match=r"kl\.k3 is off"):
        compare("kl.k3", math.exp(r) - 1 - r, None, {"log_ratio": r})
