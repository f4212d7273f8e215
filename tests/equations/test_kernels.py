"""Facts about the kernels: which keep the noise level at every step size, and what others add."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from refimpl.equations import Step, conversions, kernels, paths, sde
from refimpl.simulate import grids

SHIPPED = grids.sd35_as_shipped(10)
ONCE = grids.sd35_once_shifted(10)


def flow_grpo_g(step, a=0.7):
    return sde.flow_grpo_g(step.t, a, sde.next_level(step))


def chain_stds(grid, a):
    """The std of the noise along Euler–Maruyama's chain, for data that are one point."""
    variance, out = grid.levels[0] ** 2, []
    for step in grid.steps:
        variance = kernels.noise_variance(variance, flow_grpo_g(step, a), step)
        out.append(math.sqrt(variance))
    return out


@pytest.mark.covers("kernels.noise_variance", "sde.flow_grpo_g")
def test_the_noise_of_a_point_mass_has_its_golden_values():
    printed = [1.0007, 0.9887, 0.9285, 0.8556, 0.7680, 0.6604, 0.5252, 0.3561, 0.2488, 0.0618]
    assert chain_stds(SHIPPED, 0.7) == pytest.approx(printed, abs=5.1e-5)  # four decimals


@pytest.mark.covers("sde.flow_grpo_g", "sde.euler_maruyama")
@pytest.mark.parametrize(
    ("grid", "printed"),
    [
        (SHIPPED, [0.7, 0.743, 0.5362, 0.4459, 0.3918, 0.3528, 0.3191, 0.282, 0.2254, 0.0063]),
        (ONCE, [0.7, 0.7384, 0.5317, 0.4415, 0.3877, 0.35, 0.3195, 0.2905, 0.2562, 0.2021]),
    ],
    ids=["as shipped", "once shifted"],
)
def test_the_stds_of_steps_have_their_golden_values(grid, printed):
    stds = [sde.euler_maruyama(0.0, 0.0, flow_grpo_g(step), step.h).std for step in grid.steps]
    assert stds == pytest.approx(printed, abs=5.1e-5)


@pytest.mark.covers("kernels.noise_variance")
def test_one_step_from_the_exact_level_leaves_a_known_excess():
    for t, s, g in ((0.9, 0.8, 0.3), (0.5, 0.45, 2.0), (0.3, 0.1, 1.0)):
        h = t - s
        excess = kernels.noise_variance(t**2, g, Step(t, s)) - s**2
        assert excess == pytest.approx(g**2 * h**2 / t * (1 + g**2 / (4 * t)), rel=1e-12)


@pytest.mark.covers("kernels.noise_variance")
@pytest.mark.parametrize(("end", "order"), [(0.3, 1), (0.0, 2)])
def test_the_excess_variance_falls_at_first_order_and_at_second_where_the_data_are(end, order):
    chains = [chain_stds(grids.uniform(T, start=0.9, end=end), 0.7) for T in (320, 640)]
    excess = [stds[-1] ** 2 - end**2 for stds in chains]
    assert excess[0] / excess[1] == pytest.approx(2**order, rel=0.01)  # the next order's share


@pytest.mark.covers("kernels.preserving")
@given(
    st.floats(0.01, 1), st.floats(0, 1), st.floats(-3, 3), st.floats(-3, 3),
    st.sampled_from([paths.linear, paths.cosine]),
)  # fmt: skip
def test_kept_and_fresh_noise_add_up_to_the_level(s, share, data, noise, path):
    c = path(s)
    step = kernels.preserving(c, data, noise, share * c.sigma)
    kept = step.mean - c.alpha * data
    fresh = share * c.sigma
    # two squares, a root and a difference of terms of size at most 3
    assert kept**2 + (fresh * noise) ** 2 == pytest.approx((c.sigma * noise) ** 2, abs=1e-13)
    assert step.std == fresh


@pytest.mark.covers("kernels.preserving", "kernels.cps_std")
def test_without_fresh_noise_it_is_eulers_step_of_the_flow():
    t, s, data, noise = 0.75, 0.5, 1.25, -0.5
    x, v = (1 - t) * data + t * noise, noise - data
    step = kernels.preserving(paths.linear(s), data, noise, kernels.cps_std(s, 0.0))
    assert step.mean == pytest.approx(x - (t - s) * v, rel=1e-15)
    assert step.std == 0


