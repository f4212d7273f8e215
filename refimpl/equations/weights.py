"""Weights and masks on the steps of GRPO: the same likelihood, trusted unequally over t.

    ∂ log p(x_s | x_t)/∂v = −(h c/std) ε,   c = 1 + g² (1 − t)/(2t)

A step's gradient carries the factor h c/std, which grows by orders of magnitude towards the data;
summed equally, the last steps drown the rest. The methods below reweigh steps, recentre the ratio,
or replace its clipping by a test on the divergence.
"""

from typing import Annotated, TypeAlias

from .arguments import (
    Advantage,
    Argument,
    Correlation,
    Diffusion,
    Divergence,
    Length,
    Level,
    Lever,
    Limit,
    LogRatio,
    Ratio,
    Std,
)
from .domain import DENSE, NONNEGATIVE, POSITIVE, POSITIVE_LEVEL
from .elementary import Array, Num, where
from .registry import equation

Stds: TypeAlias = Annotated[
    Array, Argument(r"\mathrm{std}", "the standard deviation", DENSE, "array")
]


@equation(
    "weights.lever",
    rows=("GRPO-5",),
    paper="Eq. 9",
    article="Eq. 2",
    remark="differentiated",
)
def lever(g: Diffusion, t: Annotated[Level, POSITIVE_LEVEL], h: Length) -> Num:
    """h (1 + g² (1 − t)/(2t)): how far the mean of a step moves for a change of the velocity.

    Raises:
        ValueError: g < 0, t = 0 or outside [0, 1], h ≤ 0, NaN, or shapes that do not agree.
    """
    return h * (1 + g**2 * (1 - t) / (2 * t))


@equation(
    "weights.levelled",
    rows=("GRPO-4",),
    remark="the reciprocal of the factor in ∂ log p/∂v, see `weights.lever`",
)
def levelled(std: Std, lever: Annotated[Lever, POSITIVE]) -> Num:
    """std/(h c): makes ∂ log p/∂v equal −ε, of one size at every step.

    Args:
        std: of the step, g √h.
        lever: −∂ mean/∂v, see `lever`; other kernels have their own.

    Raises:
        ValueError: std ≤ 0, lever ≤ 0, NaN, or shapes that do not agree.
    """
    return std / lever


@equation("weights.tempflow", rows=("GRPO-4",), also=(("tempflow2025", ""),))
def tempflow(std: Stds) -> Array:
    """w_k = std_k/mean std: a step counts by the noise it explores with; the weights' mean is one.

    Args:
        std: the std of every trained step, shape (T,).

    Raises:
        ValueError: not one-dimensional, empty, a std ≤ 0, NaN.
    """
    if getattr(std, "ndim", 0) != 1 or len(std) == 0:
        raise ValueError(
            f"std must hold one value per step, (T,), got shape {tuple(getattr(std, 'shape', ()))}"
        )
    return std * len(std) / std.sum()


@equation(
    "weights.guard_log_ratio", rows=("GRPO-5",), also=(("guard2025", ""),), remark="RatioNorm"
)
def guard_log_ratio(log_ratio: LogRatio, divergence: Divergence, std: Std) -> Num:
    """log r′ = std (log r + KL): mean zero under the old policy, and of one spread at every step.

    Args:
        log_ratio: log p_θ − log p_old of the step, one per sample, *averaged* over coordinates.
        divergence: (mean − mean_old)²/(2 std²), averaged alike.
        std: of the step.

    Raises:
        ValueError: a negative divergence, std ≤ 0, NaN, or shapes that do not agree.
    """
    return std * (log_ratio + divergence)


@equation(
    "weights.guard", rows=("GRPO-4",), also=(("guard2025", ""),), remark="gradient reweighting"
)
def guard(h: Length) -> Num:
    """1/h: the weight of a step's loss, against the √h that its gradient carries twice.

    Raises:
        ValueError: h ≤ 0 or NaN.
    """
    return 1 / h


@equation(
    "weights.guard_lever", rows=("GRPO-4",), also=(("precise2026", ""),), remark="in the code"
)
def guard_lever(lever: Annotated[Lever, POSITIVE]) -> Num:
    """1/L: GRPO-Guard's reweighting by the step's own sensitivity, for any kernel.

    With Euler–Maruyama L is h (1 + g² (1 − t)/(2t)), and 1/h takes only its first factor away.

    Args:
        lever: −∂ mean/∂v, see `lever`; other kernels have their own.

    Raises:
        ValueError: lever ≤ 0 or NaN.
    """
    return 1 / lever


@equation("weights.divergence_mask", rows=("GRPO-4",), also=(("dppo2026", ""),))
def divergence_mask(
    ratio: Ratio, advantage: Advantage, divergence: Divergence, limit: Annotated[Limit, NONNEGATIVE]
) -> Num:
    """0 where KL > limit and A (r − 1) > 0, else 1: stops what has gone too far and goes further.

    The divergence of two Gaussian steps is exact, the ratio a single noisy draw: the mask tests the
    first, and asks the second only which way the update points.

    Args:
        ratio: r, one per sample.
        advantage: A, shaped like ratio.
        divergence: the KL of the old and the new step, one per sample.
        limit: what it may be.

    Raises:
        ValueError: a negative ratio, divergence or limit, NaN, or shapes that do not agree.
    """
    outward = (divergence > limit) & ((ratio - 1) * advantage > 0)
    return where(outward, 0 * ratio, 0 * ratio + 1)


@equation(
    "weights.signal",
    rows=("GRPO-4",),
    also=(
        ("isserlis1918", ""),
        ("williams1992", ""),
    ),
    remark="the score-function gradient",
)
def signal(
    correlation: Annotated[Correlation, "of the advantage with the score that it multiplies"],
) -> Num:
    """ρ²/(1 + ρ²): a gradient's squared mean over its variance, one sample, A and score Gaussian.

    ρ is the correlation of the advantage with the score that it multiplies. For a linear reward and
    one step it is the share of the end's variance that the step's noise decides, under a root. One
    over this is the number of samples at which mean and noise of the gradient are equal.

    Raises:
        ValueError: |ρ| > 1, or NaN.
    """
    return correlation**2 / (1 + correlation**2)
