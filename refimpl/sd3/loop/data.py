"""The prompts of a run: what is trained on, and what is held out.

A folder brings its own test split; of a single file some prompts are held out by number.
"""

from dataclasses import dataclass
from pathlib import Path

from ..settings.config import Config
from . import prompts
from .prompts import Prompts


@dataclass(frozen=True)
class Prompted:
    """Attributes:
    train: what rollouts draw from.
    held_out: what evaluation uses, the first `evaluation.prompts` of it; may be empty.
    """

    train: Prompts
    held_out: Prompts

    @property
    def texts(self) -> list[str]:
        """Every different text."""
        return list(dict.fromkeys(p.text for p in (*self.train, *self.held_out)))


def gather(config: Config) -> Prompted:
    """Read the prompt files.

    Raises:
        ValueError: no file named, none there, nothing in it, or fewer prompts than groups.
    """
    path, holdout = config.data.prompts, config.data.holdout
    if path is None:
        raise ValueError(
            "data.prompts names no file: --prompts prompts.txt (.txt, .jsonl or a folder)"
        )
    train = prompts.load(path, "train")
    if isinstance(holdout, int):
        train, held_out = prompts.hold_out(train, holdout)
    elif holdout is not None:
        held_out = prompts.load(holdout, "test")
    else:
        held_out = prompts.load(path, "test") if _has_test(path) else ()
    if len(train) < config.sampling.groups:
        raise ValueError(
            f"{path} has {len(train)} prompts to train on and an iteration has "
            f"sampling.groups={config.sampling.groups}: lower it, or give more prompts"
        )
    return Prompted(train, held_out[: config.evaluation.prompts])


def _has_test(path: Path) -> bool:
    return any((path / name).is_file() for name in ("test.txt", "test_metadata.jsonl"))
