"""The loop against closed forms: expectations by Gauss–Hermite quadrature, exact for polynomials.

A short chain has three sources of chance; with linear and quadratic rewards everything the loop
averages at θ_old is a polynomial in them, so a few nodes give its expectation to rounding.
"""

import math

import numpy as np
import pytest
import torch
from scipy import special, stats

from refimpl import methods
from refimpl.equations import Gaussian, policy, tilting
from refimpl.simulate import grids
from refimpl.statistics import budget, gaussian, residuals
from refimpl.toy import gaussian_1d
from refimpl.toy.grpo import EXACT, Rollout, Settings, Shifted, adjoint, exact, line, loop, roll
from refimpl.toy.grpo.exact import Affine, Chain, Linear, Quadratic
from refimpl.toy.grpo.problem import Judged

LAW, GRID = gaussian_1d(), grids.uniform(2)
REWARDS = [Linear(0.7), Quadratic(2.0, 1.5)]
BETA = 0.8


def somewhere(grid=GRID):
    """A policy away from the reference."""
    made = Affine(LAW, grid)
    with torch.no_grad():
        made.b.copy_(torch.linspace(0.3, -0.2, grid.T).double())
        made.c.copy_(torch.linspace(-0.1, 0.15, grid.T).double())
    return made


def quadrature(network, grid, nodes, copies=1, method=EXACT):
    """Every combination of nodes as a rollout, `copies` independent ones side by side; weights."""
    z, w = np.polynomial.hermite_e.hermegauss(nodes)
    dims = copies * (grid.T + 1)
    axes = np.stack(np.meshgrid(*[z] * dims, indexing="ij"), -1).reshape(-1, copies, grid.T + 1)
    weight = np.stack(np.meshgrid(*[w / w.sum()] * dims, indexing="ij"), -1).reshape(-1, dims)
    noise = torch.from_numpy(axes.reshape(-1, grid.T + 1).T.copy())[..., None]
    run = given_noise(network, grid, noise, method)
    return run, torch.from_numpy(weight.prod(1)).repeat_interleave(copies)


def given_noise(network, grid, noise, method=EXACT):
    from refimpl.simulate import sde as chains
    from refimpl.toy.grpo import as_field, kernels

    labels, plan = torch.zeros(noise.shape[1], dtype=torch.int64), methods.plan(method, grid)
    chain = kernels(method, plan, as_field(network, labels), grid)
    run = chains.run(chain, noise[0], noise=noise[1:])
    return Rollout(
        method, grid, plan, labels, run.states, run.means, run.stds, 0 * run.means, run.noise
    )


def trainer(network, reward, settings):
    made = line.problem(LAW, lambda x, y: reward(x[:, 0]), settings.grid)
    object.__setattr__(made, "policy", network)
    object.__setattr__(made, "reference", Affine(LAW, settings.grid))
    return loop.Trainer(made, settings)


def settings_for(grid=GRID, **changes):
    return Settings(EXACT, T=grid.T, groups=2, group=2).but(**({"beta": BETA} | changes))


def expected_gradient(made, run, weight, advantages):
    """Of the loop's own terms, their expectation taken by quadrature."""
    steps = run.steps()
    _, terms = made.terms(steps, advantages)
    value = (steps.by_step(terms.objective).sum(0) * weight).sum()
    return torch.cat(torch.autograd.grad(value, [made.policy.b, made.policy.c]))


def exact_gradient(network, grid, value):
    found = value(exact.chain(network, EXACT, grid))
    return torch.cat(torch.autograd.grad(found, [network.b, network.c]))


def still(chain):
    return Chain(chain.slope.detach(), chain.offset.detach(), chain.std.detach())


@pytest.mark.parametrize("reward", REWARDS)
def test_the_surrogates_gradient_is_the_policy_gradient(reward):
    network = somewhere()
    made = trainer(network, reward, settings_for(kl="none", beta=0.0))
    run, weight = quadrature(network, GRID, 4)
    found = expected_gradient(made, run, weight, reward(run.ends[:, 0]))
    wanted = exact_gradient(network, GRID, lambda chain: chain.expected(reward))
    torch.testing.assert_close(found, wanted, rtol=1e-11, atol=1e-12)
    assert int((wanted.abs() > 1e-3).sum()) >= 3  # the start has mean 0: one may vanish


@pytest.mark.parametrize("reward", REWARDS)
def test_a_baseline_of_the_group_leaves_all_but_one_gth_of_it(reward):
    """E over two independent samples: (G − 1)/G = ½ of the policy gradient."""
    network = somewhere()
    made = trainer(network, reward, settings_for(kl="none", beta=0.0))
    run, weight = quadrature(network, GRID, 4, copies=2)
    rewards = reward(run.ends[:, 0]).reshape(-1, 2)
    usable = torch.ones(len(rewards), dtype=torch.bool)
    advantages = loop.advantage(Judged(rewards, usable), made.settings).flatten()
    found = expected_gradient(made, run, weight / 2, advantages)
    wanted = exact_gradient(network, GRID, lambda chain: chain.expected(reward))
    torch.testing.assert_close(found, wanted / 2, rtol=1e-11, atol=1e-12)


