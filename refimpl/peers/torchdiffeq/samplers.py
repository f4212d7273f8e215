"""torchdiffeq's methods as samplers of a flow: their law at the end, with the options they accept.

odeint(field, x, (1, 0), method, options)        the clock is the house clock, run downwards
"""

from typing import Any

import torch

from ..samplers.chain import Noises
from ..samplers.sampler import Sampler, each, register
from ..samplers.target import velocity

V = velocity()

METHODS: dict[str, tuple[tuple[str, Any], ...]] = {
    "euler": (("perturb", True), ("interp", "cubic")),
    "midpoint": (), "heun2": (), "heun3": (), "rk4": (),
    "explicit_adams": (("max_order", 2),), "implicit_adams": (("max_order", 2),),
    "adaptive_heun": (), "fehlberg2": (), "bosh3": (), "dopri5": (), "dopri8": (),
}  # fmt: skip
"""Every method of fixed or adaptive steps, and what it is asked for beside its defaults."""

ADAPTIVE = {"adaptive_heun", "fehlberg2", "bosh3", "dopri5", "dopri8"}


def sampler(its: Any, method: str, settings: dict[str, Any]) -> Sampler:
    """A method; one that chooses its steps is given a tolerance that falls with their number."""

    def run(x: Any, steps: int, noises: Noises) -> Any:
        times = torch.tensor([1.0, 0.0], dtype=torch.float64)
        given = {} if method in ADAPTIVE else {"step_size": 1 / steps}
        tolerance = 0.1 * steps**-3.0
        states = its.module.odeint(lambda t, y: V(y, t), x, times, method=method, rtol=tolerance,
                                   atol=tolerance, options=given | settings)  # fmt: skip
        return states[-1]

    plain = sampler(its, method, {}) if settings else None
    return Sampler(method, run, settings, adaptive=method in ADAPTIVE, plain=plain)


def samplers(its: Any) -> list[Sampler]:
    """Every method, at its defaults and with each of its options."""
    return [sampler(its, name, settings) for name, settings in each(METHODS)]


register("torchdiffeq", each(METHODS), sampler)
