"""From scores to advantages, group by group, with images that were not scored left out.

    together     advantage of Σ_k w_k score_k
    apart        Σ_k w_k · advantage of score_k: each reward counts by its own spread

The advantage is `equations.grpo.advantage`. An image with a NaN is not part of its group's mean or
standard deviation; its own advantage is 0, so that it moves nothing.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ...equations import grpo
from .mixture import Judged
from .protocol import RewardError

Std: TypeAlias = Literal["group", "batch", "none"]


@dataclass(frozen=True)
class Advantages:
    """What training multiplies the ratio with.

    Attributes:
        values: shape (prompts, G).
        scored: which images had a score; the others have advantage 0.
        silent: groups that say nothing: equal scores, or fewer than two of them.
    """

    values: Float[Tensor, "P G"]
    scored: Bool[Tensor, "P G"]
    silent: int


def advantages(
    judged: Judged,
    groups: int,
    *,
    normalise: Literal["together", "apart"],
    std: Std,
    ddof: int,
    eps: float,
) -> Advantages:
    """Advantages of `groups` groups of equal size, the images in group order.

    Args:
        groups: the number of prompts P; image i belongs to group i // (B / P).
        normalise: "together" adds the weighted scores up first, "apart" the advantages.
        std, ddof, eps: of `equations.grpo.advantage`.

    Raises:
        ValueError: images that do not make so many groups, groups of one, unknown settings.
        RewardError: no image was scored.
    """
    count = len(judged.total)
    if groups < 1 or count % groups:
        raise ValueError(f"{count} images do not make {groups} groups of equal size")
    if normalise not in ("together", "apart"):
        raise ValueError(f"normalise must be 'together' or 'apart', got {normalise!r}")
    shape = (groups, count // groups)
    scored = ~judged.total.isnan().reshape(shape)
    if not bool(scored.any()):
        raise RewardError(f"no image of {count} was scored: {judged.unscored} of them were not")
    if normalise == "together":
        parts = [(1.0, judged.total)]
    else:
        parts = [(w, judged.scores[name]) for name, w in judged.weights.items()]
    values = torch.zeros(shape)
    for weight, scores in parts:
        rows = torch.where(scored, scores.reshape(shape), torch.nan)
        values += weight * among_scored(rows, std=std, ddof=ddof, eps=eps)
    return Advantages(values, scored, silent=int((values == 0).all(dim=1).sum()))


def among_scored(
    rewards: Float[Tensor, "P G"], *, std: Std, ddof: int, eps: float
) -> Float[Tensor, "P G"]:
    """`equations.grpo.advantage` of what is not NaN, and 0 where it is.

    "batch" standardises all scores as one group, then centres each group: the same number.
    """
    scored = ~rewards.isnan()
    if bool(scored.all()):
        full: Tensor = grpo.advantage(rewards, std=std, ddof=ddof, eps=eps)
        return full
    if std == "batch" and int(scored.sum()) > 1:
        rewards = rewards.clone()
        rewards[scored] = grpo.advantage(rewards[scored][None], std="group", ddof=ddof, eps=eps)[0]
    found = torch.zeros_like(rewards)
    for row, mask, into in zip(rewards, scored, found, strict=True):
        if int(mask.sum()) > 1:
            rest: Std = "none" if std == "batch" else std
            into[mask] = grpo.advantage(row[mask][None], std=rest, ddof=ddof, eps=eps)[0]
    return found
