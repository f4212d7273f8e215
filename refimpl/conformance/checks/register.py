"""Checks: what is asked of an adapter, by id, in tiers.

    @check("ratio.value", needs=("ratio",), tier="vectors", covers=("policy.ratio",))
    def ratio_value(subject): ...    raises Differs, or returns a Finding

The one list behind the command, the pytest plugin and the decorator. Tiers run in order: a
capability that fails a basic check is not asked further.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ..adapter.subject import Subject
from ..diagnosis.readings import Explanation, cause

Tier: TypeAlias = Literal["basic", "vectors", "laws", "order"]
TIERS: tuple[Tier, ...] = ("basic", "vectors", "laws", "order")


@dataclass(frozen=True)
class Finding:
    """A check that held.

    Attributes:
        gap: the largest difference, in units of what rounding explains (1 would fail).
        notes: what the reader should know all the same.
    """

    gap: float = 0.0
    notes: tuple[str, ...] = ()


class Differs(AssertionError):
    """Numbers that are not what was declared.

    Attributes:
        what: the difference, in words.
        gap: the largest one, relative to the largest value.
        explanations: what the numbers look like, the closest first.
        look: where none is known, looks for one, which takes time; told a cause, tries that alone.
    """

    def __init__(
        self,
        what: str,
        gap: float = float("inf"),
        explanations: tuple[Explanation, ...] = (),
        look: Callable[[str], tuple[Explanation, ...]] = lambda told: (),
    ) -> None:
        super().__init__(what)
        self.what, self.gap, self.explanations, self.look = what, gap, explanations, look

    @property
    def cause(self) -> str:
        """The explanations in words."""
        return cause(self.explanations)


class NotApplicable(Exception):
    """A check that says nothing about this adapter; the message says why."""


CheckOf: TypeAlias = Callable[[Subject], Finding]


@dataclass(frozen=True)
class Check:
    """A registered check.

    Attributes:
        id: `capability.aspect`, the same in every report and deviation file.
        needs: the capabilities without which it is not asked.
        tier: when it is asked.
        covers: the equations that it speaks for.
        run: the function.
    """

    id: str
    needs: tuple[str, ...]
    tier: Tier
    covers: tuple[str, ...]
    run: CheckOf = field(repr=False)

    @property
    def statement(self) -> str:
        """The fact that it establishes."""
        return (self.run.__doc__ or "").strip().partition("\n")[0]


CHECKS: dict[str, Check] = {}
"""Every check by id, once the folder has been imported."""


def check(
    id: str, *, needs: tuple[str, ...], tier: Tier, covers: tuple[str, ...] = ()
) -> Callable[[CheckOf], CheckOf]:
    """Register a check."""

    def note(function: CheckOf) -> CheckOf:
        CHECKS[id] = Check(id, needs, tier, covers, function)
        return function

    return note
