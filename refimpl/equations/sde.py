"""The SDE that shares the flow's marginals, and one Euler–Maruyama step of it.

    dx = [v − ½ g² ∇log p_t] dt + g dw̄,      t running down from noise (1) to data (0)

A `Step` names two noise levels t > s. Its length h = t − s is positive, so no formula below holds
a signed dt or a √(−dt). `g` is the diffusion coefficient of the SDE (the article's σ_t); `std` is
the standard deviation of a whole step, g √h, always.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from .arguments import (
    Diffusion,
    Drift,
    Inside,
    Length,
    Level,
    LowerLevel,
    NoiseLevel,
    Score,
    State,
    Velocity,
    asks,
    structure,
)
from .conversions import score_from_velocity
from .domain import NOISED, POSITIVE_LEVEL, REAL, fields, level
from .elementary import Num, minimum, sqrt, where
from .gaussian import Gaussian
from .kinds import bounds
from .paths import Coefficients
from .registry import equation


@structure(judged=True)
@dataclass(frozen=True)
class Step:
    """One denoising step, from noise level t down to s.

    Raises:
        ValueError: a level outside [0, 1], or s ≥ t.
    """

    t: Level
    s: LowerLevel

    def __post_init__(self) -> None:
        level(t=self.t, s=self.s)
        fields(t=self.t, s=self.s)
        seen = bounds(self.t - self.s)
        if seen is not None and not seen[0] > 0:
            raise ValueError(f"noise levels must fall from t to s, got t={self.t!r}, s={self.s!r}")

    @property
    def h(self) -> Num:
        """The length of the step, t − s > 0."""
        return self.t - self.s


Boundary: TypeAlias = Callable[[Step], Num]
"""What stands for t inside 1/(1 − t): a policy for the singular start."""


@equation(
    "sde.forward_drift",
    rows=("SC-4",),
    paper="Eq. 16; Eq. 17",
    article="Eq. 9",
    also=(("course", "Theorem 13"),),
)
def forward_drift(v: Velocity, score: Score, g: Diffusion) -> Num:
    """f = v + ½ g² ∇log p_t: the drift of dx = f dt + g dw that keeps every marginal, t rising."""
    return v + g**2 / 2 * score


@equation(
    "sde.reverse_drift",
    rows=("SC-5",),
    paper="Eq. 19",
    article="Eq. 10",
    also=(
        ("anderson1982", ""),
        ("song2021", "Eq. 6"),
    ),
)
def reverse_drift(f: Drift, score: Score, g: Diffusion) -> Num:
    """f − g² ∇log p_t: the drift of dx = f dt + g dw run backwards in time."""
    return f - g**2 * score


@equation("sde.drift", rows=("SC-6",), paper="Eq. 7; Eq. 21", article="Eq. 11")
def drift(v: Velocity, score: Score, g: Diffusion) -> Num:
    """v − ½ g² ∇log p_t: the drift of sampling, t falling; it pays for the injected noise."""
    return v - g**2 / 2 * score


@equation("sde.probability_flow", rows=("SC-10",), also=(("song2021", "Eq. 13"),))
def probability_flow(f: Drift, score: Score, g: Diffusion) -> Num:
    """v = f − ½ g² ∇log p_t: the ODE with the marginals of dx = f dt + g dw."""
    return f - g**2 / 2 * score


@equation("sde.flow_grpo_drift", rows=("SC-9",), paper="Eq. 8; Eq. 28", article="Eq. 1; Eq. 15")
def flow_grpo_drift(
    x: State, v: Velocity, g: Diffusion, t: Annotated[Level, POSITIVE_LEVEL]
) -> Num:
    """v + g²/(2t) (x + (1 − t) v): the drift of sampling on the linear path, score eliminated.

    Raises:
        ValueError: t = 0 or outside [0, 1], g < 0, NaN, or shapes that do not agree.
    """
    return v + g**2 / (2 * t) * (x + (1 - t) * v)


@equation("sde.flow_grpo_g", rows=("GRPO-7",), paper="below Eq. 9", article="below Eq. 2")
def flow_grpo_g(t: Level, a: NoiseLevel, inside: Inside) -> Num:
    """g = a √(t/(1 − inside)), where `inside` is t, or what a boundary policy puts in its place.

    The article has inside = t, and is silent about t = 1, where g is singular and where every
    rollout starts. The policies of this module (`refuse`, `next_level`, `clamp`) name the remedies.

    !!! warning "One letter, two meanings"
        The article's σ_t is this g. The official code's `std_dev_t` is this g too, and it
        multiplies √h; other code calls g √h by that name.

    Raises:
        ValueError: a < 0, t outside [0, 1], or inside = 1: the singularity, with its remedies.
    """
    return a * sqrt(t / (1 - inside))


def refuse(step: Step) -> Num:
    """The article to the letter: t itself, so that a step from t = 1 is refused by `flow_grpo_g`."""
    return step.t


def next_level(step: Step) -> Num:
    """flow_grpo's remedy: at t = 1 exactly, the step's lower level s stands in, in 1/(1 − t) alone."""
    return where(step.t == 1, step.s, step.t)


def clamp(limit: float) -> Boundary:
    """UniRL's remedy: min(t, limit) stands in. Theirs is 0.99.

    Raises:
        ValueError: a limit outside (0, 1).
    """
    if not 0 < limit < 1:
        raise ValueError(f"the limit of a clamped boundary must lie in (0, 1), got {limit!r}")

    def clamped(step: Step) -> Num:
        return minimum(step.t, limit)

    return clamped


@equation(
    "sde.euler_maruyama",
    rows=("GRPO-6", "DYN-7"),
    paper="Eq. 9",
    article="Eq. 2",
    also=(
        ("course", "Section 2.2"),
        ("course_zh", "Algorithm 2"),
    ),
)
def euler_maruyama(x: State, f: Drift, g: Diffusion, h: Length) -> Gaussian:
    """N(x + h f, g² h): one step of dx = f dt + g dw, over a time h > 0 along the process.

    Raises:
        ValueError: h ≤ 0, g < 0, NaN, or shapes that do not agree.
    """
    return Gaussian(mean=x + h * f, std=g * sqrt(h))


@equation("sde.transition", rows=("GRPO-5", "GRPO-6", "SC-9"), paper="Eq. 9", article="Eq. 2")
def transition(
    c: Annotated[Coefficients, asks(alpha=REAL, sigma=NOISED, d_alpha=REAL, d_sigma=REAL)],
    x: State,
    v: Velocity,
    g: Diffusion,
    step: Step,
) -> Gaussian:
    """π(x_s | x_t) = N(x_t − h (v − ½ g² ∇log p_t), g² h): sampled in rollouts, scored in GRPO.

    Args:
        c: the path at step.t, for instance `paths.linear(step.t)`.
        x: x_t, shape (B, ...).
        v: the velocity at (x_t, t), shaped like x.
        g: the diffusion coefficient at t; 0 gives Euler's step of the flow.
        step: from t down to s; levels shaped to meet x.

    Raises:
        ValueError: t = 0, g < 0, NaN, or shapes that do not agree.
    """
    score = score_from_velocity(c, x, v)
    return euler_maruyama(x, -drift(v, score, g), g, step.h)
