"""Declared deviations: a library may differ, if it says how and that is what it does.

    Deviation(check, cause, variant)        the variant formula is verified, strictly

A declaration is no excuse: the library's numbers must equal the variant, and must differ from the
house's. One that no longer differs is an error too: the declaration is out of date.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["agrees", "differs", "differs by design", "not provided"]


@dataclass(frozen=True)
class Deviation:
    """A difference that is known, and understood well enough to be computed.

    Attributes:
        check: the name of the check that it concerns.
        cause: why, in words.
        variant: what the library computes, with the arguments that the check passes on.
    """

    check: str
    cause: str
    variant: Callable[..., Any]


@dataclass(frozen=True)
class Result:
    """The outcome of one check on one adapter.

    Attributes:
        check: the check's name.
        verdict: what was found.
        gap: the largest relative gap to the house's numbers (NaN where nothing was compared).
        cause: the likely mistake, the declared cause, or what is missing.
    """

    check: str
    verdict: Verdict
    gap: float
    cause: str


class Differs(AssertionError):
    """A library's numbers are not the equation's.

    Attributes:
        gap: the largest gap, relative to the largest value.
        cause: what the numbers look like.
    """

    def __init__(self, message: str, gap: float, cause: str) -> None:
        super().__init__(message)
        self.gap = gap
        self.cause = cause
