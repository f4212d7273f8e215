"""Floor 1: grids, solvers, rollouts that training can replay, and the exact laws of chains."""

from . import diffusion, grids, laws, ode, sde
from .diffusion import Diffusion
from .grids import Grid
from .sde import Rollout, Run, replay, rollout, run

__all__ = [
    "Diffusion",
    "Grid",
    "Rollout",
    "Run",
    "diffusion",
    "grids",
    "laws",
    "ode",
    "replay",
    "rollout",
    "run",
    "sde",
]
