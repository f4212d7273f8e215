"""The documents that equations are cited from, and the places in them that were read.

    Source("song2021", ("Eq. 6",))        Song et al. 2021, arXiv:2011.13456, Eq. 6

*The paper* is Liu et al. 2025, whose appendix proves its SDE; *the article* is the Chinese text about
it, which numbers its equations anew. One formula has two numbers, so no number stands without its
document. `sources.toml` holds, for each place that was opened, what is printed there.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

PAPER, ARTICLE = "paper", "article"


@dataclass(frozen=True)
class Document:
    """One document: who wrote it, where it is found, which copy was opened, what was read there."""

    key: str
    short: str
    authors: str
    title: str
    year: int  # 0: the copy prints no date
    address: str
    language: str
    copy: str  # the edition that was opened and how much of it; empty if none was
    places: Mapping[str, str]  # place -> what is printed there
    unread: tuple[str, ...]  # places cited on the word of somebody else

    @property
    def opened(self) -> bool:
        """Was a place of this document read?"""
        return bool(self.places)

    @property
    def name(self) -> str:
        """How a citation names it: short name and arXiv identifier, if it has one."""
        if self.key == PAPER:
            return f"{self.short} ({self.address})"
        return f"{self.short}, {self.address}" if self.address.startswith("arXiv:") else self.short


@dataclass(frozen=True)
class Source:
    """A document and the places in it: `Source("paper", ("Eq. 8", "Eq. 28"))`."""

    key: str
    places: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        known = document(self.key)
        for place in self.places:
            if place not in known.places and place not in known.unread:
                raise ValueError(
                    f"{place!r} of {known.short} is not among the places noted in sources.toml; "
                    "open the document and note what is printed there"
                )

    @property
    def document(self) -> Document:
        """The document itself."""
        return document(self.key)

    @property
    def read(self) -> bool:
        """Were all its places read, and at least the document opened?"""
        return self.document.opened and all(p in self.document.places for p in self.places)

    def __str__(self) -> str:
        return (
            f"{self.document.name}, {_joined(self.places)}" if self.places else self.document.name
        )


def cited(key: str, places: str = "") -> Source:
    """`cited("paper", "Eq. 8; Eq. 28")`: places are parted by semicolons.

    Raises:
        ValueError: no such document, or a place that nobody has noted.
    """
    return Source(key, tuple(part.strip() for part in places.split(";") if part.strip()))


@cache
def documents() -> Mapping[str, Document]:
    """All registered documents by key, in the order of the file."""
    text = (Path(__file__).parent / "sources.toml").read_text(encoding="utf-8")
    return MappingProxyType({key: _made(key, entry) for key, entry in tomllib.loads(text).items()})


def document(key: str) -> Document:
    """The document of that key.

    Raises:
        ValueError: no such key; the message lists them.
    """
    if key not in documents():
        raise ValueError(f"no document is called {key!r}; known are {', '.join(documents())}")
    return documents()[key]


def _made(key: str, entry: dict[str, Any]) -> Document:
    places, unread = entry.pop("places", {}), tuple(entry.pop("unread", ()))
    return Document(key=key, places=MappingProxyType(places), unread=unread, **entry)


def _joined(places: tuple[str, ...]) -> str:
    """("Eq. 8", "Eq. 28") reads "Eq. 8 and 28"."""
    kind, _, first = places[0].partition(" ")
    if len(places) > 1 and all(p.startswith(f"{kind} ") for p in places):
        rest = [p.removeprefix(f"{kind} ") for p in places[1:]]
        return f"{kind} {', '.join((first, *rest[:-1]))} and {rest[-1]}"
    return " and ".join(places)
