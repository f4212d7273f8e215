"""Mistakes about the policy and GRPO.

    mean for sum, ratio reversed, batch for group, ddof, eps, max for min, the clip's side

These rarely crash and seldom look wrong in a curve: they train something else.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ..equations.elementary import Array, exp, maximum, minimum, sqrt
from ..evidence.mistake import Mistake

_CLASSIC = "a classic"


def _centred(rewards: Array) -> Array:
    return rewards - rewards.sum(axis=1, keepdims=True) / rewards.shape[1]


def _squares(rewards: Array, std: str) -> Array:
    """The sum of squares that a standard deviation is made of."""
    if std == "group":
        return (_centred(rewards) ** 2).sum(axis=1, keepdims=True)
    return ((rewards - rewards.sum() / _count(rewards, "batch")) ** 2).sum()


def _count(rewards: Array, std: str) -> int:
    return int(rewards.shape[1] * (1 if std == "group" else rewards.shape[0]))


def _variance(rewards: Array, std: str, ddof: int) -> Array:
    return _squares(rewards, std) / (_count(rewards, std) - ddof)


def _other(std: str) -> str:
    return "batch" if std == "group" else "group"


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
        _CLASSIC, "divide by the number of coordinates",
    ),
    Mistake(
        "ratio reversed", "policy.log_ratio",
        lambda log_prob, log_prob_old: log_prob_old - log_prob,
        "log p_old − log p_θ: the gradient lowers what was good.", _CLASSIC, "new minus old",
    ),
    Mistake(
        "ratio reversed", "policy.log_ratio_of_means",
        lambda x, mean, mean_old, std: (mean_old - mean) * (x - (mean + mean_old) / 2) / std**2,
        "log p_old − log p_θ: the gradient lowers what was good.", _CLASSIC, "new minus old",
    ),
    Mistake(
        "distance from the old mean", "policy.log_ratio_of_means",
        lambda x, mean, mean_old, std: (mean - mean_old) * (x - mean_old) / std**2,
        "The first order alone: the gradient is right at ratio 1, and the ratio too large after.",
        _CLASSIC, "measure x from the midpoint of the two means",
    ),
    Mistake(
        "std for variance", "policy.log_ratio_of_means",
        lambda x, mean, mean_old, std: (mean - mean_old) * (x - (mean + mean_old) / 2) / std,
        "Divided by the standard deviation once.", _CLASSIC, "divide by std²",
    ),
    Mistake(
        "the lever once", "policy.log_ratio_of_products",
        lambda along, squared, lever, std: lever * (along - squared / 2) / std**2,
        "The square of the shift, b² ⟨d, d⟩, with b alone: the ratio is wrong to second order.",
        _CLASSIC, "multiply the second product by the lever twice",
    ),
    Mistake(
        "first order alone", "policy.log_ratio_of_products",
        lambda along, squared, lever, std: lever * along / std**2,
        "Measured from the old mean: the gradient is right at ratio 1, and the ratio too large "
        "after.", _CLASSIC, "subtract half of the second product",
    ),
    Mistake(
        "std for variance", "policy.log_ratio_of_products",
        lambda along, squared, lever, std: lever * (along - lever * squared / 2) / std,
        "Divided by the standard deviation once.", _CLASSIC, "divide by std²",
    ),
    Mistake(
        "ratio reversed", "policy.ratio",
        lambda log_prob, log_prob_old: exp(log_prob_old - log_prob),
        "p_old/p_θ: the gradient lowers what was good.", _CLASSIC, "exp(new − old)",
    ),
    Mistake(
        "no exponential", "policy.ratio",
        lambda log_prob, log_prob_old: 1 + log_prob - log_prob_old,
        "The first order of the exponential: right at ratio 1 alone.", _CLASSIC, "exp(new − old)",
    ),
    Mistake(
        "other ddof", "grpo.advantage",
        lambda rewards, *, std, ddof, eps: _centred(rewards)
        / (sqrt(_variance(rewards, std, 1 - ddof)) + eps),
        "Divided by n where n − 1 was declared, or the reverse: torch's std has ddof 1, numpy's 0.",
        "flow_grpo (0) against DanceGRPO, MixGRPO, UniRL (1)", "declare ddof",
    ),
    Mistake(
        "batch for group", "grpo.advantage",
        lambda rewards, *, std, ddof, eps: _centred(rewards)
        / (sqrt(_variance(rewards, _other(std), ddof)) + eps),
        "The other standard deviation: that of all rewards where the group's was declared.",
        "flow_grpo's SD3 scripts, mm_grpo", "declare std='group' or std='batch'",
    ),
    Mistake(
        "eps missing", "grpo.advantage",
        lambda rewards, *, std, ddof, eps: _centred(rewards)
        / sqrt(_variance(rewards, std, ddof)),
        "The declared eps is not added.", "settings copied without their code",
        "add eps to the standard deviation",
    ),
    Mistake(
        "eps under the root", "grpo.advantage",
        lambda rewards, *, std, ddof, eps: _centred(rewards)
        / sqrt(_variance(rewards, std, ddof) + eps),
        "Added to the variance.", "layer norms", "add eps to the standard deviation",
    ),
    Mistake(
        "variance for std", "grpo.advantage",
        lambda rewards, *, std, ddof, eps: _centred(rewards)
        / (_variance(rewards, std, ddof) + eps),
        "Divided by the variance: advantages change with the reward's unit.", _CLASSIC,
        "take the root",
    ),
    Mistake(
        "bounded above alone", "grpo.bounded",
        lambda advantage, limit: minimum(advantage, limit),
        "Very bad samples keep all their weight.", _CLASSIC, "clip on both sides",
    ),
    Mistake(
        "not bounded", "grpo.bounded",
        lambda advantage, limit: advantage,
        "The bound is configured and unused.", "configurations without their code",
        "clip(A, −limit, limit)",
    ),
    Mistake(
        "max for min", "grpo.surrogate",
        lambda ratio, advantage, clip: maximum(
            ratio * advantage, minimum(maximum(ratio, 1 - clip), 1 + clip) * advantage
        ),
        "The optimistic bound: steps grow just where they should stop.",
        "losses and objectives mixed up: a loss takes the max of negatives", "min of the two",
    ),
    Mistake(
        "always clipped", "grpo.surrogate",
        lambda ratio, advantage, clip: minimum(maximum(ratio, 1 - clip), 1 + clip) * advantage,
        "Without the min a ratio that has strayed gets no gradient back.", _CLASSIC,
        "min of clipped and unclipped",
    ),
    Mistake(
        "never clipped", "grpo.surrogate",
        lambda ratio, advantage, clip: ratio * advantage,
        "Nothing holds the step.", _CLASSIC, "min of clipped and unclipped",
    ),
    Mistake(
        "clip on the wrong side", "grpo.surrogate",
        lambda ratio, advantage, clip: minimum(
            ratio * advantage, maximum(ratio, 1 + clip) * advantage
        ),
        "1 + ε as a floor: good actions are not held, bad ones are pushed.", _CLASSIC,
        "clip(r, 1 − ε, 1 + ε)",
    ),
    Mistake(
        "one-sided clip", "grpo.surrogate",
        lambda ratio, advantage, clip: minimum(
            ratio * advantage, minimum(ratio, 1 + clip) * advantage
        ),
        "Only above: a bad action's ratio falls without bound.", _CLASSIC, "clip on both sides",
    ),
    Mistake(
        "sign of the KL", "grpo.objective",
        lambda surrogate, kl, beta: surrogate + beta * kl,
        "The objective rewards leaving the reference.",
        "losses and objectives mixed up", "minus in the objective, plus in the loss",
    ),
    Mistake(
        "no KL", "grpo.objective",
        lambda surrogate, kl, beta: surrogate,
        "β is configured and unused.", "configurations without their code", "subtract β KL",
    ),
)
# fmt: on
