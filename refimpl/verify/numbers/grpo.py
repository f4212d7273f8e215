"""The clipped gradient in every branch."""

import torch

from ...equations import grpo, policy
from ..check import Evidence, check
from ..identities import report, same


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
