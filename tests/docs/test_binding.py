"""The book of the lectures: its order, bookmarks, page numbers, and links from part to part."""

import io
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed: it comes with the docs extra")

from pypdf import PdfReader, PdfWriter  # noqa: E402
from pypdf.annotations import Link  # noqa: E402
from pypdf.generic import DictionaryObject, Fit, NameObject, TextStringObject  # noqa: E402

TOOLS = Path(__file__).parents[2] / "docs" / "tools"
BASE = "http://127.0.0.1:1/"
HEIGHT = 300


@pytest.fixture(scope="module")
def binding() -> ModuleType:
    sys.path.insert(0, str(TOOLS))
    try:
        import binding
    finally:
        sys.path.remove(str(TOOLS))
    return binding


def small(title: str, pages: int, headings: dict[str, tuple[int, int]], links: list[str]) -> bytes:
    """A PDF as the browser prints one: named headings as bookmarks, links on its first page.

    Args:
        headings: from a name to the page, counted from 0, and the height.
        links: addresses, or `#name` for a place in the PDF itself.
    """
    made = PdfWriter()
    for _ in range(pages):
        made.add_blank_page(width=200, height=HEIGHT)
    top = made.add_outline_item(title=title, page_number=0)
    for name, (page, height) in headings.items():
        made.add_outline_item(
            title=name, page_number=page, parent=top, fit=Fit.xyz(left=0, top=height)
        )
        made.add_named_destination(name, page)
    for address in links:
        made.add_annotation(0, Link(rect=(0, 0, 10, 10), url=address.removeprefix("#")))
        link = made.pages[0]["/Annots"][-1].get_object()  # type: ignore[index]
        if address.startswith("#"):
            del link["/A"]
            link[NameObject("/Dest")] = TextStringObject(address[1:])
    target = io.BytesIO()
    made.write(target)
    return target.getvalue()


@pytest.fixture(scope="module")
def book(binding: ModuleType) -> Any:
    """Two lectures of two and three pages, bound; the first links to everywhere."""
    links = [
        "#own",
        f"{BASE}b.html#there",
        f"{BASE}b.html#nowhere",
        f"{BASE}c.html",
        "https://x.org/",
    ]
    one = small("One", 2, {"own": (1, 250)}, links)
    two = small("Two", 3, {"own": (0, 200), "there": (2, 100)}, ["#own"])
    parts = [binding.Part("One", "a.html", one), binding.Part("Two", "b.html", two)]
    return PdfReader(io.BytesIO(binding.bound(parts, BASE, "The book", unnumbered=1)))


def places(book: Any, page: int) -> list[tuple[int, float] | str]:
    """Where the links of a page lead: page and height, or an address."""
    found: list[tuple[int, float] | str] = []
    numbers = {p.indirect_reference.idnum: n for n, p in enumerate(book.pages)}
    for reference in book.pages[page]["/Annots"]:
        link: DictionaryObject = reference.get_object()
        if "/Dest" in link:
            to = link["/Dest"]
            found.append((numbers[list.__getitem__(to, 0).idnum], float(to[3])))  # type: ignore[index, arg-type]
        else:
            found.append(str(link["/A"]["/URI"]))  # type: ignore[index]
    return found


def test_it_has_all_pages_in_order_and_a_title(book: Any) -> None:
    assert len(book.pages) == 5
    assert book.metadata.title == "The book"


def test_each_part_is_a_bookmark_with_its_headings_below(book: Any) -> None:
    one, below_one, two, below_two = book.outline
    assert [one.title, two.title] == ["One", "Two"]
    assert [book.get_destination_page_number(entry) for entry in (one, two)] == [0, 2]
    told = [(e.title, book.get_destination_page_number(e), float(e.top)) for e in below_two]
    assert told == [("own", 2, 200), ("there", 4, 100)]
    assert [(e.title, book.get_destination_page_number(e)) for e in below_one] == [("own", 1)]


def test_a_link_to_another_part_is_a_jump_and_one_that_leads_nowhere_is_gone(book: Any) -> None:
    own, there, start, elsewhere = places(book, 0)
    assert own[0] == 1  # not the heading of the same name in the other part
    assert there[0] == 4
    assert start == (2, HEIGHT)  # an anchor that is not known: the beginning of its page
    assert elsewhere == "https://x.org/"
    assert [place[0] for place in places(book, 2)] == [2]


def test_pages_are_numbered_from_the_first_but_the_title_page_shows_none(book: Any) -> None:
    assert [page.extract_text().strip() for page in book.pages] == ["", "", "3", "4", "5"]


def test_without_a_chinese_font_nothing_is_printed_in_chinese(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sys.path.insert(0, str(TOOLS))
    try:
        import paper
    finally:
        sys.path.remove(str(TOOLS))
    monkeypatch.setattr(paper.shutil, "which", lambda name: "/usr/bin/fc-list")
    monkeypatch.setattr(paper.subprocess, "check_output", lambda asked: b"a font: X:style=Regular")
    paper.need_font()
    monkeypatch.setattr(paper.subprocess, "check_output", lambda asked: b"")
    with pytest.raises(SystemExit, match=r"boxes.*fonts-noto-cjk.*--language en"):
        paper.need_font()
