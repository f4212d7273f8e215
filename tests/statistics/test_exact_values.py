"""Every number that a test of samples states, against scipy's laws and the bounds written out.

Eight samples and alpha = .01, so that each factor shows: statistic, bound, p-value, and the effect
that is found.
"""

import math
from itertools import pairwise

import pytest
import torch
from scipy import integrate, linalg, optimize, special, stats

from refimpl.equations.gaussian import Gaussian
from refimpl.statistics import (
    Claim,
    DesignError,
    Outcome,
    StatisticalFailure,
    budget,
    calibration,
    counts,
    distribution,
    evalues,
    gaussian,
    orders,
    residuals,
)
from refimpl.statistics.outcome import BETA, Part, gathered, judge, raising, samples

ALPHA, N = 0.01, 8
FEW = Claim("few", N, ALPHA)
X = torch.tensor([0.9, -0.4, 1.7, 0.2, -1.1, 0.6, 1.3, 0.1], dtype=torch.float64)
EYE = torch.eye(2, dtype=torch.float64)
LOOSE = 1e3


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def said(test):
    """(part, statistic, bound, p-value) of an outcome or a failure."""
    try:
        found = test()
    except StatisticalFailure as failure:
        found = failure
    numbers = (found.statistic, found.bound, found.p_value)
    return found.part, *(pytest.approx(x, rel=1e-11) for x in numbers)


# ---------------------------------------------------------------- CDFs


def dkw(level, n=N):
    return math.sqrt(math.log(2 / level) / (2 * n))


@pytest.mark.parametrize("shift", [0.0, 0.3, -0.3])
def test_a_cdf_test_states_the_kolmogorov_distance_and_massarts_bound(shift):
    u = torch.special.ndtr(X + shift).clone()
    found = distribution.cdf(u, lambda v: v, FEW, detects=LOOSE, slack=0.02)
    d = stats.kstest(u.numpy(), "uniform").statistic
    p = min(1.0, 2 * math.exp(-2 * N * max(0.0, d - 0.02) ** 2))
    assert (found.part, found.claim) == ("the Kolmogorov distance", FEW)
    assert found.statistic == pytest.approx(d)
    assert found.bound == pytest.approx(dkw(ALPHA) + 0.02)
    assert found.p_value == pytest.approx(p)
    assert found.detectable == pytest.approx(dkw(ALPHA) + 2 * 0.02 + dkw(BETA))


def test_a_distance_within_the_slack_is_no_evidence():
    u = (torch.arange(N, dtype=torch.float64) + 0.5) / N
    assert distribution.band("it", u, ALPHA, 0.5) == Part("it", 0.5 / N, dkw(ALPHA) + 0.5, 1.0)


def test_a_cdf_wants_one_number_a_sample():
    with pytest.raises(ValueError, match=r"^x must be a tensor \(n,\) .* got shape \(8, 1\)$"):
        distribution.cdf(X[:, None], lambda v: v, FEW, detects=LOOSE)


# ---------------------------------------------------------------- bounded features


def bernstein(v, b, level, n=N):
    """The e at which the bound is the level, by root-finding."""
    return optimize.brentq(lambda e: bernstein_p(e, v, b, n) - level, 0, 100, xtol=1e-14)


def bernstein_p(e, v, b, n=N):
    return 2 * math.exp(-n * e * e / (2 * v + 2 * b * e / 3))


@pytest.mark.parametrize("slack", [0.0, 0.1])
def test_bounded_features_state_bernsteins_bound_and_hoeffdings_power(slack):
    x, mean, variance = torch.stack([X, X / 2], 1), tensor(-0.6, 0.3), tensor(0.9, 0.2)
    found = distribution.bounded(x, mean, variance, -2.0, 3.0, FEW, detects=LOOSE, slack=slack)
    gap = float(X.mean()) + 0.6
    bound = bernstein(0.9, 5.0, ALPHA / 2)
    assert (found.part, found.claim) == ("feature 0's mean error", FEW)
    assert found.statistic == pytest.approx(gap)
    assert found.bound == pytest.approx(bound + slack)
    assert found.p_value == pytest.approx(min(1, 2 * bernstein_p(gap - slack, 0.9, 5.0)))
    hoeffding = 5.0 * math.sqrt(math.log(1 / BETA) / (2 * N))
    assert found.detectable == pytest.approx(bound + 2 * slack + hoeffding)


