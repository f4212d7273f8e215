"""flow_matching: schedules, affine paths, conversions and the ODE solver.

    data-time: its t is 1 − (noise level), x_1 is data, x_0 is noise, and dx/dt = −v

Every time goes in through `conventions.flip_time`, and every velocity comes out through
`conventions.flip_velocity`. Float64 is kept throughout. The library asks for tqdm, torchdiffeq and
t with trailing dimensions.
"""

from collections.abc import Callable
from typing import Any

import torch

from ...equations import Coefficients, paths
from ...equations.conventions import flip_path, flip_time, flip_velocity
from ...equations.ode import Field
from . import library


class FlowMatching:
    """What flow_matching offers, on the house clock."""

    name = "flow_matching"
    roundoff = 2.0**-53
    deviations = ()

    def __init__(self) -> None:
        self._path = library("flow_matching.path")
        self._schedules = library("flow_matching.path.scheduler")
        self._solver = library("flow_matching.solver")
        from importlib.metadata import version

        self.version = version("flow-matching")

    def schedules(
        self,
    ) -> dict[str, tuple[Callable[[Any], Coefficients], Callable[[Any], Coefficients]]]:
        """By name: its coefficients and the house's, both on the house clock."""
        pairs = {
            "CondOT": (self._schedules.CondOTScheduler(), paths.linear),
            "cosine": (self._schedules.CosineScheduler(), paths.cosine),
            "VP": (self._schedules.VPScheduler(0.1, 20.0), lambda t: paths.vp(t, 0.1, 20.0)),
        }
        return {name: (self._flipped(theirs), ours) for name, (theirs, ours) in pairs.items()}

    def further_schedules(self) -> dict[str, Callable[[Any], Coefficients]]:
        """Schedules that the house does not have: their derivatives can still be checked."""
        return {
            "polynomial, n = 3": self._flipped(self._schedules.PolynomialConvexScheduler(3)),
            "linear VP": self._flipped(self._schedules.LinearVPScheduler()),
        }

    def path_point(self, name: str, data: Any, noise: Any, t: Any) -> tuple[Any, Any]:
        """x_t and its velocity for one t per sample, shape (B,)."""
        path = self._path.AffineProbPath(self._named(name))
        sample = path.sample(x_0=noise, x_1=data, t=flip_time(t))
        return sample.x_t, flip_velocity(sample.dx_t)

    def convert(self, name: str, source: str, target: str, value: Any, x: Any, t: Any) -> Any:
        """From one of velocity, data, noise to another; t has the shape of x."""
        path = self._path.AffineProbPath(self._named(name))
        words = {"velocity": "velocity", "data": "target", "noise": "epsilon"}
        function = getattr(path, f"{words[source]}_to_{words[target]}")
        value = flip_velocity(value) if source == "velocity" else value
        got = function(value, x, flip_time(t))
        return flip_velocity(got) if target == "velocity" else got

    def integrate(self, field: Field, x: Any, levels: Any, method: str) -> Any:
        """x at the last level, one solver step from each level to the next."""

        def their_field(x: Any, t: Any) -> Any:
            return flip_velocity(field(x, flip_time(t)))

        solver = self._solver.ODESolver(velocity_model=their_field)
        times = flip_time(torch.as_tensor(levels, dtype=torch.float64))
        return solver.sample(x_init=x, step_size=None, method=method, time_grid=times)

    def _named(self, name: str) -> Any:
        return {
            "CondOT": self._schedules.CondOTScheduler,
            "cosine": self._schedules.CosineScheduler,
            "VP": self._schedules.VPScheduler,
        }[name]()

    def _flipped(self, scheduler: Any) -> Callable[[Any], Coefficients]:
        def coefficients(t: Any) -> Coefficients:
            c = scheduler(flip_time(t))
            return flip_path(Coefficients(c.alpha_t, c.sigma_t, c.d_alpha_t, c.d_sigma_t))

        return coefficients
