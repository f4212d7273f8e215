"""One optimiser step: trained steps of many samples scored again in one pass, and the objective's
gradient.

    J = mean over samples and trained steps of [w min(r A, clip(r) A) − β KL]

A row is a pair (sample, step); rows of different steps share a forward pass. Micro-batches are
weighted by their number of rows, so that accumulating over them is exactly one big batch. Ratios
come from how far the velocity has moved (`policy.log_ratio_of_products`), so that float32 is enough
for coordinates; what there is one of a sample is float64.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ... import methods
from ...equations import expand_like
from ...equations.domain import fields
from ...equations.elementary import Num
from ...equations.kinds import unread
from ...equations.sde import Step
from ...methods import Affine, Method
from ..model.policy import Policy
from ..model.text import Text
from .rollout import Trajectory


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
        moved: KL of the step under the policy as it is from the step under the one that sampled,
            reduced like the ratio's logarithm.
    """

    objective: Float[Tensor, " rows"]
    ratio: Float[Tensor, " rows"]
    kl: Float[Tensor, " rows"]
    stopped: Tensor
    moved: Float[Tensor, " rows"]
    sample: Int[Tensor, " rows"]
    step: Int[Tensor, " rows"]


@dataclass(frozen=True, eq=False)
class Piece:
    """Rows of one step.

    Attributes:
        step: of the trained ones.
        sample: the rollouts, by number.
        index: the same, a slice where they follow one another: taking them then copies nothing.
    """

    step: int
    sample: Int[Tensor, " m"]
    index: slice | Int[Tensor, " m"]


@dataclass(frozen=True, eq=False)
class Rows:
    """A micro-batch: pairs (sample, step), step by step."""

    pieces: tuple[Piece, ...]

    @property
    def sample(self) -> Int[Tensor, " rows"]:
        """Of each row."""
        return torch.cat([piece.sample for piece in self.pieces])

    @property
    def step(self) -> Int[Tensor, " rows"]:
        """Of each row."""
        return torch.cat([torch.full_like(piece.sample, piece.step) for piece in self.pieces])

    def of(self, steps: Sequence[Tensor], later: int = 0) -> Tensor:
        """What is held of each row's step, or of a later one."""
        found = [steps[piece.step + later][piece.index] for piece in self.pieces]
        return found[0] if len(found) == 1 else torch.cat(found)

    def each(self, values: Sequence[Num], like: Tensor) -> Tensor:
        """A number of each step, for every row."""
        parts = [like.new_full((len(p.sample),), float(values[p.step])) for p in self.pieces]
        return parts[0] if len(parts) == 1 else torch.cat(parts)


