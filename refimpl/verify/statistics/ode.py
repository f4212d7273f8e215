"""The flow and its solvers: noise is carried to data, by every rule to its own exact law."""

import torch

from ...equations import ode, paths
from ...equations.ode import Field
from ...simulate import grids
from ...simulate.ode import adaptive, solve, trajectory
from ...statistics import budget, distribution
from ...statistics.budget import claim
from ...statistics.ledger import FLOW_LEVELS, N_WIDE, N
from ...toy import field, mixture_1d, mixture_2d, rotated_8d
from .. import independent, pictures
from ..accepting import evidence_of, frequencies, standard_normal
from ..check import Evidence, check
from .paths import density_of


@check(
    "statistics", covers=("ode.rk4", "paths.velocity", "density.posterior"), rows=("VF-3", "DYN-9")
)
def flow_carries_noise_to_data(seed: int) -> Evidence:
    """The marginal velocity, integrated from noise, has law p_t at every t (d = 1, 2, 8)."""
    p, v = mixture_1d(), field(mixture_1d())
    grid, x = (
        grids.uniform(20),
        standard_normal(N, 1, generator=budget.generator("flow.mixture_1d", seed)),
    )
    states = trajectory(ode.rk4, v, x, grid)
    quantiles = torch.special.ndtri(torch.arange(1, 2000, dtype=torch.float64) / 2000)[:, None]
    its = independent.velocity(p)
    outcomes = []
    for t in FLOW_LEVELS:
        i = next(i for i, level in enumerate(grid.levels) if abs(level - t) < 1e-9)
        law = p.at(paths.linear(grid.levels[i]))
        # The flow keeps order in 1-D, so F_t(x_t) = Φ(x_1): what the rule misses is computed.
        ends = independent.carried(independent.CLASSICAL, its, quantiles, grid.levels[: i + 1])
        slack = float((law.cdf(ends) - torch.special.ndtr(quantiles)).abs().max())
        name = claim(f"flow.mixture_1d.t{t}")
        outcomes.append(
            distribution.cdf(states[i, :, 0], law.cdf, name, detects=0.018, slack=slack)
        )
    shown = {
        "ODE: 100,000 samples and the exact density (1-D)": pictures.histogram(
            states[-1],
            density_of(p),
            x=(-3.5, 4.5),
        ),
        "ODE: trajectories from noise to data (1-D)": pictures.trajectories(grid.levels, states),
    }
    for make in (mixture_2d, rotated_8d):
        q, wide = make(), f"flow.{make.__name__}.features"
        generator = budget.generator(wide, seed)
        noise, w = standard_normal(N_WIDE, q.d, generator=generator), frequencies(q.d)
        x = solve(ode.rk4, field(q), noise, grid)
        slack = _solver_error(independent.velocity(q), noise[:64], grid, w)
        outcomes.append(
            distribution.features(x, w, q.characteristic, claim(wide), detects=0.08, slack=slack)
        )
        if q.d == 2:
            title = "ODE: samples beside exact ones (eight modes)"
            shown[title] = pictures.scatter(x, beside=q.sample(1200, generator))
    return evidence_of(outcomes, shown)


def _solver_error(v: Field, noise: torch.Tensor, grid: grids.Grid, w: torch.Tensor) -> float:
    """A bound on what the rule's error does to cos(w·x): its largest displacement along a w."""
    exact = adaptive(v, noise, 1.0, 0.0, tolerance=1e-6)
    found = independent.carried(independent.CLASSICAL, v, noise, grid.levels)
    return float(((found - exact) @ w.T).abs().max())


_ONE = torch.ones(1, dtype=torch.float64)


@check("statistics", covers=("ode.euler", "ode.heun", "ode.rk4"), rows=("DYN-4", "DYN-5"))
def solvers_have_their_own_laws(seed: int) -> Evidence:
    """Noise carried by Euler, Heun and RK4 has the law of that rule, by an adaptive solver p_0.

    In one dimension a rule's exact law is known from its quantiles: Euler's with 40 steps is
    distinguished from the data's, which the adaptive solver must meet with nothing granted.
    """
    p, outcomes, figures = mixture_1d(), [], {}
    v, its, points = field(p), independent.velocity(p), torch.linspace(-3, 4, 701).double()
    for name, rule, table, T in (
        ("euler", ode.euler, independent.EULER, 40),
        ("heun", ode.heun, independent.HEUN, 20),
        ("rk4", ode.rk4, independent.CLASSICAL, 4),
    ):
        x = standard_normal(N, 1, generator=budget.generator(f"solver.{name}", seed))
        law = independent.carried_law(table, its, independent.uniform(T))
        ends = solve(rule, v, x, grids.uniform(T))[:, 0]
        named = claim(f"solver.{name}")
        outcomes.append(distribution.cdf(ends, law, named, detects=0.018, slack=1 / 20_000))
        far = float((law(points) - p.cdf(points)).abs().max())
        figures[f"computed distance of {name}, T={T}, to the data"] = far
    noise = standard_normal(N_WIDE, 1, generator=budget.generator("solver.adaptive", seed))
    ends = adaptive(v, noise, 1.0, 0.0, tolerance=1e-5, chunk=4096)[:, 0]
    outcomes.append(distribution.cdf(ends, p.cdf, claim("solver.adaptive"), detects=0.037))
    evidence = evidence_of(outcomes)
    evidence.figures.update(figures)
    return evidence