def test_without_slack_none_is_granted_and_many_samples_find_small_effects():
    n, claim = 10_000, Claim("many", 10_000, ALPHA)
    x = torch.linspace(0, 1, n, dtype=torch.float64)[:, None]
    found = distribution.bounded(x, tensor(0.495), tensor(1 / 12), 0.0, 1.0, claim, detects=0.1)
    bound = bernstein(1 / 12, 1.0, ALPHA, n)
    hoeffding = math.sqrt(math.log(1 / BETA) / (2 * n))
    assert found.detectable == pytest.approx(bound + hoeffding)
    assert found.p_value == pytest.approx(bernstein_p(0.005, 1 / 12, 1.0, n))


def test_ends_are_inside_and_one_beyond_either_is_refused():
    x = torch.stack([X], 1)
    low, high = float(X.min()), float(X.max())
    given = {"claim": FEW, "detects": LOOSE, "mean": tensor(0.4), "variance": tensor(1.0)}
    assert distribution.bounded(x, low=low, high=high, **given).p_value == 1.0
    for ends in ((low + 0.1, high), (low, high - 0.1)):
        with pytest.raises(ValueError, match=r"^few: features must lie in .* from -1.1 to 1.7$"):
            distribution.bounded(x, low=ends[0], high=ends[1], **given)


@pytest.mark.parametrize("w", [0.7, 2.2])
@pytest.mark.parametrize("move", [0.0, 1.1])
def test_features_have_the_means_and_variances_of_cosine_and_sine(w, move):
    law = stats.norm(0.3, 1.0)

    def expected(f):
        return integrate.quad(lambda x: law.pdf(x) * f(x), -12, 12, limit=200)[0]

    x = X[:, None] + move
    mean = [expected(lambda x: math.cos(w * x)), expected(lambda x: math.sin(w * x))]
    second = [expected(lambda x: math.cos(w * x) ** 2), expected(lambda x: math.sin(w * x) ** 2)]
    variance = [s - m * m for s, m in zip(second, mean, strict=True)]
    values = torch.cat([(w * x).cos(), (w * x).sin()], 1)
    want = distribution.bounded(
        values, tensor(*mean), tensor(*variance), -1.0, 1.0, FEW, detects=LOOSE, slack=0.01
    )
    got = distribution.features(
        x, tensor(w)[:, None], lambda w: torch.exp(0.3j * w[:, 0] - w[:, 0] ** 2 / 2), FEW,
        detects=LOOSE, slack=0.01,
    )  # fmt: skip
    assert (got.part, got.claim) == (want.part, want.claim)
    for name in ("statistic", "bound", "p_value", "detectable"):
        assert getattr(got, name) == pytest.approx(getattr(want, name), rel=1e-9), name


# ---------------------------------------------------------------- Gaussian samples


def test_a_mean_is_held_against_the_one_that_is_stated():
    x, mean = torch.stack([X, -X / 2], 1), tensor(0.3, -0.4)
    covariance = tensor(1.0, 0.2, 0.2, 0.5).reshape(2, 2)
    found = gaussian.mean(x, mean, covariance, FEW, detects=LOOSE)
    gap = x.mean(0) - mean
    statistic = float(N * gap @ covariance.inverse() @ gap)
    assert found.statistic == pytest.approx(statistic)
    assert found.bound == pytest.approx(stats.chi2.isf(ALPHA, 2))
    assert found.p_value == pytest.approx(stats.chi2.sf(statistic, 2))
    assert special.chndtr(found.bound, 2, N * found.detectable**2) == pytest.approx(BETA)


