"""The tests of samples: they accept what is right, reject what is wrong, and say so."""

import math

import pytest
import torch
from scipy import stats

from refimpl.equations.gaussian import Gaussian
from refimpl.statistics import (
    Claim,
    DesignError,
    StatisticalFailure,
    distribution,
    gaussian,
    residuals,
)
from refimpl.statistics.distribution import band, ordered

N = 10_000
CLAIM = Claim("a test of tests", N)
EYE = torch.eye(2, dtype=torch.float64)
ZERO = torch.zeros(2, dtype=torch.float64)
LOOSE = 10.0


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_all_entries_are_put_in_order_and_none_is_lost():
    x = torch.cat([draw(3, 5), torch.zeros(1, 5, dtype=torch.float64), draw(3, 5)])
    assert torch.equal(ordered(x), x.flatten().sort().values)
    assert not torch.equal(x.flatten(), ordered(x))  # what was given stays as it was


def quantiles(n):
    """A perfect sample: no randomness at all."""
    return torch.special.ndtri((torch.arange(n, dtype=torch.float64) + 0.5) / n)


def test_the_mean_statistic_is_exact():
    x = draw(N, 2)
    covariance = torch.tensor([[1.0, 0.3], [0.3, 0.5]], dtype=torch.float64)
    found = gaussian.mean(x, ZERO, covariance, CLAIM, detects=LOOSE)
    gap = x.mean(dim=0)
    assert found.statistic == pytest.approx(float(N * gap @ covariance.inverse() @ gap))
    assert found.bound == pytest.approx(stats.chi2.isf(1e-9, 2))


def test_hotelling_is_students_t_in_one_dimension():
    x = draw(N, 1)
    found = gaussian.hotelling(x, ZERO[:1], CLAIM, detects=LOOSE)
    t, p = stats.ttest_1samp(x[:, 0].numpy(), 0.0)
    assert found.statistic == pytest.approx(t**2)
    assert found.p_value == pytest.approx(p)


def test_hotelling_has_the_power_that_it_states():
    """Fifty samples off by the effect it promises to find: missed once in a thousand."""
    n, d, runs = 50, 2, 4000
    shift = gaussian.hotelling(draw(n, d), ZERO, Claim("few", n), detects=LOOSE).detectable
    x = draw(runs, n, d)
    x[:, :, 0] += shift
    gap = x.mean(dim=1)
    scatter = (x - gap[:, None]).mT @ (x - gap[:, None]) / (n - 1)
    t2 = n * (gap[:, None] @ torch.linalg.solve(scatter, gap[..., None])).flatten()
    missed = (t2 * (n - d) / (d * (n - 1)) <= stats.f.isf(1e-9, d, n - d)).numpy()
    # 4 are expected; Poisson's tails at one in a million
    assert missed.sum() <= stats.poisson.isf(1e-6, runs * 1e-3)


def test_a_perfect_sample_lies_in_the_middle_of_every_bound():
    x = quantiles(N)
    found = distribution.cdf(x, torch.special.ndtr, CLAIM, detects=LOOSE)
    assert found.statistic == pytest.approx(0.5 / N)
    assert band("", torch.special.ndtr(x), 1e-9).bound == pytest.approx(
        math.sqrt(math.log(2e9) / (2 * N))
    )


@pytest.mark.parametrize("shift", [1.0, -1.0])
def test_shifts_at_the_stated_power_are_found(shift):
    """A perfect sample moved by the detectable effect lies beyond the bound by the β-quantile."""
    found = gaussian.mean(draw(N, 1), ZERO[:1], EYE[:1, :1], CLAIM, detects=LOOSE)
    x = quantiles(N)[:, None] + shift * found.detectable
    with pytest.raises(StatisticalFailure, match=r"the mean's chi-square is .* beyond"):
        gaussian.mean(x, ZERO[:1], EYE[:1, :1], CLAIM, detects=LOOSE)
    # known normal power: z quantiles of α/2 and β
    expected = (stats.norm.isf(0.5e-9) + stats.norm.isf(1e-3)) / math.sqrt(N)
    assert found.detectable == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("factor", [1, -1])
def test_stds_at_the_stated_power_are_found(factor):
    x = quantiles(N)[:, None]
    found = gaussian.variance(x, 0.0, 1.0, CLAIM, detects=LOOSE)
    with pytest.raises(StatisticalFailure, match="square"):
        gaussian.variance(x * (1 + factor * found.detectable), 0.0, 1.0, CLAIM, detects=LOOSE)


def test_a_cdf_test_forgives_exactly_the_computed_slack():
    x = quantiles(N) + 0.1
    with pytest.raises(StatisticalFailure, match="Kolmogorov"):
        distribution.cdf(x, torch.special.ndtr, CLAIM, detects=LOOSE)
    distribution.cdf(x, torch.special.ndtr, CLAIM, detects=LOOSE, slack=0.04)


def test_features_see_a_correlation_that_coordinates_miss():
    x = draw(N, 2)
    wrong = torch.stack([x[:, 0], (x[:, 0] + x[:, 1]) / math.sqrt(2)], dim=1)
    w = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, -1.0]], dtype=torch.float64)
    normal = lambda w: torch.exp(-(w**2).sum(dim=1) / 2).to(torch.complex128)  # noqa: E731
    distribution.features(x, w, normal, CLAIM, detects=LOOSE)
    distribution.features(wrong, w[:2], normal, CLAIM, detects=LOOSE)
    with pytest.raises(StatisticalFailure, match="feature 2"):
        distribution.features(wrong, w, normal, CLAIM, detects=LOOSE)


