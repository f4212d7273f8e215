"""Laws of levels as a whole: shares, shifts, products with weights, and what is refused."""

import numpy as np
import pytest
from scipy import integrate

from refimpl.equations import levels as closed
from refimpl.simulate import levels

LAWS = ("uniform", "logit-normal(0.5, 0.8)", "mode(1.29)", "mode(-0.5)", "cosmap", "beta(1.5, 1)")


@pytest.mark.parametrize("text", LAWS)
@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_quantile_share_and_density_belong_together(text, shift):
    law = levels.law(text).shifted(shift)
    for p in (0.02, 0.4, 0.93):
        t = law.quantile(p)
        assert law.below(t) == pytest.approx(p, abs=1e-12)
        assert law.above(t) == pytest.approx(1 - p, abs=1e-12)
        rate = (law.below(t + 1e-6) - law.below(t - 1e-6)) / 2e-6
        assert rate == pytest.approx(law.density(t), rel=1e-6)
    assert (law.above(0.0), law.above(1.0)) == (1.0, 0.0)


@pytest.mark.parametrize("text", LAWS)
def test_draws_are_quantiles_of_uniform_shares(text):
    law = levels.law(text)
    drawn = law.sample(500, np.random.default_rng(7))
    shares = np.random.default_rng(7).random(500)
    assert [law.below(t) for t in drawn] == pytest.approx(list(shares), abs=1e-9)


def test_a_shifted_logit_normal_is_one_with_m_moved():
    shifted = levels.law("logit-normal(0, 1)").shifted(12.0)
    moved = levels.logit_normal(float(np.log(12)), 1.0)
    for t in (0.1, 0.5, 0.875):
        assert shifted.above(t) == pytest.approx(moved.above(t), rel=1e-12)
        assert shifted.density(t) == pytest.approx(moved.density(t), rel=1e-12)
    assert shifted.above(0.875) == pytest.approx(0.7051, abs=5e-5)


def test_a_list_of_timesteps_that_falls_turns_the_sign_of_m():
    turned = levels.logit_normal(1.0, 0.7).turned()
    meant = levels.logit_normal(-1.0, 0.7)
    for t in (0.1, 0.5, 0.9):
        assert turned.above(t) == pytest.approx(meant.above(t), rel=1e-12)
        assert turned.density(t) == pytest.approx(meant.density(t), rel=1e-12)
        assert turned.quantile(t) == pytest.approx(meant.quantile(t), rel=1e-12)


def test_uniform_levels_weighed_by_cosmap_train_what_cosmap_draws():
    product = levels.trained(levels.uniform(), levels.weight("cosmap"))
    drawn = levels.cosmap()
    for t in (0.1, 0.5, 0.875):
        assert product.density(t) == pytest.approx(drawn.density(t), rel=1e-9)
        assert product.above(t) == pytest.approx(drawn.above(t), rel=1e-8)
    assert product.quantile(0.3) == pytest.approx(drawn.quantile(0.3), rel=1e-8)


@pytest.mark.parametrize("weight", ["cosmap", "bell", "min-snr(5)"])
def test_the_product_has_mass_one(weight):
    product = levels.trained(levels.law("logit-normal(0, 1)").shifted(3), levels.weight(weight))
    assert integrate.quad(product.slope, 0, 1, limit=200)[0] == pytest.approx(1, rel=1e-7)
    assert product.below(1 - 1e-12) == pytest.approx(1, rel=1e-7)


