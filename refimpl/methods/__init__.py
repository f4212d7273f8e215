"""Floor 2: Flow-GRPO and its descendants, as choices over the same proved equations.

    method      Method: kernel, window, weight, trust region, KL; PRESETS by name
    steps       kernel(method, x, v, step) → Gaussian;  plan(method, grid, iteration, seed) → Plan
    loss        log_prob, terms: what one trained step adds to the objective; the same in parts:
                between, penalty, weighed
    pieces      draw, replay: a step with its log-probability, at the speed of its memory

Imports `equations` and `simulate.grids`; the toy loop and the SD3.5 trainer import it.
"""

from .loss import Between, Terms, advantages, between, log_prob, penalty, terms, weighed
from .method import PRESETS, Method, preset
from .pieces import draw, replay
from .steps import Affine, Plan, affine, kernel, levers, plan, stds

__all__ = [
    "PRESETS",
    "Affine",
    "Between",
    "Method",
    "Plan",
    "Terms",
    "advantages",
    "affine",
    "between",
    "draw",
    "kernel",
    "levers",
    "log_prob",
    "penalty",
    "plan",
    "preset",
    "replay",
    "stds",
    "terms",
    "weighed",
]
