"""How much noise a step injects: g as a function of the step.

    diffusion(step) → g ≥ 0        flow_grpo(a, boundary), constant(g), window(diffusion, high, low)

g is the SDE's coefficient; the step's standard deviation g √h is made by `equations.sde` alone.
A diffusion is a function of the *step* and not of t, since remedies at t = 1 look at s.
"""

from collections.abc import Callable
from typing import TypeAlias

from ..equations import sde
from ..equations.domain import level, nonnegative
from ..equations.sde import Boundary, Step
from ..typed import held

Diffusion: TypeAlias = Callable[[Step], float]
"""g of a step."""


@held
def flow_grpo(a: float, boundary: Boundary) -> Diffusion:
    """g = a √(t/(1 − t)), with a named remedy at t = 1: `sde.refuse`, `next_level`, `clamp(0.99)`.

    Raises:
        ValueError: a < 0 or NaN.
    """
    nonnegative(a=a)
    return lambda step: sde.flow_grpo_g(step.t, a, boundary(step))


@held
def constant(g: float) -> Diffusion:
    """The same g at every step; 0 makes the chain Euler's method for the flow.

    Raises:
        ValueError: g < 0 or NaN.
    """
    nonnegative(g=g)
    return lambda step: g


@held
def of_level(g: Callable[[float], float]) -> Diffusion:
    """A g that depends on the level where the step starts."""
    return lambda step: g(step.t)


@held
def window(diffusion: Diffusion, high: float, low: float) -> Diffusion:
    """Noise on steps that start in (low, high], the flow elsewhere (MixGRPO's windows).

    Steps outside the window are deterministic: they have no log-probability.

    Raises:
        ValueError: not 0 ≤ low < high ≤ 1.
    """
    level(high=high, low=low)
    if not low < high:
        raise ValueError(f"a window needs 0 <= low < high <= 1, got low={low!r}, high={high!r}")
    return lambda step: diffusion(step) if low < step.t <= high else 0.0
