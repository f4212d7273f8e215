"""The policy of a denoising step, and the ratio that GRPO clips.

    r = p_θ(x_s | x_t)/p_old(x_s | x_t) = exp(Σ_coordinates [log p_θ − log p_old])

The article's density is that of the whole sample, so log-probabilities add up over coordinates
(`total`). Public trainers average them (`average`): that is r^(1/D), another quantity with another
clip range. Neither is a default here. The form to train with is `log_ratio_of_means`, or, where
the mean is linear in the velocity, `log_ratio_of_products`.
"""

from math import prod
from typing import Annotated, TypeAlias

from .arguments import Argument, Lever, LogProb, Mean, OldLogProb, OldMean, State, Std
from .domain import NONNEGATIVE, REAL
from .elementary import Array, Num, exp
from .registry import equation

Terms: TypeAlias = Annotated[
    Array, Argument("f", "an array whose leading axis counts samples, or components", REAL, "array")
]
Along: TypeAlias = Annotated[
    Num, Argument(r"\langle d,x-m\rangle", "⟨v − v_old, x − m_old⟩ of a sample", own=True)
]
Squared: TypeAlias = Annotated[
    Num,
    Argument(r"\langle d,d\rangle", "⟨v − v_old, v − v_old⟩ of a sample", NONNEGATIVE, own=True),
]


@equation(
    "policy.total",
    rows=("GRPO-5",),
    paper="below Eq. 9",
    article="below Eq. 2",
    remark="an isotropic Gaussian's density is a product over coordinates",
)
def total(values: Terms) -> Array:
    """Σ over coordinates, one number per sample: the paper's reduction.

    Args:
        values: shape (B, ...), elementwise log-probabilities or KL terms.

    Returns:
        Shape (B,).

    Raises:
        ValueError: a scalar, or a sample without coordinates.
    """
    return _rows(values).sum(axis=-1)


@equation(
    "policy.average",
    rows=("GRPO-5",),
    also=(("flow_grpo_code", "sd3_sde_with_logprob.py"),),
    remark="and all public trainers surveyed",
)
def average(values: Terms) -> Array:
    """(1/D) Σ over coordinates, one number per sample: the community's reduction.

    Args:
        values: shape (B, ...), elementwise log-probabilities or KL terms.

    Returns:
        Shape (B,).

    Raises:
        ValueError: a scalar, or a sample without coordinates.
    """
    rows = _rows(values)
    return rows.sum(axis=-1) / rows.shape[-1]


@equation("policy.log_ratio", rows=("GRPO-5",), paper="Eq. 5", article="Section 4.1")
def log_ratio(
    log_prob: Annotated[LogProb, "the new policy's log-probability of the stored step"],
    log_prob_old: OldLogProb,
) -> Num:
    """log r = log p_θ − log p_old, elementwise or per sample as the two are given."""
    return log_prob - log_prob_old


@equation("policy.ratio", rows=("GRPO-5",), paper="Eq. 5", article="Section 4.1")
def ratio(log_prob: LogProb, log_prob_old: OldLogProb) -> Num:
    """r = exp(log p_θ − log p_old), from log-probabilities of whole samples."""
    return exp(log_ratio(log_prob, log_prob_old))


@equation(
    "policy.log_ratio_of_means",
    rows=("GRPO-5",),
    paper="Eq. 5",
    article="Section 4.1",
    remark="for two Gaussians of one variance",
)
def log_ratio_of_means(
    x: Annotated[State, "the stored next state"],
    mean: Annotated[Mean, "the new policy's mean"],
    mean_old: OldMean,
    std: Std,
) -> Num:
    """log r = (m − m_old) (x − (m + m_old)/2)/std²: of two steps that share their std.

    The same number as log p_θ − log p_old, without the two: it is 0 where the means agree, bit for
    bit, and keeps its digits in float32 when 65,536 coordinates are added up.

    Args:
        x: the stored next state, shape (B, ...).
        mean: of the step under the policy being trained, shaped like x.
        mean_old: of the step under the policy that sampled.
        std: of the step, g √h.

    Raises:
        ValueError: std ≤ 0, NaN, or shapes that do not agree.
    """
    return (mean - mean_old) * (x - (mean + mean_old) / 2) / std**2


@equation(
    "policy.log_ratio_of_products",
    rows=("GRPO-5",),
    paper="Eq. 5",
    article="Section 4.1",
    remark="for two Gaussians of one variance",
)
def log_ratio_of_products(
    along: Along, squared: Squared, lever: Annotated[Lever, "b = ∂ mean/∂v"], std: Std
) -> Num:
    """log r = b (⟨d, x − m_old⟩ − b ⟨d, d⟩/2)/std², with d = v − v_old and m = … + b v.

    `log_ratio_of_means` added up over coordinates, of steps whose mean is linear in the velocity:
    two inner products are all that a sample's ratio needs. Given their averages it is the averaged
    log-ratio. 0 where the velocities agree, bit for bit.

    Args:
        along: ⟨v − v_old, x − m_old⟩, x the stored next state; one number per sample.
        squared: ⟨v − v_old, v − v_old⟩, likewise.
        lever: b = ∂ mean/∂v.
        std: of the step, g √h.

    Raises:
        ValueError: a negative `squared`, std ≤ 0, NaN, or shapes that do not agree.
    """
    return lever * (along - lever * squared / 2) / std**2


def _rows(values: Array) -> Array:
    if getattr(values, "ndim", 0) < 2 or 0 in values.shape[1:]:
        raise ValueError(
            "a reduction needs a batch and at least one coordinate, (B, ...), "
            f"got shape {tuple(getattr(values, 'shape', ()))}"
        )
    return values.reshape(values.shape[0], prod(values.shape[1:]))
