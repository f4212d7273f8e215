"""The doctor: every invariant of a run, over all its steps, with a verdict and what it means.

    invariant | expected | worst seen | verdict | meaning

A verdict is "holds", "violated" (the run is wrong), "watch" (it learns badly), "shown" (no bound
is known) or "not read". The gradient's signal is judged per step of the chain: the mean cosine of
two half batches against its own standard error.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from . import metrics
from .folder import about
from .monitors import INVARIANTS, Reading

Verdict: TypeAlias = Literal["holds", "violated", "watch", "shown", "not read"]


@dataclass(frozen=True)
class Finding:
    """One row of the table.

    Attributes:
        seen: the worst value, its step and how often it was out of bounds, in words.
    """

    invariant: str
    expected: str
    seen: str
    verdict: Verdict
    meaning: str


@dataclass(frozen=True)
class Signal:
    """What one step of the chain contributes to learning.

    Attributes:
        step: of the chain, 0 the noisiest.
        cosine: between the gradients of two halves of a batch, averaged over `readings`.
        z: that mean over its standard error.
    """

    step: int
    cosine: float
    z: float
    readings: int

    @property
    def word(self) -> str:
        """A verdict in one word: six standard errors above chance, or not."""
        return "learns" if self.z > 6 else "weak" if self.z > 2 else "noise"


@dataclass(frozen=True)
class Diagnosis:
    """All findings on one run."""

    run: str
    kind: str
    steps: int
    finished: bool
    findings: tuple[Finding, ...]
    signals: tuple[Signal, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing is violated."""
        return all(f.verdict != "violated" for f in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "healthy": self.healthy}


def examine(path: Path) -> Diagnosis:
    """Read a run's folder, finished or not, and judge it.

    Raises:
        FileNotFoundError: not the folder of a run.
        ValueError: damaged metrics, or none yet.
    """
    run = about(path)
    rows = metrics.read(path / "metrics.jsonl")
    if not rows:
        raise ValueError(f"{path} has no metrics yet: let it run for a step")
    findings = tuple(_finding(name, rows) for name in INVARIANTS)
    return Diagnosis(
        str(path),
        run["kind"],
        len(rows),
        (path / "summary.json").exists(),
        findings,
        signals([row["signal"] for row in rows if row.get("signal")]),
    )


def _finding(name: str, rows: Sequence[Mapping[str, Any]]) -> Finding:
    invariant = INVARIANTS[name]
    read = [
        (row["step"], Reading(name, *row["readings"][name]))
        for row in rows
        if name in row.get("readings", {})
    ]
    if not read:
        return Finding(name, invariant.expected, "–", "not read", "")
    out = [(step, r) for step, r in read if not r.holds]
    step, worst = max(out or read, key=lambda pair: _strain(pair[1]))
    seen = f"{worst.value:.3g}"
    if math.isfinite(worst.low) and math.isfinite(worst.high):
        seen += f" in [{worst.low:.3g}, {worst.high:.3g}]" if not out else ""
    if out:
        seen += (
            f" at step {step}, outside [{worst.low:.3g}, {worst.high:.3g}]; "
            f"{len(out)} of {len(read)} steps"
        )
        verdict: Verdict = "violated" if invariant.fatal else "watch"
        return Finding(name, invariant.expected, seen, verdict, invariant.violation)
    bounded = any(math.isfinite(edge) for edge in (worst.low, worst.high))
    return Finding(name, invariant.expected, seen, "holds" if bounded else "shown", "")


def _strain(reading: Reading) -> float:
    """How far a reading is from the middle of its bounds, in half widths; NaN is furthest."""
    if math.isnan(reading.value):
        return math.inf
    half = (reading.high - reading.low) / 2
    if not (math.isfinite(half) and half > 0):
        return abs(reading.value)
    return abs(reading.value - (reading.high + reading.low) / 2) / half


def signals(rows: Sequence[Sequence[float]]) -> tuple[Signal, ...]:
    """The signal of each step of the chain, from cosines read in several iterations."""
    found = []
    for step, column in enumerate(zip(*rows, strict=True)):
        known = [value for value in column if math.isfinite(value)]
        if not known:
            continue
        mean = statistics.fmean(known)
        spread = statistics.stdev(known) if len(known) > 1 else math.inf
        error = spread / len(known) ** 0.5
        found.append(Signal(step, mean, mean / error if error > 0 else 0.0, len(known)))
    return tuple(found)
