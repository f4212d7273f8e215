"""What is tuned towards what: a reference, a policy that starts as it, and a reward.

    network(x (B, d), t (B,), label (B,)) → velocity (B, d)      reward(x, label) → (B,)

A prompt is a label. Rewards come from outside and are validated in one place: one finite number
per sample, or an error that says what to do.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

Reward: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""reward(ends, labels): one number per sample."""


class RewardError(RuntimeError):
    """The reward function itself failed."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A fine-tuning problem.

    Attributes:
        d: coordinates of a sample.
        dtype: what states are kept and scored in.
        labels: how many prompts there are, all equally frequent.
        reference: the velocity to stay near; its parameters are never trained.
        policy: the same function at the start, trained in place.
    """

    d: int
    dtype: torch.dtype
    labels: int
    reference: nn.Module
    policy: nn.Module
    reward: Reward

    def prompts(self, n: int, generator: torch.Generator) -> Int[Tensor, " n"]:
        """n labels, drawn with replacement."""
        return torch.randint(self.labels, (n,), generator=generator)


@dataclass(frozen=True, eq=False)
class Judged:
    """Rewards by group, and which groups may be used.

    Attributes:
        rewards: shape (groups, G); entries of dropped groups are as the reward returned them.
        usable: groups whose rewards are all finite.
    """

    rewards: Float[Tensor, "groups G"]
    usable: Bool[Tensor, " groups"]

    @property
    def dropped(self) -> int:
        """Groups that were left out."""
        return int((~self.usable).sum())

    @property
    def mean(self) -> float:
        """The mean reward of the usable groups; NaN if there is none."""
        return float(self.rewards[self.usable].mean())

    @property
    def equal(self) -> float:
        """The share of usable groups whose rewards are all equal."""
        kept = self.rewards[self.usable]
        same = (kept == kept[:, :1]).all(dim=1)
        return float(same.double().mean()) if len(kept) else 1.0


def judge(
    reward: Reward,
    ends: Float[Tensor, "B d"],
    labels: Int[Tensor, " B"],
    group: int,
    bad: Literal["refuse", "drop"],
) -> Judged:
    """Score the ends, and let the scores in.

    Raises:
        RewardError: the reward function raised.
        ValueError: another shape than (B,), or a value that is not finite where it is refused.
        TypeError: no tensor.
    """
    try:
        scores = reward(ends, labels)
    except Exception as error:
        raise RewardError(
            f"the reward function raised {type(error).__name__} on {len(ends)} samples: {error}"
        ) from error
    if not isinstance(scores, Tensor):
        raise TypeError(f"a reward returns a tensor, got {type(scores).__name__}")
    if scores.shape != labels.shape:
        raise ValueError(
            f"a reward returns one number per sample, ({len(ends)},), got {tuple(scores.shape)}"
        )
    rewards = scores.detach().to(ends.dtype).reshape(-1, group)
    finite = torch.isfinite(rewards)
    if bad == "refuse" and not bool(finite.all()):
        first = int((~finite).flatten().nonzero()[0])
        raise ValueError(
            f"reward must be finite, got {scores[first].item()!r} for sample {first} (label "
            f"{int(labels[first])}), {int((~finite).sum())} such in all: mend the reward, or set "
            "bad_rewards=drop to leave such groups out and count them"
        )
    return Judged(rewards, finite.all(dim=1))
