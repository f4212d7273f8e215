"""Mistakes about the policy of a step: means for sums, ratios upside down.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations.elementary import Array, exp
from ..mistake import CLASSIC, Mistake


def _flat(values: Array) -> Array:
    return values.reshape(values.shape[0], -1)


# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "mean for sum", "policy.total",
        lambda values: _flat(values).sum(axis=-1) / _flat(values).shape[-1],
        "The log-probability of an average coordinate: the ratio is the true one to the power 1/D.",
        "flow_grpo, DanceGRPO, MixGRPO and all public trainers surveyed",
        "sum, or declare the mean (policy.average) and choose the clip for it",
    ),
    Mistake(
        "whole batch reduced", "policy.total",
        lambda values: _flat(values).sum() + 0 * _flat(values)[:, 0],
        "An empty list of axes means all axes: a sample's loss depends on its neighbours.",
        "flow_grpo's GRPO-Guard (its issue 244)", "name the axes; keep the batch's",
    ),
    Mistake(
        "sum for mean", "policy.average",
        lambda values: values.reshape(values.shape[0], -1).sum(axis=-1),
        "The sample's log-probability where the community's mean was declared.",
        CLASSIC, "divide by the number of coordinates",
    ),
    Mistake(
        "ratio reversed", "policy.log_ratio",
        lambda log_prob, log_prob_old: log_prob_old - log_prob,
        "log p_old − log p_θ: the gradient lowers what was good.", CLASSIC, "new minus old",
    ),
    Mistake(
        "ratio reversed", "policy.log_ratio_of_means",
        lambda x, mean, mean_old, std: (mean_old - mean) * (x - (mean + mean_old) / 2) / std**2,
        "log p_old − log p_θ: the gradient lowers what was good.", CLASSIC, "new minus old",
    ),
    Mistake(
        "distance from the old mean", "policy.log_ratio_of_means",
        lambda x, mean, mean_old, std: (mean - mean_old) * (x - mean_old) / std**2,
        "The first order alone: the gradient is right at ratio 1, and the ratio too large after.",
        CLASSIC, "measure x from the midpoint of the two means",
    ),
    Mistake(
        "std for variance", "policy.log_ratio_of_means",
        lambda x, mean, mean_old, std: (mean - mean_old) * (x - (mean + mean_old) / 2) / std,
        "Divided by the standard deviation once.", CLASSIC, "divide by std²",
    ),
    Mistake(
        "the lever once", "policy.log_ratio_of_products",
        lambda along, squared, lever, std: lever * (along - squared / 2) / std**2,
        "The square of the shift, b² ⟨d, d⟩, with b alone: the ratio is wrong to second order.",
        CLASSIC, "multiply the second product by the lever twice",
    ),
    Mistake(
        "first order alone", "policy.log_ratio_of_products",
        lambda along, squared, lever, std: lever * along / std**2,
        "Measured from the old mean: the gradient is right at ratio 1, and the ratio too large "
        "after.", CLASSIC, "subtract half of the second product",
    ),
    Mistake(
        "std for variance", "policy.log_ratio_of_products",
        lambda along, squared, lever, std: lever * (along - lever * squared / 2) / std,
        "Divided by the standard deviation once.", CLASSIC, "divide by std²",
    ),
    Mistake(
        "ratio reversed", "policy.ratio",
        lambda log_prob, log_prob_old: exp(log_prob_old - log_prob),
        "p_old/p_θ: the gradient lowers what was good.", CLASSIC, "exp(new − old)",
    ),
    Mistake(
        "no exponential", "policy.ratio",
        lambda log_prob, log_prob_old: 1 + log_prob - log_prob_old,
        "The first order of the exponential: right at ratio 1 alone.", CLASSIC, "exp(new − old)",
    ),
)
# fmt: on
