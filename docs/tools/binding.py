"""Printed pages bound into one PDF: bookmarks, page numbers, and links from one part to another.

A part is what the browser printed of one page of the site. Its headings are named places in it, so
a link to another page of the course becomes a jump inside the book; a link to a page that is not
in the book is taken off, since on paper it leads nowhere.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urldefrag

from pypdf import PageObject, PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    Fit,
    FloatObject,
    NameObject,
    NullObject,
)

Place = tuple[int, float]
"""A page of the book, counted from 0, and a height on it, in points from below."""


@dataclass(frozen=True)
class Part:
    """A page of the site, printed.

    Attributes:
        title: in the bookmarks and the contents.
        address: below the site, `learn/paths.html`; what links to it are known by.
        data: the PDF.
    """

    title: str
    address: str
    data: bytes

    @property
    def pages(self) -> int:
        """How many it has."""
        return len(PdfReader(io.BytesIO(self.data)).pages)


def bound(parts: list[Part], base: str, title: str, *, unnumbered: int = 0) -> bytes:
    """One PDF of all parts in their order.

    Args:
        base: the address of the site from which they were printed; links that begin so are its own.
        title: of the document.
        unnumbered: how many parts at the front have no page numbers printed.
    """
    book, places = PdfWriter(), dict[tuple[str, str], Place]()
    starts = []
    for part in parts:
        reader, start = PdfReader(io.BytesIO(part.data)), len(book.pages)
        starts.append(start)
        for page in reader.pages:
            book.add_page(page)
        places[part.address, ""] = (start, float(reader.pages[0].mediabox.top))
        places |= {(part.address, n): (start + at, top) for n, at, top in _named(reader)}
    for part, start in zip(parts, starts, strict=True):
        bookmark = book.add_outline_item(title=part.title, page_number=start)
        for name, at, top in _headings(PdfReader(io.BytesIO(part.data))):
            book.add_outline_item(
                title=name, page_number=start + at, parent=bookmark, fit=Fit.xyz(left=0, top=top)
            )
    owners = [part for part in parts for _ in range(part.pages)]
    for number, (page, part) in enumerate(zip(book.pages, owners, strict=True)):
        _relink(book, page, part, base, places)
        if part not in parts[:unnumbered]:
            stamp(page, str(number + 1))
    book.compress_identical_objects()
    book.add_metadata({"/Title": title})
    target = io.BytesIO()
    book.write(target)
    return target.getvalue()


def _named(reader: PdfReader) -> Iterator[tuple[str, int, float]]:
    """The named places of a part: name, page and height."""
    for name, place in reader.named_destinations.items():
        at = reader.get_destination_page_number(place)
        if at is not None:
            yield unquote(str(name).lstrip("/")), at, float(place.top or 0)


def _headings(reader: PdfReader) -> Iterator[tuple[str, int, float]]:
    """The headings below the title: the second level of the part's own bookmarks."""
    for below in (entry for entry in reader.outline if isinstance(entry, list)):
        for entry in below:
            at = None if isinstance(entry, list) else reader.get_destination_page_number(entry)
            if at is not None:
                yield str(entry.title), at, float(entry.top or 0)


# ---------------------------------------------------------------- links


def _relink(
    book: PdfWriter, page: PageObject, part: Part, base: str, places: dict[tuple[str, str], Place]
) -> None:
    """Links inside the book as jumps, links to elsewhere as they are, dead ones off."""
    kept = ArrayObject()
    for reference in page.get("/Annots", ArrayObject()):
        link = reference.get_object()
        target = _target(link, part, base)
        if target is None:
            kept.append(reference)
            continue
        place = places.get(target) or places.get((target[0], ""))
        if place is not None:
            link.pop("/A", None)
            link[NameObject("/Dest")] = _destination(book, place)
            kept.append(reference)
    page[NameObject("/Annots")] = kept


def _target(link: DictionaryObject, part: Part, base: str) -> tuple[str, str] | None:
    """The page of the site and the anchor to which a link leads; None if it leaves the site."""
    if (name := link.get("/Dest")) is not None:
        return part.address, unquote(str(name).lstrip("/"))
    address = str(link.get("/A", DictionaryObject()).get_object().get("/URI", ""))
    if not address.startswith(base):
        return None
    page, anchor = urldefrag(address.removeprefix(base))
    return page, unquote(anchor)


def _destination(book: PdfWriter, place: Place) -> ArrayObject:
    number, top = place
    reference = book.pages[number].indirect_reference
    assert reference is not None
    return ArrayObject(
        [reference, NameObject("/XYZ"), FloatObject(0), FloatObject(top), NullObject()]
    )


# ---------------------------------------------------------------- page numbers

SIZE, ABOVE_EDGE = 9, 22
"""The number's size and its height above the lower edge, in points."""


def stamp(page: PageObject, text: str) -> None:
    """Print a short text of digits at the foot of a page, in the middle."""
    width, height = float(page.mediabox.width), float(page.mediabox.height)
    x = (width - 0.556 * SIZE * len(text)) / 2  # a digit of Helvetica is 0.556 wide
    layer = PageObject.create_blank_page(width=width, height=height)
    content = DecodedStreamObject()
    content.set_data(f"BT /Number {SIZE} Tf 0.3 g {x:.2f} {ABOVE_EDGE} Td ({text}) Tj ET".encode())
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    layer[NameObject("/Contents")] = content
    layer[NameObject("/Resources")] = DictionaryObject(
        {NameObject("/Font"): DictionaryObject({NameObject("/Number"): font})}
    )
    page.merge_page(layer)
    page.compress_content_streams()
