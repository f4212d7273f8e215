"""The log of scheduled runs: p-values of every assertion, run by run, and what they amount to.

    refimpl accumulate LOG        one more run with a fresh seed, a line more, and Ville's bound

A defect that is too small for one run (a std off by half a per cent) leaves p-values that are a
little too small in every run. Each line holds one run; the wealth is computed from all of them.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import outside
from ..statistics import evalues
from .check import Check
from .layers import checks
from .report import versions


class Accused(AssertionError):
    """The runs together are evidence that no right code gives, except with chance α."""


@dataclass(frozen=True)
class Line:
    """One run of the log.

    Attributes:
        seed: which no other line has.
        p: the p-value of each assertion.
        versions: of what it ran with.
    """

    seed: int
    p: dict[str, float]
    versions: dict[str, str]


def read(log: Path) -> list[Line]:
    """The runs of a log, the first one first; none if there is no file.

    Raises:
        ValueError: a line that is no run, or a seed that was used before.
    """
    lines: list[Line] = []
    for number, text in enumerate(_texts(log), 1):
        try:
            row: Any = outside.parsed(text, "it")
            line = Line(int(row["seed"]), {k: float(p) for k, p in row["p"].items()},
                        dict(row["versions"]))  # fmt: skip
            evalues.wealth([line.p])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"{log}, line {number} is no run: {error}") from None
        if line.seed in {other.seed for other in lines}:
            raise ValueError(
                f"{log}, line {number} has seed {line.seed}, as a line before: the same samples "
                "are no new evidence; delete one of the two"
            )
        lines.append(line)
    return lines


def _texts(log: Path) -> list[str]:
    return outside.text(log, 1024 * outside.MIB).splitlines() if log.exists() else []


def sampled() -> list[Check]:
    """The checks that draw samples."""
    return [c for c in checks().values() if c.layer == "statistics"]


def one_more(log: Path, on_check: Callable[[str], None] = lambda name: None) -> list[Line]:
    """Run every check of samples with the next seed, and add the line.

    Raises:
        StatisticalFailure: an assertion failed by itself; nothing is added.
        ValueError: see `read`.
    """
    before = read(log)
    seed = max([0, *(line.seed for line in before)]) + 1
    p: dict[str, float] = {}
    for check in sampled():
        p |= check.run(seed).p_values
        on_check(check.name)
    line = Line(seed, p, versions())
    with log.open("a", encoding="utf-8") as file:
        told = {"seed": seed, "p": {k: float(f"{x:.4g}") for k, x in p.items()},
                "versions": line.versions}  # fmt: skip
        file.write(json.dumps(told) + "\n")
    return [*before, line]


def judged(lines: Sequence[Line]) -> str:
    """What the runs amount to, in a sentence.

    Raises:
        Accused: the mean wealth has reached 1/α at some run.
    """
    highest = max((evalues.together(evalues.wealth(x.p for x in lines[: k + 1]))
                   for k in range(len(lines))), default=1.0)  # fmt: skip
    each = evalues.wealth(line.p for line in lines)
    told = f"{len(lines)} runs, wealth {evalues.together(each):.3g}, at its highest {highest:.3g}"
    if highest >= 1 / evalues.ALPHA:
        suspect = max(each, key=lambda name: each[name])
        raise Accused(
            f"{told}: beyond {1 / evalues.ALPHA:.0e}, which right code ever reaches with chance "
            f"{evalues.ALPHA:g}; most of it from {suspect}"
        )
    return f"{told}, of {1 / evalues.ALPHA:.0e} allowed"