@pytest.mark.parametrize("d", [2, 5])
def test_hotellings_f_its_bound_and_its_power(d):
    n, claim = 50, Claim("fifty", 50, ALPHA)
    x = torch.randn(n, d, generator=torch.Generator().manual_seed(3), dtype=torch.float64) + 0.2
    mean = torch.full((d,), 0.1, dtype=torch.float64)
    found = gaussian.hotelling(x, mean, claim, detects=LOOSE)
    gap = x.mean(0) - mean
    centred = x - x.mean(0)
    t2 = float(n * gap @ torch.linalg.solve(centred.T @ centred / (n - 1), gap))
    f = t2 * (n - d) / (d * (n - 1))
    assert (found.part, found.claim) == ("Hotelling's F", claim)
    assert found.statistic == pytest.approx(f)
    assert found.bound == pytest.approx(stats.f.isf(ALPHA, d, n - d))
    assert found.p_value == pytest.approx(stats.f.sf(f, d, n - d))
    missed = stats.ncf.cdf(found.bound, d, n - d, n * found.detectable**2)
    assert missed == pytest.approx(BETA, rel=1e-6)


def test_hotelling_asks_for_ten_samples_a_dimension():
    claim = Claim("fifty-five", 55)
    with pytest.raises(ValueError, match=r"from n=55 samples in d=6 dimensions"):
        gaussian.hotelling(torch.zeros(55, 6).double(), torch.zeros(6).double(), claim, detects=9)


@pytest.mark.parametrize("scale", [0.45, 1.0, 1.6])
def test_a_variance_is_told_by_its_distance_from_the_mean_of_chi_square(scale):
    mean, std = 0.4, 0.9
    x = (scale * (X - X.mean()) + mean)[:, None]
    found = said(lambda: gaussian.variance(x, mean, std, FEW, detects=LOOSE))
    statistic = float((((x - mean) / std) ** 2).sum())
    law = stats.chi2(N)
    side = law.isf(ALPHA / 2) - N if statistic > N else N - law.ppf(ALPHA / 2)
    p = min(1.0, 2 * min(law.cdf(statistic), law.sf(statistic)))
    assert found == ("the standardised square, off its mean 8 by", abs(statistic - N), side, p)


def test_a_variance_detects_what_leaves_the_band_in_all_but_one_case_in_a_thousand():
    for df in (8, 1000):
        part, detectable = gaussian.chi_square("it", df, df, ALPHA)
        law = stats.chi2(df)
        up = law.isf(ALPHA / 2) / (1 + detectable) ** 2
        down = law.ppf(ALPHA / 2) / max(1e-9, 1 - detectable) ** 2
        missed = max(law.cdf(up), law.sf(down))
        assert missed == pytest.approx(BETA, rel=1e-6)
        assert part.name == f"it, off its mean {df} by"
        assert (part.statistic, part.bound) == (0, pytest.approx(df - law.ppf(ALPHA / 2)))
        assert part.p_value == pytest.approx(2 * min(law.cdf(df), law.sf(df)))


@pytest.mark.parametrize(
    ("name", "shape", "fits"),
    [
        ("mean", (), True), ("mean", (2,), True), ("mean", (1,), True), ("mean", (8, 1), True),
        ("mean", (8, 2), True), ("mean", (3,), False), ("std", (8,), False), ("std", (2, 2), False),
        ("std", (1, 8, 2), False), ("std", (8, 3), False),
    ],
)  # fmt: skip
def test_a_mean_and_a_std_meet_the_samples(name, shape, fits):
    x = torch.stack([X, X], 1)
    given = {"mean": 0.0, "std": 1.0, name: torch.ones(shape, dtype=torch.float64)}
    if fits:
        gaussian.variance(x, claim=FEW, detects=LOOSE, **given)
        return
    shown = ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
    with pytest.raises(ValueError) as refused:  # noqa: PT011  (the whole message is compared)
        gaussian.variance(x, claim=FEW, detects=LOOSE, **given)
    assert str(refused.value) == f"{name} must meet x of shape (8, 2), got shape ({shown})"


