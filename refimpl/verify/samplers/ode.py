"""The flow transports every quantile; its solvers converge, and keep a tolerance."""

import math

import torch

from ...equations import ode, paths
from ...simulate import grids
from ...simulate.ode import Rule, adaptive, solve
from ...statistics import orders
from ...toy import field, gaussian_1d, mixture_1d
from ..check import Evidence, check


@check(
    "samplers",
    covers=("paths.velocity", "density.posterior", "density.conditional_mean"),
    rows=("VF-3", "DYN-9"),
)
def flow_transports_every_quantile(seed: int) -> Evidence:
    """In one dimension the flow keeps order: F_s(x_s) = F_t(x_t) along every trajectory."""
    p, gap = mixture_1d(), 0.0
    x = torch.linspace(-4, 4, 161, dtype=torch.float64)[:, None]
    for path, start in ((paths.linear, 1.0), (paths.cosine, 1.0)):
        for end in (0.5, 0.1, 0.0):
            y = adaptive(field(p, path), x, start, end)
            gap = max(gap, float((p.at(path(end)).cdf(y) - p.at(path(start)).cdf(x)).abs().max()))
    if not gap < 1e-8:  # local errors of 1e-10 over some hundred steps
        raise AssertionError(f"quantiles drift by {gap:.3g} along the flow")
    return Evidence(
        f"161 trajectories on two paths, largest drift {gap:.1e}", {"largest drift": gap}
    )


@check("samplers", covers=("ode.euler", "ode.heun", "ode.rk4"), rows=("DYN-4", "DYN-5"))
def solvers_converge_at_their_order(seed: int) -> Evidence:
    """Euler, Heun and RK4 reach orders 1, 2, 4; on dx/dt = λx with the right constant."""
    x, exact, rate = torch.ones(1, dtype=torch.float64), math.exp(-1.0), 1.0
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


_STAGES = 12
"""Slopes that a step of DOP853 asks for; a rejected step asks for as many."""


@check("samplers", covers=("paths.velocity",), rows=("DYN-5",))
def an_adaptive_solver_keeps_its_tolerance(seed: int) -> Evidence:
    """On N(1.5, 0.25), cosine path, the end is off by less than steps × tolerance × growth.

    A local error grows at most as much as the flow of a Gaussian stretches: by the ratio of the
    standard deviations at the end and where it was made, here at most 1.
    """
    problem, start, end = gaussian_1d(), 0.95, 0.05
    high, low = problem.at(paths.cosine(start)), problem.at(paths.cosine(end))
    z = torch.linspace(-3, 3, 25, dtype=torch.float64)[:, None]
    x, exact = high.mean + z * high.stds[0], low.mean + z * low.stds[0]
    v, errors = field(problem, paths.cosine), {}
    for tolerance in (1e-3, 1e-6, 1e-9):
        asked: list[float] = []

        def counted(x: torch.Tensor, t: float, asked: list[float] = asked) -> torch.Tensor:
            asked.append(t)
            return v(x, t)

        error = float((adaptive(counted, x, start, end, tolerance=tolerance) - exact).abs().max())
        bound = len(asked) / _STAGES * tolerance * (1 + float(x.abs().max()))
        if not error < bound:
            raise AssertionError(
                f"tolerance {tolerance:g}: off by {error:.3g}, not below {bound:.3g}"
            )
        errors[tolerance] = error
    if not errors[1e-9] < errors[1e-6] < errors[1e-3]:
        raise AssertionError(f"a smaller tolerance must bring a smaller error, got {errors}")
    told = ", ".join(f"{tolerance:g}: {error:.1e}" for tolerance, error in errors.items())
    figures = {f"error at tolerance {tolerance:g}": error for tolerance, error in errors.items()}
    return Evidence(f"largest error at each tolerance: {told}", figures)
