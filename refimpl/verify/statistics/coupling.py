"""Couplings: both ends kept, whatever happens in between."""

import math

from ...equations import coupling, paths
from ...equations.gaussian import Gaussian
from ...statistics import budget, residuals
from ...statistics import gaussian as exact
from ...statistics.budget import claim
from ...statistics.ledger import N
from ..accepting import evidence_of, standard_normal
from ..check import Evidence, check


@check(
    "statistics",
    covers=("coupling.correlated_velocity_variance", "coupling.gaussian_map"),
    rows=("OT-1",),
)
def couplings_keep_both_ends_and_differ_in_between(seed: int) -> Evidence:
    """Correlations 0, 0.8 and 1 share both ends; Var(v | x_t) falls from s²/Var x to nothing."""
    t, std, law = 0.4, 0.5, Gaussian(1.5, 0.5)
    outcomes = []
    for rho in (0.0, 0.8):
        generator = budget.generator(f"coupling.rho{rho}", seed)
        noise, other = standard_normal(2, N, 1, generator=generator)
        mixed = rho * noise + math.sqrt(1 - rho**2) * other
        data = coupling.gaussian_map(mixed, law)
        outcomes.append(
            exact.variance(data, 1.5, std, claim(f"coupling.rho{rho}.end"), detects=0.025)
        )
        x = paths.interpolate(paths.linear(t), data, noise)
        v = paths.velocity(paths.linear(t), data, noise)
        spread = (1 - t) ** 2 * std**2 + t**2 + 2 * t * (1 - t) * rho * std
        slope = (t - (1 - t) * std**2 + (1 - 2 * t) * rho * std) / spread
        best = -1.5 + slope * (x - (1 - t) * 1.5)
        left_over = coupling.correlated_velocity_variance(t, std, rho)
        e = (v - best) / math.sqrt(left_over)
        outcomes.append(
            residuals.white(
                e[None],
                {"x": x[None]},
                claim(f"coupling.rho{rho}.velocity"),
                detects_std=0.03,
                detects_shift=0.035,
            )
        )
    return evidence_of(outcomes)
