"""One optimiser step: trained steps of many samples scored again in one pass, and the objective's
gradient.

    J = mean over samples and trained steps of [w min(r A, clip(r) A) − β KL]

A row is a pair (sample, step); rows of different steps share a forward pass. Micro-batches are
weighted by their number of rows, so that accumulating over them is exactly one big batch. Ratios
come from how far the mean has moved (`policy.log_ratio_of_means`), so that float32 is enough for
coordinates; what there is one of a sample is float64.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .. import methods
from ..equations import expand_like
from ..equations.elementary import Num
from ..equations.sde import Step
from ..methods import Affine, Method
from .policy import Policy
from .rollout import Trajectory
from .text import Text


@dataclass(frozen=True, eq=False)
class Experience:
    """What a process learns from in one iteration.

    Attributes:
        trajectory: its n rollouts.
        text: one row per different prompt.
        prompt: for each rollout, its row of `text`.
        advantages: shape (n,), float64.
        weights: of the K trained steps.
    """

    trajectory: Trajectory
    text: Text
    prompt: Int[Tensor, " n"]
    advantages: Float[Tensor, " n"]
    weights: tuple[float, ...]

    @property
    def steps(self) -> int:
        """K, the number of trained steps."""
        return len(self.weights)


@dataclass(frozen=True, eq=False)
class Scored:
    """One micro-batch, scored.

    Attributes:
        objective: one value a row, with its gradient.
        ratio, kl, stopped: one value a row, without.
        mean_gap: max |mean − mean_old| over a row's coordinates, in units of the step's std.
    """

    objective: Float[Tensor, " rows"]
    ratio: Float[Tensor, " rows"]
    kl: Float[Tensor, " rows"]
    stopped: Tensor
    mean_gap: Float[Tensor, " rows"]
    sample: Int[Tensor, " rows"]
    step: Int[Tensor, " rows"]


def batches(
    samples: Int[Tensor, " m"], steps: int, rows: int
) -> Iterator[tuple[Int[Tensor, " r"], Int[Tensor, " r"]]]:
    """(sample, step) of every pair, step by step, in micro-batches of at most `rows` rows."""
    sample = samples.repeat(steps)
    step = torch.arange(steps, device=samples.device).repeat_interleave(len(samples))
    yield from zip(torch.split(sample, rows), torch.split(step, rows), strict=True)


def score(
    policy: Policy,
    method: Method,
    experience: Experience,
    sample: Int[Tensor, " rows"],
    step: Int[Tensor, " rows"],
) -> Scored:
    """Replay rows under the policy as it is now, against what was stored."""
    held = experience.trajectory
    device = held.states.device
    levels = torch.tensor(held.levels, dtype=torch.float64, device=device)
    weights = torch.tensor(experience.weights, dtype=torch.float64, device=device)
    t, s = levels[step].float(), levels[step + 1].float()
    x, x_s = held.states[sample, step], held.states[sample, step + 1]
    text = experience.text.rows(experience.prompt[sample])
    v = policy.velocity(x, t, text)
    law = _rows_of(held.laws, step, x)
    new, old = law.push(v), law.push(held.velocities[sample, step])
    reference = velocities = None
    if method.beta > 0:
        v_ref = policy.reference(x, t, text)
        reference, velocities = law.push(v_ref), (v, v_ref)
    terms = methods.terms(
        method,
        new,
        old,
        law.rest(x, x_s),
        experience.advantages[sample],
        weight=weights[step],
        reference=reference,
        velocities=velocities,
        step=Step(expand_like(t, x), expand_like(s, x)),
    )
    moved = (new.mean.detach() - old.mean).flatten(1)
    gap = moved.abs().amax(dim=1) / new.std.flatten()
    return Scored(terms.objective, terms.ratio, terms.kl, terms.stopped, gap, sample, step)


def _rows_of(laws: tuple[Affine, ...], step: Int[Tensor, " rows"], x: Tensor) -> Affine:
    """The law of each row's step, shaped to meet x."""

    def column(values: list[Num]) -> Tensor:
        return expand_like(torch.tensor(values, dtype=x.dtype, device=x.device)[step], x)

    return Affine(*(column([getattr(law, name) for law in laws]) for name in _COEFFICIENTS))


_COEFFICIENTS = ("of_x", "of_v", "std")


def gradient(
    policy: Policy,
    method: Method,
    experience: Experience,
    samples: Int[Tensor, " m"],
    *,
    rows: int,
    backward: Callable[[Tensor, int, int], None],
) -> list[Scored]:
    """Accumulate the gradient of −J over these samples and all trained steps.

    Args:
        samples: the rollouts that take part.
        rows: in one pass.
        backward: called with a micro-batch's share of −J, its number and how many there are.
    """
    parts = list(batches(samples, experience.steps, rows))
    total, found = len(samples) * experience.steps, []
    for number, (sample, step) in enumerate(parts):
        scored = score(policy, method, experience, sample, step)
        backward(-scored.objective.sum() / total, number, len(parts))
        found.append(_kept(scored))
    return found


def _kept(scored: Scored) -> Scored:
    return Scored(
        scored.objective.detach(),
        scored.ratio,
        scored.kl,
        scored.stopped,
        scored.mean_gap,
        scored.sample,
        scored.step,
    )


def joined(parts: list[Scored]) -> Scored:
    """All micro-batches as one."""
    names = ("objective", "ratio", "kl", "stopped", "mean_gap", "sample", "step")
    return Scored(*(torch.cat([getattr(part, name) for part in parts]) for name in names))
