"""The register: one id per equation, known to code, proof, test and page alike.

    @equation("sde.drift", rows=("SC-6",), paper="Eq. 7; Eq. 21", article="Eq. 11")

The id is what you type to call it. The decorator notes id, ledger rows and where the equation
stands, and has its arguments validated as its declarations say: what is proved is what runs.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from .arguments import Argument, Place, declared
from .sources import ARTICLE, PAPER, Source, cited
from .validation import validated

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Equation:
    """What the register knows of one equation.

    Attributes:
        id: what one types to call it.
        function: with its arguments validated on entry.
        rows: the ledger rows that it carries.
        source: the paper, with its equation number.
        places: what its signature declares, structures taken apart.
    """

    id: str
    function: Callable[..., Any]
    rows: tuple[str, ...]
    paper: Source | None
    article: Source | None
    also: tuple[Source, ...]
    remark: str
    places: tuple[Place, ...] = ()

    @property
    def sources(self) -> tuple[Source, ...]:
        """The paper, the article, and the others, in this order."""
        return tuple(s for s in (self.paper, self.article) if s is not None) + self.also

    @property
    def source(self) -> str:
        """The citation in words: documents with their places, then the remark."""
        return "; ".join([*map(str, self.sources), *([self.remark] if self.remark else [])])

    @property
    def topic(self) -> str:
        """The module's stem, shared by code, proof, test and page."""
        return self.id.partition(".")[0]

    @property
    def statement(self) -> str:
        """The first line of the docstring: the formula, or the sentence said aloud."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @property
    def arguments(self) -> dict[str, Argument]:
        """The declarations of its arguments by flat name."""
        return {place.name: place.argument for place in self.places}

    @property
    def line(self) -> int:
        """The line of the module at which the function starts."""
        return inspect.getsourcelines(self.function)[1]


_REGISTER: dict[str, Equation] = {}


def equation(
    id: str,
    *,
    rows: tuple[str, ...] = (),
    paper: str = "",
    article: str = "",
    also: tuple[tuple[str, str], ...] = (),
    remark: str = "",
) -> Callable[[F], F]:
    """Register a closed form under the name by which it is called.

    Args:
        id: `module.function`, and nothing else.
        rows: the ledger rows that this equation carries.
        paper: its number in Liu et al. 2025, such as "Eq. 8; Eq. 28".
        article: its number in the Chinese article about that paper.
        also: other documents, each a key of `sources.toml` with a place ("" for the whole).
        remark: what the citations alone do not say; the whole source of what nobody has written.

    Raises:
        ValueError: the id is taken, or is not the function's own name; no source at all; a document
            or a place that is not noted in `sources.toml`.
        TypeError: an argument without a declaration.
    """
    if not (paper or article or also or remark):
        raise ValueError(f"{id!r} says neither where it stands (paper, article, also) nor a remark")
    in_paper, in_article = (
        cited(key, places) if places else None
        for key, places in ((PAPER, paper), (ARTICLE, article))
    )
    others = tuple(cited(key, places) for key, places in also)

    def note(function: F) -> F:
        called = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        if id != called:
            raise ValueError(
                f"an id is what one types to call the function: {called!r}, not {id!r}"
            )
        if id in _REGISTER:
            raise ValueError(f"equation id {id!r} is registered twice")
        checked = validated(function, id)
        _REGISTER[id] = Equation(
            id, checked, tuple(rows), in_paper, in_article, others, remark, declared(function)
        )
        return checked

    return note


def equations() -> dict[str, Equation]:
    """All registered equations by id, in the order of the text."""
    return dict(_REGISTER)


def find(id: str) -> Equation:
    """The equation of that id.

    Raises:
        KeyError: no such id; the message names the nearest.
    """
    import difflib

    if id not in _REGISTER:
        near = difflib.get_close_matches(id, _REGISTER, n=3, cutoff=0.4)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise KeyError(f"no equation is called {id!r}{hint}")
    return _REGISTER[id]
