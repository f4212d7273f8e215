"""Facts about flow_matching's ODE solver: its steps, its grid, its likelihood.

v = rate · x + slope · t            log p₁(x₁) = log p₀(x₀) − ∫ div u dt
"""

from itertools import pairwise
from typing import Any

import numpy as np
import torch

from ...conformance.checks.register import Differs, Finding
from ...conformance.diagnosis.readings import Explanation
from ...equations import gaussian, ode
from ...equations.conventions import flip_time, flip_velocity
from ...equations.elementary import exp
from ...equations.likelihood import instantaneous
from ...evidence.calls import linear_field
from ...simulate import grids
from .. import tableau
from ..facts import fact, law, near
from ..torchdiffeq.facts import ALMOST, ORDERS
from .facts import numbers


def solver(library: Any, field: Any) -> Any:
    """A solver of a field on the house clock."""
    return library.solvers.ODESolver(
        velocity_model=lambda x, t: flip_velocity(field(x, flip_time(t)))
    )


def times(*levels: float) -> torch.Tensor:
    """Levels on its clock."""
    flipped: torch.Tensor = flip_time(torch.tensor(levels, dtype=torch.float64))
    return flipped


def _turned(field: Any, total: float) -> Any:
    """The field on a clock that runs the other way over the same step."""
    return lambda y, u: -field(y, total - u)


@fact("flow_matching", "solver.steps", covers=("ode.euler", "ode.heun", "ode.rk4"))
def steps(library: Any) -> Finding:
    """Euler, Heun and RK4 go from level to level by the equations; every state is returned.

    RK4's table is another than Kutta's, but on a field that is linear in state and time all methods
    with four stages and order four take one step.
    """
    worst, x = 0.0, numbers(2, 3)
    field = linear_field(-0.75, 1.25)
    for levels in ((1.0, 0.75, 0.625, 0.0), (0.25, 0.5, 1.0)):
        for method, rule in (("euler", ode.euler), ("heun2", ode.heun), ("rk4", ode.rk4)):
            want = [x]
            for t, s in pairwise(levels):
                step = grids.from_levels((max(t, s), min(t, s))).steps[0]
                if t > s:
                    want.append(rule(field, want[-1], step))
                else:  # upwards: the same rule, with the clock and the field turned round
                    want.append(rule(_turned(field, t + s), want[-1], step))
            got = solver(library, field).sample(x_init=x, step_size=None, method=method,
                                                time_grid=times(*levels),
                                                return_intermediates=True)  # fmt: skip
            worst = max(worst, near(f"{method} over {levels}", got, torch.stack(want)))
            last = solver(library, field).sample(x_init=x, step_size=None, method=method,
                                                 time_grid=times(*levels))  # fmt: skip
            worst = max(worst, near(f"{method} over {levels}, the end", last, want[-1]))
    return Finding(worst)


@fact("flow_matching", "solver.order")
def order(library: Any) -> Finding:
    """Each fixed-step method of the solver has its order, by its table."""
    worst = 0.0
    for method in ("euler", "midpoint", "heun3", "rk4"):

        def solve(field: Any, x: Any, method: str = method) -> Any:
            its = library.solvers.ODESolver(velocity_model=lambda x, t: field(x, t))
            grid = torch.tensor([0.25, 0.75], dtype=torch.float64)
            return its.sample(x_init=x, step_size=None, method=method, time_grid=grid)

        for tree, residual in tableau.read(solve, 0.25, 0.75).residuals(ORDERS[method]):
            told = f"the condition of the tree {tree} is off by {residual:.3g}"
            law(method, abs(residual) < ALMOST, told)
            worst = max(worst, abs(residual) / ALMOST)
    return Finding(worst)


@fact("flow_matching", "solver.exact")
def exact(library: Any) -> Finding:
    """The end is the exponential's: adaptively, and in steps of a given size, with their error."""
    worst, x = 0.0, numbers(2, 3)
    grow = float(exp(np.float64(-0.5)))
    its = library.solvers.ODESolver(velocity_model=lambda x, t: -0.5 * x)
    got = its.sample(x_init=x, step_size=None, method="dopri5", atol=1e-9, rtol=1e-9,
                     time_grid=times(1.0, 0.0))  # fmt: skip
    worst = max(worst, near("dopri5, tolerance 1e-9", got, x * grow, unit=1e-9, roundings=10))
    loose = its.sample(x_init=x, step_size=None, method="dopri5", atol=1e-2, rtol=1e-2,
                       time_grid=times(1.0, 0.0))  # fmt: skip
    law("dopri5, tolerance 1e-2", bool((loose - x * grow).abs().max() > 1e-7),
        "no looser than 1e-9: the tolerances are not passed on")  # fmt: skip
    got = its.sample(x_init=x, step_size=0.25, time_grid=times(1.0, 0.0))
    worst = max(worst, near("four steps of .25", got, x * (1 - 0.125) ** 4))
    default = library.solvers.ODESolver(velocity_model=lambda x, t: 0.5 * x)
    got = default.sample(x_init=x, step_size=0.25)
    return Finding(max(worst, near("by default from 0 to 1", got, x * (1 + 0.125) ** 4)))