def test_a_normal_part_is_two_sided_and_its_power_adds_two_quantiles():
    for z in (1.3, -1.3):
        part = gaussian.normal("|z|", z, ALPHA)
        assert (part.name, part.statistic) == ("|z|", 1.3)
        assert part.bound == pytest.approx(stats.norm.isf(ALPHA / 2))
        assert part.p_value == pytest.approx(2 * stats.norm.sf(1.3))
    power = stats.norm.isf(ALPHA / 2) + stats.norm.isf(BETA)
    assert gaussian.normal_power(ALPHA) == pytest.approx(power)


def test_a_covariance_is_symmetric_to_rounding_and_its_least_eigenvalue_is_told():
    x = torch.stack([X, X], 1)
    for off, refused in ((1e-13, False), (1e-6, True)):
        covariance = 2 * EYE + tensor(0.0, 0.5, 0.5 * (1 + off), 0.0).reshape(2, 2)
        if not refused:
            gaussian.mean(x, tensor(0, 0), covariance, FEW, detects=LOOSE)
            continue
        with pytest.raises(
            ValueError, match=r"^covariance must be symmetric, got \[\[2.0, 0.5\], "
        ):
            gaussian.mean(x, tensor(0, 0), covariance, FEW, detects=LOOSE)
    with pytest.raises(ValueError, match=r"its least eigenvalue is -3.0"):
        gaussian.mean(x, tensor(0, 0), tensor(-3, 0, 0, 2).diag()[[0, 3]][:, [0, 3]], FEW,
                      detects=LOOSE)  # fmt: skip


# ---------------------------------------------------------------- counts


@pytest.mark.parametrize("count", [3, 10, 16, 17, 24, 38, 45, 60])
@pytest.mark.parametrize("probability", [0.25, 0.6])
def test_a_count_is_held_against_binomial_tails(count, probability):
    n = 64
    happened, claim = torch.arange(n) < count, Claim("sixty-four", n, ALPHA)
    found = said(lambda: counts.share(happened, probability, claim, detects=0.5))
    law = stats.binom(n, probability)
    centre = n * probability
    side = law.isf(ALPHA / 2) - centre if count > centre else centre - law.ppf(ALPHA / 2)
    p = min(1.0, 2 * min(law.cdf(count), law.sf(count - 1)))
    assert found == (f"the count, off its mean {centre:g} by", abs(count - centre), side, p)


def test_a_share_of_none_or_all_is_no_law_and_n_is_fixed():
    happened = torch.arange(N) < 4
    for probability in (0.0, 1.0):
        with pytest.raises(ValueError, match=f"must lie in .0, 1., got {probability}$"):
            counts.share(happened, probability, FEW, detects=1.0)
    with pytest.raises(
        ValueError, match=r"^few fixed n=8 beforehand, got \(7,\): n is not a knob$"
    ):
        counts.share(happened[1:], 0.5, FEW, detects=1.0)


@pytest.mark.parametrize("p", [0.3, 0.7])
def test_a_change_to_either_side_must_be_found_for_a_count_to_promise_it(p):
    n, claim = 2000, Claim("many", 2000, ALPHA)
    happened = torch.arange(n) < n * p
    low, high = stats.binom.ppf(ALPHA / 2, n, p), stats.binom.isf(ALPHA / 2, n, p)

    def missed(change):
        up, down = stats.binom(n, p + change), stats.binom(n, p - change)
        return max(up.cdf(high), down.sf(low - 1))

    least = optimize.brentq(lambda change: missed(change) - BETA, 0.01, 0.2)
    found = counts.share(happened, p, claim, detects=least * (1 + 1e-6))
    assert found.detectable == least * (1 + 1e-6)
    with pytest.raises(DesignError, match="but n=2000 detects inf at best"):
        counts.share(happened, p, claim, detects=least * (1 - 1e-6))


# ---------------------------------------------------------------- what is said, and gathered


