"""Likelihoods: the trace estimate, the flow's own density, and training by it."""

import torch

from ...equations import likelihood, ode
from ...simulate import grids
from ...statistics import budget, distribution
from ...statistics.budget import claim
from ...statistics.ledger import N
from ...toy import Mixture, field, maximum_likelihood, mixture_2d
from ...toy import likelihood as exact
from ...toy.training import Plan
from ..accepting import below, evidence_of
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


@check(
    "statistics",
    covers=("likelihood.instantaneous",),
    rows=("NF-2", "NF-3"),
)
def the_flow_knows_its_density(seed: int) -> Evidence:
    """log p by −∫∇·v equals the mixture's, and residual steps near it at first order."""
    law = mixture_2d()
    x = law.sample(64, budget.generator("training.density", seed))
    truth = law.log_density(x)
    found = exact.log_likelihood(field(law), x, tolerance=1e-8)
    gap = float((found - truth).abs().max())
    below("the log-density's error", gap, 1e-5)  # local errors of 1e-8, some hundred steps
    low, high = (_residual_error(law, x, truth, T) for T in (320, 640))
    if not 1.7 < low / high < 2.3:  # order 1: a ratio of 2, up to O(h)
        raise AssertionError(f"residual steps should halve the error, {low:.4g} to {high:.4g}")
    return Evidence(
        f"log-density within {gap:.1e}; 640 residual steps within {high:.1e}",
        {"adaptive": gap, "320 steps": low, "640 steps": high},
    )


def _residual_error(law: Mixture, x: torch.Tensor, truth: torch.Tensor, T: int) -> float:
    found = exact.fixed_step(field(law), x, ode.euler, grids.uniform(T)).detach()
    return float((found - truth).abs().mean())


@check("statistics", covers=("likelihood.instantaneous",), rows=("NF-4",))
def likelihood_training_costs_more(seed: int) -> Evidence:
    """Step for step maximum likelihood is ahead of flow matching, second for second behind."""
    g = budget.generator("training.likelihood", seed)
    plan = maximum_likelihood.Config(Plan(60, rate=5e-3), Plan(1500), held_out=200)
    found = maximum_likelihood.run(plan, generator=g)
    slow, fast = found.maximum_likelihood, found.flow_matching
    if not found.flow_matching_as_few_steps.gap > slow.gap > fast.gap:
        raise AssertionError(f"gaps to the entropy: {vars(found)}")
    return Evidence(
        f"nats above the entropy: likelihood {slow.gap:.3f}, flow matching {fast.gap:.3f}; "
        f"network calls a step {slow.evaluations} against {fast.evaluations}",
        {"likelihood: gap": slow.gap, "flow matching: gap": fast.gap},
    )