def _law_0(z: Any) -> Any:
    return gaussian.log_prob(z, 0 * z, 1 + 0 * z).sum(dim=1)


@fact("flow_matching", "solver.likelihood", covers=("likelihood.instantaneous",))
def likelihood(library: Any) -> Finding:
    """log p₁ is log p₀ at the start of the path, less the exact divergence along it."""
    worst, x = 0.0, numbers(4, 2)
    mixing = torch.tensor([[0.5, 1.0], [-0.75, -0.25]], dtype=torch.float64)
    its = library.solvers.ODESolver(velocity_model=lambda x, t: x @ mixing.T)
    # dx/dt = A x on its clock: x₀ = e^(−A) x₁, and the divergence is the trace all along
    start = x @ torch.linalg.matrix_exp(-mixing).T
    want = _law_0(start) + instantaneous(mixing.trace())
    for settings in ({"method": "dopri5", "atol": 1e-9, "rtol": 1e-9, "step_size": None},
                     {"method": "midpoint", "step_size": 0.002}):  # fmt: skip
        got_x, got = its.compute_likelihood(x_1=x, log_p0=_law_0, exact_divergence=True, **settings)
        told = f"{settings['method']}, exact divergence"
        worst = max(worst, near(f"{told}: x₀", got_x, start, unit=1e-6, roundings=10))
        worst = max(worst, near(f"{told}: log p₁", got, want, unit=1e-6, roundings=10))
    states, whole = its.compute_likelihood(x_1=x, log_p0=_law_0, exact_divergence=True,
                                       method="dopri5", atol=1e-9, rtol=1e-9, step_size=None,
                                       time_grid=torch.tensor([1.0, 0.5, 0.0]),
                                       return_intermediates=True)  # fmt: skip
    worst = max(worst, near("the first state returned", states[0], x))
    told = "log p₁ with a time between"
    worst = max(worst, near(told, whole, want, unit=1e-6, roundings=10))
    return Finding(worst)


@fact("flow_matching", "solver.estimated_likelihood")
def estimated(library: Any) -> Finding:
    """The estimated divergence is Hutchinson's zᵀ A z, with one sign vector z per sample."""
    worst, x = 0.0, numbers(4, 2).float()
    mixing = torch.tensor([[0.5, 1.0], [-0.75, -0.25]])
    for only in ("diagonal", "full"):
        a = torch.diag(mixing.diag()) if only == "diagonal" else mixing
        start = x @ torch.linalg.matrix_exp(-a).T
        its = library.solvers.ODESolver(velocity_model=lambda x, t, a=a: x @ a.T)
        _, got = its.compute_likelihood(x_1=x, log_p0=_law_0, exact_divergence=False,
                                        method="dopri5", step_size=None, atol=1e-6,
                                        rtol=1e-6)  # fmt: skip
        found = (_law_0(start) - got).double()
        # a sign vector gives the trace, plus or minus the sum of the two off-diagonal entries
        off = abs(float(a[0, 1] + a[1, 0]))
        distance = torch.minimum((found - a.trace() - off).abs(), (found - a.trace() + off).abs())
        told = f"the {only} matrix: distance from the possible values of zᵀ A z"
        worst = max(worst, near(told, 1 + distance, torch.ones(4), unit=1e-4))
    return Finding(worst)


@fact("flow_matching", "solver.float64")
def float64(library: Any) -> Finding:
    """The estimated divergence works in float64, as everything else does."""
    x = numbers(4, 2)
    its = library.solvers.ODESolver(velocity_model=lambda x, t: 0.5 * x)
    try:
        _, got = its.compute_likelihood(x_1=x, log_p0=_law_0, exact_divergence=False, step_size=0.5)
    except RuntimeError as error:
        reading = Explanation("mistake", "signs drawn in float32", 0.0, "", "draw them like x")
        named = (reading,) if "Double" in str(error) and "Float" in str(error) else ()
        raise Differs(f"it is refused: {error}", float("inf"), named) from None
    return Finding(near("its log p₁", got.isfinite(), torch.ones(4)))
