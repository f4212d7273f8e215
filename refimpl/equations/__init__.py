"""Floor 0: the mathematics. Closed forms, a module a topic; numpy and torch only."""

from . import (
    conventions,
    conversions,
    coupling,
    ddpm,
    density,
    dynamics,
    forward_process,
    gaussian,
    grpo,
    guidance,
    kernels,
    kl,
    langevin,
    likelihood,
    objectives,
    ode,
    paths,
    policy,
    schedules,
    sde,
    tilting,
    weights,
)
from .elementary import expand_like
from .gaussian import Gaussian
from .paths import Coefficients
from .registry import Equation, equations, find
from .sde import Step

__all__ = [
    "Coefficients",
    "Equation",
    "Gaussian",
    "Step",
    "conventions",
    "conversions",
    "coupling",
    "ddpm",
    "density",
    "dynamics",
    "equations",
    "expand_like",
    "find",
    "forward_process",
    "gaussian",
    "grpo",
    "guidance",
    "kernels",
    "kl",
    "langevin",
    "likelihood",
    "objectives",
    "ode",
    "paths",
    "policy",
    "schedules",
    "sde",
    "tilting",
    "weights",
]
