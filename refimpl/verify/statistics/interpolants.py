"""A path between two laws that are not Gaussian: its marginals, its flow, its score."""

import math
from functools import partial

import torch

from ...equations import conversions, interpolants, ode, paths
from ...simulate import grids
from ...simulate.ode import solve
from ...statistics import budget, distribution
from ...statistics.budget import claim
from ...statistics.ledger import N
from ...toy import interpolants as toy
from ...toy.mixture import Mixture
from ..accepting import evidence_of, must_reject
from ..check import Evidence, check

STEPS = 40
"""Of RK4: they move a quantile by 7e-7 at most, far below what the slack grants."""


@check(
    "statistics",
    covers=("interpolants.score", "interpolants.log_density"),
    rows=("PATH-6", "SC-11"),
)
def any_start_law_has_its_path_flow_and_score(seed: int) -> Evidence:
    """α z + σ y has the mixture's law, the flow of E[α̇ z + σ̇ y | x] ends in the data's (DKW).

    Density and score are also those of the start, stretched and averaged over data by quadrature;
    the formula of a Gaussian path gives another score.
    """
    law, generator = toy.example(), budget.generator("interpolants", seed)
    scores = _scores(law)
    t = torch.full((N,), 0.6, dtype=torch.float64)
    middle = law.draw(t, generator)[0][:, 0]
    written = _mixture(0.6)
    here = claim("interpolants.middle")
    outcomes = [distribution.cdf(middle, written.cdf, here, detects=0.017)]
    must_reject("the start alone",
                partial(distribution.cdf, middle, law.start.cdf, here, detects=0.017))  # fmt: skip
    x = law.start.sample(N, generator)
    x = solve(ode.rk4, lambda x, t: law.velocity(paths.linear(t), x), x, grids.uniform(STEPS))
    outcomes.append(
        distribution.cdf(
            x[:, 0], law.data.cdf, claim("interpolants.flow"), detects=0.025, slack=2e-3
        )
    )
    evidence = evidence_of(outcomes)
    evidence.figures.update(scores)
    return evidence


def _mixture(t: float) -> Mixture:
    """p_t of the example, its four numbers written out."""
    means = [[1.5 * (1 - t) - 1.5 * t], [1.5 * (1 - t) + 1.0 * t]]
    stds = [[math.hypot(0.5 * (1 - t), 0.4 * t)], [math.hypot(0.5 * (1 - t), 0.3 * t)]]
    columns = ([0.4, 0.6], means, stds)
    return Mixture(*(torch.tensor(column, dtype=torch.float64) for column in columns))


def _scores(law: toy.Interpolant, t: float = 0.6) -> dict[str, float]:
    """The exact score against the start's, averaged over data by the trapezoid rule.

    Raises:
        AssertionError: they differ; or the Gaussian path's formula does not.
    """
    c = paths.linear(t)
    z = torch.linspace(-4, 7, 4001, dtype=torch.float64)[:, None]
    worst, gaussian = 0.0, 0.0
    for at in (-1.0, 0.2, 1.3):
        y = (at - c.alpha * z) / c.sigma
        logs = interpolants.log_density(law.start.log_density(y), c.sigma)
        weight = (law.data.log_density(z) + logs).exp()
        mean = (weight * law.start.score(y)[:, 0]).sum() / weight.sum()
        point = torch.tensor([[at]], dtype=torch.float64)
        exact = float(law.score(c, point))
        worst = max(worst, abs(float(interpolants.score(mean, c.sigma)) - exact))
        mass = float(weight.sum() * (z[1] - z[0]) / _mixture(t).log_density(point).exp())
        worst = max(worst, abs(mass - 1))
        made = conversions.score_from_velocity(c, point, law.velocity(c, point))
        gaussian = max(gaussian, abs(float(made) - exact))
    if not worst < 1e-9:
        raise AssertionError(f"E[∇log p_init(y) | x]/σ is off the score by {worst:.3g}")
    if not gaussian > 0.1:
        raise AssertionError("the Gaussian path's formula is right for a start of two modes")
    return {"score by quadrature, off by": worst, "a Gaussian path's formula, off by": gaussian}
