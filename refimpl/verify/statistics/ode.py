"""The flow and its solvers: noise carried to data, errors that fall at the stated order."""

import math

import torch

from ...equations import ode, paths
from ...equations.ode import Field
from ...simulate import grids
from ...simulate.ode import Rule, adaptive, solve, trajectory
from ...statistics import budget, distribution, orders
from ...statistics.budget import claim
from ...statistics.ledger import FLOW_LEVELS, N_WIDE, N
from ...toy import field, gaussian_1d, mixture_1d, mixture_2d, rotated_8d
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
        carried = independent.classical_runge_kutta(its, quantiles, grid.levels[: i + 1])
        slack = float((law.cdf(carried) - torch.special.ndtr(quantiles)).abs().max())
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
    found = independent.classical_runge_kutta(v, noise, grid.levels)
    return float(((found - exact) @ w.T).abs().max())


_ONE = torch.ones(1, dtype=torch.float64)


@check("statistics", covers=("ode.euler", "ode.heun", "ode.rk4"), rows=("DYN-4", "DYN-5"))
def solvers_converge_at_their_order(seed: int) -> Evidence:
    """Euler, Heun and RK4 reach orders 1, 2, 4; on dx/dt = λx with the right constant."""
    x, exact, rate = _ONE, math.exp(-1.0), 1.0
    # 1/h steps, each without the series' next term: C = −(−λ)^(p+1)/(p+1)! e^(−λ)
    rules: dict[str, tuple[Rule, int]] = {
        "euler": (ode.euler, 1),
        "heun": (ode.heun, 2),
        "rk4": (ode.rk4, 4),
    }
    figures: dict[str, float] = {}
    for name, (rule, p) in rules.items():
        steps = (40, 80, 160) if p < 4 else (10, 20, 40)
        errors = [
            float(solve(rule, lambda x, t: rate * x, x, grids.uniform(T))) - exact for T in steps
        ]
        constant = -((-rate) ** (p + 1)) / math.factorial(p + 1) * exact
        found = orders.order([1 / T for T in steps], errors, expected=p, constant=constant)
        figures[f"{name}: order on dx/dt = x"] = found.order
        figures[f"{name}: constant/expected"] = found.constant / constant
        figures[f"{name}: order on the cosine path"] = _curved_order(rule, p)
    return Evidence(f"orders 1, 2, 4 and their constants to {orders.TOLERANCE:g}", figures)


def _curved_order(rule: Rule, p: int) -> float:
    """The order on N(1.5, 0.25) along the cosine path, with its curved mean and exact end."""
    problem, start, end = gaussian_1d(), 0.95, 0.05
    high, low = problem.at(paths.cosine(start)), problem.at(paths.cosine(end))
    x = high.mean + 0.7 * high.stds[0]
    exact = float(low.mean + 0.7 * low.stds[0, 0])
    steps = (40, 80, 160)
    v = field(problem, paths.cosine)
    errors = [float(solve(rule, v, x[None], grids.uniform(T, start, end))) - exact for T in steps]
    return orders.order([1 / T for T in steps], errors, expected=p, tolerance=0.1).order
