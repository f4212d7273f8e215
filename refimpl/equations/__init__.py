"""Floor 0: the mathematics. Closed forms, a module a topic; numpy and torch only."""

from . import (
    conventions,
    conversions,
    density,
    gaussian,
    grpo,
    guidance,
    kl,
    ode,
    paths,
    policy,
    sde,
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
    "density",
    "equations",
    "expand_like",
    "find",
    "gaussian",
    "grpo",
    "guidance",
    "kl",
    "ode",
    "paths",
    "policy",
    "sde",
]
