"""Scores of several batches and processes as one, and where an iteration's time went."""

import time

import torch
from torch import Tensor

from ..engine.processes import Engine
from ..rewards import Judged


def joined(answers: list[Judged]) -> Judged:
    """Several batches' answers, one after another; an extra that one lacks is left out."""
    extras = set.intersection(*(set(answer.extras) for answer in answers))
    return Judged(
        answers[0].weights,
        {name: torch.cat([a.scores[name] for a in answers]) for name in answers[0].weights},
        {name: torch.cat([a.extras[name] for a in answers]) for name in sorted(extras)},
    )


def gathered(engine: Engine, mine: Judged) -> Judged:
    """All processes' answers, in rank order."""
    return Judged(
        mine.weights,
        {name: engine.gathered(x) for name, x in mine.scores.items()},
        {name: engine.gathered(x) for name, x in mine.extras.items()},
    )


def mean_of_scored(x: Tensor) -> float:
    """The mean over the images that have a score."""
    return float(x.double().nanmean())


class Clock:
    """Seconds between marks."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def mark(self, name: str) -> None:
        """Everything since the last mark was `name`."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        now = time.perf_counter()
        self.seconds[name] = now - self._last
        self._last = now
