"""The flow, integrated: dx/dt = v(x, t) from noise down to data.

    x_{i+1} = rule(field, x_i, step_i),     rule one of `equations.ode.euler, heun, rk4`

A solver is a fold of one step over a grid. `adaptive` is the yardstick: it holds its tolerance for
every sample, where batch-wide error norms let a fifth of the samples miss it tenfold.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from scipy.integrate import solve_ivp
from torch import Tensor

from ..equations.ode import Field
from ..equations.sde import Step
from ..typed import held
from .grids import Grid

Rule: TypeAlias = Callable[[Field, Tensor, Step], Tensor]
"""One step of a solver, for instance `equations.ode.heun`."""


@held
@torch.no_grad()
def solve(
    rule: Rule, field: Field, x: Float[Tensor, "B ..."], grid: Grid
) -> Float[Tensor, "B ..."]:
    """x at the grid's last level, from x at its first.

    Raises:
        ValueError: x is not finite, or a step's validation refuses it.
    """
    for step in grid.steps:
        x = rule(field, x, step)
    return x


@held
@torch.no_grad()
def trajectory(
    rule: Rule, field: Field, x: Float[Tensor, "B ..."], grid: Grid
) -> Float[Tensor, "levels B ..."]:
    """x at every level of the grid, the start included."""
    states = [x]
    for step in grid.steps:
        states.append(rule(field, states[-1], step))
    return torch.stack(states)


@held
@torch.no_grad()
def adaptive(
    field: Field,
    x: Float[Tensor, "B ..."],
    t: float,
    s: float,
    *,
    tolerance: float = 1e-10,
    chunk: int = 512,
) -> Float[Tensor, "B ..."]:
    """x_s from x_t by DOP853 (float64): *each* entry's local error is below tolerance (1 + |x|).

    SciPy controls the root mean square over its n entries. With its tolerances divided by √n, the
    root of the sum of squares is below 1, hence every single entry is.

    Args:
        tolerance: local, per entry and step, both relative and absolute.
        chunk: samples integrated together; a smaller one follows stiff samples more cheaply.

    Raises:
        ValueError: t ≤ s, or a tolerance that float64 cannot hold.
        RuntimeError: the solver gave up.
    """
    Step(t, s)
    if not 1e-13 <= tolerance < 1:
        raise ValueError(f"the tolerance must lie in [1e-13, 1), got {tolerance!r}")
    done = []
    for rows in torch.split(x.double(), chunk):

        def slope(time: float, flat: np.ndarray, rows: Tensor = rows) -> np.ndarray:
            v = field(torch.from_numpy(flat).reshape(rows.shape), min(max(time, s), t))
            return v.reshape(-1).numpy()

        each = max(tolerance / rows.numel() ** 0.5, 3e-14)  # SciPy's floor is 100 ulp
        run = solve_ivp(slope, (t, s), rows.reshape(-1).numpy(), "DOP853", rtol=each, atol=each)
        if not run.success:
            raise RuntimeError(
                f"the adaptive solver stopped at t={float(run.t[-1])!r}: {run.message}"
            )
        done.append(torch.from_numpy(run.y[:, -1]).reshape(rows.shape))
    return torch.cat(done)
