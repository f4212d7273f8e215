"""Facts about weights and masks: what each makes equal over the steps, and what it stops."""

import math

import numpy as np
import pytest
import torch

from refimpl import methods
from refimpl.equations import Step, expand_like, gaussian, grpo, kl, paths, policy, sde, weights
from refimpl.simulate import grids

NODES, MASSES = np.polynomial.hermite_e.hermegauss(20)
MASSES = MASSES / MASSES.sum()
STEPS = grids.sd35_once_shifted(10).steps


def g_of(step, a=0.7):
    return sde.flow_grpo_g(step.t, a, sde.next_level(step))


def slope_of_log_prob(step, g, eps):
    """∂ log p(x_s | x_t)/∂v at a draw, by automatic differentiation."""
    x = torch.tensor(0.5, dtype=torch.float64)
    v = torch.tensor(-0.75, dtype=torch.float64, requires_grad=True)
    kernel = sde.transition(paths.linear(step.t), x, v, g, step)
    drawn = kernel.sample(torch.tensor(eps, dtype=torch.float64)).detach()
    (slope,) = torch.autograd.grad(kernel.log_prob(drawn), v)
    return float(slope), float(kernel.std)


@pytest.mark.covers("weights.lever", "weights.levelled")
@pytest.mark.parametrize("step", STEPS[:-1], ids=lambda s: f"t={s.t:.3f}")
def test_the_lever_over_std_is_the_size_of_a_steps_gradient(step):
    g = g_of(step)
    lever = weights.lever(g, step.t, step.h)
    for eps in (-1.5, 0.25, 2.0):
        slope, std = slope_of_log_prob(step, g, eps)
        assert slope == pytest.approx(-lever / std * eps, rel=1e-11)
        assert weights.levelled(std, lever) * slope == pytest.approx(-eps, rel=1e-11)


@pytest.mark.covers("weights.lever", "kl.flow_grpo")
def test_the_lever_squared_over_twice_the_variance_is_eq_3():
    for step in STEPS[:-1]:
        g = g_of(step)
        through = weights.lever(g, step.t, step.h) ** 2 * 0.25**2 / (2 * g**2 * step.h)
        assert through == pytest.approx(kl.flow_grpo(1.25, 1.0, g, step.t, step.h), rel=1e-12)


@pytest.mark.covers("weights.lever")
def test_without_noise_the_lever_is_the_length_of_the_step():
    assert weights.lever(0.0, 0.5, 0.125) == 0.125
    assert weights.lever(2.0, 1.0, 0.125) == 0.125  # at t = 1 the score does not see v


@pytest.mark.covers("weights.tempflow")
def test_tempflow_leaves_the_average_step_alone():
    stds = [g_of(step) * math.sqrt(step.h) for step in STEPS]
    for make in (np.array, torch.tensor):
        w = weights.tempflow(make(stds))
        assert float(w.mean()) == pytest.approx(1, rel=1e-6)
        assert float(w[0] / w[4]) == pytest.approx(stds[0] / stds[4], rel=1e-6)
    assert weights.tempflow(np.full(7, 0.3)) == pytest.approx(np.ones(7), rel=1e-15)
    assert weights.tempflow(np.array([0.3])) == pytest.approx(1, rel=1e-15)


@pytest.mark.covers("weights.tempflow")
def test_tempflow_refuses_what_is_not_a_list_of_noisy_steps():
    for bad, shape in ((0.5, r"\(\)"), (np.ones((2, 2)), r"\(2, 2\)"), (np.ones(0), r"\(0,\)")):
        with pytest.raises(ValueError, match=f"one value per step, .*{shape}"):
            weights.tempflow(bad)
    with pytest.raises(ValueError, match="std must be positive, got .*without noise"):
        weights.tempflow(np.array([0.5, 0.0]))


