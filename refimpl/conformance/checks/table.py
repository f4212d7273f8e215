"""For each capability: its operation and its inputs; and the checks that all capabilities share.

    offer(operation, cases)    registers <capability>.value, and <capability>.basic reads the table

A capability whose comparison needs more than that registers it where it is defined.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from ..adapter.significands import filled
from ..adapter.spreads import spread
from ..adapter.subject import Subject
from ..diagnosis.readings import Case
from ..formulas.operations import Operation
from .asking import compare
from .register import Finding, check

CasesOf: TypeAlias = Callable[[Subject], list[Case]]


@dataclass(frozen=True)
class Offer:
    """An operation and the inputs it is tried on."""

    operation: Operation
    cases: CasesOf


def precise(subject: Subject, cases: list[Case]) -> list[Case]:
    """The cases, two of them again with full significands, and one with numbers of many sizes."""
    c = subject.conventions
    more = [Case(filled(c, k.inputs), f"{k.label}, every digit in use") for k in cases[:2]]
    wide = [Case(spread(c, k.inputs), f"{k.label}, of many sizes") for k in cases[:1]]
    return [*cases, *more, *wide]


OFFERS: dict[str, Offer] = {}


def offer(
    op: Operation,
    cases: CasesOf,
    *,
    covers: tuple[str, ...] = (),
    value: bool = True,
    full: bool = True,
) -> None:
    """Note a capability's operation and inputs, and register its comparison.

    With `full`, inputs of full significands are asked too.
    """
    OFFERS[op.capability] = Offer(op, cases)
    if not value:
        return

    def run(subject: Subject) -> Finding:
        plain = cases(subject)
        return compare(subject, op, precise(subject, plain) if full else plain)

    run.__doc__ = f"Numbers of `{op.capability}` are the equation's, in every shape."
    check(f"{op.capability}.value", needs=(op.capability,), tier="vectors", covers=covers)(run)
