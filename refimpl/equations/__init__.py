"""Floor 0: the mathematics. Closed forms, a module a topic; numpy and torch only."""

from . import (
    conventions,
    conversions,
    coupling,
    ddpm,
    density,
    dynamics,
    gaussian,
    grpo,
    guidance,
    kl,
    langevin,
    likelihood,
    objectives,
    ode,
    paths,
    policy,
    sde,
    tilting,
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
    "gaussian",
    "grpo",
    "guidance",
    "kl",
    "langevin",
    "likelihood",
    "objectives",
    "ode",
    "paths",
    "policy",
    "sde",
    "tilting",
]
