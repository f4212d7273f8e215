"""Rollouts: from noise to latents, remembering what training will score.

    x_s = mean_i(x_t) + std_i ε_i,      kept: x_t as it was fed, x_s as it was drawn, v(x_t)

Latents are float32, and the latent that is stored is the one that the network is fed and the one
that is scored. A step's coefficients are read off the method's kernel in float64, once; the step
itself is two products and a sum in float32. Nothing is scored here: see `update`.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ... import methods
from ...equations import expand_like
from ...equations.domain import fields
from ...equations.gaussian import Gaussian
from ...equations.kinds import unread
from ...equations.sde import Step
from ...methods import Affine, Method, Plan
from ...simulate.grids import Grid
from ..model.policy import Policy
from ..model.text import Text


@dataclass(frozen=True, eq=False)
class Trajectory:
    """n rollouts, as far as they are trained on.

    Attributes:
        ends: the latents that are decoded, float32.
        states: before each trained step, and after the last of them, float32.
        velocities: at each trained step, as sampled, float32.
        levels: the noise levels of `states`.
        laws: of each trained step.
        unconditional: that half of guidance at each trained step, or nothing.
        start: rollouts of one number are at one latent for one prompt before the first trained
            step; None: each is at its own.
    """

    ends: Float[Tensor, "n C H W"]
    states: tuple[Float[Tensor, "n C H W"], ...]
    velocities: tuple[Float[Tensor, "n C H W"], ...]
    levels: tuple[float, ...]
    laws: tuple[Affine, ...]
    unconditional: tuple[Float[Tensor, "n C H W"], ...] = ()
    start: Int[Tensor, " n"] | None = None

    @staticmethod
    def joined(parts: "list[Trajectory]") -> "Trajectory":
        """Several one after another."""
        if len(parts) == 1:
            return parts[0]
        return Trajectory(
            torch.cat([part.ends for part in parts]),
            tuple(map(torch.cat, zip(*(part.states for part in parts), strict=True))),
            tuple(map(torch.cat, zip(*(part.velocities for part in parts), strict=True))),
            parts[0].levels,
            parts[0].laws,
            tuple(map(torch.cat, zip(*(part.unconditional for part in parts), strict=True))),
            _numbered([part.start for part in parts if part.start is not None]),
        )


def _numbered(parts: list[Tensor]) -> Tensor | None:
    """Starts of several batches, none of which is another batch's."""
    if not parts:
        return None
    before = itertools.accumulate((int(part.max()) + 1 for part in parts[:-1]), initial=0)
    return torch.cat([part + count for part, count in zip(parts, before, strict=True)])


@dataclass(frozen=True, eq=False)
class Shared:
    """Starts that several rollouts have in common.

    Attributes:
        text: a row a start.
        start: of each rollout, by number.
    """

    text: Text
    start: Int[Tensor, " n"]


def law(
    method: Method,
    x: Float[Tensor, "n C H W"],
    v: Float[Tensor, "n C H W"],
    t: Float[Tensor, " n"],
    s: Float[Tensor, " n"],
    *,
    noisy: bool = True,
) -> Gaussian:
    """The law of x_s given x_t, in float64 and from the kernel itself: what monitors and records
    compare the run's own arithmetic with.
    """
    x, v = x.double(), v.double()
    step = Step(expand_like(t.double(), x), expand_like(s.double(), x))
    return methods.kernel(method, x, v, step, noisy=noisy)


@torch.no_grad()
def sample(
    policy: Policy,
    text: Text,
    noise: Iterator[Float[Tensor, "n C H W"]],
    *,
    grid: Grid,
    method: Method,
    plan: Plan,
    shared: Shared | None = None,
    keep: bool = False,
) -> Trajectory:
    """Roll out.

    Args:
        noise: standard normal numbers: the starts, then what each noisy step draws.
        shared: which rollouts have one start, None if each has its own. They part by what the
            first noisy step draws, and the network is asked once for all of them until then.
        keep: the unconditional half of trained steps too.

    Raises:
        ValueError: noise that ends too early, or trained steps with gaps between.
    """
    first, last = (plan.trained[0], plan.trained[-1]) if plan.trained else (grid.T, grid.T)
    if plan.trained != tuple(range(first, last + 1))[: len(plan.trained)]:
        raise ValueError(f"trained steps must follow one another, got {plan.trained}")
    quiet, noisy = (methods.affine(method, grid, noisy=noisy) for noisy in (False, True))
    draws = _drawn(noise)
    x, states, velocities = next(draws), [], []
    halves: list[Tensor] = []
    parting = plan.noisy.index(True) if shared is not None and any(plan.noisy) else 0
    own, text = text, shared.text if shared is not None else text
    for i, t in enumerate(grid.levels[:-1]):
        level = torch.full((len(x),), t, dtype=torch.float32, device=x.device)
        kept = halves if keep and first <= i <= last else None
        v = policy.velocity(x, level, text, kept=kept)
        if shared is not None and i == parting:
            x, v, text = x[shared.start], v[shared.start], own
            halves[:] = [half[shared.start] for half in halves]
        if first <= i <= last:
            states.append(x)
            velocities.append(v)
        with unread():
            x = noisy[i].law(x, v).sample(next(draws)) if plan.noisy[i] else quiet[i].law(x, v).mean
        if i == last:
            states.append(x)
    fields(latents=x)
    levels = grid.levels[first : last + 2] if plan.trained else ()
    laws = tuple(noisy[i] for i in plan.trained)
    start = shared.start if shared is not None and first == parting else None
    return Trajectory(x, tuple(states), tuple(velocities), levels, laws, tuple(halves), start)


def _drawn(noise: Iterator[Tensor]) -> Iterator[Tensor]:
    yield from noise
    raise ValueError("noise ended before the steps did: it needs the start and one a noisy step")


def without_noise(grid: Grid) -> Plan:
    """The plan of an evaluation: the flow's ODE, nothing trained."""
    return Plan(noisy=(False,) * grid.T, trained=(), weights=())