def test_an_outcome_states_its_most_strained_part_with_the_number_of_parts():
    parts = [Part("a", 1.0, 2.0, 0.3), Part("b", 2.0, 2.0, 0.02), Part("c", 0.1, 2.0, 0.9)]
    assert judge(FEW, parts, 0.5, 0.5) == Outcome(FEW, "b", 2.0, 2.0, pytest.approx(0.06), 0.5)
    assert judge(FEW, [Part("a", 1.0, 2.0, 0.9)] * 3, 0.5, 0.5).p_value == 1.0
    assert str(judge(FEW, parts, 0.5, 0.5)) == "b 2 <= 2 (n=8, detects 0.5)"


def test_a_failure_says_what_it_looked_at_and_its_worst_part():
    parts = [Part("a", 3.0, 2.0, 0.001), Part("b", 5.0, 4.0, 0.0001)]
    with pytest.raises(StatisticalFailure) as failed:
        judge(FEW, parts, 0.5, 0.5)
    assert (failed.value.part, failed.value.sees) == ("a", "marginal")
    assert str(failed.value) == (
        "few: a is 3, beyond 2 (n=8, alpha=0.01, p=0.001): the samples do not have the stated law"
    )
    with pytest.raises(StatisticalFailure) as failed:
        judge(FEW, parts, 0.5, 0.5, "residual")
    assert failed.value.sees == "residual"
    assert StatisticalFailure(FEW, "a", 1.0, 2.0, 0.5).sees == "marginal"


def test_failures_are_gathered_and_what_looked_is_noted():
    bad, good = [Part("a", 3.0, 2.0, 0.001)], [Part("b", 1.0, 2.0, 0.5)]
    with gathered() as found:
        assert judge(FEW, good, 0.5, 0.5, "residual").part == "b"
        assert (found.failures, found.asked) == ([], {"residual"})
        judge(FEW, bad, 0.5, 0.5)
        with raising(), pytest.raises(StatisticalFailure):
            judge(FEW, bad, 0.5, 0.5)
    assert [(f.part, f.name, f.sees) for f in found.failures] == [("a", "few", "marginal")]
    assert found.asked == {"residual", "marginal"}
    with pytest.raises(StatisticalFailure):
        judge(FEW, bad, 0.5, 0.5)


def test_a_claim_needs_two_samples_and_an_alpha_inside():
    assert Claim("two", 2, 0.25).n == 2
    for alpha in (0.0, 0.5):
        with pytest.raises(ValueError, match=r"0 < alpha < 0\.5"):
            Claim("edge", 2, alpha)


def test_samples_are_refused_in_whole_sentences():
    for x, axis, error, words in (
        (X.float(), 0, TypeError, r"few: samples must be float64, got torch\.float32"),
        (X[1:], 0, ValueError, r"few fixed n=8 beforehand, got samples of shape \(7,\): "
         "n is not a knob"),
        (X, 1, ValueError, r"few fixed n=8 beforehand, got samples of shape \(8,\): n is not .*"),
        (X / 0, 0, ValueError, "few: samples hold NaN or infinity"),
    ):  # fmt: skip
        with pytest.raises(error, match=f"^{words}$"):
            samples(FEW, x, axis)


def test_an_assertion_has_the_budgets_alpha_and_its_seed_is_read_big_end_first():
    assert budget.claim("ratio.log") == Claim("ratio.log", budget.claims()["ratio.log"], 1e-9)
    assert budget.seed_of("a", 0) != budget.seed_of("a", 1)


def test_an_e_value_of_a_vanishing_p_is_that_of_the_least():
    assert evalues.e_value(0.0) == evalues.e_value(1e-12) == 1 + 0.25 * (0.5e6 - 1)


# ---------------------------------------------------------------- calibration


def replaying(values):
    """A test whose p-values are these, one after the other."""
    left = iter(values)

    def test(generator):
        assert isinstance(generator, torch.Generator)
        return Outcome(FEW, "p", 0.0, 1.0, next(left), 0.0)

    return test


P = [0.04, 0.11, 0.2, 0.32, 0.45, 0.5, 0.7, 0.93]


