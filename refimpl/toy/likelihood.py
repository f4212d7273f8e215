"""The likelihood of a flow: integrate the divergence along the way to noise.

    log p_0(x_0) = log N(x_1; 0, I) + ∫_0^1 ∇·v(x_t, t) dt,       dx/dt = v, t rising from data

On the house clock the sign is +: the flow towards noise takes density away from where it spreads.
The divergence is exact (d derivatives) or Hutchinson's εᵀJε, one vector product, unbiased. Maximum
likelihood can train a flow through this integral (`maximum_likelihood`).
"""

from collections.abc import Callable
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from ..equations import likelihood
from ..equations.gaussian import Gaussian
from ..equations.ode import Field
from ..equations.sde import Step
from ..simulate.grids import Grid
from ..simulate.ode import Rule, adaptive

Divergence: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""divergence(v, x) → shape (B,), where v was computed from x."""


def exact(v: Float[Tensor, "B d"], x: Float[Tensor, "B d"]) -> Float[Tensor, " B"]:
    """Σ_i ∂v_i/∂x_i: d backward passes."""
    rows = [_pull(v[:, i], x)[:, i] for i in range(x.shape[1])]
    return torch.stack(rows).sum(dim=0)


def hutchinson(eps: Float[Tensor, "B d"]) -> Divergence:
    """εᵀJε with a fixed ε per sample, the same along its whole trajectory: one backward pass."""

    def divergence(v: Tensor, x: Tensor) -> Tensor:
        estimate: Tensor = likelihood.hutchinson(eps, _pull((eps * v).sum(dim=1), x))
        return estimate

    return divergence


def _pull(value: Tensor, x: Tensor) -> Tensor:
    """∂ Σ value/∂x, differentiable once more; a row of value depends on that row of x alone."""
    if not value.requires_grad:
        return torch.zeros_like(x)
    (slope,) = torch.autograd.grad(value.sum(), x, create_graph=True, allow_unused=True)
    return torch.zeros_like(x) if slope is None else slope


def towards_noise(field: Field, divergence: Divergence = exact) -> Field:
    """The flow of (x, log p along the way), on the clock r = 1 − t, which falls as t rises.

    d/dr = −d/dt, so that this field is −(v, d log p/dt): solvers that walk levels down can run it.
    State: shape (B, d + 1), the change of log p last.
    """

    def augmented(state: Tensor, r: float) -> Tensor:
        with torch.enable_grad():
            x = state[:, :-1]
            x = x if x.requires_grad else x.detach().requires_grad_()
            v = field(x, 1 - r)
            rate = likelihood.instantaneous(divergence(v, x))
        return -torch.cat([v, rate[:, None]], dim=1)

    return augmented


def log_likelihood(
    field: Field,
    x: Float[Tensor, "B d"],
    *,
    divergence: Divergence = exact,
    tolerance: float = 1e-6,
) -> Float[Tensor, " B"]:
    """log p_0(x) of the flow from N(0, I) at t = 1, by an adaptive solver.

    Args:
        field: the velocity, t = 1 noise; one evaluation's rows must not depend on each other.
        divergence: `exact`, or `hutchinson(eps)` with eps of x's shape: then only the mean over
            eps is log p.
        tolerance: local, see `simulate.ode.adaptive`.
    """
    if x.ndim != 2:
        raise ValueError(f"samples must be (B, d), got {tuple(x.shape)}")
    if not bool(torch.isfinite(x).all()):
        raise ValueError("samples hold NaN or infinity: they have no likelihood")
    state = torch.cat([x.double(), x.new_zeros(len(x), 1).double()], dim=1)
    flow = towards_noise(field, divergence)
    state = adaptive(flow, state, 1.0, 0.0, tolerance=tolerance, chunk=max(len(x), 1)).detach()
    return _collect(state)


def fixed_step(
    field: Field, x: Float[Tensor, "B d"], rule: Rule, grid: Grid, divergence: Divergence = exact
) -> Float[Tensor, " B"]:
    """log p_0(x) by a rule on a grid, differentiable with respect to the field's parameters.

    Args:
        grid: levels r = 1 − t, falling from 1 (data) to 0 (noise).
    """
    state = torch.cat([x, x.new_zeros(len(x), 1)], dim=1).requires_grad_()
    flow = towards_noise(field, divergence)
    for step in grid.steps:
        state = rule(flow, state, Step(step.t, step.s))
    return _collect(state)


def _collect(state: Tensor) -> Tensor:
    """log N(x_1) minus the change of log p from t = 0 to 1."""
    noise, change = state[:, :-1], state[:, -1]
    log_noise: Tensor = Gaussian(0.0, 1.0).log_prob(noise).sum(dim=1)
    return log_noise - change