@pytest.mark.covers("weights.guard_log_ratio", "policy.log_ratio", "kl.of_means")
@pytest.mark.parametrize("std", [0.01, 0.2, 0.75])
def test_guards_ratio_has_mean_zero_and_a_spread_without_std(std):
    apart = 0.05
    drawn = gaussian.sample(0.0, std, NODES)
    plain = policy.log_ratio(
        gaussian.log_prob(drawn, apart, std), gaussian.log_prob(drawn, 0.0, std)
    )
    divergence = kl.of_means(apart, 0.0, std)
    guarded = weights.guard_log_ratio(plain, divergence, std)
    assert MASSES @ plain == pytest.approx(-divergence, rel=1e-9)  # the bias that is taken out
    assert MASSES @ guarded == pytest.approx(0, abs=1e-12)
    assert MASSES @ guarded**2 == pytest.approx(apart**2, rel=1e-9)


@pytest.mark.covers("weights.guard_log_ratio", "policy.average")
def test_over_d_coordinates_guards_ratio_is_the_average_of_means_times_noise():
    generator = torch.Generator().manual_seed(0)
    mean, apart, eps = torch.randn(3, 5, 6, generator=generator, dtype=torch.float64)
    std = 0.3
    drawn = gaussian.sample(mean, std, eps)
    plain = policy.log_ratio(
        policy.average(gaussian.log_prob(drawn, mean + apart, std)),
        policy.average(gaussian.log_prob(drawn, mean, std)),
    )
    divergence = policy.average(kl.of_means(mean + apart, mean, std))
    guarded = weights.guard_log_ratio(plain, divergence, std)
    assert torch.allclose(guarded, (apart * eps).mean(dim=1), rtol=1e-11, atol=1e-12)


@pytest.mark.covers("weights.guard", "weights.guard_log_ratio", "weights.lever")
def test_guards_weight_and_ratio_leave_only_the_correction():
    for step in STEPS[:-1]:
        g = g_of(step)
        std = g * math.sqrt(step.h)
        slope = std * weights.lever(g, step.t, step.h) / std  # of log r′, per unit of ε
        left = weights.guard(step.h) * slope
        assert left == pytest.approx(1 + g**2 * (1 - step.t) / (2 * step.t), rel=1e-14)


@pytest.mark.covers("weights.guard_lever", "weights.guard_log_ratio", "kernels.frozen_data")
@pytest.mark.parametrize("a", [0.7, 1.5])
def test_with_the_levers_weight_a_guarded_exact_step_has_the_gradient_of_its_noise(a):
    """Automatic differentiation of the whole recentred log-ratio, at the old policy."""
    method = methods.Method(kernel="exact", noise=a)
    grid = grids.sd35_once_shifted(10)
    x, old, eps = (torch.tensor(z, dtype=torch.float64) for z in (0.5, -0.75, 1.25))
    for step, lever in zip(grid.steps[:-1], methods.levers(method, grid), strict=False):
        v = old.clone().requires_grad_()
        new, before = methods.kernel(method, x, v, step), methods.kernel(method, x, old, step)
        drawn = before.sample(eps)
        plain = policy.log_ratio(new.log_prob(drawn), before.log_prob(drawn))
        divergence = kl.of_means(new.mean, before.mean, new.std)
        guarded = weights.guard_log_ratio(plain, divergence, new.std)
        (slope,) = torch.autograd.grad(weights.guard_lever(lever) * guarded, v)
        assert float(slope) == pytest.approx(-1.25, rel=1e-9)


@pytest.mark.covers("weights.guard_lever", "weights.guard")
def test_both_weights_of_guard_agree_where_the_step_is_the_flows_own():
    assert weights.guard_lever(weights.lever(0.0, 0.5, 0.125)) == weights.guard(0.125) == 8
    for step in STEPS[1:-1]:
        lever = weights.lever(g_of(step), step.t, step.h)
        assert weights.guard(step.h) / weights.guard_lever(lever) == pytest.approx(1 + 0.7**2 / 2)


@pytest.mark.covers("weights.divergence_mask")
@pytest.mark.parametrize("make", [float, np.array, torch.tensor])
@pytest.mark.parametrize(
    ("ratio", "advantage", "divergence", "want"),
    [
        (1.5, 1.0, 0.3, 0.0), (0.5, -1.0, 0.3, 0.0),  # far and further
        (0.5, 1.0, 0.3, 1.0), (1.5, -1.0, 0.3, 1.0),  # far and coming back
        (1.5, 1.0, 0.2, 1.0), (0.5, -1.0, 0.1, 1.0),  # near
        (1.0, 1.0, 0.3, 1.0), (1.5, 0.0, 0.3, 1.0),  # going nowhere
        (1e-9, -1.0, 0.3, 0.0), (1 + 1e-6, 1.0, 0.3, 0.0),  # the ratio's size is not asked for
    ],
)  # fmt: skip
def test_the_mask_stops_what_is_far_and_goes_further(ratio, advantage, divergence, want, make):
    arguments = [make(z) for z in (ratio, advantage, divergence, 0.2)]
    assert float(weights.divergence_mask(*arguments)) == want