@pytest.mark.covers("kernels.cps_std")
def test_cps_splits_the_noise_by_an_angle():
    assert kernels.cps_std(0.5, 0.0) == 0
    assert kernels.cps_std(0.5, 1.0) == 0.5
    assert kernels.cps_std(0.5, 0.5) == pytest.approx(0.5 / math.sqrt(2), rel=1e-15)
    assert kernels.cps_std(1.0, 1 / 3) == pytest.approx(0.5, rel=1e-15)
    assert kernels.cps_std(0.0, 0.8) == 0


@pytest.mark.covers("kernels.kept_flow_grpo", "kernels.kept_constant")
@given(
    st.lists(st.floats(0.01, 0.99), min_size=3, max_size=3, unique=True).map(sorted),
    st.floats(0.1, 2),
)
def test_consecutive_steps_multiply(levels, a):
    s, m, t = levels
    if min(t - m, m - s) < 1e-6:
        return  # levels that nearly meet: the odds cancel
    for kept in (kernels.kept_flow_grpo, kernels.kept_constant):
        whole = kept(Step(t, s), a)
        assert kept(Step(t, m), a) * kept(Step(m, s), a) == pytest.approx(whole, rel=1e-9)
        assert 0 <= whole < 1


@pytest.mark.covers("kernels.kept_flow_grpo")
def test_at_both_ends_nothing_is_kept_and_no_rule_is_needed():
    for a in (0.1, 0.7, math.sqrt(2)):
        assert kernels.kept_flow_grpo(Step(1.0, 0.5), a) == 0
        assert kernels.kept_flow_grpo(Step(0.5, 0.0), a) == 0
    step = kernels.frozen_data(2.0, -1.0, 0.5, kernels.kept_flow_grpo(Step(1.0, 0.5), 0.7))
    assert (step.mean, step.std) == (1.0, 0.5)


@pytest.mark.covers("kernels.kept_flow_grpo")
def test_the_memoryless_noise_keeps_the_squared_odds():
    t, s = 0.75, 0.5
    odds = s * (1 - t) / (t * (1 - s))
    assert kernels.kept_flow_grpo(Step(t, s), math.sqrt(2)) == pytest.approx(odds**2, rel=1e-14)


@pytest.mark.covers("kernels.kept_constant")
def test_a_constant_g_keeps_nearly_all_near_noise_and_nothing_near_data():
    assert kernels.kept_constant(Step(1.0, 0.9), 0.3) == pytest.approx(math.exp(-0.01), rel=1e-14)
    assert kernels.kept_constant(Step(0.1, 0.001), 0.3) < 1e-38
    assert kernels.kept_constant(Step(0.5, 0.25), 0.0) == 1


@pytest.mark.covers("kernels.frozen_data", "kernels.kept_flow_grpo", "sde.transition")
def test_many_small_steps_with_the_data_held_become_the_exact_step():
    t, s, a, data, noise = 0.75, 0.25, 0.7, 1.25, -0.5
    exact = kernels.frozen_data(data, noise, s, kernels.kept_flow_grpo(Step(t, s), a))

    def gaps(n):
        mean, variance = (1 - t) * data + t * noise, 0.0
        for step in grids.uniform(n, start=t, end=s).steps:
            g = sde.flow_grpo_g(step.t, a, step.t)
            rows = [
                sde.transition(paths.linear(step.t), x, (x - data) / step.t, g, step)
                for x in (mean, mean + 1)
            ]
            variance = (rows[1].mean - rows[0].mean) ** 2 * variance + rows[0].std ** 2
            mean = rows[0].mean
        return mean - exact.mean, math.sqrt(variance) - exact.std

    coarse, fine = gaps(200), gaps(400)
    for before, after in zip(coarse, fine, strict=True):
        assert abs(after) < 2e-3
        assert before / after == pytest.approx(2, rel=0.02)  # first order


@pytest.mark.covers("kernels.frozen_data", "kernels.preserving", "kernels.cps_std")
def test_the_exact_step_is_a_cps_step():
    step, a, data, noise = Step(0.75, 0.5), 0.7, 1.25, -0.5
    kept = kernels.kept_flow_grpo(step, a)
    exact = kernels.frozen_data(data, noise, step.s, kept)
    eta = 2 / math.pi * math.asin(math.sqrt(1 - kept))
    cps = kernels.preserving(paths.linear(step.s), data, noise, kernels.cps_std(step.s, eta))
    assert exact.mean == pytest.approx(cps.mean, rel=1e-14)
    assert exact.std == pytest.approx(cps.std, rel=1e-14)


