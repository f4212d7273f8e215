"""A run's line for people: reward, KL, clipped ratios, time, and how long is left."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

RECENT = 20
"""Iterations whose time says how long one takes."""


@dataclass(frozen=True)
class Progress:
    """What a front end shows.

    Attributes:
        done, of: iterations.
        line: what the last one brought, in words.
        values: its rewards, by name.
    """

    done: int
    of: int
    line: str
    values: dict[str, float]


Say = Callable[[Progress], None]


class Pace:
    """How long an iteration takes, evaluation and checkpoints included."""

    def __init__(self) -> None:
        self._ends = deque([time.monotonic()], maxlen=RECENT + 1)

    def done(self) -> None:
        """One more."""
        self._ends.append(time.monotonic())

    @property
    def last(self) -> float:
        """Seconds of the last one."""
        return self._ends[-1] - self._ends[-2] if len(self._ends) > 1 else 0.0

    @property
    def mean(self) -> float:
        """Seconds of one of the last `RECENT`."""
        return (self._ends[-1] - self._ends[0]) / max(1, len(self._ends) - 1)


def line(values: Mapping[str, Any], held_out: float | None, pace: Pace, left: int) -> str:
    """reward .31, held out .35, KL .002, clipped 3%, 41 s, left 11 h 20 min.

    Args:
        values: of metrics.jsonl.
        held_out: the mean reward of an evaluation, if there was one.
        left: iterations to come.
    """
    told = [f"reward {values['reward']:.4g}"]
    if held_out is not None:
        told.append(f"held out {held_out:.4g}")
    told += [f"KL {values['kl']:.2g}", f"clipped {values['clipped']:.0%}"]
    if values.get("skipped"):
        told.append(f"{values['skipped']} updates skipped")
    told += [f"{pace.last:.3g} s", f"left {duration(left * pace.mean)}"]
    return ", ".join(told)


def duration(seconds: float) -> str:
    """34 s, 5 min, 11 h 20 min, 2 d 3 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(round(whole / 60), 60)
    if not hours:
        return f"{minutes} min"
    if hours < 24:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"
