"""Likelihoods: the trace estimate, and the law that residual steps compose."""

from itertools import pairwise

import torch

from ...equations import likelihood
from ...statistics import budget, distribution
from ...statistics import gaussian as exact
from ...statistics.budget import claim
from ...statistics.ledger import N
from ...toy import gaussian_1d
from .. import independent
from ..accepting import evidence_of, standard_normal
from ..check import Evidence, check


@check("statistics", covers=("likelihood.hutchinson",), rows=("NF-3",))
def hutchinson_is_unbiased(seed: int) -> Evidence:
    """Random signs: εᵀJε has mean tr J and variance (J₁₂ + J₂₁)², J not symmetric."""
    j = torch.tensor([[0.75, 1.125], [-0.375, -1.625]], dtype=torch.float64)
    generator = budget.generator("hutchinson", seed)
    signs = torch.randint(0, 2, (N, 2), generator=generator).double() * 2 - 1
    estimate = likelihood.hutchinson(signs, signs @ j.T)
    swing = abs(float(j[0, 1] + j[1, 0]))
    trace = float(j.trace())
    outcome = distribution.bounded(
        estimate[:, None],
        torch.tensor([trace], dtype=torch.float64),
        torch.tensor([swing**2], dtype=torch.float64),
        trace - swing,
        trace + swing,
        claim("hutchinson.mean"),
        detects=0.03,
    )
    return evidence_of([outcome])


@check("statistics", covers=("likelihood.residual_step",), rows=("NF-2",))
def residual_steps_compose_to_their_law(seed: int) -> Evidence:
    """Forty blocks x + δ u(x), u = −v, carry N(0, 1) to a Gaussian known exactly, near the data."""
    p, levels = gaussian_1d(), independent.uniform(40)
    generator = budget.generator("residual_flow", seed)
    x, v = standard_normal(N, 1, generator=generator), independent.velocity(p)
    for t, s in pairwise(levels):
        x = likelihood.residual_step(x, -v(x, t), t - s)
    law = independent.gaussian_law(p, levels, lambda t, s: 0.0)
    mean, std = law.mean[-1], law.std[-1]
    outcomes = [
        exact.mean(x, mean, std.square().diag(), claim("residual_flow.mean"), detects=0.03),
        exact.variance(x, mean, std, claim("residual_flow.variance"), detects=0.025),
    ]
    evidence = evidence_of(outcomes)
    evidence.figures["exact std after 40 blocks (data 0.5)"] = float(std)
    return evidence