def test_a_weight_that_outgrows_its_law_is_refused():
    with pytest.raises(ValueError, match="no finite mean under uniform: .* outweighs the rest$"):
        levels.trained(levels.uniform(), levels.weight("sigma-sqrt"))
    # the logit-normal law is thin enough near data
    product = levels.trained(levels.law("logit-normal(0, 1)"), levels.weight("sigma-sqrt"))
    mean = levels.expectation(levels.law("logit-normal(0, 1)"), closed.sigma_sqrt)
    assert mean == pytest.approx(1 + 2 * np.exp(0.5) + np.exp(2), rel=1e-9)  # E (1 + e^−z)²
    assert product.above(0.5) < 0.5


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: levels.law("logit-norm"), "no law is called 'logit-norm'; did you mean logit-n"),
        (lambda: levels.law("log"), "no law is called 'log'; there are uniform"),
        (lambda: levels.law("mode(x)"), "is no law: write numbers"),
        (lambda: levels.law("mode(1.29"), "is no law"),
        (lambda: levels.law("beta"), "is no law"),
        (lambda: levels.law("beta(1, 2, 3)"), "is no law"),
        (lambda: levels.law("mode(1.8)"), "the levels turn back in the middle"),
        (lambda: levels.law("logit-normal(0, 0)"), "scale must be positive, got 0"),
        (lambda: levels.law("beta(0, 1)"), "a must be positive, got 0"),
        (lambda: levels.law("uniform").shifted(-1.0), "by must be positive, got -1"),
        (lambda: levels.law("uniform").quantile(1.0), r"p is a share inside \(0, 1\), got 1"),
        (lambda: levels.law("uniform").density(0.0), r"inside \(0, 1\), got t = 0"),
        (lambda: levels.law("uniform").above(1.5), "t must be a noise level"),
        (lambda: levels.weight("min-snr(-1)"), "gamma must be positive|must be positive"),
        (lambda: levels.weight("snr"), "no weight is called 'snr'; did you mean min-snr"),
    ],
)
def test_what_is_no_law_is_refused_with_its_value(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_laws_go_by_the_name_that_reads_them():
    for text in ("uniform", "logit-normal(0.5, 2)", "mode(0.8)", "cosmap", "beta(1.5, 2)"):
        assert levels.law(text).name == text
    drawn = levels.law("beta(1.5, 2)")
    assert drawn.shifted(3.0).name == "beta(1.5, 2) shifted by 3"
    assert drawn.turned().name == "beta(1.5, 2) on the other clock"
    assert levels.trained(drawn, levels.weight("none")).name == "beta(1.5, 2), weighed"
    assert levels.law(" Logit_Normal ( 0, 1 )").name == "logit-normal(0, 1)"


def test_usual_constants_are_what_is_left_out():
    for short, full in (("logit-normal", "logit-normal(0, 1)"), ("mode", "mode(1.29)")):
        assert levels.law(short).quantile(0.3) == levels.law(full).quantile(0.3)
        assert levels.law(short).name == full
    assert levels.weight("min-snr")(0.4) == levels.weight("min-snr(5)")(0.4)
    assert levels.weight("min-snr")(0.05) == levels.weight("min-snr(5)")(0.05)
    assert levels.weight("none")(0.3) == 1.0


def test_ends_are_no_shares_and_no_levels_of_a_density():
    drawn = levels.law("uniform")
    for p in (0.0, 1.0, -0.5, 1.5):
        with pytest.raises(ValueError, match="p is a share inside"):
            drawn.quantile(p)
        with pytest.raises(ValueError, match="a density is asked for inside"):
            drawn.density(p)
    assert drawn.density(0.5) == 1.0
    for a, b, name in ((0.0, 1.0, "a"), (1.0, 0.0, "b")):
        with pytest.raises(ValueError, match=f"^{name} must be positive"):
            levels.beta(a, b)


def test_a_share_of_zero_is_drawn_as_the_smallest_one():
    class Zeros(np.random.Generator):
        def random(self, n):
            return np.zeros(n)

    drawn = levels.law("logit-normal(0, 1)")
    assert drawn.sample(2, Zeros(np.random.PCG64(0))).tolist() == [drawn.quantile(2.0**-54)] * 2


def test_strange_names_are_hinted_at_or_all_listed():
    for text, told in (
        ("cosmop", "no law is called 'cosmop'; did you mean cosmap?"),
        ("mod", "no law is called 'mod'; did you mean mode?"),
        ("zzz", "no law is called 'zzz'; there are uniform, logit-normal, mode, cosmap, beta"),
        ("abta", "no law is called 'abta'; did you mean beta?"),
        ("moqr", "no law is called 'moqr'; did you mean mode?"),
        ("xxux", "no law is called 'xxux'; there are uniform, logit-normal, mode, cosmap, beta"),
    ):
        with pytest.raises(ValueError) as error:  # noqa: PT011  (the whole message is compared)
            levels.law(text)
        assert str(error.value) == told
    for text in ("mode(x)", "mode(1", "mode(1, 2)", "uniform(1)"):
        with pytest.raises(ValueError, match="is no law: write numbers in brackets"):
            levels.law(text)


def test_a_weighed_law_is_pinned_to_its_edges_and_has_all_of_its_mass_between():
    flat = levels.trained(levels.law("uniform"), levels.weight("none"))
    assert flat.at(1e-13) == levels.EDGE
    assert flat.at(1 - 1e-13) == 1 - levels.EDGE
    assert flat.at(0.25) == pytest.approx(0.25, rel=1e-9)
    narrow = levels.trained(levels.law("logit-normal(0, 0.1)"), levels.weight("cosmap"))
    assert narrow.below(1e-12) == pytest.approx(0.0, abs=1e-12)
    assert narrow.below(1 - 1e-12) == pytest.approx(1.0, abs=1e-9)
    for p in (0.1, 0.5, 0.9):
        assert narrow.below(narrow.at(p)) == pytest.approx(p, abs=1e-9)


def test_a_mean_below_nothing_is_nothing():
    drawn = levels.law("uniform")
    assert levels.expectation(drawn, lambda t: 1.0, most=-9.0) == 0.0
    assert levels.expectation(drawn, lambda t: 1.0, most=0.0) == pytest.approx(0.5, rel=1e-12)
    assert levels.expectation(drawn, lambda t: t) == pytest.approx(0.5, rel=1e-12)