def test_the_averaged_ratio_has_a_dth_of_the_gradient():
    g = torch.Generator().manual_seed(3)
    mean = torch.randn(50, 6, generator=g, dtype=torch.float64)
    old, std = Gaussian(mean, 0.3), 0.3
    x = old.sample(torch.randn(mean.shape, generator=g, dtype=torch.float64))
    slopes = []
    for reduction in ("total", "average"):
        shift = torch.zeros((), dtype=torch.float64, requires_grad=True)
        method = EXACT.but(reduction=reduction, beta=0.0)
        terms = methods.terms(method, Gaussian(mean + shift, std), old, x, x[:, 0])
        slopes.append(float(torch.autograd.grad(terms.objective.sum(), shift)[0]))
    assert slopes[1] == pytest.approx(slopes[0] / 6, rel=1e-12)


@pytest.mark.parametrize("d", [0.1, 0.5, 1.0])
def test_the_averaged_ratio_is_biased_as_predicted(d):
    """E_old[r^c] = exp(−c(1 − c) d²/2) < 1 with c = 1/D; the whole ratio's mean is 1."""
    D, nodes = 2, 40
    z, w = np.polynomial.hermite_e.hermegauss(nodes)
    x = torch.from_numpy(np.stack(np.meshgrid(z, z, indexing="ij"), -1).reshape(-1, D))
    weight = torch.from_numpy(np.outer(w, w).ravel() / w.sum() ** 2)
    move = torch.full((len(x), D), d / D**0.5, dtype=torch.float64)
    log_r = policy.log_ratio(Gaussian(move, 1.0).log_prob(x), Gaussian(0 * move, 1.0).log_prob(x))
    for reduce, c in ((policy.total, 1.0), (policy.average, 1 / D)):
        r = policy.ratio(reduce(log_r), 0 * reduce(log_r))
        found = float((weight * r).sum())
        assert found == pytest.approx(math.exp(-c * (1 - c) * d**2 / 2), rel=1e-10)


def test_clipping_stops_the_gradient_where_it_should_and_nowhere_else():
    """Row by row, away from the old policy: 0 where r has left the range on A's side."""
    old, new = Affine(LAW, GRID), somewhere()
    made = trainer(new, Linear(1.0), settings_for(kl="none", beta=0.0, limit=0.15))
    run, _ = quadrature(old, GRID, 5)
    advantages = Linear(1.0)(run.ends[:, 0]) - 1.5
    steps = run.steps()
    nudge = torch.zeros_like(steps.x, requires_grad=True)
    law = steps.law(EXACT, steps.velocity(new).detach() + nudge)
    terms = methods.terms(made.settings.method, law, steps.old, steps.x_s, advantages.repeat(2))
    (slope,) = torch.autograd.grad(terms.objective.sum(), nudge, retain_graph=True)
    A = advantages.repeat(2)
    outside = ((terms.ratio > 1.15) & (A > 0)) | ((terms.ratio < 0.85) & (A < 0))
    assert torch.equal(outside, terms.stopped)
    assert bool(outside.any())
    assert not bool(outside.all())
    assert bool((slope[outside] == 0).all())
    plain = policy.ratio(law.log_prob(steps.x_s)[:, 0], steps.old.log_prob(steps.x_s)[:, 0])
    (free,) = torch.autograd.grad((plain * A).sum(), nudge)
    torch.testing.assert_close(slope[~outside], free[~outside], rtol=1e-12, atol=1e-14)


def test_the_kls_gradient_lacks_what_earlier_steps_do_to_later_states():
    """The loop differentiates each divergence at the states that were visited.

    For a shift, whose divergence is the same at every state, that is the gradient of the chains'
    KL. For a slope it is not: that earlier steps move the states where later ones pay is left out.
    """
    network, reference = somewhere(), still(exact.chain(Affine(LAW, GRID), EXACT, GRID))
    made = trainer(network, Linear(0.0), settings_for())
    run, weight = quadrature(network, GRID, 4)
    found = expected_gradient(made, run, weight, 0 * run.ends[:, 0])
    whole = exact_gradient(network, GRID, lambda chain: -BETA * chain.kl(reference))
    at = still(exact.chain(network, EXACT, GRID)).moments()

    def frozen(chain):
        total = torch.zeros((), dtype=torch.float64)
        for side in (1, -1):
            x = at[0][:-1] + side * at[1][:-1].sqrt()
            gap = (chain.slope - reference.slope) * x + chain.offset - reference.offset
            total = total + (gap**2 / (2 * reference.std**2)).sum() / 2
        return -BETA * total

    explicit = exact_gradient(network, GRID, frozen)
    torch.testing.assert_close(found, explicit, rtol=1e-11, atol=1e-12)
    last = [1, 3]  # of b and of c: nothing comes after the last step
    torch.testing.assert_close(found[last], whole[last], rtol=1e-11, atol=1e-12)
    assert bool(((found - whole).abs()[[0, 2]] > 1e-3).all())


