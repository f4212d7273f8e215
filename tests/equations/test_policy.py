"""Facts about the policy: reductions keep samples apart, and replay gives ratio one."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from strategies import of

from refimpl.equations import gaussian, policy
from refimpl.equations.arguments import State

numbers = of(State)
X = np.arange(24.0).reshape(2, 3, 2, 2)


@pytest.mark.covers("policy.total", "policy.average")
@pytest.mark.parametrize("convert", [lambda x: x, torch.tensor])
def test_reductions_run_over_coordinates_and_keep_the_batch(convert):
    x = convert(X)
    assert policy.total(x).tolist() == [66.0, 210.0]
    assert policy.average(x).tolist() == [5.5, 17.5]


@pytest.mark.covers("policy.total", "policy.average")
def test_a_sample_s_value_does_not_depend_on_its_neighbours():
    for reduce in (policy.total, policy.average):
        assert reduce(X)[1] == reduce(X[1:])[0]


@pytest.mark.covers("policy.total", "policy.average")
def test_two_dimensions_are_enough_and_one_is_not():
    assert policy.total(X[0, :, :, 0]).shape == (3,)
    for bad in (
        np.ones(3),
        np.array(1.0),
        np.ones((3, 0)),
        1.0,
        torch.ones(3),
        torch.ones(2, 0, 3),
    ):
        for reduce in (policy.total, policy.average):
            with pytest.raises(
                ValueError,
                match=r"^a reduction needs a batch and at least one coordinate, \(B, \.\.\.\), got",
            ):
                reduce(bad)
    assert policy.total(np.ones((0, 3))).shape == (0,)
    with pytest.raises(ValueError, match=r"got shape \(3, 0\)"):
        policy.total(np.ones((3, 0)))


@pytest.mark.covers("policy.log_ratio", "policy.ratio")
def test_the_ratio_is_new_over_old():
    assert policy.log_ratio(-1.0, -3.0) == 2.0
    assert policy.ratio(-1.0, -3.0) == math.exp(2.0)


@pytest.mark.covers("policy.ratio")
@given(numbers, numbers)
def test_ratios_invert_and_replay_gives_exactly_one(a, b):
    assert policy.ratio(a, a) == 1.0
    assert policy.ratio(a, b) * policy.ratio(b, a) == pytest.approx(1, rel=4 * 2.0**-53)


@pytest.mark.covers("policy.average", "policy.ratio", "policy.total")
def test_the_mean_reduced_ratio_is_the_true_one_to_the_power_of_one_over_d():
    new, old = X / 64, X[::-1] / 128
    true = policy.ratio(policy.total(new), policy.total(old))
    assert np.allclose(
        policy.ratio(policy.average(new), policy.average(old)), true ** (1 / 12), rtol=1e-14
    )


@pytest.mark.covers("policy.log_ratio_of_means")
def test_it_is_zero_where_the_means_agree_and_minus_half_of_the_square_at_the_old_one():
    assert policy.log_ratio_of_means(3.0, 1.5, 1.5, 0.5) == 0
    assert policy.log_ratio_of_means(1.0, 2.0, 1.0, 0.5) == -2.0
    assert policy.log_ratio_of_means(2.0, 2.0, 1.0, 0.5) == 2.0
    with pytest.raises(ValueError, match="std must be positive"):
        policy.log_ratio_of_means(2.0, 2.0, 1.0, 0.0)


@pytest.mark.covers("policy.log_ratio_of_means", "policy.log_ratio", "gaussian.log_prob")
def test_in_float32_it_keeps_digits_that_a_difference_of_sums_loses():
    draw = torch.Generator().manual_seed(0)
    old, noise, way = torch.randn(3, 8, 65_536, generator=draw)
    std, new = 0.05, old + 1e-3 * way
    x = gaussian.sample(old, std, noise)

    def summed(*given):
        return policy.total(policy.log_ratio_of_means(*given, std))

    true = summed(x.double(), new.double(), old.double())
    sums = [policy.total(gaussian.log_prob(x, mean, std)) for mean in (new, old)]
    gaps = [(found - true).abs().max() for found in (summed(x, new, old), policy.log_ratio(*sums))]
    assert gaps[0] < 1e-4 < 1e-2 < gaps[1]


@pytest.mark.covers("policy.log_ratio_of_products")
def test_two_products_give_the_log_ratio_of_a_sample_and_refuse_a_negative_square():
    assert policy.log_ratio_of_products(0.0, 0.0, -0.25, 0.5) == 0
    assert policy.log_ratio_of_products(1.0, 4.0, -0.5, 0.5) == -4.0
    assert policy.log_ratio_of_products(1.0, 4.0, 0.5, 1.0) == 0.0
    with pytest.raises(ValueError, match=r"squared must be zero or positive, got -1\.0"):
        policy.log_ratio_of_products(1.0, -1.0, 0.5, 1.0)
    with pytest.raises(ValueError, match="std must be positive"):
        policy.log_ratio_of_products(1.0, 1.0, 0.5, 0.0)
    with pytest.raises(ValueError, match="along must be finite"):
        policy.log_ratio_of_products(float("nan"), 1.0, 0.5, 1.0)


@pytest.mark.covers("policy.log_ratio_of_products", "policy.log_ratio_of_means", "policy.average")
@pytest.mark.parametrize("reduce", [policy.total, policy.average])
def test_products_of_float32_coordinates_keep_the_digits_too(reduce):
    draw = torch.Generator().manual_seed(0)
    old, noise, way = torch.randn(3, 8, 65_536, generator=draw)
    std, lever, moved = 0.05, -0.02, 0.05 * way
    x = gaussian.sample(lever * old, std, noise)
    means = lever * (old + moved).double(), lever * old.double()
    true = reduce(policy.log_ratio_of_means(x.double(), *means, std))
    products = reduce(moved * (x - lever * old)), reduce(moved * moved)
    found = policy.log_ratio_of_products(*products, lever, std)
    assert (found - true).abs().max() < 1e-5 * max(1.0, float(true.abs().max()))
    assert true.abs().max() > 1e-4
