"""Solvers as they are deployed: their orders, and the exact laws of their chains by two routes."""

from typing import Any

import torch
from torch import Tensor

from ...equations import correlated, ode
from ...simulate import grids, normal, sde, solvers
from ...simulate.diffusion import constant
from ...simulate.normal import Normal
from ...simulate.ode import adaptive
from ...simulate.solvers import Solver
from ...statistics import orders
from ...toy import field, mixture_1d
from ..check import Evidence, check

HIGH, LOW = 0.95, 0.05
LADDER = (80, 160, 320)
TILTED = Normal(
    torch.tensor([1.0, -0.5], dtype=torch.float64),
    torch.tensor([[0.75, 0.375], [0.375, 0.3125]], dtype=torch.float64),
)


def _orders() -> dict[str, tuple[Solver, int]]:
    """The solvers and what they claim, with the rules as they are now."""
    return {
        "euler": (solvers.one_step("euler", ode.euler), 1),
        "heun": (solvers.one_step("heun", ode.heun), 2),
        "midpoint": (solvers.one_step("midpoint", ode.midpoint), 2),
        "rk4": (solvers.one_step("rk4", ode.rk4), 4),
        "dpmpp_2m": (solvers.DPMPP_2M, 2),
        "unipc": (solvers.UNIPC, 2),
        "ddim, no noise": (solvers.ddim(0.0), 1),
    }


def _end(solver: Solver, v: Any, x: Tensor, grid: grids.Grid) -> Tensor:
    return solvers.run(solver, v, x, grid, noise=torch.zeros(solver.draws(grid), *x.shape).double())


@check(
    "samplers",
    covers=("ode.heun", "ode.midpoint", "ode.rk4", "multistep.dpmpp_2m", "multistep.unic_2"),
    rows=("DYN-5", "DYN-10"),
)
def deployed_solvers_converge_at_their_order(seed: int) -> Evidence:
    """On a mixture, from t = .95 to .05: orders 1, 2 and 4, first-order steps at the ends too.

    A single step of first order leaves an error of h² once, which a method of order 2 can bear;
    UniPC's steps in between are of order 3, and its ends hold it to 2.
    """
    v, figures = field(mixture_1d()), {}
    x = torch.tensor([[0.4]], dtype=torch.float64)
    exact = float(adaptive(v, x, HIGH, LOW, tolerance=1e-12))
    for name, (solver, p) in _orders().items():
        steps = LADDER if p < 4 else tuple(T // 4 for T in LADDER)
        errors = [float(_end(solver, v, x, grids.uniform(T, HIGH, LOW))) - exact for T in steps]
        found = orders.order([1 / T for T in steps], errors, expected=p, tolerance=0.1)
        figures[f"{name}: order"] = found.order
    return Evidence("orders of seven solvers to a tenth", figures)


@check(
    "samplers",
    covers=("correlated.velocity", "correlated.kl", "correlated.wasserstein", "ode.euler"),
    rows=("DYN-5", "DYN-10", "DYN-11"),
)
def chains_on_correlated_data_have_their_matrices(seed: int) -> Evidence:
    """The whole sampler's law, its kernels' laws, and two-dimensional formulas are one law.

    The start does not commute with the data's covariance: no common axes help. An adaptive solver
    ends at the data's own law, within its tolerance.
    """
    start = Normal(
        torch.tensor([0.25, 0.5], dtype=torch.float64),
        torch.tensor([[1.0, -0.5], [-0.5, 2.0]], dtype=torch.float64),
    )
    grid, v = grids.uniform(8), normal.field(TILTED)

    def by_coordinates(x: Tensor, t: float) -> Tensor:
        (mx, my), c = TILTED.mean.tolist(), TILTED.covariance
        xx, xy, yy = float(c[0, 0]), float(c[0, 1]), float(c[1, 1])
        a, b = x[:, 0], x[:, 1]
        return torch.stack(
            (
                correlated.velocity(a, b, mx, my, xx, xy, yy, t),
                correlated.velocity(b, a, my, mx, yy, xy, xx, t),
            ),
            dim=1,
        )

    kernels = sde.denoising(v, grid, diffusion=constant(0.0))
    one = normal.pushed(kernels, start)[-1]
    two = normal.law(lambda x, e: ode_solve(by_coordinates, x, grid), start)
    gap = max(_far(one.mean, two.mean), _far(one.covariance, two.covariance))
    if not gap < 1e-13:
        raise AssertionError(f"two routes to the law of a chain differ by {gap:.3g}")
    gap = max(gap, *_distances(one, TILTED))
    exact = normal.law(
        lambda x, e: solvers.run(solvers.to_tolerance(1e-9), v, x, grid), normal.standard(2)
    )
    off = max(_far(exact.mean, TILTED.mean), _far(exact.covariance, TILTED.covariance))
    if not off < 1e-7:  # the local errors of some fifty steps, each below 1e-9 (1 + |x|)
        raise AssertionError(f"the adaptive solver is off the data's law by {off:.3g}")
    return Evidence(
        f"laws by two routes within {gap:.1e}; adaptive, tolerance 1e-9: {off:.1e} from the data",
        {"two routes": gap, "adaptive to the data": off},
    )


def ode_solve(v: Any, x: Tensor, grid: grids.Grid) -> Tensor:
    """Euler's rule, step by step."""
    for step in grid.steps:
        x = ode.euler(v, x, step)
    return x


def _far(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().max())


def _distances(p: Normal, q: Normal) -> tuple[float, float]:
    """How far KL and W₂ by matrices are from the same written out in two dimensions."""
    gap = (p.mean - q.mean).tolist()
    three = [float(law.covariance[i, j]) for law in (p, q) for i, j in ((0, 0), (0, 1), (1, 1))]
    nats = abs(normal.kl(p, q) - correlated.kl(*gap, *three))
    square = abs(normal.wasserstein(p, q) ** 2 - correlated.wasserstein(*gap, *three))
    if not max(nats, square) < 1e-12:
        raise AssertionError(f"KL and distance by matrices are off by {nats:.3g} and {square:.3g}")
    return nats, square
