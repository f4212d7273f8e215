"""The curves of a run's page, in the order in which one looks for them.

    reward, held-out reward, KL, ratio and clip share with where they should lie, then the rest

A curve that does not move is a sentence. What a value should be is drawn with it: bounds of the
invariants as a band, an optimum that is known as a line.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from . import pictures
from .monitors import INVARIANTS
from .pictures import Picture

Row: TypeAlias = Mapping[str, Any]
Known: TypeAlias = Mapping[str, Mapping[str, float]]
"""For a measurement what it is compared with, by meaning: {"reward": {"optimum": 1.7}}."""

FIRST = (
    "reward", "eval/reward", "sampled_reward", "end_mean", "read_as_asked", "distance_to_optimum",
    "kl", "ratio_gap", "mean_ratio", "clipped",
)  # fmt: skip
"""What one looks for, in this order."""

WORDS = {
    "reward": "mean reward of the images or samples that it learns from",
    "eval/reward": "mean reward on prompts that it does not learn from",
    "sampled_reward": "mean reward of samples by the averaged policy",
    "end_mean": "mean of the samples, exactly",
    "end_std": "standard deviation of the samples, exactly",
    "kl": "KL to the reference",
    "objective": "surrogate minus β KL",
    "unscored": "images that no reward could score",
}
"""Captions; an invariant says itself what is expected."""

POINTS = 200
"""More would not be seen."""


@dataclass(frozen=True)
class Panel:
    """One curve of the page.

    Attributes:
        name: of the measurement.
        caption: a sentence.
        picture: None where the sentence says it all.
        first: whether it is what one looks for.
    """

    name: str
    caption: str
    picture: Picture | None
    first: bool


def panels(rows: Sequence[Row], known: Known | None = None) -> list[Panel]:
    """Every number that was measured more than once, what one looks for first.

    Args:
        rows: of metrics.jsonl.
        known: lines to draw.
    """
    measured: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        for name, value in _numbers(row).items():
            measured.setdefault(name, []).append((row["step"], value))
    bands = _bands(rows)
    lines = known or {}
    names = [name for name in FIRST if name in measured]
    names += [name for name in measured if name not in FIRST]
    return [
        _panel(name, measured[name], bands.get(name), lines.get(name, {}))
        for name in names
        if len(measured[name]) > 1
    ]


def _numbers(row: Row) -> dict[str, float]:
    """The finite numbers of a line of metrics, those of its readings among them."""
    flat = {name: reading[0] for name, reading in row.get("readings", {}).items()} | dict(row)
    return {
        name: float(value)
        for name, value in flat.items()
        if name != "step" and isinstance(value, (int, float)) and math.isfinite(value)
    }


def _bands(rows: Sequence[Row]) -> dict[str, tuple[float, float]]:
    """Where each invariant should lie, at its last reading; only bounds that bound."""
    found = {name: reading[1:] for row in rows for name, reading in row.get("readings", {}).items()}
    return {
        name: (low, high) for name, (low, high) in found.items() if -1e9 < low < high < 1e9
    }  # fmt: skip


def _panel(
    name: str,
    points: Sequence[tuple[float, float]],
    band: tuple[float, float] | None,
    marks: Mapping[str, float],
) -> Panel:
    x, y = zip(*points[:: max(1, len(points) // POINTS)], strict=True)
    shown = name.replace("_", " ")
    told = INVARIANTS[name].expected if name in INVARIANTS else WORDS.get(name, "")
    low, high = min(value for _, value in points), max(value for _, value in points)
    if _still(low, high, band):
        seen = (
            f"{low:.6g}" if f"{low:.6g}" == f"{high:.6g}" else f"between {low:.3g} and {high:.3g}"
        )
        within = f", expected within [{band[0]:.3g}, {band[1]:.3g}]" if band else ""
        meant = f" ({told})" if told else ""
        return Panel(name, f"{shown}: {seen} throughout{within}{meant}.", None, name in FIRST)
    drawn = pictures.curves(
        {shown: (x, y)}, x_label="iteration", y_label=shown, marks=marks, band=band
    )
    return Panel(name, f"{shown}: {told}" if told else shown, drawn, name in FIRST)


def _still(low: float, high: float, band: tuple[float, float] | None) -> bool:
    """Whether a curve would be a straight line: up to rounding, or for the width of its band."""
    rounded = high - low <= 1e-9 * max(abs(low), abs(high))
    return rounded or (band is not None and high - low < 0.01 * (band[1] - band[0]))
