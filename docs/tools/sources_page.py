"""The generated tables of docs/sources.md: paper, article, id; every document and what was read."""

import re

from wording import code, plain

from refimpl.equations import Equation, equations
from refimpl.equations.sources import ARTICLE, PAPER, Document, Source, document, documents


def sources_block() -> str:
    """The tables, in the order of the page."""
    return "\n\n".join(
        [
            "## Paper, article, id { #numbers }",
            numbers_table(),
            "## What was opened { #opened }",
            opened_table(),
            "## What was not { #unopened }",
            unopened_list(),
            "## Every equation and its sources { #equations }",
            equations_table(),
        ]
    )


def numbers_table() -> str:
    """One row for each place of the paper, then the article's places that have no counterpart."""
    rows = ["| paper | as printed there | article | equations |", "| --- | --- | --- | --- |"]
    shown: set[str] = set()
    for place, formula in document(PAPER).places.items():
        here = [e for e in equations().values() if e.paper and place in e.paper.places]
        theirs = COUNTERPARTS.get(place, ())
        shown.update(theirs)
        rows.append(
            f"| {place} | {printed(formula)} | {', '.join(theirs)} | {', '.join(map(link, here))} |"
        )
    for place, formula in document(ARTICLE).places.items():
        if place not in shown and place.startswith("Eq."):
            here = [e for e in equations().values() if e.article and place in e.article.places]
            rows.append(f"| | {printed(formula)} | {place} | {', '.join(map(link, here))} |")
    return "\n".join(rows)


# The article's number of what the paper prints: read off the two texts side by side.
COUNTERPARTS: dict[str, tuple[str, ...]] = {
    "Eq. 1": ("Section 3",),
    "Eq. 2": ("Section 3",),
    "Section 3": ("Section 3", "Section 4.1"),
    "Eq. 3": ("Section 4.1",),
    "Eq. 4": ("Section 4.1",),
    "Eq. 5": ("Section 4.1",),
    "Eq. 6": ("Eq. 4",),
    "Eq. 7": ("Eq. 11",),
    "Eq. 8": ("Eq. 1",),
    "Eq. 9": ("Eq. 2",),
    "below Eq. 9": ("below Eq. 2", "Eq. 3"),
    "Eq. 10": ("Eq. 4",),
    "Eq. 11": ("Eq. 5",),
    "Eq. 12": ("Eq. 6",),
    "Eq. 13": ("Eq. 7",),
    "Eq. 14": ("Eq. 8",),
    "Eq. 15": ("Section 7.1",),
    "Eq. 16": ("Eq. 9",),
    "Eq. 19": ("Eq. 10",),
    "Eq. 20": ("Eq. 11",),
    "Eq. 21": ("Eq. 11",),
    "Eq. 22": ("Section 7.1",),
    "Eq. 23": ("Section 7.1",),
    "Eq. 24": ("Eq. 12",),
    "Eq. 25": ("Section 7.1",),
    "Eq. 26": ("Section 7.1",),
    "Eq. 27": ("Section 7.1",),
    "Eq. 28": ("Eq. 15",),
}


def opened_table() -> str:
    """Every document of which a place was read, but for the paper and the article."""
    rows = ["| document | the copy that was opened | places read |", "| --- | --- | --- |"]
    for d in documents().values():
        if d.opened and d.key not in (PAPER, ARTICLE):
            rows.append(f"| {title(d)} | {plain(d.copy)} | {', '.join(d.places)} |")
    return "\n".join(rows)


def unopened_list() -> str:
    """What is cited on somebody else's word: whole documents, and single numbers."""
    lines = []
    for d in documents().values():
        if not d.opened:
            places = f", {' and '.join(d.unread)}" if d.unread else ""
            lines.append(f"- {title(d)}{places}{': ' + plain(d.copy) if d.copy else ''}.")
        elif d.unread:
            lines.append(f"- {plain(d.short)}, {' and '.join(d.unread)}: {plain(d.copy)}.")
    return "\n".join(lines)


def equations_table() -> str:
    """One row for each equation; places that were not read are in italics."""
    rows = ["| equation | the paper | the article | others |", "| --- | --- | --- | --- |"]
    for e in equations().values():
        others = "; ".join(f"{plain(s.document.short)} {where(s)}".strip() for s in e.also)
        remark = f"{'; ' if others else ''}{plain(e.remark)}" if e.remark else ""
        rows.append(
            f"| {link(e)} | {where(e.paper) if e.paper else ''} "
            f"| {where(e.article) if e.article else ''} | {others}{remark} |"
        )
    return "\n".join(rows)


def where(source: Source) -> str:
    """The places, those that were not read in italics."""
    known = source.document.places
    return ", ".join(p if p in known else f"*{p}*" for p in source.places)


def title(d: Document) -> str:
    """Authors, title, year, address."""
    year = f" {d.year}." if d.year else ""
    return f"{plain(d.authors)}. *{plain(d.title)}*.{year} {address(d.address)}"


def address(text: str) -> str:
    """A link where the address is one."""
    if text.startswith("arXiv:"):
        return f"[{text}](https://arxiv.org/abs/{text.removeprefix('arXiv:')})"
    if text.startswith("doi:"):
        return f"[{text}](https://doi.org/{text.removeprefix('doi:')})"
    return f"<{text}>" if text.startswith("http") else plain(text)


def printed(text: str) -> str:
    """A formula as mathematics, words as words; a bar in a table's cell is escaped."""
    if "\\" not in text and "=" not in text:
        return plain(text)
    bars = text.replace("||", r"\Vert ").replace("|", r"\mid ")  # a bar would end the cell
    return f"${bars}$"


def link(e: Equation) -> str:
    """The id, linked to its place in the chapter."""
    return f"[{code(e.id)}](math/{e.topic}.md#{e.id})"


def filled(page: str) -> str:
    """The page with its block written anew."""
    begin, end = "<!-- generated: sources -->", "<!-- end generated -->"
    return re.sub(
        f"{re.escape(begin)}.*?{re.escape(end)}",
        lambda _: f"{begin}\n\n{sources_block()}\n\n{end}",
        page,
        flags=re.S,
    )