@pytest.mark.covers("weights.divergence_mask", "grpo.surrogate")
def test_the_mask_stops_gradients_where_clipping_would_and_nowhere_else():
    ratios = torch.tensor([1.5, 0.5, 0.5, 1.5], dtype=torch.float64, requires_grad=True)
    advantages = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=torch.float64)
    far = torch.ones(4, dtype=torch.float64)
    mask = weights.divergence_mask(ratios.detach(), advantages, far, 0.2)
    (masked,) = torch.autograd.grad((mask * ratios * advantages).sum(), ratios)
    (clipped,) = torch.autograd.grad(grpo.surrogate(ratios, advantages, 0.2).sum(), ratios)
    assert torch.equal(masked, clipped)
    assert masked.tolist() == [0, 0, 1, -1]


@pytest.mark.covers("weights.levelled", "weights.divergence_mask", "weights.guard_log_ratio")
def test_one_value_per_sample_never_meets_an_image_by_accident():
    per_sample, image = torch.ones(4), torch.ones(4, 1, 1)
    for call in (
        lambda: weights.levelled(per_sample, image),
        lambda: weights.divergence_mask(per_sample, image, per_sample, 0.2),
        lambda: weights.guard_log_ratio(image, per_sample, 0.5),
    ):
        with pytest.raises(ValueError, match="expand_like"):
            call()
    assert weights.levelled(expand_like(per_sample, image), image).shape == (4, 1, 1)


@pytest.mark.covers("weights.lever", "weights.guard", "weights.levelled")
def test_steps_without_length_or_noise_are_refused():
    for call, name in (
        (lambda: weights.lever(0.7, 0.5, 0.0), "h"),
        (lambda: weights.lever(0.7, 0.0, 0.1), "t"),
        (lambda: weights.guard(0.0), "h"),
        (lambda: weights.levelled(0.0, 0.1), "std"),
        (lambda: weights.levelled(0.1, 0.0), "lever"),
        (lambda: weights.guard_lever(0.0), "lever"),
    ):
        with pytest.raises(ValueError, match=f"^{name} must be positive, got 0"):
            call()


@pytest.mark.covers("weights.lever")
def test_a_step_of_levels_has_a_lever_each():
    t = torch.tensor([0.75, 0.5], dtype=torch.float64)
    step = Step(t, t - 0.25)
    got = weights.lever(torch.full_like(t, 0.7), step.t, step.h)
    want = [weights.lever(0.7, float(level), 0.25) for level in t]
    assert got.tolist() == pytest.approx(want, rel=1e-15)


@pytest.mark.covers("weights.signal")
@pytest.mark.parametrize("rho", [0.1, -0.5, 0.9, 1.0])
def test_the_signal_is_the_squared_mean_over_the_variance_of_a_gradient(rho):
    x, y = np.meshgrid(NODES, NODES)
    masses = np.outer(MASSES, MASSES)
    gradient = 0.75 * x * 3.0 * (rho * x + math.sqrt(1 - rho**2) * y)
    mean = (masses * gradient).sum()
    assert weights.signal(rho) == pytest.approx(
        mean**2 / ((masses * gradient**2).sum() - mean**2), rel=1e-11
    )


@pytest.mark.covers("weights.signal")
def test_an_impossible_correlation_has_no_signal():
    for rho in (1.25, -1.25):
        with pytest.raises(ValueError, match="one_minus_rho_squared"):
            weights.signal(rho)


@pytest.mark.covers("weights.guard", "weights.tempflow")
def test_whole_numbers_are_no_lengths():
    for weight in (weights.guard, weights.guard_lever, weights.tempflow):
        with pytest.raises(TypeError, match="must hold real numbers"):
            weight(np.array([1, 2]))