@pytest.mark.parametrize("power", [0.4, 1.0, 3.0])
def test_an_exact_calibration_states_a_distance_or_fishers_sum(power):
    p, side = [x**power for x in P], ALPHA / 2
    fisher, law = -2 * sum(map(math.log, p)), stats.chi2(2 * N)
    d = stats.kstest(p, "uniform").statistic
    parts = [
        ("the p-values' Kolmogorov distance", d, dkw(side), min(1, 2 * math.exp(-2 * N * d * d))),
        ("−2 Σ log p, off its mean 16 by", abs(fisher - 16),
         law.isf(side / 2) - 16 if fisher > 16 else 16 - law.ppf(side / 2),
         min(1, 2 * min(law.cdf(fisher), law.sf(fisher)))),
    ]  # fmt: skip
    found = said(lambda: calibration.calibrate(replaying(p), FEW, exact=True, detects=LOOSE))
    compare_most_strained(found, parts)


@pytest.mark.parametrize("power", [0.4, 1.0, 2.0, 9.0])
def test_a_conservative_calibration_states_an_excess_or_fishers_sum(power):
    p, side = [x**power for x in P], ALPHA / 2
    fisher, law = -2 * sum(map(math.log, p)), stats.chi2(2 * N)
    over = max((i + 1) / N - x for i, x in enumerate(sorted(p)))
    parts = [
        ("the excess of small p-values", over, math.sqrt(-math.log(side) / (2 * N)),
         min(1, math.exp(-2 * N * max(0, over) ** 2))),
        ("−2 Σ log p", fisher, law.isf(side), law.sf(fisher)),
    ]  # fmt: skip
    found = said(lambda: calibration.calibrate(replaying(p), FEW, exact=False, detects=LOOSE))
    compare_most_strained(found, parts)


UNEVEN = [0.4] * 7 + [0.95]
"""Of which Fisher's sum thinks nothing, and their distribution much."""


@pytest.mark.parametrize("p", [UNEVEN, [0.05] * N])
def test_a_calibration_names_the_part_that_is_most_strained(p):
    side, over = ALPHA / 2, 1 - p[0] - (1 / N if p == UNEVEN else 0)
    excess = math.exp(-2 * N * over**2)
    failed = over > math.sqrt(-math.log(side) / (2 * N))
    assert said(lambda: calibration.calibrate(replaying(p), FEW, exact=False, detects=LOOSE)) == (
        "the excess of small p-values", over, math.sqrt(-math.log(side) / (2 * N)),
        excess if failed else 2 * excess,
    )  # fmt: skip
    if p == UNEVEN:
        found = said(lambda: calibration.calibrate(replaying(p), FEW, exact=True, detects=LOOSE))
        assert found == ("the p-values' Kolmogorov distance", over, dkw(side), 2 * 2 * excess)


def test_shares_of_ten_are_tenths_to_the_last_digit():
    ten, p = Claim("ten", 10, ALPHA), [0.4] * 9 + [0.95]
    found = said(lambda: calibration.calibrate(replaying(p), ten, exact=False, detects=LOOSE))
    bound = math.sqrt(-math.log(ALPHA / 2) / 20)
    assert found == ("the excess of small p-values", 0.5, bound, 2 * math.exp(-20 * 0.25))


def compare_most_strained(found, parts):
    failed = [part for part in parts if part[1] > part[2]]
    if failed:
        part = max(failed, key=lambda part: part[1] / part[2])
        assert found == part
    else:
        name, statistic, bound, p = min(parts, key=lambda part: part[3])
        assert found == (name, statistic, bound, min(1, 2 * p))


@pytest.mark.parametrize("exact", [True, False])
def test_a_calibration_detects_what_lifts_fishers_sum_beyond_its_bound(exact):
    found = calibration.calibrate(replaying(P), FEW, exact=exact, detects=LOOSE)
    side = ALPHA / 4 if exact else ALPHA / 2
    law = stats.chi2(2 * N)
    assert law.cdf(law.isf(side) / (1 + found.detectable)) == pytest.approx(BETA)


