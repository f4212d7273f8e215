"""What `refimpl train shapes` is asked to do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..settings.config import Config
from . import arms
from .captions import CATEGORIES, Caption, caption_of, splits

TINY = {
    "num_layers": 1,
    "attention_head_dim": 8,
    "num_attention_heads": 2,
    "caption_projection_dim": 16,
    "dual_attention_layers": (0,),
}
"""The network of `quick`."""


@dataclass(frozen=True)
class Request:
    """What to do.

    Attributes:
        out: the folder.
        arms: runs, by name.
        pretrained: a folder that `network.save` wrote; None pre-trains.
        network: the seed of pre-training, where it is done here.
        changes: settings for every run, as on the command line.
        quick: a tiny network, two iterations: seconds.
        resume: `out` may exist; arms may be added to it.
        each: pictures of each held-out caption, before and after.
        signal: batches for the report on gradients; 0: none.
        looks: whether to look which steps decide, and teach, before any training.
    """

    out: Path
    arms: tuple[str, ...] = ("fast",)
    pretrained: Path | None = None
    network: int = 0
    changes: tuple[str, ...] = ()
    quick: bool = False
    resume: bool = False
    each: int = 16
    signal: int = 8
    looks: bool = True

    def config(self, arm: str) -> Config:
        """The settings of an arm."""
        return arms.config(arm, self.changes, quick=self.quick)

    @property
    def captions(self) -> list[Caption]:
        """What is held out, and measured."""
        held = [caption_of(prompt) for prompt in splits()[1]]
        return some(held) if self.quick else held

    @property
    def asked(self) -> dict[str, Any]:
        """What must be the same when the folder is taken up again."""
        return {
            "pretrained": str(self.pretrained),
            "network": self.network,
            "changes": list(self.changes),
            "quick": self.quick,
            "each": self.each,
        }


def some(captions: list[Caption]) -> list[Caption]:
    """The first two of each category: what is shown, and all that `quick` measures."""
    every = [[c for c in captions if c.category == category] for category in CATEGORIES]
    return [caption for among in every for caption in among[:2]]
