"""From a dump's own conventions to those used here: clocks, scales, and what its std means.

    t, s → noise levels        velocities → noise − data        std → g √h and g

A reading is declared, or chosen as the one under which the numbers fit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ...equations import conventions, kernels, sde

VELOCITIES = ("v", "v_ref", "v_old", "v_cond", "v_uncond")
ROUNDED = 2.0**-20
"""A level above 1 by less than this is 1, rounded in float32 by a shift or a subtraction."""

BOUNDARIES: dict[str, sde.Boundary] = {
    "none": sde.refuse,
    "next_level": sde.next_level,
    "clamp 0.99": sde.clamp(0.99),
}


def boundary_of(name: str) -> sde.Boundary:
    """What stands for t inside 1/(1 − t): a rule of `BOUNDARIES`, or a clamp at another number."""
    return BOUNDARIES[name] if name in BOUNDARIES else sde.clamp(float(name.removeprefix("clamp ")))


@dataclass(frozen=True)
class Clock:
    """How t is told.

    Attributes:
        scale: 1, or 1000 for network time.
        data: t = 1 is data, and velocities are data − noise.
    """

    scale: float = 1.0
    data: bool = False

    def levels(self, t: Tensor) -> Tensor:
        """Noise levels in float64; what lies outside [0, 1] by more than rounding becomes NaN."""
        x = t.double() / self.scale
        x = torch.where((x > 1) & (x <= 1 + ROUNDED), 1.0, x)
        x = torch.where((x >= 0) & (x <= 1), x, torch.nan)
        if not self.data:
            return x
        known = torch.isfinite(x)
        return torch.where(known, conventions.flip_time(torch.where(known, x, 0.5)), torch.nan)

    def velocity(self, v: Tensor) -> Tensor:
        """noise − data."""
        return conventions.flip_velocity(v) if self.data else v


@dataclass(frozen=True)
class Reading:
    """What the dump's scalars mean.

    Attributes:
        std: the field std is the step's, or holds g, or is absent and follows from a schedule or
            stays unknown.
        schedule, a, boundary: of g, or of CPS's std, where neither was recorded.
    """

    clock: Clock
    std: Literal["step", "g", "schedule", "unknown"] = "step"
    a: float = 0.7
    boundary: str = "none"
    schedule: str = "flow_grpo"

    @property
    def told(self) -> str:
        """The schedule, in words."""
        if self.schedule == "cps":
            return f"std = s sin({self.a:.4g} π/2)"
        if self.schedule == "constant":
            return f"g = {self.a:.4g} throughout"
        return f"g = {self.a:.4g} √(t/(1 − t)), at t = 1 {self.boundary}"

    def resolve(self, p: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """t, s, h and, as far as they follow, the step's std and g, from what was recorded.

        Args:
            p: t, s on the house clock, std and g as recorded, each (n, 1).
        """
        made = {name: p[name] for name in ("t", "s") if name in p}
        if len(made) < 2:
            return made | ({"std": p["std"]} if "std" in p else {})
        step = sde.Step(p["t"], p["s"])
        root_h = sde.euler_maruyama(0 * step.h, 0 * step.h, 1 + 0 * step.h, step.h).std
        made["h"] = step.h
        if self.std == "unknown":
            return made
        if self.std == "schedule":
            g = p["g"] if "g" in p else self._scheduled(step, root_h)
            return made | {"g": g, "std": g * root_h}
        if self.std == "g":
            return made | {"g": p["std"], "std": p["std"] * root_h}
        return made | {"std": p["std"], "g": p.get("g", p["std"] / root_h)}

    def _scheduled(self, step: sde.Step, root_h: Tensor) -> Tensor:
        """g by the schedule."""
        if self.schedule == "cps":
            return kernels.cps_std(step.s, self.a + 0 * step.s) / root_h
        if self.schedule == "constant":
            return self.a + 0 * step.t
        return sde.flow_grpo_g(step.t, self.a, boundary_of(self.boundary)(step))


def clock_of(t: Tensor | None, s: Tensor | None, time: str | None, scale: float | None) -> Clock:
    """The clock that was declared, or that the numbers show.

    Network time is told by values above 1; data-time by t < s.
    """
    if t is None:
        return Clock(scale or 1.0, time == "data")
    if scale is None:
        scale = 1000.0 if float(t.double().max()) > 1 + ROUNDED else 1.0
    rising = s is not None and bool((t.double() < s.double()).double().mean() > 0.5)
    return Clock(scale, time == "data" if time else rising)