# ---------------------------------------------------------------- orders


def test_an_order_has_its_slopes_and_its_limits_count_as_within():
    h, error = (0.5, 0.25, 0.125), (1.0, 0.5, 0.25)
    found = orders.order(h, error, expected=1.0, constant=2.0, tolerance=0.0)
    assert found == orders.Order((1.0, 1.0), 1.0, 2.0)
    h = (0.5, 0.25, 0.125, 0.0625)
    error = tuple(3 * x**2 * (1 + x) for x in h)
    found = orders.order(h, error, expected=2.0, tolerance=0.1)
    slopes = tuple(math.log2(a / b) for a, b in pairwise(error))
    assert found.slopes == pytest.approx(slopes)
    assert found.order == pytest.approx(2 * slopes[-1] - slopes[-2])
    assert found.constant == pytest.approx(2 * 3 * (1 + h[-1]) - 3 * (1 + h[-2]))


def test_a_ladder_halves_to_a_billionth_and_all_signs_are_those_of_the_first():
    orders.order((0.5, 0.25 * (1 + 9e-10), 0.125), (1.0, 0.5, 0.25), expected=1.0)
    with pytest.raises(ValueError, match="half of the one before"):
        orders.order((0.5, 0.25 * (1 + 2e-9), 0.125), (1.0, 0.5, 0.25), expected=1.0)
    with pytest.raises(orders.OrderFailure, match="of one sign"):
        orders.order((0.5, 0.25, 0.125), (-1.0, 0.5, 0.25), expected=1.0)


# ---------------------------------------------------------------- residuals


def test_residuals_want_a_state_more_than_transitions():
    with pytest.raises(ValueError, match="1 transitions join 2 states, got 3"):
        residuals.residuals(torch.zeros(3, 4, 1).double(), [Gaussian(torch.zeros(4, 1), 1.0)])


def white(e, **regressors):
    return residuals.white(e, regressors, FEW, detects_std=LOOSE, detects_shift=LOOSE)


@pytest.mark.parametrize(("steps", "shares"), [(1, 5), (2, 6), (3, 6)])
def test_white_shares_alpha_among_its_parts_and_states_the_shift_it_finds(steps, shares):
    e = torch.stack([X - X.mean(), -(X - X.mean()), X.flip(0) - X.mean()])[:steps, :, None]
    found = white(e, x=torch.ones_like(e) + e**2)
    power = stats.norm.isf(ALPHA / shares / 2) + stats.norm.isf(BETA)
    assert found.detectable == pytest.approx(power / math.sqrt(steps * N))


def failure(test):
    with pytest.raises(StatisticalFailure) as failed:
        test()
    assert failed.value.sees == "residual"
    return failed.value


def regression(name, r, e):
    """z of a regression, normalised at each step, then added."""
    z = [(a * b).sum() / (a**2).sum().sqrt() for a, b in zip(r, e, strict=True) if (a != 0).any()]
    return f"|z| of the residuals on {name}", abs(float(sum(z))) / math.sqrt(len(z))


def test_white_names_its_parts_with_their_statistics():
    small, up = 0.3 * torch.stack([X, X.flip(0)])[..., None], torch.ones(2, N, 1).double()
    cases = [
        (2.5 * small / 0.3, None),
        (small + 1.6, regression("1", up, small + 1.6)),
    ]
    found = failure(lambda: white(cases[0][0]))
    square = float((cases[0][0] ** 2).sum())
    assert found.part == "the residuals' square, off its mean 16 by"
    assert found.statistic == pytest.approx(square - 16)
    assert found.bound == pytest.approx(stats.chi2.isf(ALPHA / 5 / 2, 16) - 16)
    with gathered() as noted:
        white(small + 1.6)
    assert noted.asked == {"residual"}
    r = torch.stack([X, 0 * X])[..., None]
    e = torch.stack([1.3 * X, 0.5 * X.flip(0)])[..., None]
    found = failure(lambda: white(e, x=r))
    name, z = regression("x", r, e)
    assert (found.part, found.statistic) == (name, pytest.approx(z))
    assert found.bound == pytest.approx(stats.norm.isf(ALPHA / 6 / 2))
    assert found.p_value == pytest.approx(2 * stats.norm.sf(z))


