"""From outcomes of tests to evidence, and what several checks share.

A check collects `Outcome`s: each has held, or it would have raised. The evidence shows the most
strained of them. `must_reject` turns a test round: a mistake that it accepts is a failure too.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..statistics.outcome import Outcome, StatisticalFailure, raising
from .check import Evidence


def evidence_of(outcomes: Sequence[Outcome], pictures: dict[str, Any] | None = None) -> Evidence:
    """Evidence from tests that held: the most strained in words, all of them as figures."""
    worst = max(outcomes, key=lambda o: o.statistic / o.bound)
    figures = {}
    for o in outcomes:
        figures[f"{o.claim.name}: statistic/bound"] = o.statistic / o.bound
        figures[f"{o.claim.name}: detects"] = o.detectable
    count = f"{len(outcomes)} test{'s' * (len(outcomes) > 1)}"
    summary = f"{count}; closest: {worst.claim.name}, {worst}"
    p_values = {o.claim.name: o.p_value for o in outcomes}
    return Evidence(summary, figures, pictures or {}, p_values=p_values)


def must_reject(mistake: str, test: Callable[[], object]) -> StatisticalFailure:
    """The failure with which `test` rejects a mistake.

    Raises:
        AssertionError: the test accepts it.
    """
    try:
        with raising():
            test()
    except StatisticalFailure as failure:
        return failure
    raise AssertionError(f"the test lost its power: it accepts {mistake!r}")


def frequencies(d: int, m: int = 8, scale: float = 0.8) -> Tensor:
    """m fixed frequencies w in d dimensions for cos(w·x), of typical length `scale`."""
    draw = torch.randn(m, d, generator=torch.Generator().manual_seed(20250505), dtype=torch.float64)
    return draw * (scale / d**0.5)


def standard_normal(*shape: int, generator: torch.Generator) -> Tensor:
    """ε ~ N(0, 1) in float64 from a generator that the caller seeded."""
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def below(what: str, value: float, bound: float) -> None:
    """Raise unless value < bound (NaN is never below)."""
    if not value < bound:
        raise AssertionError(f"{what} is {value:.4g}, not below {bound:g}")
