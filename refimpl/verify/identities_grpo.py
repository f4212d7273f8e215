"""Identities of Flow-GRPO: the law of the ratio, the noise of SD3.5's steps, the clip's gradient.

    E_old[r] = 1        g √h on two grids        at t = 1 a remedy        ∂/∂r in every branch

Production code on both sides, or golden numbers with their number of digits.
"""

import math

import mpmath as mp
import numpy as np
import torch

from ..equations import gaussian, grpo, policy, sde
from ..simulate import grids
from .check import Evidence, check
from .identities import Disagreement, draw, report, same, step_of

SHIPPED_STD = (0.7000, 0.7430, 0.5362, 0.4459, 0.3918, 0.3528, 0.3191, 0.2820, 0.2254, 0.0063)
"""g √h on SD3.5's grid as diffusers ships it, T = 10, a = 0.7, with flow_grpo's rule at t = 1."""

ONCE_SHIFTED_STD = (0.7000, 0.7384, 0.5317, 0.4415, 0.3877, 0.3500, 0.3195, 0.2905, 0.2562, 0.2021)
"""The same on the grid shifted once."""


@check(
    "numbers",
    covers=("policy.ratio", "policy.log_ratio", "policy.total", "policy.average"),
    rows=("GRPO-5",),
)
def law_of_the_ratio(seed: int) -> Evidence:
    """Replay gives ratio 1 to the bit; E_old[r] = 1; the averaged ratio has exp(−c(1 − c)d²/2)."""
    d = draw(seed, "x", "v", "noise")
    old = step_of(d["x"], d["v"])
    x_s = old.sample(d["noise"])
    stored = policy.total(old.log_prob(x_s))
    replayed = policy.total(step_of(d["x"].clone(), d["v"].clone()).log_prob(x_s))
    if not bool((policy.ratio(replayed, stored) == 1).all()):
        raise Disagreement("replaying a stored step with unchanged weights must give ratio 1")
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / math.sqrt(2 * math.pi)
    shift, dimensions = np.array([0.5, -0.25, 0.125, 0.375]), 4
    gaps = {}
    for name, reduce, c in (("sum", policy.total, 1.0), ("mean", policy.average, 0.25)):
        # one coordinate moved at a time: E factorises over coordinates
        expected = 1.0
        for m in shift:
            noise = np.repeat(nodes[:, None], dimensions, axis=1)
            mean = np.zeros((1, dimensions))
            moved = mean + np.where(np.arange(dimensions) == 0, m, 0.0)[None]
            new, before = (
                reduce(gaussian.log_prob(noise, at, np.ones((1, 1)))) for at in (moved, mean)
            )
            expected *= float(weights @ policy.ratio(new, before))
        want = math.exp(-c * (1 - c) * float((shift**2).sum()) / 2)
        # the 40 weights and nodes carry some 40 roundings of their own
        gaps[name] = same(f"E_old of the {name}-reduced ratio", expected, want)
    return report(gaps)


@check("numbers", covers=("sde.flow_grpo_g", "sde.euler_maruyama"), rows=("GRPO-6", "GRPO-7"))
def golden_step_std(seed: int) -> Evidence:
    """g √h on SD3.5's two grids is what others measured, to the last digit printed."""
    worst = 0.0
    for grid, golden in (
        (grids.sd35_as_shipped(10), SHIPPED_STD),
        (grids.sd35_once_shifted(10), ONCE_SHIFTED_STD),
    ):
        for step, want in zip(grid.steps, golden, strict=True):
            g = sde.flow_grpo_g(step.t, 0.7, sde.next_level(step))
            std = sde.euler_maruyama(0.0, 0.0, g, step.h).std
            worst = max(worst, abs(std - want))
            if not abs(std - want) <= 0.5001e-4:  # half a unit of the fourth decimal
                raise Disagreement(f"std of the step {step} is {std:.6f}, golden {want:.4f}")
    return Evidence(f"20 steps, largest gap {worst:.1e} (rounded at 5e-5)", {"gap": worst})


@check("numbers", covers=("sde.flow_grpo_g",), rows=("GRPO-7",))
def remedies_at_the_singular_start(seed: int) -> Evidence:
    """At t = 1 g is refused; flow_grpo's remedy gives 3.70 and a clamp at .99 gives 7.00."""
    step = grids.sd35_once_shifted(10).steps[0]
    try:
        sde.flow_grpo_g(step.t, 0.7, sde.refuse(step))
    except ValueError:
        pass
    else:
        raise Disagreement("g at t = 1 must be refused: it is singular there")
    s = mp.mpf(step.s)
    next_level = sde.flow_grpo_g(step.t, 0.7, sde.next_level(step))
    clamped = sde.flow_grpo_g(step.t, 0.7, sde.clamp(0.99)(step))
    return report({
        "next level": same("next_level", next_level, float(0.7 / mp.sqrt(1 - s))),
        "clamp": same("clamp(0.99)", clamped, float(mp.mpf(7) / 10 / mp.sqrt(mp.mpf(0.01)))),
    })  # fmt: skip


@check("numbers", covers=("grpo.advantage", "grpo.surrogate"), rows=("GRPO-3", "GRPO-4"))
def clipped_gradient_in_every_branch(seed: int) -> Evidence:
    """Advantages have mean 0 and std 1; ∂/∂r is A, or 0 where r has left the range on A's side."""
    rewards = torch.randn(
        (5, 8), generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    a = grpo.advantage(rewards, std="group", ddof=0, eps=0.0)
    gaps = {
        "mean": same("mean of a group", a.mean(dim=1), torch.zeros(5), largest=1.0),
        "std": same("std of a group", a.std(dim=1, correction=0), torch.ones(5)),
    }
    table = [(0.5, 2.0, 2.0), (0.5, -2.0, 0.0), (1.0, 2.0, 2.0), (1.0, -2.0, -2.0)]
    table += [(1.5, 2.0, 0.0), (1.5, -2.0, -2.0)]
    r, advantage, want = torch.tensor(table, dtype=torch.float64).unbind(dim=1)
    r.requires_grad_()
    (slope,) = torch.autograd.grad(grpo.surrogate(r, advantage, 0.25).sum(), r)
    gaps["gradient"] = same("∂/∂r in six branches", slope, want)
    log_prob = torch.tensor([0.25, -1.5], dtype=torch.float64, requires_grad=True)
    at_old = grpo.surrogate(policy.ratio(log_prob, log_prob.detach()), want[2:4], 0.25)
    (first,) = torch.autograd.grad(at_old.sum(), log_prob)
    gaps["policy gradient"] = same("at θ = θ_old it is A ∇log p", first, want[2:4])
    return report(gaps)
