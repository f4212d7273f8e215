"""Identities between equations: facts that no single formula contains.

    mean of a step = (1 − s) data + (s − g² h/(2t)) noise    KL of two steps = the paper's

Both sides run production code, composed differently, in float64; gradients come from automatic
differentiation. Bounds are 64 roundings of the largest term: the sides have some twenty operations
each. Mixtures in one and two dimensions are in `mixtures`.
"""

from typing import Any

import torch

from ..equations import gaussian, paths, sde
from ..equations.elementary import Num
from .check import Evidence

ROUNDINGS = 64
"""Unit roundoffs of the largest term by which two compositions of ~20 operations may differ."""


class Disagreement(AssertionError):
    """Two sides of an identity that differ by more than rounding explains."""


def same(fact: str, left: Any, right: Any, *, largest: Any = None) -> float:
    """The gap between two sides, in unit roundoffs of the largest term.

    Args:
        fact: what is claimed, for the message.
        left: one side.
        right: the other.
        largest: the size of the largest term, a number or an array of them; the larger of the two
            sides' largest entries if left out.

    Raises:
        Disagreement: more than `ROUNDINGS`, or not finite.
    """
    a, b = (torch.as_tensor(x, dtype=torch.float64).detach() for x in (left, right))
    if largest is None:
        largest = max(float(a.abs().max()), float(b.abs().max()), 1e-300)
    gap = float(((a - b).abs() / (torch.as_tensor(largest) * 2.0**-53)).max())
    if not gap <= ROUNDINGS:
        raise Disagreement(
            f"{fact}: the sides differ by {gap:.3g} roundings of the largest term; "
            f"{ROUNDINGS} are allowed"
        )
    return gap


def report(gaps: dict[str, float]) -> Evidence:
    fact = max(gaps, key=lambda name: gaps[name])
    return Evidence(f"largest gap {gaps[fact]:.1f} roundings ({fact}), {ROUNDINGS} allowed", gaps)


def draw(seed: int, *names: str) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shape = (4, 3, 2, 5)
    return {n: torch.randn(shape, generator=generator, dtype=torch.float64) for n in names}


def levels() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """t, s and g per sample, shaped to meet (4, 3, 2, 5)."""
    column = (-1, 1, 1, 1)
    t = torch.tensor([0.9375, 0.75, 0.5, 0.0625], dtype=torch.float64).reshape(column)
    s = torch.tensor([0.875, 0.25, 0.46875, 0.0], dtype=torch.float64).reshape(column)
    return t, s, sde.flow_grpo_g(t, 0.7, t)


def step_of(x: Num, v: Num) -> gaussian.Gaussian:
    t, s, g = levels()
    return sde.transition(paths.linear(t), x, v, g, sde.Step(t, s))
