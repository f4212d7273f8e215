"""The policy of a denoising step, and the ratio that GRPO clips.

    r = p_θ(x_s | x_t)/p_old(x_s | x_t) = exp(Σ_coordinates [log p_θ − log p_old])

The article's density is that of the whole sample, so log-probabilities add up over coordinates
(`total`). Public trainers average them (`average`): that is r^(1/D), another quantity with another
clip range. Neither is a default here.
"""

from math import prod

from .domain import fields
from .elementary import Array, Num, exp
from .registry import equation

_ARTICLE = "Flow-GRPO, arXiv:2505.05470, Section 4.1"


@equation("policy.total", rows=("GRPO-5",), source=_ARTICLE)
def total(values: Array) -> Array:
    """Σ over coordinates, one number per sample: the paper's reduction.

    Args:
        values: shape (B, ...), elementwise log-probabilities or KL terms.

    Returns:
        Shape (B,).

    Raises:
        ValueError: a scalar, or a sample without coordinates.
    """
    return _rows(values).sum(axis=-1)


@equation("policy.average", rows=("GRPO-5",), source="flow_grpo and all public trainers surveyed")
def average(values: Array) -> Array:
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


@equation("policy.log_ratio", rows=("GRPO-5",), source=_ARTICLE)
def log_ratio(log_prob: Num, log_prob_old: Num) -> Num:
    """log r = log p_θ − log p_old, elementwise or per sample as the two are given."""
    fields(log_prob=log_prob, log_prob_old=log_prob_old)
    return log_prob - log_prob_old


@equation("policy.ratio", rows=("GRPO-5",), source=_ARTICLE)
def ratio(log_prob: Num, log_prob_old: Num) -> Num:
    """r = exp(log p_θ − log p_old), from log-probabilities of whole samples."""
    return exp(log_ratio(log_prob, log_prob_old))


def _rows(values: Array) -> Array:
    fields(values=values)
    if getattr(values, "ndim", 0) < 2 or 0 in values.shape[1:]:
        raise ValueError(
            "a reduction needs a batch and at least one coordinate, (B, ...), "
            f"got shape {tuple(getattr(values, 'shape', ()))}"
        )
    return values.reshape(values.shape[0], prod(values.shape[1:]))
