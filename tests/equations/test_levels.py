"""Facts about laws of levels: masses, shifts, clocks, and weights that are laws in disguise."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from scipy import integrate, special

from refimpl.equations import levels, objectives, schedules

LEVELS = (0.03, 0.25, 0.5, 0.8, 0.97)
SHARES = (0.05, 0.3, 0.5, 0.9)


def mass(density, low=0.0, high=1.0):
    return integrate.quad(density, low, high, points=[0.01, 0.1, 0.5, 0.9, 0.99])[0]


@pytest.mark.covers("levels.logit_normal", "levels.logit_normal_eps")
def test_a_shift_moves_m_by_log_k():
    for eps in (-2.0, 0.3, 1.7):
        shifted = schedules.shift(levels.logit_normal(eps, 0.5, 1.25), 3.0)
        assert shifted == pytest.approx(levels.logit_normal(eps, 0.5 + math.log(3), 1.25))
        assert levels.logit_normal_eps(shifted, 0.5 + math.log(3), 1.25) == pytest.approx(eps)


@pytest.mark.covers("levels.logit_normal_eps")
@pytest.mark.parametrize(
    ("level", "shift", "share"),
    [(0.875, 1, 0.0258), (0.875, 3, 0.1984), (0.875, 12, 0.7051), (0.9, 5, 0.2783)],
)
def test_the_share_above_an_experts_boundary(level, shift, share):
    eps = levels.logit_normal_eps(level, math.log(shift), 1.0)
    assert NormalDist().cdf(-eps) == pytest.approx(share, abs=5e-5)


@pytest.mark.covers("levels.logit_normal_density", "levels.cosmap_density", "levels.beta_density")
def test_densities_have_mass_one():
    for m, s in ((0.0, 1.0), (1.1, 0.6), (-0.5, 1.25)):
        assert mass(lambda t, m=m, s=s: levels.logit_normal_density(t, m, s)) == pytest.approx(1)
    assert mass(lambda t: levels.cosmap_density(t)) == pytest.approx(1, rel=1e-12)
    for a, b in ((1.5, 1.0), (2.0, 3.0)):
        B = float(special.beta(a, b))
        assert mass(lambda t, a=a, b=b, B=B: levels.beta_density(t, a, b, B)) == pytest.approx(1)


@pytest.mark.covers("levels.mode", "levels.mode_density")
@pytest.mark.parametrize("scale", [-0.9, -0.5, 0.0, 1.29])
def test_the_mode_law_falls_in_u_and_its_density_undoes_the_slope(scale):
    u = np.linspace(0, 1, 401)
    t = levels.mode(u, scale)
    assert (np.diff(t) < 0).all()
    middle = (u[1:] + u[:-1]) / 2
    slopes = np.diff(t) / np.diff(u)
    density = levels.mode_density(middle[5:-5], scale)
    assert -1 / slopes[5:-5] == pytest.approx(density, rel=2e-3)  # second order in 1/400
    for wrong, told in (
        (-1.01, "below −1 the levels turn back at the ends"),
        (1.76, r"above 2/\(π − 2\) = 1\.7519 the levels turn back in the middle"),
    ):
        with pytest.raises(ValueError, match=f"; {told}$"):
            levels.mode(0.5, wrong)


@pytest.mark.covers("levels.mode", "levels.cosmap")
def test_mode_and_cosmap_are_the_same_on_both_clocks():
    for u in SHARES:
        assert levels.mode(1 - u, 1.29) == pytest.approx(1 - levels.mode(u, 1.29), rel=1e-13)
        assert levels.cosmap(1 - u) == pytest.approx(1 - levels.cosmap(u), rel=1e-13)
    assert (levels.cosmap(0.0), levels.cosmap(0.5)) == (0.0, pytest.approx(0.5, rel=1e-15))


@pytest.mark.covers("levels.cosmap", "levels.cosmap_density")
def test_cosmaps_share_below_a_level_is_an_angle():
    for u in SHARES:
        t = levels.cosmap(u)
        below = integrate.quad(lambda z: levels.cosmap_density(z), 0, t)[0]
        assert below == pytest.approx(u, rel=1e-12)
        assert 2 / math.pi * math.atan2(t, 1 - t) == pytest.approx(u, rel=1e-14)


@pytest.mark.covers("levels.shifted_density")
@pytest.mark.parametrize("by", [1 / 3, 1.0, 3.0, 12.0])
def test_a_shift_keeps_mass(by):
    def shifted(t):
        origin = schedules.shift(t, 1 / by)
        return levels.shifted_density(levels.cosmap_density(origin), t, by)

    assert mass(shifted) == pytest.approx(1, rel=1e-9)
    edge = schedules.shift(0.4, by)
    below = integrate.quad(shifted, 0, edge)[0]
    assert below == pytest.approx(integrate.quad(lambda t: levels.cosmap_density(t), 0, 0.4)[0])


@pytest.mark.covers("levels.sigma_sqrt", "levels.min_snr")
def test_weights_of_the_datums_loss_are_carried_to_the_velocitys():
    for t in LEVELS:
        x, v, u = 0.7, -1.2, 0.4
        of_velocity = objectives.flow_matching(u, v)
        of_datum = objectives.flow_matching(x - t * u, x - t * v)
        assert levels.sigma_sqrt(t) * of_datum == pytest.approx(of_velocity, rel=1e-12)
        snr = ((1 - t) / t) ** 2
        assert levels.min_snr(t, 5.0) * of_velocity == pytest.approx(min(snr, 5) * of_datum)


@pytest.mark.covers("levels.bell")
def test_the_bell_is_that_of_a_list_of_a_thousand_weights():
    """ai-toolkit's weights of 1000 timesteps, divided by their mean."""
    n = np.arange(1000) / 1000
    theirs = np.exp(-2 * (n - 0.5) ** 2)
    theirs -= theirs.min()
    ours = levels.bell(n)
    assert theirs / theirs.mean() == pytest.approx(ours / ours.mean(), abs=1e-12)
    assert levels.bell(0.0) == levels.bell(1.0) == 0.0


@pytest.mark.covers("levels.importance")
def test_the_product_is_kept_and_the_least_noise_is_that_of_the_product():
    p, q, w = np.array([0.2, 0.5, 0.3]), np.array([0.6, 0.3, 0.1]), np.array([1.0, 2.0, 0.5])
    g = np.array([1.5, -0.5, 2.0])
    weigh = levels.importance(w, p, q)
    assert (q * weigh * g).sum() == pytest.approx((p * w * g).sum(), rel=1e-14)
    best = p * w * abs(g) / (p * w * abs(g)).sum()
    least = (best * (levels.importance(w, p, best) * g) ** 2).sum()
    assert least == pytest.approx((p * w * abs(g)).sum() ** 2, rel=1e-14)
    assert (q * (weigh * g) ** 2).sum() > least
