"""Adjoint Matching as a loop: its gradient, its resting point, its slopes on a mixture."""

import itertools
import math

import numpy as np
import pytest
import torch

from refimpl import methods
from refimpl.equations import tilting
from refimpl.labs.adjoint import settle
from refimpl.simulate import sde as chains
from refimpl.toy import gaussian_1d
from refimpl.toy.grpo import Rollout, adjoint, as_field, exact, kernels
from refimpl.toy.grpo.exact import Affine, Quadratic, best
from refimpl.toy.mixture import Mixture

LAW, REWARD, BETA = gaussian_1d(), Quadratic(2.5, 1.25), 0.5


def settings(**changes):
    return adjoint.Settings(**{"T": 8, "beta": BETA} | changes)


def reference(s):
    with torch.no_grad():
        return exact.chain(Affine(LAW, s.grid), s.method, s.grid)


@pytest.mark.parametrize("T", [2, 10, 40])
@pytest.mark.parametrize("noise", [0.7, math.sqrt(2)])
def test_the_loop_rests_at_the_best_policy_of_the_chain(T, noise):
    s = settings(T=T, method=adjoint.MEMORYLESS.but(noise=noise))
    found = adjoint.resting(reference(s), REWARD, BETA)
    wanted = best(reference(s), REWARD, BETA)
    assert torch.allclose(found.slope, wanted.slope, rtol=1e-12)
    assert torch.allclose(found.offset, wanted.offset, rtol=1e-12)


def test_the_adjoint_before_the_step_is_off_by_the_order_of_h():
    def short(T):
        s = settings(T=T)
        rested = adjoint.resting(reference(s), REWARD, BETA, taken="before")
        ends = [c.moments()[0][-1] for c in (best(reference(s), REWARD, BETA), rested)]
        return float(ends[0] - ends[1])

    assert short(40) > 0
    assert short(40) / short(80) == pytest.approx(2, abs=0.1)


def test_the_end_of_the_best_chain_tends_to_the_tilted_law():
    law = tilting.quadratic(tilting.Gaussian(1.5, 0.5), 2.5, BETA / 1.25)
    gaps = []
    for T in (40, 80):
        mean, variance = adjoint.resting(reference(settings(T=T)), REWARD, BETA).moments()
        gaps.append(abs(float(variance[-1]) ** 0.5 - law.std))
        assert float(mean[-1]) == pytest.approx(law.mean, abs=1e-3)
    assert gaps[0] / gaps[1] == pytest.approx(2, abs=0.2)


def every_trajectory(policy, s):
    """All combinations of three Gauss–Hermite nodes as a rollout, weighed: exact for cubics."""
    z, w = np.polynomial.hermite_e.hermegauss(3)
    noise = torch.from_numpy(np.array(list(itertools.product(z, repeat=s.T + 1))).T.copy())
    weight = np.prod(list(itertools.product(w / w.sum(), repeat=s.T + 1)), axis=1)
    labels, plan = torch.zeros(noise.shape[1], dtype=torch.int64), methods.plan(s.method, s.grid)
    chain = kernels(s.method, plan, as_field(policy, labels), s.grid)
    with torch.no_grad():
        run = chains.run(chain, noise[0][:, None], noise=noise[1:, :, None])
    made = Rollout(
        s.method, s.grid, plan, labels, run.states, run.means, run.stds, 0 * run.means, run.noise
    )
    return made, torch.from_numpy(weight)


def gradients(policy, s):
    """Of β times the loss, in expectation; and of −(E r − β KL) by the exact chain."""
    trainer = adjoint.Trainer(LAW, policy, lambda x: REWARD(x[:, 0]), s)
    rollout, weight = every_trajectory(policy, s)
    loss = BETA * (trainer.losses(rollout).sum(dim=0) * weight).sum()
    value = exact.chain(policy, s.method, s.grid).objective(reference(s), REWARD, BETA)
    parameters = [policy.b, policy.c]
    return (torch.cat(torch.autograd.grad(y, parameters)) for y in (loss, -value))


def test_at_the_reference_the_expected_gradient_is_that_of_the_reward():
    s = settings(T=3)
    found, wanted = gradients(Affine(LAW, s.grid), s)
    assert torch.allclose(found, wanted, rtol=1e-10)
    assert wanted.abs().max() > 0.1


def test_at_the_best_policy_the_expected_gradient_vanishes_as_that_of_the_objective_does():
    s = settings(T=3)
    policy = Affine(LAW, s.grid)
    with torch.no_grad():
        settle(policy, reference(s), best(reference(s), REWARD, BETA), s.method, s.grid)
    found, wanted = gradients(policy, s)
    assert found.abs().max() < 1e-13
    assert wanted.abs().max() < 1e-13


