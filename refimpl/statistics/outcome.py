"""What a statistical test states before it looks, and what it says afterwards.

    claim:  a name, a fixed n, a false-alarm rate α = 1e-9       (before any sample is drawn)
    power:  the effect that is detected with probability 1 − β, β = 1e-3  (asserted, not hoped for)

A test raises `StatisticalFailure`; it never returns a verdict that a caller could forget. A test
too weak for what it promises raises `DesignError`, whatever the samples say.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from ..typed import typed

ALPHA = 1e-9
"""The false-alarm rate of every assertion: a thousand of them err once in a million runs."""

BETA = 1e-3
"""The rate at which a stated effect may be missed."""


Sees: TypeAlias = Literal["marginal", "residual"]
"""What a test looks at: the law of samples, or what a step or a prediction leaves over."""


class StatisticalFailure(AssertionError):
    """Samples that a correct sampler produces less often than α.

    Attributes:
        name, part, statistic, bound, p_value, n, alpha: what was tested, and how it came out.
        sees: whether the test looks at a law or at residuals.
    """

    def __init__(
        self,
        claim: "Claim",
        part: str,
        statistic: float,
        bound: float,
        p_value: float,
        sees: Sees = "marginal",
    ) -> None:
        self.sees = sees
        self.name, self.n, self.alpha = claim.name, claim.n, claim.alpha
        self.part, self.statistic, self.bound, self.p_value = part, statistic, bound, p_value
        super().__init__(
            f"{claim.name}: {part} is {statistic:.6g}, beyond {bound:.6g} (n={claim.n}, "
            f"alpha={claim.alpha:g}, p={p_value:.3g}): the samples do not have the stated law"
        )


class DesignError(ValueError):
    """A test that cannot deliver: too few samples for the effect it promises to detect."""


@dataclass(frozen=True)
class Claim:
    """An assertion about samples, fixed before they are drawn.

    Attributes:
        name: names the assertion, and seeds its randomness (`budget.generator`).
        n: the number of independent samples, no more and no less.
        alpha: how often a correct sampler may fail it.

    Raises:
        ValueError: n < 2 or alpha outside (0, 0.5).
    """

    name: str
    n: int
    alpha: float = ALPHA

    def __post_init__(self) -> None:
        typed(self)
        if self.n < 2 or not 0 < self.alpha < 0.5:
            raise ValueError(f"a claim needs n >= 2 and 0 < alpha < 0.5, got {self!r}")


@dataclass(frozen=True)
class Outcome:
    """A test that held.

    Attributes:
        statistic, bound: of its most strained part, named by `part`.
        p_value: of that part, multiplied by the number of parts.
        detectable: the effect it finds with probability 1 − β, in the test's own unit.
    """

    claim: Claim
    part: str
    statistic: float
    bound: float
    p_value: float
    detectable: float

    def __str__(self) -> str:
        return (
            f"{self.part} {self.statistic:.3g} <= {self.bound:.3g} (n={self.claim.n}, "
            f"detects {self.detectable:.3g})"
        )


@dataclass(frozen=True)
class Part:
    """One statistic of a test, with the bound that it may exceed with probability α/parts."""

    name: str
    statistic: float
    bound: float
    p_value: float


@dataclass
class Gathered:
    """What tests said while failures were gathered.

    Attributes:
        failures: in the order in which they came.
        asked: what was looked at, by tests that held or failed.
    """

    failures: list[StatisticalFailure] = field(default_factory=list)
    asked: set[Sees] = field(default_factory=set)


_GATHERED: list[Gathered | None] = []


@contextmanager
def gathered() -> Iterator[Gathered]:
    """Every failure inside, in place of the first: which tests see what was planted?"""
    found = Gathered()
    _GATHERED.append(found)
    try:
        yield found
    finally:
        _GATHERED.pop()


@contextmanager
def raising() -> Iterator[None]:
    """Inside, the first failure is raised again, whoever gathers."""
    _GATHERED.append(None)
    try:
        yield
    finally:
        _GATHERED.pop()


def judge(
    claim: Claim, parts: list[Part], detectable: float, detects: float, sees: Sees = "marginal"
) -> Outcome:
    """Raise unless the design suffices and every part keeps its bound.

    Raises:
        DesignError: the detectable effect is larger than the promised one.
        StatisticalFailure: a part beyond its bound, or NaN.
    """
    if not detectable <= detects:
        raise DesignError(
            f"{claim.name} promises to detect {detects:g}, but n={claim.n} detects "
            f"{detectable:.4g} at best: draw more samples, or promise less"
        )
    gathering = _GATHERED[-1] if _GATHERED else None
    if gathering is not None:
        gathering.asked.add(sees)
    failed = [part for part in parts if not part.statistic <= part.bound]
    if failed:
        worst = max(failed, key=lambda part: part.statistic / part.bound)
        failure = StatisticalFailure(
            claim, worst.name, worst.statistic, worst.bound, worst.p_value, sees
        )
        if gathering is None:
            raise failure
        gathering.failures.append(failure)
    worst = min(parts, key=lambda part: part.p_value)
    p_value = min(1.0, worst.p_value * len(parts))
    return Outcome(claim, worst.name, worst.statistic, worst.bound, p_value, detectable)


def samples(claim: Claim, x: Tensor, axis: int = 0) -> None:
    """Validation of samples: float64, finite, and as many samples as the claim fixed.

    Raises:
        TypeError: not float64.
        ValueError: another n, NaN or infinity.
    """
    if x.dtype != torch.float64:
        raise TypeError(f"{claim.name}: samples must be float64, got {x.dtype}")
    if x.ndim <= axis or x.shape[axis] != claim.n:
        raise ValueError(
            f"{claim.name} fixed n={claim.n} beforehand, got samples of shape {tuple(x.shape)}: "
            "n is not a knob"
        )
    if not bool(torch.isfinite(x).all()):
        raise ValueError(f"{claim.name}: samples hold NaN or infinity")
