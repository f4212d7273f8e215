"""A derivation: handed the production function, it yields what the mathematics demands of it.

    @derivation("sde.drift", rows=("SC-6",), assumes=("p > 0, twice differentiable",))
    def drift(production):
        '''The title, then the lecture.'''
        w = Writing(p=density(), v=field(), g=of_time())
        yield w.chain("...", ("...", "the rule, in words"), states="what it shows")

`derivations.engine.written` has the language of the lines.

Proving runs it on the function that runs. Controlling runs the same lines on wrong neighbours of
that function, made by `controls`; each must be refuted by one of the same lines.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from refimpl.equations import find

from .written.chain import Chain

Lines: TypeAlias = Iterator[Chain]
"""What a derivation yields."""

Production: TypeAlias = Callable[..., Any]
"""The function that runs."""


@dataclass(frozen=True)
class Derivation:
    """A registered derivation.

    Attributes:
        id: the equation's id, or a name of its own for a chain of several equations.
        of: the ids of the production functions it is handed, in order.
        rows: ledger rows that it gives their S and C.
        assumes: what the proof takes for granted, in words.
        equivalent: wrong neighbours that are not wrong, by mutated source, each with the reason.
        lines: the generator.
        special: arguments that are shown for named values only, with what they are.
    """

    id: str
    of: tuple[str, ...]
    rows: tuple[str, ...]
    assumes: tuple[str, ...]
    equivalent: dict[str, str]
    lines: Callable[..., Lines]
    special: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The first line of the docstring."""
        return (inspect.getdoc(self.lines) or "").partition("\n")[0]

    @property
    def lecture(self) -> str:
        """The docstring after its first line."""
        return (inspect.getdoc(self.lines) or "").partition("\n")[2].strip()

    def productions(self) -> list[Callable[..., Any]]:
        """The functions that run, in the order in which the derivation takes them."""
        return [find(id).function for id in self.of]


_DERIVATIONS: dict[str, Derivation] = {}


def derivation(
    id: str,
    *,
    of: tuple[str, ...] = (),
    rows: tuple[str, ...] = (),
    assumes: tuple[str, ...] = (),
    equivalent: dict[str, str] | None = None,
    special: dict[str, str] | None = None,
) -> Callable[[Callable[..., Lines]], Callable[..., Lines]]:
    """Register a derivation of the equation `id`, or of the chain `of`.

    Args:
        id: the equation's, or a name of its own for a chain.
        of: the equations whose functions it is handed.
        rows: of the ledger.
        assumes: what is taken for granted, in words.
        equivalent: neighbours that are not wrong, by their source, with the reason.
        special: arguments shown for named values only: `{"ddof": "0 and 1, the two divisors"}`,
            or `{"grpo.advantage.ddof": ...}` in a chain. The page says so.

    Raises:
        KeyError: an id that no equation has.
        ValueError: two derivations of one name, or no docstring.
    """
    of = of or (id,)
    for name in of:
        find(name)

    def note(lines: Callable[..., Lines]) -> Callable[..., Lines]:
        if id in _DERIVATIONS:
            raise ValueError(f"derivation {id!r} is registered twice")
        if not lines.__doc__:
            raise ValueError(f"derivation {id!r} needs a docstring: its title and lecture")
        _DERIVATIONS[id] = Derivation(id, of, rows, assumes, equivalent or {}, lines, special or {})
        return lines

    return note


def derivations() -> dict[str, Derivation]:
    """All derivations that have been imported, by id."""
    return dict(_DERIVATIONS)
