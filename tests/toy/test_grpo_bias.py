"""Shares of the gradient: against χ laws, enumeration, samples of nothing, and the loss itself."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from refimpl.equations import gaussian, grpo
from refimpl.labs import estimators
from refimpl.toy.grpo import bias


@pytest.mark.parametrize("n", [2, 5, 24])
def test_the_groups_std_is_that_of_a_chi_law(n):
    mean = stats.chi(n - 1).mean()
    assert bias.group_std(n, 0) == pytest.approx(mean / math.sqrt(n), rel=1e-12)
    ratio = bias.group_std(n, 1) / bias.group_std(n, 0)
    assert ratio == pytest.approx(math.sqrt((n - 1) / n), rel=1e-12)


def test_two_rewards_by_quadrature_of_the_production_advantage():
    # |R₁ − R₂| has a corner: the integral is over their difference
    for ddof in (0, 1):

        def product(u, ddof=ddof):
            rewards = np.array([[u / 2, -u / 2]])
            advantage = grpo.advantage(rewards, std="group", ddof=ddof, eps=0.0)
            density = math.exp(-(u**2) / 4) / math.sqrt(4 * math.pi)
            return float((advantage * rewards).mean()) * density

        found = 2 * integrate.quad(product, 0, 20)[0]
        assert found == pytest.approx(bias.group_std(2, ddof), rel=1e-9)


@pytest.mark.parametrize(("p", "n"), [(0.5, 4), (0.1, 6), (0.9, 6)])
def test_a_binary_prompts_weight_by_enumeration(p, n):
    import itertools

    rewards = np.array(list(itertools.product((0.0, 1.0), repeat=n)))
    chance = np.prod(np.where(rewards == 1, p, 1 - p), axis=1)
    advantage = grpo.advantage(rewards, std="group", ddof=0, eps=0.0)
    score = (rewards - p) / (p * (1 - p))  # ∂ log P of a reward, per ∂p
    found = chance @ (advantage * score).mean(axis=1)
    assert found == pytest.approx(bias.binary_weight(p, n), rel=1e-12)


def test_two_samples_of_a_binary_reward_weigh_every_prompt_alike():
    """They differ with chance 2 p (1 − p), and then their std is 1/2."""
    assert [bias.binary_weight(p, 2) for p in (0.1, 0.5, 0.9)] == pytest.approx([1.0] * 3)


def test_a_mean_over_groups_that_speak_is_larger_by_how_many_do_not():
    assert bias.kept_groups(0.5, 2) == pytest.approx(2)  # of 00, 01, 10 and 11 two speak
    assert bias.kept_groups(0.25, 3) == pytest.approx(64 / (64 - 27 - 1))


def test_a_prompts_weight_tends_to_one_over_its_own_std():
    for p in (0.1, 0.5):
        assert bias.binary_weight(p, 4000) == pytest.approx(1 / math.sqrt(p * (1 - p)), rel=2e-3)


@pytest.mark.parametrize("moved", estimators.MOVES)
def test_the_clips_share_agrees_with_that_of_the_studys_grid(moved):
    grid = estimators.trust()[f"d = {moved}"]["clip"]
    ours = bias.clipped(moved, estimators.CLIP, estimators.CORRELATION)
    assert ours == pytest.approx(grid, abs=0.01)  # the grid's masks jump


def test_the_clips_share_is_the_slope_of_the_surrogate():
    moved, rho, clip = 0.3, 0.4, 0.2
    x = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    z = torch.linspace(-8, 8, 801, dtype=torch.float64)
    X, Z = torch.meshgrid(x, z, indexing="ij")
    mass = (gaussian.log_prob(X, 0.0, 1.0) + gaussian.log_prob(Z, 0.0, 1.0)).exp()
    mass = mass / mass.sum()
    d = torch.tensor(moved, dtype=torch.float64, requires_grad=True)
    advantage = rho * X + (1 - rho**2) ** 0.5 * Z
    value = (mass * grpo.surrogate((d * X - d**2 / 2).exp(), advantage, clip)).sum()
    (slope,) = torch.autograd.grad(value, d)
    # a mask that jumps on a grid of 0.004: errors of that order times a density
    assert bias.clipped(moved, clip, rho) == pytest.approx(float(slope) / rho, abs=5e-3)


def lost(moved, clip, rho, sign):
    """The same in the plane of x and A: E_old[r A (x − d)] where min() stops the gradient."""
    high = (math.log(1 + sign * clip) + moved**2 / 2) / moved
    ends = (high, 12 + moved) if sign > 0 else (-12.0, high)
    nodes, masses = np.polynomial.legendre.leggauss(300)
    x, w = (ends[0] + (ends[1] - ends[0]) * (1 + nodes) / 2, masses * (ends[1] - ends[0]) / 2)
    far = 12 + moved  # of an advantage
    A, u = sign * far * (1 + nodes) / 2, masses * far / 2
    # r moves x by d, and the advantage by ρ d with it
    law = stats.multivariate_normal([moved, rho * moved], [[1, rho], [rho, 1]])
    mass = law.pdf(np.stack(np.meshgrid(x, A, indexing="ij"), -1))
    return w @ (mass * A * (x - moved)[:, None]) @ u


@pytest.mark.parametrize(
    ("moved", "clip", "rho"), [(0.3, 0.2, 0.4), (1.5, 0.2, 0.9), (4.0, 0.1, 0.6), (0.5, 0.0, 0.3)]
)
def test_the_clips_share_is_what_is_left_of_a_plane(moved, clip, rho):
    upper, lower = (lost(moved, clip, rho, sign) / rho for sign in (1, -1))
    assert bias.clipped(moved, clip, rho, "upper") == pytest.approx(1 - upper, abs=1e-9)
    assert bias.clipped(moved, clip, rho) == pytest.approx(1 - upper - lower, abs=1e-9)


def test_clipping_changes_nothing_before_the_policy_moves_and_gains_alone_clip_less():
    assert bias.clipped(0.0, 0.2, 0.3) == 1.0
    assert bias.clipped(1e-3, 0.2, 0.3) == pytest.approx(1.0, abs=1e-12)
    both, upper = (bias.clipped(0.3, 0.2, 0.3, sides) for sides in ("both", "upper"))
    assert both < upper < 1


@pytest.mark.parametrize("D", [1, 4, 64])
def test_the_mean_ratios_share_is_a_derivative(D):
    def value(d):
        nodes, masses = np.polynomial.hermite_e.hermegauss(60)
        return masses @ (np.exp((d * nodes - d**2 / 2) / D) * nodes) / masses.sum()

    for d in (0.0, 0.4, 1.2):
        slope = (value(d + 1e-5) - value(d - 1e-5)) / 2e-5
        assert bias.mean_ratio(d, D) == pytest.approx(slope, rel=1e-8)


@pytest.mark.parametrize(
    "call",
    [
        lambda: bias.group_std(1, 0),
        lambda: bias.group_std(4, 2),
        lambda: bias.binary_weight(0.0, 4),
        lambda: bias.binary_weight(1.0, 4),
        lambda: bias.binary_weight(1.5, 4),
        lambda: bias.binary_weight(0.5, 1),
        lambda: bias.clipped(-1.0, 0.2, 0.3),
        lambda: bias.clipped(1.0, 1.0, 0.3),
        lambda: bias.clipped(1.0, 0.2, 0.0),
        lambda: bias.clipped(1.0, 0.2, 1.0),
        lambda: bias.clipped(1.0, 0.2, 1.5),
    ],
)
def test_what_has_no_share_is_refused_with_its_values(call):
    with pytest.raises(ValueError, match="got"):
        call()


def test_the_refusal_of_a_share_says_what_each_number_is():
    with pytest.raises(
        ValueError, match=r"^moved is 0 or more, clip lies in \[0, 1\) and correlation in \(0, 1\),"
    ):
        bias.clipped(-1.0, 0.2, 0.3)
