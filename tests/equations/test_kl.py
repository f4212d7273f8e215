"""Facts about divergences: zero at equality, never negative, and the paper's KL in both forms."""

import math

import numpy as np
import pytest
from hypothesis import given
from strategies import of

from refimpl.equations import Gaussian, kl, paths, sde
from refimpl.equations.arguments import Mean, Std

numbers = of(Mean)
stds = of(Std)


@pytest.mark.covers("kl.gaussian")
@given(numbers, stds, numbers, stds)
def test_a_divergence_is_never_negative_and_zero_only_at_equality(m, s, m2, s2):
    divergence = kl.gaussian(Gaussian(m, s), Gaussian(m2, s2))
    if (m, s) == (m2, s2):
        assert divergence == 0
    else:
        assert divergence > 0


@pytest.mark.covers("kl.gaussian")
def test_a_divergence_has_a_direction():
    narrow, wide = Gaussian(0.0, 1.0), Gaussian(0.0, 2.0)
    assert kl.gaussian(narrow, wide) == pytest.approx(math.log(2) - 3 / 8)
    assert kl.gaussian(wide, narrow) == pytest.approx(-math.log(2) + 3 / 2)


@pytest.mark.covers("kl.gaussian", "kl.of_means")
@given(numbers, numbers, stds)
def test_with_one_std_only_the_means_count(m, m2, std):
    want = (m - m2) ** 2 / (2 * std**2)
    assert kl.of_means(m, m2, std) == want
    # the general form rounds σ² at its own size
    assert kl.gaussian(Gaussian(m, std), Gaussian(m2, std)) == pytest.approx(
        want, rel=1e-15, abs=1e-15
    )


@pytest.mark.covers("kl.flow_grpo")
def test_eq_3_at_one_point():
    # g = 1, t = 1/2: (1/4·2 ... ) g(1 − t)/(2t) + 1/g = 3/2, h/2 = 1/8, difference 2
    assert kl.flow_grpo(v=1.0, v_ref=-1.0, g=1.0, t=0.5, h=0.25) == 0.125 * 2.25 * 4


@pytest.mark.covers("kl.flow_grpo", "kl.of_means", "kl.without_h", "sde.transition")
@given(numbers, numbers, numbers, stds)
def test_both_forms_of_eq_3_agree_and_the_field_s_lacks_h(x, v, v_ref, g):
    step = sde.Step(0.75, 0.5)
    c = paths.linear(step.t)
    p, q = (sde.transition(c, x, u, g, step) for u in (v, v_ref))
    eq_3 = kl.flow_grpo(v, v_ref, g, step.t, step.h)
    # differences of means cancel: each is rounded at its own size
    size = (abs(p.mean) + abs(q.mean)) ** 2 / p.std**2
    bound = 20 * 2.0**-53 * size
    assert kl.of_means(p.mean, q.mean, p.std) == pytest.approx(eq_3, abs=bound, rel=1e-14)
    assert kl.without_h(p.mean, q.mean, g) == pytest.approx(eq_3 * step.h, abs=bound, rel=1e-14)


@pytest.mark.covers("kl.velocity")
def test_the_velocity_kl_is_a_squared_distance():
    assert kl.velocity(3.0, 1.0) == 4.0


@pytest.mark.covers("kl.k1", "kl.k2", "kl.k3")
def test_the_estimators_at_one_ratio():
    r = math.log(2.0)
    assert kl.k1(r) == -r
    assert kl.k2(r) == pytest.approx(r**2 / 2)
    assert kl.k3(r) == pytest.approx(1 - r)
    assert kl.k1(0.0) == kl.k2(0.0) == kl.k3(0.0) == 0


@pytest.mark.covers("kl.k1", "kl.k3", "kl.gaussian")
def test_k1_and_k3_have_the_divergence_as_expectation():
    import numpy as np

    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / np.sqrt(2 * np.pi)
    log_ratio = 0.5 * nodes - 0.125  # log N(x; 1/2, 1) − log N(x; 0, 1) at draws of N(0, 1)
    want = kl.gaussian(Gaussian(0.0, 1.0), Gaussian(0.5, 1.0))
    assert weights @ kl.k1(log_ratio) == pytest.approx(want, rel=1e-12)
    assert weights @ kl.k3(log_ratio) == pytest.approx(want, rel=1e-12)
    # k2 is biased: E[(log r)²]/2 = KL + KL²/2
    assert weights @ kl.k2(log_ratio) == pytest.approx(want + want**2 / 2, rel=1e-12)


@pytest.mark.covers("kl.k2", "kl.k3")
@given(numbers)
def test_k2_and_k3_are_never_negative(log_ratio):
    assert kl.k2(log_ratio) >= 0
    assert kl.k3(log_ratio) >= 0


CHAIN = {
    "shift": np.array([0.5, -0.25, 1.5]),
    "std": np.array([0.75, 0.5, 0.3125]),
    "carried": np.array([0.25, -0.5, 1.0]),
}


@pytest.mark.covers("kl.trajectory")
def test_the_kl_of_a_trajectory_is_the_sum_of_its_steps():
    whole = kl.trajectory(CHAIN["shift"], CHAIN["std"])
    steps = [kl.of_means(d, 0.0, s) for d, s in zip(CHAIN["shift"], CHAIN["std"], strict=True)]
    assert whole == pytest.approx(sum(steps), rel=1e-14)
    with pytest.raises(ValueError, match=r"shift must be an array with 1 or more axes"):
        kl.trajectory(0.5, CHAIN["std"])
    with pytest.raises(ValueError, match=r"a chain has one step or more, got shape \(0, 2\)"):
        kl.trajectory(np.ones((0, 2)), np.ones((0, 2)))
    assert kl.trajectory(np.ones((3, 2)), np.ones((3, 2))).tolist() == [1.5, 1.5]


@pytest.mark.covers("kl.images", "kl.trajectory", "kl.seen")
def test_images_show_at_most_the_explored_share_of_the_steps():
    whole = kl.trajectory(CHAIN["shift"], CHAIN["std"])
    for start in (0.0, 0.375, 2.0):
        share = kl.seen(CHAIN["std"], CHAIN["carried"], start)
        assert 0 < kl.images(**CHAIN, start=start) <= share * whole
        best = 0.7 * CHAIN["carried"] * CHAIN["std"] ** 2
        seen = kl.images(best, CHAIN["std"], CHAIN["carried"], start)
        assert seen == pytest.approx(share * kl.trajectory(best, CHAIN["std"]), rel=1e-13)
    assert kl.seen(CHAIN["std"], CHAIN["carried"], 0.0) == 1.0


@pytest.mark.covers("kl.images")
def test_shifts_that_cancel_cost_and_are_not_seen():
    """A policy that moves one step up and the next one down pays for both; no image is moved."""
    shift = np.array([0.5, -0.5])
    carried, std = np.ones(2), np.full(2, 0.5)
    assert kl.images(shift, std, carried, 0.1) == 0.0
    assert kl.trajectory(shift, std) == 1.0
    with pytest.raises(ValueError, match="nothing of the noise reaches the image"):
        kl.images(shift, std, 0 * carried, 0.0)
