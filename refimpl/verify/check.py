"""Checks as plain functions: a check raises when it fails, and returns what it measured.

    @check("numbers", covers=("sde.drift",), rows=("SC-6",))
    def drift_by_differentiation(seed: int) -> Evidence: ...

What a check covers it must call: calls are noted while it runs, and an id that it lists and never
calls fails it. A layer is a kind of evidence. `refimpl verify` runs every check of every layer; the
test suite runs the same functions one by one; the coverage table reads `rows`. A check that returns
has held: there is no verdict that a caller could forget to look at.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from ..equations.watching import watched
from .pictures import Picture

Layer = Literal["numbers", "samplers", "statistics", "training", "peers"]
LAYERS: tuple[Layer, ...] = ("numbers", "samplers", "statistics", "training", "peers")


@dataclass(frozen=True)
class Evidence:
    """What a check measured.

    Attributes:
        summary: one line for the table, with the largest gap or the statistic and its bound.
        figures: the numbers behind it, by name.
        called: the equations that were called while it was measured; the register notes them.
        pictures: curves and histograms for the report, by title (see `refimpl.verify.pictures`).
        p_values: of each assertion within the budget, by name.
    """

    summary: str
    figures: dict[str, float] = field(default_factory=dict)
    pictures: dict[str, Picture] = field(default_factory=dict)
    called: tuple[str, ...] = ()
    p_values: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """A registered check.

    Attributes:
        name: `layer.function`.
        layer: the kind of evidence.
        covers: the ids of the equations it speaks for.
        rows: the ledger rows whose letter it gives: N for numbers and samplers, T for statistics, L
            for training.
        run: called with a seed; raises on failure.
        of_one: asks about one of the equations alone, where the check can be taken apart.
    """

    name: str
    layer: Layer
    covers: tuple[str, ...]
    rows: tuple[str, ...]
    run: Callable[[int], Evidence]
    of_one: Callable[[str, int], Evidence] | None = None

    @property
    def statement(self) -> str:
        """The first line of the check's docstring: the fact it establishes."""
        return (self.run.__doc__ or "").strip().partition("\n")[0]


CHECKS: dict[str, Check] = {}
"""Every check by name, once its layer has been imported."""


class NeverCalled(AssertionError):
    """A check lists an equation that nothing called while it ran."""


def check(
    layer: Layer,
    *,
    covers: tuple[str, ...],
    rows: tuple[str, ...] = (),
    of_one: Callable[[str, int], Evidence] | None = None,
) -> Callable[[Callable[[int], Evidence]], Callable[[int], Evidence]]:
    """Register a check, and hold what it covers to what it calls.

    Raises:
        ValueError: two checks of one name.
    """

    def note(function: Callable[[int], Evidence]) -> Callable[[int], Evidence]:
        name = f"{layer}.{function.__name__}"
        if name in CHECKS:
            raise ValueError(f"check {name!r} is registered twice")
        run = _observed(name, function, covers)
        CHECKS[name] = Check(name, layer, tuple(covers), tuple(rows), run, of_one)
        return run

    return note


def _observed(
    name: str, function: Callable[[int], Evidence], covers: tuple[str, ...]
) -> Callable[[int], Evidence]:
    @functools.wraps(function)
    def run(seed: int) -> Evidence:
        with watched() as called:
            evidence = function(seed)
        silent = [id for id in covers if id not in called]
        if silent:
            raise NeverCalled(f"{name} covers {', '.join(silent)} and never calls it")
        return replace(evidence, called=tuple(sorted(called)))

    return run
