"""Tilted laws, reached by importance weights."""

import math

import torch

from ...equations import tilting
from ...equations.gaussian import Gaussian
from ...statistics import budget, distribution
from ...statistics.budget import claim
from ...statistics.ledger import N
from ..accepting import evidence_of, standard_normal
from ..check import Evidence, check


@check("statistics", covers=("tilting.quadratic",), rows=("RFT-1",))
def importance_weights_reach_the_tilted_law(seed: int) -> Evidence:
    """E_p[e^{r/β} φ] = Z E_{p*}[φ] for r = −(x − 2)²/2, β = 0.5, and φ = 1, cos and sin of x, 2x.

    Waves are counted from 1.5, the mean of p*: cosines see its width, sines its place.
    """
    p, goal, beta = Gaussian(0.5, 1.0), 2.0, 0.5
    star = tilting.quadratic(p, goal, beta)
    generator = budget.generator("tilted", seed)
    x = p.sample(standard_normal(N, generator=generator))
    weight = torch.exp(-((x - goal) ** 2) / (2 * beta))
    total = math.sqrt(beta / (beta + p.std**2)) * math.exp(
        -((goal - p.mean) ** 2) / (2 * (beta + p.std**2))
    )
    features, means = [weight], [total]
    for k in (1, 2):
        fall, place = math.exp(-((k * star.std) ** 2) / 2), k * (star.mean - 1.5)
        features += [weight * torch.cos(k * (x - 1.5)), weight * torch.sin(k * (x - 1.5))]
        means += [total * fall * math.cos(place), total * fall * math.sin(place)]
    second = _second_moment(p, goal, beta)
    outcome = distribution.bounded(
        torch.stack(features, dim=1),
        torch.tensor(means, dtype=torch.float64),
        torch.full((5,), second, dtype=torch.float64),  # E[w²] bounds all variances
        -1.0,
        1.0,
        claim("tilted.weights"),
        detects=0.03,
    )
    return evidence_of([outcome])


def _second_moment(p: Gaussian, goal: float, beta: float) -> float:
    """E_p[e^{2r/β}], the same integral at half the β."""
    half = beta / 2
    return math.sqrt(half / (half + p.std**2)) * math.exp(
        -((goal - p.mean) ** 2) / (2 * (half + p.std**2))
    )