def test_elsewhere_the_lean_gradient_is_another_than_the_objectives():
    s = settings(T=3)
    policy = Affine(LAW, s.grid)
    with torch.no_grad():
        policy.c.fill_(0.3)
    found, wanted = gradients(policy, s)
    assert (found - wanted).abs().max() > 0.01
    assert found @ wanted > 0


def test_the_lean_adjoint_of_an_affine_chain_is_a_product_of_slopes():
    s = settings()
    trainer = adjoint.Trainer(LAW, Affine(LAW, s.grid), lambda x: REWARD(x[:, 0]), s)
    states = trainer.roll(3).states
    start = torch.tensor([[1.0], [-2.0], [0.5]], dtype=torch.float64)
    found = adjoint.adjoints(trainer.chain, states, start, s.grid)
    products = reference(s).slope.flip(0).cumprod(0).flip(0)
    for level, product in enumerate(products):
        assert torch.allclose(found[level], product * start, rtol=1e-10)
    assert torch.equal(found[-1], start)


def test_training_gains_nearly_all_that_can_be_gained():
    s = settings(batch=256, learning_rate=0.1, T=5)
    policy = Affine(LAW, s.grid)
    trainer = adjoint.Trainer(LAW, policy, lambda x: REWARD(x[:, 0]), s)
    for _ in range(60):
        trainer.iterate()
    before = reference(s)
    with torch.no_grad():
        gained = [
            float(c.objective(before, REWARD, BETA) - before.objective(before, REWARD, BETA))
            for c in (exact.chain(policy, s.method, s.grid), best(before, REWARD, BETA))
        ]
    assert gained[0] > 0.97 * gained[1]


def test_a_mixtures_lean_adjoint_is_the_derivative_of_the_frozen_chain():
    law = Mixture(
        torch.tensor([0.3, 0.7], dtype=torch.float64),
        torch.tensor([[-1.0], [1.5]], dtype=torch.float64),
        torch.tensor([[0.4], [0.3]], dtype=torch.float64),
    )
    s = settings(T=4)
    trainer = adjoint.Trainer(law, Affine(LAW, s.grid), lambda x: x[:, 0], s)
    rollout = trainer.roll(5)
    found = adjoint.adjoints(trainer.chain, rollout.states, torch.ones(5, 1).double(), s.grid)
    for k, step in enumerate(s.grid.steps):
        x = rollout.states[k]
        d = 1e-6
        slope = (trainer.chain[k](x + d).mean - trainer.chain[k](x - d).mean) / (2 * d)
        assert torch.allclose(found[k], slope * found[k + 1], rtol=1e-6), step


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch": 0}, "batch must be at least 1, got 0"),
        ({"T": 0}, "T must be at least 1, got 0"),
        ({"beta": 0.0}, "beta must be positive, got 0"),
        ({"learning_rate": -1.0}, "learning_rate must be positive, got -1"),
    ],
)
def test_settings_that_cannot_run_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        settings(**changes)


def test_one_sample_one_iteration_and_one_step_are_enough():
    s = settings(batch=1, iterations=1, T=1)
    trainer = adjoint.Trainer(LAW, Affine(LAW, s.grid), lambda x: REWARD(x[:, 0]), s)
    assert math.isfinite(trainer.iterate())


def test_an_iterations_loss_is_the_sum_over_steps_of_the_mean_sample():
    s = settings(batch=6, T=4)
    one, other = (
        adjoint.Trainer(LAW, Affine(LAW, s.grid), lambda x: REWARD(x[:, 0]), s) for _ in range(2)
    )
    wanted = sum(float(step.detach().sum()) for step in one.losses(one.roll(6))) / 6
    assert other.iterate() == pytest.approx(wanted, rel=1e-12)


def test_trajectories_follow_from_the_seed():
    def states(seed):
        s = settings(T=3, seed=seed)
        trainer = adjoint.Trainer(LAW, Affine(LAW, s.grid), lambda x: REWARD(x[:, 0]), s)
        return trainer.roll(4).states

    before = torch.get_rng_state()
    assert torch.equal(states(1), states(1))
    assert not torch.equal(states(1)[0], states(2)[0])
    assert torch.equal(torch.get_rng_state(), before)


def test_states_of_another_grid_have_no_adjoint():
    s = settings(T=4)
    trainer = adjoint.Trainer(LAW, Affine(LAW, s.grid), lambda x: REWARD(x[:, 0]), s)
    states, start = trainer.roll(2).states, torch.ones(2, 1, dtype=torch.float64)
    with pytest.raises(ValueError, match="argument 3 is shorter"):
        adjoint.adjoints(trainer.chain, states[:-1], start, s.grid)


def test_a_reward_without_a_finite_gradient_is_refused():
    s = settings(batch=4)
    trainer = adjoint.Trainer(LAW, Affine(LAW, s.grid), lambda x: (x[:, 0] * 0).sqrt(), s)
    with pytest.raises(ValueError, match="slope must be finite"):
        trainer.iterate()
