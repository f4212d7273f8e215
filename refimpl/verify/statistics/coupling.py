"""Couplings: both ends kept, paths straightened."""

import math

from ...equations import coupling, paths
from ...equations.gaussian import Gaussian
from ...statistics import budget, residuals
from ...statistics import gaussian as exact
from ...statistics.budget import claim
from ...statistics.ledger import N
from ...toy import coupling as trained
from ...toy.training import Plan
from ..accepting import below, evidence_of, standard_normal
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


@check("statistics", covers=("coupling.cost", "coupling.straightness"), rows=("OT-1", "OT-2"))
def minibatch_transport_straightens(seed: int) -> Evidence:
    """Minibatch transport: cheaper pairs, quieter targets, straighter paths, fewer steps."""
    g = budget.generator("training.transport", seed)
    config = trained.Config(batch=128, train=Plan(700), n=800)
    rows = trained.run(config, generator=g).rows
    free, matched = rows["independent"], rows["minibatch OT"]
    shares = {
        "cost": matched.cost / free.cost,
        "variance of the target": matched.target_variance / free.target_variance,
        "straightness": matched.straightness / free.straightness,
        "energy distance of one Euler step": matched.distance[1] / free.distance[1],
    }
    for name, share in shares.items():
        below(f"the share of the independent coupling's {name}", share, 0.5)
    return Evidence(
        "shares of the independent coupling's: "
        + ", ".join(f"{name} {share:.2f}" for name, share in shares.items()),
        shares,
    )