@pytest.mark.covers("kernels.frozen_data", "sde.transition")
def test_short_steps_of_both_kernels_agree_to_second_order():
    t, a, data, noise = 0.6, 0.7, 1.25, -0.5
    x, v = (1 - t) * data + t * noise, noise - data
    gaps = []
    for h in (0.02, 0.01):
        step = Step(t, t - h)
        euler = sde.transition(paths.linear(t), x, v, sde.flow_grpo_g(t, a, t), step)
        exact = kernels.frozen_data(data, noise, step.s, kernels.kept_flow_grpo(step, a))
        gaps.append((euler.mean - exact.mean, euler.std**2 - exact.std**2))
    for coarse, fine in zip(*gaps, strict=True):
        assert coarse / fine == pytest.approx(4, rel=0.08)  # h² against h³


@pytest.mark.covers("kernels.frozen_data", "kernels.kept_flow_grpo")
def test_levels_may_be_a_batch_with_both_ends_in_it():
    t = torch.tensor([1.0, 0.75, 0.25])[:, None]
    s = torch.tensor([0.75, 0.25, 0.0])[:, None]
    data, noise = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    kept = kernels.kept_flow_grpo(Step(t, s), 0.7)
    whole = kernels.frozen_data(data, noise, s, kept)
    for i in range(3):
        one = Step(float(t[i, 0]), float(s[i, 0]))
        alone = kernels.frozen_data(
            data[i].numpy(), noise[i].numpy(), one.s, kernels.kept_flow_grpo(one, 0.7)
        )
        assert np.allclose(whole.mean[i].numpy(), alone.mean, rtol=1e-6, atol=1e-6)
        assert float(whole.std[i, 0]) == pytest.approx(alone.std, rel=1e-6)
    assert float(whole.std[2, 0]) == 0


@pytest.mark.covers("kernels.preserving", "conversions.data_from_velocity")
def test_only_the_predictions_enter_so_any_network_will_do():
    t, s, x, v = 0.75, 0.5, torch.tensor([0.5, -1.0]), torch.tensor([1.5, 0.25])
    c = paths.linear(t)
    data, noise = conversions.data_from_velocity(c, x, v), conversions.noise_from_velocity(c, x, v)
    step = kernels.preserving(paths.linear(s), data, noise, 0.0)
    assert torch.allclose(step.mean, x - (t - s) * v, rtol=1e-6, atol=1e-6)


@pytest.mark.covers("kernels.preserving", "kernels.cps_std", "kernels.frozen_data")
def test_more_noise_than_the_level_has_is_refused():
    with pytest.raises(ValueError, match=r"sigma_minus_std must be zero or positive, got -0\.25"):
        kernels.preserving(paths.linear(0.5), 1.0, 1.0, 0.75)
    with pytest.raises(ValueError, match=r"s_minus_std must be zero or positive, got -0\.25"):
        kernels.moment_matched(1.0, 1.0, 0.75, 0.0, Step(0.75, 0.5))
    for share in (-0.1, 1.5):
        with pytest.raises(ValueError, match=f"eta must be .*got {share}"):
            kernels.cps_std(0.5, share)
        with pytest.raises(ValueError, match=f"kept must be .*got {share}"):
            kernels.frozen_data(1.0, 1.0, 0.5, share)
        with pytest.raises(ValueError, match=f"s must be a noise level .*got {share}"):
            kernels.cps_std(share, 0.5)
        with pytest.raises(ValueError, match=f"s must be a noise level .*got {share}"):
            kernels.frozen_data(1.0, 1.0, share, 0.5)


@pytest.mark.covers("kernels.moment_matched", "kernels.posterior_variance", "kernels.cps_std")
@pytest.mark.parametrize("T", [2, 5, 10])
@pytest.mark.parametrize("spread", [0.05, 0.5, 2.0])
@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_matched_moments_make_a_gaussian_chain_exact_at_every_level(T, spread, eta):
    m, C = 1.5, spread**2
    mean, variance = 0.0, 1.0
    for step in grids.sd35_once_shifted(T).steps:
        t, s = step.t, step.s
        total = (1 - t) ** 2 * C + t**2
        open_ = kernels.posterior_variance(t, C / total)  # Var(v* | x_t) = C/total

        def kernel(x, step=step, t=t, s=s, total=total, open_=open_):
            data = m + (1 - t) * C / total * (x - (1 - t) * m)
            noise = (x - (1 - t) * data) / t
            return kernels.moment_matched(data, noise, kernels.cps_std(s, eta), open_, step)

        low, high = kernel(mean), kernel(mean + 1)
        mean, variance = low.mean, (high.mean - low.mean) ** 2 * variance + low.std**2
        assert mean == pytest.approx((1 - s) * m, abs=1e-13)
        assert variance == pytest.approx((1 - s) ** 2 * C + s**2, rel=1e-12)