def test_for_shifts_the_kls_gradient_is_whole():
    network, reference = Affine(LAW, GRID), still(exact.chain(Affine(LAW, GRID), EXACT, GRID))
    with torch.no_grad():
        network.b.copy_(torch.tensor([0.3, -0.2]).double())
    made = trainer(network, Linear(0.0), settings_for())
    run, weight = quadrature(network, GRID, 4)
    found = expected_gradient(made, run, weight, 0 * run.ends[:, 0])
    whole = exact_gradient(network, GRID, lambda chain: -BETA * chain.kl(reference))
    torch.testing.assert_close(found[:2], whole[:2], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("reward", REWARDS)
@pytest.mark.parametrize("T", [2, 10])
def test_the_best_policy_is_stationary_and_beats_its_neighbours(reward, T):
    grid = grids.uniform(T)
    reference = still(exact.chain(Affine(LAW, grid), EXACT, grid))
    top = exact.best(reference, reward, BETA)
    slope, offset = (x.clone().requires_grad_() for x in (top.slope, top.offset))
    value = Chain(slope, offset, top.std).objective(reference, reward, BETA)
    for gradient in torch.autograd.grad(value, (slope, offset)):
        assert float(gradient.abs().max()) < 1e-11
    g = torch.Generator().manual_seed(5)
    for _ in range(20):
        near = Chain(
            top.slope + 0.01 * torch.randn(T, generator=g, dtype=torch.float64),
            top.offset + 0.01 * torch.randn(T, generator=g, dtype=torch.float64),
            top.std,
        )
        assert float(near.objective(reference, reward, BETA)) < float(value.detach())


@pytest.mark.parametrize("noise", [0.3, 0.7, 1.0])
def test_the_best_policy_for_a_linear_reward_is_the_fixed_start_optimum(noise):
    grid, method = grids.uniform(10), EXACT.but(noise=noise)
    reference = still(exact.chain(Affine(LAW, grid), method, grid))
    mean, variance = exact.best(reference, Linear(0.7), BETA).moments()
    law = line.chain_law(Affine(LAW, grid), method, grid)
    wanted = tilting.fixed_start(
        Gaussian(float(law.mean[-1, 0]), float(law.std[-1, 0])),
        0.7,
        BETA,
        float(law.correlation_with_start[-1, 0]),
    )
    assert float(mean[-1]) == pytest.approx(wanted.mean, rel=1e-12)
    assert float(variance[-1]) == pytest.approx(wanted.std**2, rel=1e-12)


def test_with_small_steps_the_best_policy_reaches_the_tilted_law():
    """A quadratic reward narrows: the std of single steps is fixed, the end's is not."""
    reward, errors = Quadratic(2.0, 1.5), []
    for T in (20, 80, 320):
        grid, method = grids.uniform(T), EXACT.but(noise=1.4)
        reference = still(exact.chain(Affine(LAW, grid), method, grid))
        before, after = reference.moments(), exact.best(reference, reward, BETA).moments()
        start = Gaussian(float(before[0][-1]), float(before[1][-1]) ** 0.5)
        wanted = tilting.quadratic(start, reward.goal, BETA / reward.curvature)
        errors.append(abs(float(after[1][-1]) / wanted.std**2 - 1))
        assert float(after[0][-1]) == pytest.approx(wanted.mean, abs=2 / T)
    assert errors[0] > 3 * errors[1] > 9 * errors[2]  # first order in 1/T: a fourth each time


@pytest.mark.parametrize("reward", REWARDS)
def test_chain_moments_are_those_of_the_exact_law(reward):
    network = somewhere(grids.uniform(10))
    chain = exact.chain(network, EXACT, grids.uniform(10))
    law = line.chain_law(network, EXACT, grids.uniform(10))
    mean, variance = (x.detach() for x in chain.moments())
    torch.testing.assert_close(mean, law.mean[:, 0], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(variance, law.variance[:, 0], rtol=1e-12, atol=1e-12)
    run, weight = quadrature(network, GRID, 4)
    short = exact.chain(network, EXACT, GRID)
    found = float((weight * reward(run.ends[:, 0])).sum())
    assert found == pytest.approx(float(short.expected(reward).detach()), rel=1e-12)


@pytest.mark.parametrize("short", ["slope", "offset", "std"])
def test_columns_of_different_lengths_are_no_chain(short):
    columns = {name: torch.ones(3, dtype=torch.float64) for name in ("slope", "offset", "std")}
    chain = Chain(**columns | {short: columns[short][:2]})
    for call in (
        chain.moments,
        lambda: exact.best(chain, REWARDS[1], BETA),
        lambda: adjoint.resting(chain, REWARDS[1], BETA),
    ):
        with pytest.raises(ValueError, match="is (shorter|longer)"):
            call()


def test_a_quadratic_reward_moves_a_step_and_leaves_its_std():
    """Between the step's mean and the goal, by their variances."""
    tilted = Quadratic(2.0, 1.5).tilt(Gaussian(1.0, 0.5), BETA)
    assert tilted.mean == pytest.approx((1.0 * BETA / 1.5 + 2.0 * 0.25) / (BETA / 1.5 + 0.25))
    assert tilted.std == 0.5


def test_steps_without_noise_have_no_chain_of_densities():
    with pytest.raises(ValueError, match=r"^a chain has noise in every step: use window='all', "):
        exact.chain(Affine(LAW, GRID), EXACT.but(kernel="cps", noise=0.5), GRID)


@pytest.mark.statistical
@pytest.mark.parametrize("std", ["none", "group"])
def test_what_dividing_by_the_groups_std_does_to_the_gradient(std):
    """Linear reward, Gaussian ends: undivided it is (G − 1)/G of the exact gradient; divided, it
    points the same way with gain √(2/G) Γ(G/2)/Γ((G − 1)/2)/σ.

    The score s of a step and the end R are jointly Gaussian, so s = κ (R − μ) + a part that knows
    nothing of any reward: Σ A s − κ Σ A (R − R̄), over |A|, is exactly normal. What is left is the
    law of Σ A (R − R̄): σ² χ²_{G−1} undivided, G times the group's std divided.
    """
    G, n, grid = 4, 20_000, grids.uniform(3)
    claim = budget.claim(f"gradient.group_{std}.residual")
    method = EXACT.but(advantage_std=std, kl="none", beta=0.0)
    network = Shifted(Affine(LAW, grid), grid)
    generator = budget.generator(claim.name, 0)
    start = torch.randn(n * G, 1, generator=generator, dtype=torch.float64)
    plan = methods.plan(method, grid)
    run = roll(network, start, torch.zeros(n * G).long(), method, plan, grid, generator)
    rewards = run.ends[:, 0].reshape(n, G)
    advantages = methods.advantages(method, rewards)

    step = 1
    one = run.steps().only(step)
    nudge = torch.zeros_like(one.x, requires_grad=True)
    law = one.law(method, one.velocity(network).detach() + nudge)
    terms = methods.terms(method, law, one.old, one.x_s, advantages.flatten())
    (slope,) = torch.autograd.grad(terms.objective.sum(), nudge)
    gradient = slope[:, 0].reshape(n, G).sum(1)  # Σ A s of every group

    chain = still(exact.chain(Affine(LAW, grid), method, grid))
    sigma2 = float(chain.moments()[1][-1])
    made = Affine(LAW, grid)
    wanted = float(
        torch.autograd.grad(exact.chain(made, method, grid).moments()[0][-1], made.b)[0][step]
    )
    lever = methods.levers(method, grid)[step]
    size = lever / run.stds[step]  # the std of s
    kappa = wanted / sigma2
    rest = (size**2 - wanted**2 / sigma2) ** 0.5
    centred = rewards - rewards.mean(1, keepdim=True)
    through = (advantages * centred).sum(1)
    length = (advantages**2).sum(1).sqrt()
    e = (gradient - kappa * through) / (rest * length)
    residuals.white(e[None, :, None], {}, claim, detects_std=0.06, detects_shift=0.07)
    squares = budget.claim(f"gradient.group_{std}.spread")
    spread = (centred**2).sum(1) / sigma2  # χ² with G − 1 degrees of freedom
    z = torch.from_numpy(stats.norm.ppf(stats.chi2.cdf(spread.numpy(), G - 1)))
    gaussian.variance(z[:, None], 0.0, 1.0, squares, detects=0.06)
    if std == "none":
        torch.testing.assert_close(through, (centred**2).sum(1))
        assert wanted * (G - 1) / G == pytest.approx(kappa * sigma2 * (G - 1) / G)
    else:
        torch.testing.assert_close(through, G * rewards.std(1, correction=0))
        gain = math.sqrt(2 / G) * special.gamma(G / 2) / special.gamma((G - 1) / 2) / sigma2**0.5
        mean_std = float(stats.chi(G - 1).mean()) * (sigma2 / G) ** 0.5
        assert kappa * mean_std == pytest.approx(gain * wanted, rel=1e-12)
