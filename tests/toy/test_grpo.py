"""The GRPO loop: exact gradients, the predicted optimum, and the mistakes that it feels."""

import dataclasses

import pytest
import torch

from refimpl.equations import grpo as equations
from refimpl.equations import kl, sde
from refimpl.simulate import diffusion, grids
from refimpl.simulate import sde as chains
from refimpl.toy import field, gaussian_1d
from refimpl.toy import grpo as loop

SHORT = loop.Settings(groups=32, group=8, iterations=60, learning_rate=0.08)


def reward(x):
    return x[:, 0]


def end_of(settings):
    model, history = loop.train(gaussian_1d(), reward, settings)
    with torch.no_grad():
        model.shift.copy_(loop.averaged([h.shift for h in history]))
    return loop.end_law(model, settings).mean, history


def test_the_first_gradient_is_the_policy_gradient_of_the_rollout():
    problem, T = gaussian_1d(), 10
    grid, g = grids.uniform(T), diffusion.flow_grpo(0.7, sde.next_level)
    model = loop.Shifted(field(problem), grid)
    generator = torch.Generator().manual_seed(1)
    start = torch.randn(64, 1, generator=generator, dtype=torch.float64)
    sampled = chains.rollout(model, start, grid, diffusion=g, generator=generator)
    advantages = equations.advantage(
        sampled.states[-1].reshape(8, 8), std="group", ddof=0, eps=0.0
    ).reshape(-1)
    old = [sampled.log_prob(i).sum(1) for i in range(T)]
    anchors = chains.replay(sampled, field(problem))
    objective, ratios, divergence = loop._objective(model, sampled, old, anchors, advantages, SHORT)
    (slope,) = torch.autograd.grad(objective, model.shift)
    assert torch.equal(ratios, torch.ones_like(ratios))
    assert float(divergence) == 0
    for i, step in enumerate(grid.steps):
        lever = 1 + g(step) ** 2 * (1 - step.t) / (2 * step.t)
        exact = -(step.h * lever / sampled.stds[i] * sampled.noise[i, :, 0] * advantages).mean()
        torch.testing.assert_close(slope[i], exact, rtol=1e-12, atol=1e-14)  # a dozen roundings


def test_the_kl_gradient_away_from_the_reference_is_exact():
    problem = gaussian_1d()
    grid, g = grids.uniform(10), diffusion.flow_grpo(0.7, sde.next_level)
    model = loop.Shifted(field(problem), grid)
    with torch.no_grad():
        model.shift.fill_(0.3)
    generator = torch.Generator().manual_seed(2)
    start = torch.randn(16, 1, generator=generator, dtype=torch.float64)
    sampled = chains.rollout(model, start, grid, diffusion=g, generator=generator)
    old = [sampled.log_prob(i).sum(1) for i in range(10)]
    nothing = torch.zeros(16, dtype=torch.float64)
    anchors = chains.replay(sampled, field(problem))
    settings = dataclasses.replace(SHORT, beta=1.0)
    objective, _, divergence = loop._objective(model, sampled, old, anchors, nothing, settings)
    exact = sum(kl.flow_grpo(0.3, 0.0, g(s), s.t, s.h) for s in grid.steps)
    assert float(divergence) == pytest.approx(exact, rel=1e-12)
    (slope,) = torch.autograd.grad(objective, model.shift)
    for i, s in enumerate(grid.steps):
        want = -2 / 0.3 * kl.flow_grpo(0.3, 0.0, g(s), s.t, s.h)
        assert float(slope[i]) == pytest.approx(want, rel=1e-12)


def test_the_loop_reaches_the_predicted_optimum_and_starts_every_iteration_at_ratio_one():
    reached, history = end_of(SHORT)
    wanted = loop.predicted(gaussian_1d(), 1.0, SHORT).mean
    assert reached == pytest.approx(wanted, abs=0.06)  # spread over seeds 0.012, five times that
    assert {h.ratio_gap for h in history} == {0.0}
    assert history[-1].kl > 0


@pytest.mark.parametrize(
    "mistake",
    ["the KL doubled", "the advantage's sign", "the KL without h", "KL forgotten"],
)
def test_a_mistake_in_the_loop_leads_elsewhere(mistake, monkeypatch):
    settings = dataclasses.replace(SHORT, iterations=40)
    wanted = loop.predicted(gaussian_1d(), 1.0, settings).mean
    of_means, advantage = kl.of_means, equations.advantage
    if mistake == "the KL doubled":
        monkeypatch.setattr(kl, "of_means", lambda m, r, s: 2 * of_means(m, r, s))
    elif mistake == "the KL without h":
        monkeypatch.setattr(kl, "of_means", lambda m, r, s: of_means(m, r, s) / 10)
    elif mistake == "the advantage's sign":
        monkeypatch.setattr(equations, "advantage", lambda r, **k: -advantage(r, **k))
    else:
        monkeypatch.setattr(equations, "objective", lambda s, k, b: s)
    reached, _ = end_of(settings)
    assert abs(reached - wanted) > 0.06


def test_without_kl_the_reward_runs_away():
    free, _ = end_of(dataclasses.replace(SHORT, beta=0.0, iterations=25))
    held, _ = end_of(dataclasses.replace(SHORT, beta=4.0, iterations=25))
    assert free > 1.5 + 4 * (held - 1.5)


def test_equal_rewards_move_nothing_and_are_counted():
    settings = dataclasses.replace(SHORT, iterations=2)
    model, history = loop.train(gaussian_1d(), lambda x: torch.ones(len(x)).double(), settings)
    assert torch.equal(model.shift, torch.zeros(10, dtype=torch.float64))
    assert history[0].zero_groups == 32


def test_a_seed_fixes_the_run():
    short = dataclasses.replace(SHORT, iterations=3)
    runs = [loop.train(gaussian_1d(), reward, short)[0].shift for _ in range(2)]
    assert torch.equal(*runs)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"group": 1}, "no baseline"),
        ({"iterations": 0}, "iterations must be at least 1, got 0"),
        ({"a": 0.0}, "a must be positive"),
        ({"beta": -1.0}, "beta must be zero or positive, got -1.0"),
        ({"learning_rate": float("nan")}, "learning_rate"),
    ],
)
def test_settings_are_checked_at_birth(values, word):
    with pytest.raises(ValueError, match=word):
        loop.Settings(**values)


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (lambda x: x, "one number per sample"),
        (lambda x: x[:3, 0], r"one number per sample, \(256,\), got \(3,\)"),
        (lambda x: x[:, 0] * float("nan"), "reward must be finite, got nan"),
    ],
)
def test_a_reward_of_the_wrong_kind_is_refused(bad, word):
    with pytest.raises(ValueError, match=word):
        loop.train(gaussian_1d(), bad, SHORT)


def test_a_prediction_needs_undivided_advantages():
    with pytest.raises(ValueError, match="std='none'"):
        loop.predicted(gaussian_1d(), 1.0, loop.Settings(std="group"))