@pytest.mark.covers("kernels.kept_flow_grpo", "kernels.kept_constant")
def test_limits_that_do_not_exist_are_refused():
    with pytest.raises(ValueError, match=r"a must be positive, got 0\.0"):
        kernels.kept_flow_grpo(Step(1.0, 0.5), 0.0)
    with pytest.raises(ValueError, match=r"s must be positive, got 0\.0"):
        kernels.kept_constant(Step(0.5, 0.0), 0.3)


@pytest.mark.covers(
    "kernels.kept_flow_grpo",
    "kernels.kept_constant",
    "kernels.noise_variance",
    "kernels.moment_matched",
)
@pytest.mark.parametrize("make", [np.array, torch.tensor])
@pytest.mark.parametrize("name", ["t", "s"])
def test_levels_that_do_not_meet_the_fields_are_refused_by_name(name, make):
    column, levels = make([[0.25], [0.25]]), {"t": 0.75, "s": 0.5}
    levels[name] = make([levels[name]] * 2)
    step = Step(**levels)
    for call in (
        lambda: kernels.kept_flow_grpo(step, column),
        lambda: kernels.kept_constant(step, column),
        lambda: kernels.noise_variance(column, 0.5, step),
        lambda: kernels.moment_matched(column, column, 0.25, 0.5, step),
    ):
        with pytest.raises(ValueError, match=rf"\b{name} has shape|and {name} has"):
            call()


@pytest.mark.covers("kernels.ddim_std", "kernels.frozen_data", "kernels.kept_flow_grpo")
def test_ddim_with_all_its_noise_is_the_memoryless_sde_with_its_data_frozen():
    for t, s in ((0.9, 0.6), (0.5, 0.1), (0.3, 0.29)):
        step = Step(t, s)
        kept = kernels.kept_flow_grpo(step, math.sqrt(2))
        frozen = kernels.frozen_data(1.0, 0.5, s, kept)
        assert kernels.ddim_std(step, 1.0) == pytest.approx(frozen.std, rel=1e-13)
        matched = kernels.preserving(paths.linear(s), 1.0, 0.5, kernels.ddim_std(step, 1.0))
        assert matched.mean == pytest.approx(frozen.mean, rel=1e-13)
    assert kernels.ddim_std(Step(1.0, 0.5), 1.0) == 0.5  # from noise nothing is retained
    assert kernels.ddim_std(Step(0.5, 0.0), 1.0) == 0.0


@pytest.mark.covers("kernels.ddim_std")
def test_on_the_variance_preserving_path_the_posterior_is_ddims_own_formula():
    """σ_s²/σ_t² (1 − α_t²/α_s²): the same posterior; a level's odds are all that matters."""
    alpha_t, alpha_s, eta = 0.3, 0.6, 0.7
    sigma_t, sigma_s = (math.sqrt(1 - a**2) for a in (alpha_t, alpha_s))
    own = eta * sigma_s / sigma_t * math.sqrt(1 - (alpha_t / alpha_s) ** 2)
    t, s = (sigma / (alpha + sigma) for alpha, sigma in ((alpha_t, sigma_t), (alpha_s, sigma_s)))
    # on the linear path the state is 1/(α + σ) as large, and so is its noise
    assert kernels.ddim_std(Step(t, s), eta) * (alpha_s + sigma_s) == pytest.approx(own, rel=1e-13)


@pytest.mark.covers("kernels.renoised")
def test_going_up_keeps_every_marginal_and_two_ups_are_one():
    m, C = 1.5, 0.25
    for s, t in ((0.0, 0.3), (0.2, 0.9), (0.4, 1.0)):
        up = [kernels.renoised(x, Step(t, s)) for x in (0.0, 1.0)]
        slope = up[1].mean - up[0].mean
        assert up[0].mean + slope * (1 - s) * m == pytest.approx((1 - t) * m, abs=1e-14)
        variance = slope**2 * ((1 - s) ** 2 * C + s**2) + up[0].std ** 2
        assert variance == pytest.approx((1 - t) ** 2 * C + t**2, rel=1e-13)
    one, two = kernels.renoised(1.0, Step(0.5, 0.2)), kernels.renoised(0.0, Step(0.8, 0.5))
    slope = (1 - 0.8) / (1 - 0.5)
    both = kernels.renoised(1.0, Step(0.8, 0.2))
    assert slope * one.mean == pytest.approx(both.mean, rel=1e-13)
    assert math.hypot(slope * one.std, two.std) == pytest.approx(both.std, rel=1e-13)
