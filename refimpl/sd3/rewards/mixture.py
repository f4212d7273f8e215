"""Several rewards of one run, each with a weight.

    total = Σ_k w_k · score_k                 one number an image; NaN where any of them is NaN

Scores stay apart until they are asked for together: the log shows each, and `groups.advantages`
can normalise each by itself before they are added up.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from .devices import placed
from .named import make
from .protocol import Metadata, Reward, judge


@dataclass(frozen=True)
class Judged:
    """What the rewards of a run say about B images.

    Attributes:
        weights: by reward.
        scores: by reward, shape (B,), NaN where not scored.
        extras: by "reward/extra", shape (B,).
    """

    weights: Mapping[str, float]
    scores: Mapping[str, Float[Tensor, " B"]]
    extras: Mapping[str, Float[Tensor, " B"]] = field(default_factory=dict)

    @property
    def total(self) -> Float[Tensor, " B"]:
        """Σ_k w_k · score_k, NaN where a score is."""
        return torch.stack([w * self.scores[name] for name, w in self.weights.items()]).sum(dim=0)

    @property
    def unscored(self) -> dict[str, int]:
        """How many images each reward did not score."""
        return {name: int(x.isnan().sum()) for name, x in self.scores.items()}

    def of(self, rows: slice) -> "Judged":
        """The same for some of the images."""
        return Judged(
            self.weights,
            {name: x[rows] for name, x in self.scores.items()},
            {name: x[rows] for name, x in self.extras.items()},
        )


@dataclass(frozen=True)
class Mixture:
    """Rewards by name, and the weights of their sum.

    Attributes:
        rewards: by name.
        weights: by the same names; negative ones punish.

    Raises:
        ValueError: no reward, names that differ, a weight that is zero or not finite.
    """

    rewards: Mapping[str, Reward]
    weights: Mapping[str, float]

    def __post_init__(self) -> None:
        if not self.rewards:
            raise ValueError("a run needs at least one reward, got none")
        if self.rewards.keys() != self.weights.keys():
            raise ValueError(f"rewards {list(self.rewards)} have weights {list(self.weights)}")
        for name, weight in self.weights.items():
            if not (math.isfinite(weight) and weight != 0):
                raise ValueError(
                    f"the weight of reward {name!r} must be finite and not 0, got {weight!r}"
                )

    @classmethod
    def named(
        cls,
        weights: Mapping[str, float],
        options: Mapping[str, Mapping[str, object]] | None = None,
        *,
        device: torch.device | None = None,
        made: Mapping[str, Reward] | None = None,
    ) -> "Mixture":
        """Rewards found by name, as a configuration has them: {"pickscore": 1.0, ...}.

        Args:
            options: keyword arguments of each reward's factory, by reward.
            device: of this process, which `device: cuda` in the options then means.
            made: rewards that are there already, taken as they are.

        Raises:
            ValueError: an unknown reward, or options for one that has no weight.
            RewardError: a factory that failed, for instance for want of weights.
        """
        options, made = options or {}, made or {}
        if stray := options.keys() - weights.keys():
            raise ValueError(f"options for {sorted(stray)}, which have no weight")
        rewards = {
            name: made[name]
            if name in made
            else make(name, **placed(options.get(name, {}), device))
            for name in weights
        }
        return cls(rewards, dict(weights))

    def __call__(
        self, images: Float[Tensor, "B 3 H W"], prompts: Sequence[str], metadata: Metadata
    ) -> Judged:
        """Ask every reward.

        Raises:
            ValueError: images, prompts or metadata of the wrong form.
            RewardError: a reward that raised or answered in the wrong form.
        """
        scores: dict[str, Tensor] = {}
        extras: dict[str, Tensor] = {}
        for name, reward in self.rewards.items():
            scores[name], more = judge(name, reward, images, prompts, metadata)
            extras |= {f"{name}/{key}": x for key, x in more.items()}
        return Judged(dict(self.weights), scores, extras)
