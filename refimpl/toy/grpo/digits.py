"""8 × 8 digits by label, tuned towards a rule or a classifier.

    ink         the mean darkness                       wants everything black
    symmetry    minus the distance to its mirror image
    holes       enclosed patches of white               a count: no gradient, many ties
    label       log p(label | x) of a classifier        what a reward model is

A judge that is not the reward reads the samples too: where the reward rises and the judge's opinion
falls, the reward is being cheated.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ...statistics import budget
from ..batches import from_table
from ..digits import LABELS, Digits, load
from ..losses import flow_matching
from ..networks import MLP, build
from ..training import Plan, Progress, train
from .problem import Problem, Reward

SIDE = 8


def ink(x: Float[Tensor, "B 64"], y: Int[Tensor, " B"]) -> Float[Tensor, " B"]:
    """The mean darkness: 1 is black."""
    return x.mean(dim=1)


def symmetry(x: Float[Tensor, "B 64"], y: Int[Tensor, " B"]) -> Float[Tensor, " B"]:
    """Minus the mean absolute difference from the mirror image."""
    picture = x.reshape(-1, SIDE, SIDE)
    return -(picture - picture.flip(2)).abs().mean(dim=(1, 2))


def holes(x: Float[Tensor, "B 64"], y: Int[Tensor, " B"]) -> Float[Tensor, " B"]:
    """How many patches of white (below 0, joined at edges) the black encloses."""
    from scipy.ndimage import label

    counts = []
    for picture in x.reshape(-1, SIDE, SIDE):
        patches, n = label((picture < 0).numpy())
        rim = {*patches[0], *patches[-1], *patches[:, 0], *patches[:, -1]}
        counts.append(n - len(rim - {0}))
    return torch.tensor(counts, dtype=x.dtype)


def reader(digits: Digits) -> Reward:
    """log p(label | x) of a logistic regression on held-out pictures."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=0.05, max_iter=500)
    model.fit(digits.held_out.flatten(1).numpy(), digits.held_out_label.numpy())

    def reward(x: Tensor, y: Tensor) -> Tensor:
        table = torch.from_numpy(model.predict_log_proba(x.numpy()))
        return table[torch.arange(len(y)), y].to(x.dtype)

    return reward


def judge(digits: Digits) -> Callable[[Tensor, Tensor], float]:
    """How often a support vector machine reads the label that was asked for."""
    from sklearn.svm import SVC

    model = SVC(C=10.0, gamma=0.02)
    model.fit(digits.held_out.flatten(1).numpy(), digits.held_out_label.numpy())
    return lambda x, y: float((model.predict(x.clamp(-1, 1).numpy()) == y.numpy()).mean())


REWARDS: dict[str, Callable[[Digits], Reward]] = {
    "ink": lambda digits: ink,
    "symmetry": lambda digits: symmetry,
    "holes": lambda digits: holes,
    "label": reader,
}


@dataclass(frozen=True)
class Pretraining:
    """How the reference is learnt: flow matching on the pictures, conditional on the label."""

    plan: Plan = field(default_factory=lambda: Plan(2500, rate=2e-3, average=0.995))
    batch: int = 128
    width: int = 256
    depth: int = 3


def reference(
    digits: Digits,
    pretraining: Pretraining,
    seed: int,
    file: Path | None = None,
    on_progress: Progress | None = None,
) -> nn.Module:
    """The flow that tuning starts from; taken from `file` where it was trained before."""
    generator = budget.generator("grpo.digits.reference", seed)
    network = build(
        lambda: MLP(SIDE**2, width=pretraining.width, depth=pretraining.depth, labels=LABELS),
        generator,
    )
    draw = from_table(digits.train.flatten(1), digits.train_label, n=pretraining.batch)
    return train(
        network,
        flow_matching(),
        draw,
        pretraining.plan,
        generator=generator,
        file=file,
        resume=True,
        on_progress=on_progress,
    ).averaged


def split(seed: int) -> Digits:
    """The pictures, shuffled and split: six tenths to learn from, the rest to judge with."""
    return load(0.6, budget.generator("grpo.digits.split", seed))


def problem(network: nn.Module, reward: Reward) -> Problem:
    """Tune a trained flow of the digits."""
    return Problem(SIDE**2, torch.float32, LABELS, network, copy.deepcopy(network), reward)


def sheets(x: Float[Tensor, "B 64"], y: Int[Tensor, " B"], shown: int = 8) -> Any:
    """The first few pictures of every label, (labels, shown, 8, 8)."""
    return torch.stack([x[y == label][:shown] for label in range(LABELS)]).reshape(
        LABELS, -1, SIDE, SIDE
    )