def batches(
    samples: Sequence[int],
    steps: Sequence[int],
    rows: int,
    device: torch.device | str = "cpu",
) -> Iterator[Rows]:
    """Every sample at every one of these steps, step by step, at most `rows` rows at a time."""
    m, everyone = len(samples), torch.tensor(samples, dtype=torch.long, device=device)
    first = samples[0] if m else 0
    follow = list(samples) == list(range(first, first + m))
    for start in range(0, m * len(steps), rows):
        stop, pieces = min(start + rows, m * len(steps)), []
        for k in range(start // m, (stop - 1) // m + 1):
            a, b = max(start - k * m, 0), min(stop - k * m, m)
            chosen = everyone[a:b]
            pieces.append(
                Piece(steps[k], chosen, slice(first + a, first + b) if follow else chosen)
            )
        yield Rows(tuple(pieces))


def even(total: int, most: int) -> int:
    """Rows a batch where as few batches as possible are of one size: a few rows left over would be
    multiplied by other code than a batch, and rounded differently than in the rollout.
    """
    return -(-total // -(-total // most))


def score(policy: Policy, method: Method, experience: Experience, rows: Rows) -> Scored:
    """Replay rows under the policy as it is now, against what was stored."""
    held = experience.trajectory
    x, x_s, v_old = rows.of(held.states), rows.of(held.states, 1), rows.of(held.velocities)
    t, s = rows.each(held.levels, x), rows.each(held.levels[1:], x)
    sample = rows.sample
    first, place = _asked(held, rows)
    text = experience.text.rows(experience.prompt[sample[first]])
    half = rows.of(held.unconditional)[first] if held.unconditional else None
    v = policy.velocity(x[first], t[first], text, unconditional=half)[place]
    v_ref = policy.reference(x[first], t[first], text)[place] if method.beta > 0 else None
    law = _law(held.laws, rows, x)
    with unread():
        between = methods.between(method, law, v - v_old, law.drawn(x, x_s, v_old))
        penalty = None
        if v_ref is not None:
            penalty = methods.penalty(
                method,
                law.push(v),
                law.rest(x, x_s),
                reference=law.push(v_ref),
                velocities=(v, v_ref),
                step=Step(expand_like(t, x), expand_like(s, x)),
            )
        terms = methods.weighed(
            method,
            between,
            experience.advantages[sample],
            weight=rows.each(experience.weights, experience.advantages),
            penalty=penalty,
        )
    fields(objective=terms.objective)
    moved = between.kl.detach()
    return Scored(terms.objective, terms.ratio, terms.kl, terms.stopped, moved, sample, rows.step)


def _asked(
    held: Trajectory, rows: Rows
) -> tuple[slice | Int[Tensor, " m"], slice | Int[Tensor, " rows"]]:
    """One row of each that the network would be asked alike, and for every row its answer's place:
    rollouts with one start have one velocity until they part, forwards and backwards.
    """
    if held.start is None:
        return slice(None), slice(None)
    sample, step = rows.sample, rows.step
    what = step * len(held.ends) + torch.where(step == 0, held.start[sample], sample)
    found, place = torch.unique(what, return_inverse=True)
    numbers = torch.arange(len(what), device=what.device)
    return numbers.new_zeros(len(found)).scatter_reduce(
        0, place, numbers, "amin", include_self=False
    ), place


def _law(laws: tuple[Affine, ...], rows: Rows, x: Tensor) -> Affine:
    """The law of each row's step: numbers where all have one, else columns that meet x."""
    if len(rows.pieces) == 1:
        return laws[rows.pieces[0].step]
    columns = [rows.each([getattr(law, name) for law in laws], x) for name in _COEFFICIENTS]
    return Affine(*(expand_like(column, x) for column in columns))


_COEFFICIENTS = ("of_x", "of_v", "std")


def gradient(
    policy: Policy,
    method: Method,
    experience: Experience,
    samples: Sequence[int],
    *,
    rows: int,
    backward: Callable[[Tensor, int, int], None],
    each: Callable[[], AbstractContextManager[None]] = nullcontext,
    silent: bool = True,
    agree: Callable[[int], int] = lambda count: count,
) -> list[Scored]:
    """Accumulate the gradient of −J over these samples and all trained steps.

    Args:
        samples: the rollouts that take part.
        rows: in one pass.
        backward: called with a micro-batch's share of −J, its number and how many there are.
        each: what is round each micro-batch.
        silent: False leaves out samples whose advantage is 0, which without a KL have no gradient;
            the mean is still over all.
        agree: told how many micro-batches there are, the number that all processes go through.
    """
    steps = range(experience.steps)
    total, found = len(samples) * len(steps), []
    if not silent and method.beta == 0:
        samples = [i for i in samples if float(experience.advantages[i]) != 0] or samples[:1]
        rows = even(len(samples) * len(steps), rows)
    parts = list(batches(samples, steps, rows, experience.advantages.device))
    for number in range(agree(len(parts))):
        with each():
            if number < len(parts):
                scored = score(policy, method, experience, parts[number])
                backward(-scored.objective.sum() / total, number, len(parts))
                found.append(_kept(scored))
    return found


def _kept(scored: Scored) -> Scored:
    return Scored(
        scored.objective.detach(),
        scored.ratio,
        scored.kl,
        scored.stopped,
        scored.moved,
        scored.sample,
        scored.step,
    )


def joined(parts: list[Scored]) -> Scored:
    """All micro-batches as one."""
    names = ("objective", "ratio", "kl", "stopped", "moved", "sample", "step")
    return Scored(*(torch.cat([getattr(part, name) for part in parts]) for name in names))
