"""Invariants watched live: what must hold in every iteration of a policy gradient, as readings.

    Reading(name, value, low, high)         holds iff low ≤ value ≤ high; without bounds it is shown
    INVARIANTS[name]                        what is expected, and what a violation means

Functions take tensors that a trainer has at hand and return readings; no trainer is known here.
Statistical ones are z-scores with six standard errors of room: two false alarms in 10⁹ readings.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

SIX = 6.0
"""Standard errors that a statistical reading may be away: P(|z| > 6) = 2e-9."""


@dataclass(frozen=True)
class Invariant:
    """What a reading is about.

    Attributes:
        expected: in words.
        violation: what it means when it does not hold.
        fatal: whether the run is wrong then, or only learns badly.
    """

    expected: str
    violation: str
    fatal: bool = True


INVARIANTS: dict[str, Invariant] = {
    "ratio_gap": Invariant(
        "max |r − 1| = 0 before the first update of an iteration, up to rounding",
        "the policy that is scored is not the one that sampled: other precision, guidance, "
        "dropout, grid, or another step's log-probability",
    ),
    "replay_gap": Invariant(
        "replayed means equal the recorded ones, in units of the step's std, up to rounding",
        "states were rounded after they were scored, or the network was told another level",
    ),
    "mean_ratio": Invariant(
        "E_old[r] = 1 on samples that the update has not seen (z-score)",
        "the old log-probabilities belong to other samples or steps, or the ratio is upside down",
    ),
    "kl_start": Invariant(
        "KL to the reference = 0 before the first update of the run",
        "the reference is not the policy that training starts from",
    ),
    "advantage_mean": Invariant(
        "the mean advantage of every group = 0, up to rounding",
        "groups are mixed up, or the baseline is another group's",
    ),
    "advantage_std": Invariant(
        "the advantages' root mean square is what the division promises",
        "another divisor than the one in the settings: batch for group, ddof, eps",
    ),
    "residual_mean": Invariant(
        "(x_s − mean)/std has mean 0 (z-score)",
        "sampler and scorer disagree about the mean: a drift with the wrong sign or factor",
    ),
    "residual_variance": Invariant(
        "(x_s − mean)/std has variance 1 (z-score)",
        "sampler and scorer disagree about the std: √h twice or never, g for std",
    ),
    "residual_lag": Invariant(
        "(x_s − mean)/std is unrelated to the step before (z-score)",
        "noise is used twice, or a step is scored with its neighbour's action",
    ),
    "gradient_norm": Invariant(
        "finite, and above 0 while rewards differ",
        "NaN in the network; or no path from the loss to the policy: a missing replay, a detach",
    ),
    "clipped": Invariant(
        "less than half of the ratios outside the trust region",
        "most samples teach nothing: lower the learning rate or the number of epochs",
        fatal=False,
    ),
    "zero_groups": Invariant(
        "less than half of the groups with equal rewards",
        "most prompts are too easy, too hard, or the reward is too coarse",
        fatal=False,
    ),
    "dropped_groups": Invariant(
        "no group dropped for rewards that are NaN or infinite",
        "the reward function fails on some samples; they were left out and counted",
        fatal=False,
    ),
}


@dataclass(frozen=True)
class Reading:
    """One invariant, once.

    Attributes:
        low, high: where it should lie; −∞ and ∞ for a reading that is only shown.

    Raises:
        ValueError: a name that has no invariant.
    """

    name: str
    value: float
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        if self.name not in INVARIANTS:
            raise ValueError(f"no invariant {self.name!r}; there are {', '.join(INVARIANTS)}")

    @property
    def holds(self) -> bool:
        """NaN holds nowhere."""
        return self.low <= self.value <= self.high

    @property
    def row(self) -> list[float]:
        """As metrics keep it: value, low, high."""
        return [self.value, self.low, self.high]


def rounding(dtype: torch.dtype, coordinates: int) -> float:
    """How far rounding may move a sum over coordinates: a thousand roundings of each, at random."""
    return 1e3 * torch.finfo(dtype).eps * coordinates**0.5


def ratio_gap(ratio: Tensor, dtype: torch.dtype, coordinates: int) -> Reading:
    """Ratios before the first update, of any shape; in each so many coordinates of that dtype were
    added up.
    """
    gap = float((ratio.detach() - 1).abs().max())
    return Reading("ratio_gap", gap, 0.0, rounding(dtype, coordinates))


def replay_gap(
    means: Float[Tensor, "T B ..."], replayed: Float[Tensor, "T B ..."], stds: Sequence[float]
) -> Reading:
    """Means as recorded, and as the same policy makes them from the stored states."""
    worst = max(
        float((a - b).abs().max()) / std for a, b, std in zip(means, replayed, stds, strict=True)
    )
    return Reading("replay_gap", worst, 0.0, rounding(means.dtype, 1))


def shift(kl: float, coordinates: int) -> float:
    """How far a mean lies from another, in stds, over so many coordinates (root mean square): the
    KL between two Gaussians of one std is half the square of that, summed.
    """
    return math.sqrt(2 * kl / coordinates)


def mean_ratio(ratio: Tensor) -> Reading:
    """Ratios of whole samples (summed, not averaged, over coordinates) that no update has seen.

    Given the past each step's r − 1 has mean 0, so they are uncorrelated and their squares add up.
    """
    r = ratio.detach().double().flatten() - 1
    scale = float((r**2).sum().sqrt())
    z = float(r.sum()) / scale if scale > 0 else 0.0
    return Reading("mean_ratio", z, -SIX, SIX)


def kl_start(kl: float, dtype: torch.dtype, coordinates: int) -> Reading:
    """The summed KL before the first update of a run."""
    return Reading("kl_start", kl, 0.0, rounding(dtype, coordinates))


def advantages(
    a: Float[Tensor, "prompts G"], expected_rms: float | None, slack: float = 0.0
) -> list[Reading]:
    """Advantages by group; `expected_rms` over the groups that are not all zero, if it is known.

    Args:
        slack: what an eps in the divisor may take off the root mean square.
    """
    room = rounding(a.dtype, a.shape[1]) * max(1.0, float(a.abs().max()))
    readings = [Reading("advantage_mean", float(a.mean(dim=1).abs().max()), 0.0, room)]
    spoken = a[(a != 0).any(dim=1)]
    rms = float((spoken**2).mean().sqrt()) if len(spoken) else 0.0
    if expected_rms is None or not len(spoken):
        return [*readings, Reading("advantage_std", rms)]
    return [
        *readings,
        Reading("advantage_std", rms, expected_rms - slack - room, expected_rms + room),
    ]


def whiteness(
    actions: Float[Tensor, "K B ..."], means: Float[Tensor, "K B ..."], stds: Sequence[float]
) -> list[Reading]:
    """Residuals of consecutive noisy steps, as z-scores: mean, variance, lag one.

    Exact for whatever law the data have: given the past, residuals are standard normal.

    Args:
        actions: x_s as it was stored.
        means, stds: of the law that is being scored.
    """
    rows = [(x - m).flatten(1) / std for x, m, std in zip(actions, means, stds, strict=True)]
    e = torch.stack(rows).double()
    n = e.numel()
    spread = float((e**2).sum() - n) / (2 * n) ** 0.5
    scores = {"residual_mean": float(e.sum()) / n**0.5, "residual_variance": spread}
    if len(e) > 1:
        size = float((e[:-1] ** 2).sum()) ** 0.5
        scores["residual_lag"] = float((e[:-1] * e[1:]).sum()) / size
    return [Reading(name, z, -SIX, SIX) for name, z in scores.items()]


def gradient_norm(norm: float, rewards_differ: bool) -> Reading:
    """The norm before any clipping of it."""
    least = torch.finfo(torch.float64).tiny if rewards_differ else 0.0
    return Reading("gradient_norm", norm, least, torch.finfo(torch.float64).max)


def shares(*, clipped: float, zero_groups: float, dropped_groups: int) -> list[Reading]:
    """Share of ratios clipped, share of groups with equal rewards, number of groups dropped."""
    return [
        Reading("clipped", clipped, 0.0, 0.5),
        Reading("zero_groups", zero_groups, 0.0, 0.5),
        Reading("dropped_groups", float(dropped_groups), 0.0, 0.0),
    ]


def cosine(a: Sequence[Tensor], b: Sequence[Tensor]) -> float:
    """The cosine between two gradients, parameter by parameter: signal if it is well above 0.

    For two independent halves of a batch its size is about S/(S + N), with S the squared length of
    the expected gradient and N the noise of half a batch; pure noise scatters round 0.
    """
    inner = sum(float((x.double() * y.double()).sum()) for x, y in zip(a, b, strict=True))
    sizes = [sum(float((x.double() ** 2).sum()) for x in side) for side in (a, b)]
    return inner / (sizes[0] * sizes[1]) ** 0.5 if min(sizes) > 0 else 0.0