def test_residuals_of_a_declared_kernel_are_the_noise():
    states, noise = draw(3, N, 2, 2), draw(2, N, 2, 2, seed=1)
    kernels = [Gaussian(torch.sin(x), 0.3) for x in states[:-1]]
    states[1:] = torch.stack([k.sample(e) for k, e in zip(kernels, noise, strict=True)])
    found = residuals.residuals(states, kernels)
    torch.testing.assert_close(found, noise.flatten(2))


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda e, x: 1.05 * e, "square"),
        (lambda e, x: e + 0.1, "on 1 "),
        (lambda e, x: e + 0.1 * x, "on x "),
        (lambda e, x: e[:1].expand_as(e), "the step before"),
        (lambda e, x: e[:, :1].expand_as(e), "another particle"),
        (lambda e, x: e.sign(), "Kolmogorov"),
    ],
)
def test_white_names_what_is_wrong(change, part):
    e, x = draw(4, N, 3), draw(4, N, 3, seed=1)
    residuals.white(e, {"x": x}, CLAIM, detects_std=LOOSE, detects_shift=LOOSE)
    with pytest.raises(StatisticalFailure, match=part):
        residuals.white(change(e, x), {"x": x}, CLAIM, detects_std=LOOSE, detects_shift=LOOSE)


def test_a_regression_minimiser_leaves_nothing():
    x, e = draw(N), draw(N, seed=1)
    weights = {"1": torch.ones_like(x), "cos x": x.cos()}
    residuals.zero_mean(e, torch.ones_like(e), weights, CLAIM, detects=LOOSE)
    with pytest.raises(StatisticalFailure, match="against cos x"):
        residuals.zero_mean(e + 0.2 * x.cos(), torch.ones_like(e), weights, CLAIM, detects=LOOSE)


def test_a_promise_that_n_cannot_keep_is_a_design_error():
    with pytest.raises(DesignError, match=r"promises to detect 0\.01, but n=10000 detects 0\.092 "):
        gaussian.mean(draw(N, 1), ZERO[:1], EYE[:1, :1], CLAIM, detects=0.01)
    with pytest.raises(DesignError, match="detects"):
        residuals.white(draw(1, N, 1), {}, CLAIM, detects_std=1e-3, detects_shift=LOOSE)


def test_a_failure_carries_its_numbers():
    with pytest.raises(StatisticalFailure) as failure:
        gaussian.mean(draw(N, 1) + 1, ZERO[:1], EYE[:1, :1], CLAIM, detects=LOOSE)
    assert failure.value.n == N
    assert failure.value.alpha == 1e-9
    assert failure.value.statistic > failure.value.bound
    assert failure.value.p_value < 1e-9


def by_cdf(x):
    return distribution.cdf(x, torch.special.ndtr, CLAIM, detects=LOOSE)


def by_white(e, **regressors):
    return residuals.white(e, regressors, CLAIM, detects_std=LOOSE, detects_shift=LOOSE)


def by_bounds(x):
    return distribution.bounded(x, ZERO[:1], ZERO[:1] + 1, -1, 1, CLAIM, detects=LOOSE)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: by_cdf(draw(7)), ValueError, "n is not a knob"),
        (lambda: by_cdf(draw(N) * math.nan), ValueError, "NaN"),
        (lambda: by_cdf(draw(N).float()), TypeError, "float64"),
        (lambda: by_cdf(draw(N, 2)), ValueError, r"\(n,\)"),
        (lambda: by_bounds(draw(N, 1)), ValueError, r"must lie in \[-1, 1\]"),
        (
            lambda: residuals.residuals(draw(2, N), [Gaussian(draw(N), 0.0)]),
            ValueError,
            "has std 0",
        ),
        (lambda: residuals.residuals(draw(2, N), []), ValueError, "0 transitions join 1 states"),
        (lambda: by_white(draw(1, N, 1), x=draw(1, N, 2)), ValueError, "regressor 'x' must be"),
        (
            lambda: by_white(draw(1, N, 1), x=0 * draw(1, N, 1)),
            ValueError,
            "vanishes at every step",
        ),
        (
            lambda: gaussian.hotelling(draw(49, 2), ZERO, Claim("few", 49), detects=9),
            ValueError,
            "from n=49 samples in d=2 dimensions.*draw more",
        ),
        (lambda: Claim("one", 1), ValueError, "n >= 2"),
        (lambda: Claim("sure", 10, alpha=0.9), ValueError, r"alpha < 0\.5"),
    ],
)
def test_bad_input_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("covariance", "words"),
    [
        (-EYE, "covariance must be positive definite, its least eigenvalue is -1.0"),
        (0 * EYE, "covariance must be positive definite, its least eigenvalue is 0.0"),
        (EYE + torch.tensor([[0.0, 0.5], [0.0, 0.0]]), "covariance must be symmetric, got "),
        (EYE * float("nan"), "covariance must be finite, it holds NaN or infinity"),
        (EYE[:1], r"covariance must be a tensor \(d, d\) of float64 numbers with d = 2"),
    ],
)
def test_what_is_no_covariance_is_refused(covariance, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        gaussian.mean(draw(N, 2), ZERO, covariance, CLAIM, detects=LOOSE)


def test_a_variance_is_held_against_a_positive_std():
    for std, error, words in ((0.0, ValueError, "positive"), ("1", TypeError, "a tensor")):
        with pytest.raises(error, match=f"^std must be {words}"):
            gaussian.variance(draw(N, 1), 0.0, std, CLAIM, detects=LOOSE)
