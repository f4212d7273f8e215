"""Mistakes about GRPO: another std, another clip, max for min.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations.elementary import Array, maximum, minimum, sqrt
from ..mistake import CLASSIC, Mistake


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


# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "own reward in the baseline", "grpo.leave_one_out",
        lambda rewards: rewards - rewards.sum(axis=1, keepdims=True) / rewards.shape[1],
        "The mean of the whole group: (n − 1)/n of the gradient is left.",
        "GRPO's own centring", "the mean of the others",
    ),
    Mistake(
        "divided by n", "grpo.leave_one_out",
        lambda rewards: rewards
        - (rewards.sum(axis=1, keepdims=True) - rewards) / rewards.shape[1],
        "The others are n − 1.", CLASSIC, "divide by n − 1",
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
        "Divided by the variance: advantages change with the reward's unit.", CLASSIC,
        "take the root",
    ),
    Mistake(
        "bounded above alone", "grpo.bounded",
        lambda advantage, limit: minimum(advantage, limit),
        "Very bad samples keep all their weight.", CLASSIC, "clip on both sides",
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
        "Without the min a ratio that has strayed gets no gradient back.", CLASSIC,
        "min of clipped and unclipped",
    ),
    Mistake(
        "never clipped", "grpo.surrogate",
        lambda ratio, advantage, clip: ratio * advantage,
        "Nothing holds the step.", CLASSIC, "min of clipped and unclipped",
    ),
    Mistake(
        "clip on the wrong side", "grpo.surrogate",
        lambda ratio, advantage, clip: minimum(
            ratio * advantage, maximum(ratio, 1 + clip) * advantage
        ),
        "1 + ε as a floor: good actions are not held, bad ones are pushed.", CLASSIC,
        "clip(r, 1 − ε, 1 + ε)",
    ),
    Mistake(
        "one-sided clip", "grpo.surrogate",
        lambda ratio, advantage, clip: minimum(
            ratio * advantage, minimum(ratio, 1 + clip) * advantage
        ),
        "Only above: a bad action's ratio falls without bound.", CLASSIC, "clip on both sides",
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