def test_white_sees_the_step_before_and_the_other_half_of_the_batch():
    e = 1.5 * X.sign()[None, :, None].repeat(4, 1, 1) * tensor(1, 1, -1, -1, 1, 1, -1, -1)[:, None]
    found = failure(lambda: white(e))
    name, z = regression("the step before", e[:-1], e[1:])
    assert (found.part, found.statistic) == (name, pytest.approx(z))
    half = torch.randn(6, 4, 1, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    e = torch.cat([half, half], 1)
    found = failure(lambda: white(e))
    name, z = regression("another particle", e[:, :4], e[:, 4:])
    assert (found.part, found.statistic) == (name, pytest.approx(z))


def test_white_states_the_kolmogorov_distance_of_its_residuals():
    """Rows of a Hadamard matrix: of mean 0, square 1, unrelated, and no Gaussian."""
    rows = linalg.hadamard(N)[1:]
    e = torch.tensor(rows, dtype=torch.float64)[..., None]
    found = failure(lambda: white(e))
    assert found.part == "the residuals' Kolmogorov distance"
    assert found.statistic == pytest.approx(stats.kstest(rows.ravel(), "norm").statistic)
    assert found.bound == pytest.approx(dkw(ALPHA / 5, 7 * N))


def test_white_looks_at_the_step_before_from_two_steps_on():
    """Signs of mean 0 whose halves are unrelated, twice."""
    e = 1.15 * tensor(1, 1, -1, -1, 1, -1, 1, -1)[None, :, None].repeat(2, 1, 1)
    found = failure(lambda: white(e))
    assert found.part == "|z| of the residuals on the step before"
    assert found.statistic == pytest.approx(1.15 * math.sqrt(N))


def test_an_odd_batch_leaves_one_out_and_the_size_of_a_regressor_does_not_matter():
    nine, e = Claim("nine", N + 1, ALPHA), torch.cat([X, X[:1]])[None, :, None]
    found = [
        residuals.white(e, {"x": scale * e.cos()}, nine, detects_std=LOOSE, detects_shift=LOOSE)
        for scale in (1.0, 1e-6)
    ]
    assert found[0] == found[1]


def test_a_promise_on_the_std_is_kept_at_its_limit_alone():
    e = torch.stack([X, X.flip(0)])[..., None]
    _, least = gaussian.chi_square("", 16.0, 16, ALPHA / 5)
    residuals.white(e, {}, FEW, detects_std=least, detects_shift=LOOSE)
    with pytest.raises(DesignError, match="few promises to detect"):
        residuals.white(e, {}, FEW, detects_std=least * (1 - 1e-9), detects_shift=LOOSE)


@pytest.mark.parametrize("shift", [0.0, 0.9, 3.0])
def test_a_minimisers_residual_is_sub_gaussian(shift):
    e, proxy, phi = X + shift - 0.4, 1 + X**2, {"1": 1 + 0 * X, "x": X}
    z = {n: abs(float((f * e).sum() / (f**2 * proxy).sum().sqrt())) for n, f in phi.items()}
    worst = max(z, key=z.get)
    log = 2 * math.log(2 * 2 / ALPHA)
    p = min(1, 2 * math.exp(-(z[worst] ** 2) / 2))

    def test():
        return residuals.zero_mean(e, proxy, phi, FEW, detects=LOOSE)

    found = said(test)
    failed = z[worst] > math.sqrt(log)
    assert found == (f"|Z| against {worst}", z[worst], math.sqrt(log),
                     p if failed else min(1, 2 * p))  # fmt: skip
    if failed:
        assert failure(test).sees == "residual"
    else:
        power = math.sqrt(log) + math.sqrt(2 * math.log(1 / BETA))
        assert test().detectable == pytest.approx(power / math.sqrt(N))
