"""Brownian motion and the Ornstein–Uhlenbeck process: increments and transitions."""

import math
from itertools import pairwise

import torch

from ...equations import dynamics
from ...simulate import sde as chains
from ...statistics import budget, residuals
from ...statistics import gaussian as exact
from ...statistics.budget import claim
from ...statistics.ledger import N
from ..accepting import evidence_of
from ..check import Evidence, check

_ONE = torch.ones(1, dtype=torch.float64)


@check("statistics", covers=("dynamics.brownian",), rows=("DYN-6",))
def brownian_increments_are_independent(seed: int) -> Evidence:
    """Increments over unequal times are N(0, h) and unrelated to the past; w_1 is N(0, 1)."""
    times = (0.0, 0.05, 0.2, 0.5, 1.0)
    kernels = [lambda w, h=late - early: dynamics.brownian(w, h) for early, late in pairwise(times)]
    generator = budget.generator("brownian", seed)
    done = chains.run(kernels, torch.zeros(N, 1, dtype=torch.float64), generator=generator)
    increments = done.states.diff(dim=0)
    widths = torch.tensor(times, dtype=torch.float64).diff().sqrt()[:, None, None]
    outcomes = [
        residuals.white(
            (increments / widths)[1:],
            {"the past": done.states[1:-1]},
            claim("brownian.increments"),
            detects_std=0.02,
            detects_shift=0.02,
        ),
        exact.variance(done.states[-1], 0.0, 1.0, claim("brownian.end"), detects=0.025),
    ]
    return evidence_of(outcomes)


@check("statistics", covers=("dynamics.ornstein_uhlenbeck",), rows=("DYN-8",))
def ornstein_uhlenbeck_has_its_transition(seed: int) -> Evidence:
    """Two exact transitions from x = 2 have the law of one: 2e^(−θt), σ²(1 − e^(−2θt))/(2θ)."""
    theta, sigma, start = 1.3, 0.8, 2.0
    generator = budget.generator("ornstein_uhlenbeck", seed)
    halves = [lambda x: dynamics.ornstein_uhlenbeck(x, theta, sigma, 0.4)] * 2
    x = chains.run(halves, start + torch.zeros(N, 1, dtype=torch.float64), generator=generator)
    mean = start * math.exp(-theta * 0.8)
    variance = -(sigma**2) * math.expm1(-2 * theta * 0.8) / (2 * theta)
    outcomes = [
        exact.mean(
            x.states[-1], mean * _ONE, (variance * _ONE)[None], claim("ou.mean"), detects=0.03
        ),
        exact.variance(
            x.states[-1], mean, math.sqrt(variance), claim("ou.variance"), detects=0.025
        ),
    ]
    return evidence_of(outcomes)
