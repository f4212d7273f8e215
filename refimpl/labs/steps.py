"""A grid, step by step: what each of its steps injects, forgets and costs in KL.

    along(levels, a=0.7)   →   [Row(t, s, h, g, std, memory, kl), ...]

The memory is the correlation of the state after the step with the noise that the chain began with,
for Flow-GRPO's step on data N(1.5, 0.25). The KL weight is what the paper's KL of a step is per
unit of squared difference of the velocities, h/2 (g (1 − t)/(2t) + 1/g)².
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from ..equations import kl, sde
from ..equations.sde import Boundary
from ..simulate import diffusion, grids, laws
from ..simulate.sde import denoising
from ..toy import field, gaussian_1d

RULES: dict[str, Boundary] = {"next_level": sde.next_level, "clamp": sde.clamp(0.99)}
"""What stands for t inside 1/(1 − t), by name."""

LARGE = 20.0
"""A g beyond which something is wrong with the first step: at a = .7 flow_grpo's is below 5."""


@dataclass(frozen=True)
class Row:
    """One step.

    Attributes:
        t, s, h: its levels and its length.
        g, std: the diffusion coefficient, and g √h.
        memory: how much of the initial noise is left after it, 0 to 1; NaN where nothing varies.
        kl: the KL per squared difference of velocities; infinite without noise.
    """

    t: float
    s: float
    h: float
    g: float
    std: float
    memory: float
    kl: float


def along(levels: Sequence[float], a: float = 0.7, rule: str = "next_level") -> list[Row]:
    """The rows of a grid.

    Args:
        levels: falling, the last one included.
        a: Flow-GRPO's noise level; 0 is the flow.
        rule: a word of `RULES`.

    Raises:
        ValueError: no such rule, a < 0, levels that make no grid.
    """
    if rule not in RULES:
        raise ValueError(f"rule is one of {', '.join(RULES)}, got {rule!r}")
    grid = grids.from_levels(levels)
    g_of = diffusion.flow_grpo(a, RULES[rule])
    memory = _memory(grid, g_of)
    rows = []
    for step, left in zip(grid.steps, memory, strict=True):
        g = float(g_of(step))
        weight = float(kl.flow_grpo(1.0, 0.0, g, step.t, step.h)) if g else float("inf")
        rows.append(Row(step.t, step.s, step.h, g, g * step.h**0.5, left, weight))
    return rows


def _memory(grid: grids.Grid, g_of: Callable[[sde.Step], float]) -> list[float]:
    """The correlation with the start after each step, by the exact recursion."""
    problem, one = gaussian_1d(), torch.ones(1, dtype=torch.float64)
    kernels = denoising(field(problem), grid, diffusion=g_of)
    law = laws.gaussian_law(kernels, 0 * one, one)
    return [float(c) for c in law.correlation_with_start[1:, 0]]
