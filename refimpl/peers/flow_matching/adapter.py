"""flow_matching: affine paths with three schedules, their conversions, and the ODE solver.

    data-time: its t is 1 − (noise level), x_1 is data, x_0 is noise, and dx/dt = −v

Float64 is kept throughout. The library needs tqdm and torchdiffeq; conversions take t in the shape
of x.
"""

from importlib.metadata import version
from typing import Any

import torch

from ..installed import library
from ..judging import Facts, deviations


class FlowMatching:
    """The library, for its facts."""

    name = "flow_matching"

    def __init__(self) -> None:
        self.paths = library("flow_matching.path")
        self.schedules = library("flow_matching.path.scheduler")
        self.solvers = library("flow_matching.solver")
        self.version = version("flow-matching")

    def wrapped(self, model: Any) -> Any:
        """A velocity in the library's own wrapper."""

        class Wrapped(library("flow_matching.utils").ModelWrapper):  # type: ignore[misc]
            def forward(self, x: Any, t: Any, **extras: Any) -> Any:
                return self.model(x, t)

        return Wrapped(model)


class Path:
    """AffineProbPath with one of the schedules."""

    def __init__(self, its: FlowMatching, schedule: str, path: str) -> None:
        self.name = f"AffineProbPath({schedule})"
        self.version = its.version
        self.conventions = {"time": "data at 1", "path": path}
        self.deviations = deviations("flow_matching", self.name)
        self._path = its.paths.AffineProbPath(getattr(its.schedules, schedule)())

    def path(self, data: Any, noise: Any, t: Any) -> Any:
        return self._path.sample(x_0=noise, x_1=data, t=t).x_t

    def velocity_target(self, data: Any, noise: Any, t: Any) -> Any:
        return self._path.sample(x_0=noise, x_1=data, t=t).dx_t

    def velocity_from_data(self, x: Any, data: Any, t: Any) -> Any:
        return self._path.target_to_velocity(data, x, _like(t, x))

    def velocity_from_noise(self, x: Any, noise: Any, t: Any) -> Any:
        return self._path.epsilon_to_velocity(noise, x, _like(t, x))

    def data_from_velocity(self, x: Any, v: Any, t: Any) -> Any:
        return self._path.velocity_to_target(v, x, _like(t, x))

    def data_from_noise(self, x: Any, noise: Any, t: Any) -> Any:
        return self._path.epsilon_to_target(noise, x, _like(t, x))

    def noise_from_velocity(self, x: Any, v: Any, t: Any) -> Any:
        return self._path.velocity_to_epsilon(v, x, _like(t, x))

    def noise_from_data(self, x: Any, data: Any, t: Any) -> Any:
        return self._path.target_to_epsilon(data, x, _like(t, x))


def _like(t: Any, x: Any) -> Any:
    return t.reshape(-1, *(1,) * (x.ndim - 1)).expand_as(x)


class Solver:
    """ODESolver with one of torchdiffeq's fixed steps."""

    def __init__(self, its: FlowMatching, method: str, rule: str) -> None:
        self.name = f"ODESolver({method})"
        self.version = its.version
        self.conventions = {"time": "data at 1", "ode_method": rule}
        self.deviations = deviations("flow_matching", self.name)
        self._its, self._method = its, method

    def ode_sampler(self, field: Any, x: Any, levels: Any) -> Any:
        solver = self._its.solvers.ODESolver(velocity_model=lambda x, t: field(x, t))
        grid = levels.to(torch.float64)
        return solver.sample(x_init=x, step_size=None, method=self._method, time_grid=grid)


def everything() -> list[Any]:
    """Adapters and facts."""
    its = FlowMatching()
    schedules = {"CondOTScheduler": "linear", "CosineScheduler": "cosine", "VPScheduler": "vp"}
    methods = {"euler": "euler", "midpoint": "midpoint", "heun2": "heun"}
    return [
        *(Path(its, schedule, path) for schedule, path in schedules.items()),
        *(Solver(its, method, rule) for method, rule in methods.items()),
        Facts(its),
    ]
