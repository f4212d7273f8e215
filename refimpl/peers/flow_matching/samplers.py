"""flow_matching's ODE solvers as samplers: their law at the end, by method and by manifold.

ODESolver(v).sample(x, step_size = 1/T)        data-time: from 0, noise, to 1, data
"""

from typing import Any

import torch

from ...equations.conventions import flip_velocity
from ..installed import library
from ..samplers.chain import Noises, Run
from ..samplers.sampler import Sampler, register
from ..samplers.target import velocity

V = velocity()

METHODS = ("euler", "midpoint", "heun2", "heun3", "rk4", "dopri5")
RIEMANNIAN = ("euler", "midpoint", "rk4")


def _field(x: Any, t: Any) -> Any:
    return flip_velocity(V(x, 1 - t))  # dopri5 asks beyond the ends, where there is no level


def euclidean(its: Any, method: str) -> Run:
    """ODESolver in T equal steps, or with a tolerance that falls with T."""

    def run(x: Any, steps: int, noises: Noises) -> Any:
        solver = its.solvers.ODESolver(velocity_model=its.wrapped(_field))
        adaptive = method == "dopri5"
        return solver.sample(x_init=x, step_size=None if adaptive else 1 / steps, method=method,
                             atol=0.1 * steps**-3.0, rtol=0.1 * steps**-3.0)  # fmt: skip

    return run


def riemannian(its: Any, method: str) -> Run:
    """RiemannianODESolver on flat space, where it must be the other one."""

    def run(x: Any, steps: int, noises: Noises) -> Any:
        flat = library("flow_matching.utils.manifolds").Euclidean()
        solver = library("flow_matching.solver").RiemannianODESolver(flat, its.wrapped(_field))
        return solver.sample(x_init=x, step_size=1 / steps, method=method,
                             time_grid=torch.tensor([0.0, 1.0], dtype=x.dtype))  # fmt: skip

    return run


def samplers(its: Any) -> list[Sampler]:
    """Every solver and method."""
    return [sampler(its, kind, settings) for kind, settings in ASKED]


def sampler(its: Any, kind: str, settings: dict[str, Any]) -> Sampler:
    """One of them."""
    made, method = euclidean if kind == "ODESolver" else riemannian, settings["method"]
    return Sampler(kind, made(its, method), settings, adaptive=method == "dopri5")


ASKED = [("ODESolver", {"method": m}) for m in METHODS] + [
    ("RiemannianODESolver", {"method": m}) for m in RIEMANNIAN
]


register("flow_matching", ASKED, sampler)
