"""GRPO: rewards of a group become advantages, and a clipped ratio turns them into an objective.

    A_i = (R_i − mean R)/std R          J = mean_i,t [min(r A, clip(r, 1 − ε, 1 + ε) A) − β KL]

Rewards are laid out (prompts, G): a row is a group. What the standard deviation is taken over,
its degrees of freedom and what is added to it differ between implementations; here they are spelled
out by the caller.
"""

from typing import Annotated, Literal, TypeAlias

from .arguments import SAMPLE, Advantage, Argument, Limit, Ratio, Weight
from .domain import CHOICE, CLIP, NONNEGATIVE, REAL
from .elementary import Array, Num, maximum, minimum, sqrt, where
from .registry import equation

Rewards: TypeAlias = Annotated[
    Array, Argument("R", "(prompts, G): a row is a group", REAL, "array", axes=1)
]
Divisor: TypeAlias = Annotated[
    Literal["group", "batch", "none"],
    Argument(
        r"\mathrm{std}",
        'whose standard deviation divides: "group", "batch" or "none"',
        CHOICE,
        "alone",
        own=True,
    ),
]
Ddof: TypeAlias = Annotated[
    int,
    Argument(
        r"\mathrm{ddof}", "the divisor of the variance is the count minus this", CHOICE, "alone"
    ),
]
Added: TypeAlias = Annotated[
    Num, Argument(r"\epsilon", "added to the standard deviation", NONNEGATIVE, "alone", own=True)
]
Clip: TypeAlias = Annotated[
    Num,
    Argument(
        r"\varepsilon", "the half-width of the trust region", CLIP, SAMPLE, between=("0.05", "0.5")
    ),
]
Surrogate: TypeAlias = Annotated[
    Num, Argument(r"\min(rA,\mathrm{clip}(r)A)", "the clipped objective")
]
StepKL: TypeAlias = Annotated[Num, Argument(r"\mathrm{KL}", "the KL of the step")]


@equation("grpo.advantage", rows=("GRPO-3",), paper="Eq. 4", article="Section 4.1")
def advantage(rewards: Rewards, *, std: Divisor, ddof: Ddof, eps: Added) -> Array:
    """A_i = (R_i − mean R)/(std R + eps), the mean over the group.

    A group whose rewards are all equal has nothing to say: its advantages are exactly 0.

    !!! warning "Three versions"
        The article: the group's std, eps = 0. The official code on SD3: the whole batch's std,
        ddof 0, eps 1e-4. DanceGRPO and MixGRPO: the group's, ddof 1, eps 1e-8.

    Args:
        rewards: shape (prompts, G), G ≥ 2; left untouched.
        std: "group" divides by the row's standard deviation, "batch" by that of all rewards,
            "none" only centres (Dr. GRPO).
        ddof: 0 or 1: the divisor of the variance is the count minus ddof.
        eps: added to the standard deviation; the article has 0.

    Returns:
        Shape (prompts, G).

    Raises:
        ValueError: not two-dimensional, groups of one, NaN, an unknown std or ddof, eps < 0.
    """
    if rewards.ndim != 2 or rewards.shape[1] < 2:
        raise ValueError(
            "rewards must be (prompts, G) with G >= 2 (a group of one has no baseline), "
            f"got shape {tuple(rewards.shape)}"
        )
    if std not in ("group", "batch", "none") or ddof not in (0, 1):
        raise ValueError(
            f"std must be 'group', 'batch' or 'none' and ddof 0 or 1, got std={std!r}, ddof={ddof!r}"
        )
    n = rewards.shape[1]
    equal = (rewards == rewards[:, :1]).all(axis=1, keepdims=True)
    centred = where(equal, 0, rewards - rewards.sum(axis=1, keepdims=True) / n)
    if std == "none":
        return centred
    if std == "group":
        variance = (centred**2).sum(axis=1, keepdims=True) / (n - ddof)
    else:
        count = rewards.shape[0] * n
        variance = ((rewards - rewards.sum() / count) ** 2).sum() / (count - ddof)
    return centred / (sqrt(where(equal, 1, variance)) + eps)


@equation("grpo.leave_one_out", rows=("GRPO-14", "GRPO-3"), also=(("kool2019", ""),), remark="RLOO")
def leave_one_out(rewards: Rewards) -> Array:
    """A_i = R_i − mean_{j≠i} R_j: centred on the others of the group, which leaves no bias.

    It is n/(n − 1) times the centred rewards of `advantage` with std="none".

    Args:
        rewards: shape (prompts, G), G ≥ 2; left untouched.

    Returns:
        Shape (prompts, G).

    Raises:
        ValueError: not two-dimensional, groups of one, NaN.
    """
    if rewards.ndim != 2 or rewards.shape[1] < 2:
        raise ValueError(
            "rewards must be (prompts, G) with G >= 2 (a group of one has no baseline), "
            f"got shape {tuple(rewards.shape)}"
        )
    n = rewards.shape[1]
    return rewards - (rewards.sum(axis=1, keepdims=True) - rewards) / (n - 1)


@equation("grpo.bounded", rows=("GRPO-3",), also=(("flow_grpo_code", "config/base.py, line 84"),))
def bounded(advantage: Advantage, limit: Limit) -> Num:
    """clip(A, −limit, limit): the bound that public trainers put on advantages; the article has none.

    Raises:
        ValueError: limit ≤ 0, NaN, or shapes that do not agree.
    """
    return minimum(maximum(advantage, -limit), limit)


@equation(
    "grpo.surrogate",
    rows=("GRPO-4",),
    paper="Eq. 5",
    article="Section 4.1",
    also=(("ppo2017", "Eq. 7"),),
)
def surrogate(ratio: Ratio, advantage: Advantage, clip: Clip) -> Num:
    """min(r A, clip(r, 1 − ε, 1 + ε) A): to be maximised.

    Raises:
        ValueError: clip < 0, a negative ratio, NaN, or shapes that do not agree.
    """
    clipped = minimum(maximum(ratio, 1 - clip), 1 + clip)
    return minimum(ratio * advantage, clipped * advantage)


@equation("grpo.objective", rows=("GRPO-2", "GRPO-4"), paper="Eq. 5", article="Section 4.1")
def objective(surrogate: Surrogate, kl: StepKL, beta: Weight) -> Num:
    """min(r A, clip(r) A) − β KL(π_θ ‖ π_ref), per sample and step; J is its mean, to be maximised.

    Args:
        surrogate: per sample and step.
        kl: the KL of the step, reduced as the surrogate's ratio was.
        beta: the weight of the KL; it belongs to one definition of the KL, see `kl`.

    Raises:
        ValueError: beta < 0, NaN, or shapes that do not agree.
    """
    return surrogate - beta * kl
