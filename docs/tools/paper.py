"""The lectures on paper: a PDF each, and one book of them all, printed from the built site.

    python docs/tools/paper.py site [--only grpo] [--language zh]

writes site/pdf/en/1-notation.pdf and so on, and site/pdf/course.en.pdf: title page, contents, the
lectures and the side lectures, with bookmarks, page numbers and links inside the book; the same in
Chinese, for which Chromium needs a Chinese font. Folded proofs and solutions are opened; wide
formulas shrink to the page.
"""

import argparse
import base64
import re
import shutil
import subprocess
from dataclasses import dataclass
from html import escape
from pathlib import Path

from binding import Part, bound
from render_check import DESKTOP, Browser, browser, served

from refimpl import __version__

ROOT = Path(__file__).resolve().parents[2]
LECTURES = (
    "notation", "flows", "paths", "density", "training", "from-ode-to-sde", "grpo", "steps",
)  # fmt: skip

OPEN = "document.querySelectorAll('details').forEach(d => { d.open = true; })"

FIT = """
for (const table of document.querySelectorAll(".md-content table")) {
  const room = table.closest(".md-content__inner").clientWidth;
  if (table.offsetWidth > room) table.style.zoom = room / table.offsetWidth;
}
"""

WIDE = """
const sorts = ["mjx-container > svg", "table", "img"].map(sort => ".md-content " + sort);
[...document.querySelectorAll(sorts)]
  .filter(e => {
    const room = e.closest(".md-content__inner").getBoundingClientRect();
    const own = e.getBoundingClientRect();
    return own.width > 0 && (own.left < room.left - 1 || own.right > room.right + 1);
  })
  .map(e => e.closest("mjx-container")?.dataset.tex || e.alt || e.textContent.trim().slice(0, 60))
"""

BOLD = """
[...document.querySelectorAll("mjx-container path, mjx-container use")]
  .filter(e => parseFloat(getComputedStyle(e).strokeWidth) > 0).slice(0, 1)
  .map(e => e.closest("mjx-container").dataset.tex)
"""

TITLE = "document.querySelector('h1').firstChild.textContent.trim()"

A4 = {
    "paperWidth": 8.27, "paperHeight": 11.69, "marginTop": 0.6, "marginBottom": 0.6,
    "marginLeft": 0.4, "marginRight": 0.4, "scale": 0.78,
    "printBackground": True, "generateTaggedPDF": True, "generateDocumentOutline": True,
}  # fmt: skip

COLUMN = {**DESKTOP, "width": round((8.27 - 2 * 0.4) * 96 / 0.78)}  # as wide as the paper


@dataclass(frozen=True)
class Language:
    """The words of a book, and where its pages stand below the site."""

    folder: str
    title: str
    about: str
    contents: str
    more: str


LANGUAGES = {
    "en": Language(
        "learn/", "Flow matching and Flow-GRPO",
        "Eight lectures and side lectures, with every proof checked on the code that runs",
        "Lectures", "Side lectures",
    ),
    "zh": Language(
        "zh/learn/", "流匹配与 Flow-GRPO",
        "八讲与专题，每个证明都在运行的代码上检验过",
        "讲义", "专题",
    ),
}  # fmt: skip


def side_lectures() -> list[str]:
    """Their names, in the order of the course's first page."""
    text = (ROOT / "docs" / "learn" / "index.md").read_text("utf-8")
    return [f"more/{name}" for name in re.findall(r"\(more/(\w+)\.md\)", text)]


def printed(chrome: Browser, address: str) -> bytes:
    """The page that is open, or that is at an address, as a PDF; wide tables shrink to fit."""
    if address:
        chrome.open(address, COLUMN)
        chrome.value(OPEN)
    chrome.call("Emulation.setEmulatedMedia", media="print")
    chrome.value(FIT)
    return base64.b64decode(chrome.call("Page.printToPDF", **A4)["data"])


def front(chrome: Browser, base: str, words: Language, parts: list[Part]) -> Part:
    """The title page with the contents; it is printed again if it turns out longer than a page."""
    pages = 1
    while True:
        chrome.open("about:blank", DESKTOP)
        chrome.value(f"document.write({front_html(base, words, parts, pages)!r}); document.close()")
        made = Part(words.title, "", printed(chrome, ""))
        if made.pages == pages:
            return made
        pages = made.pages


def front_html(base: str, words: Language, parts: list[Part], pages: int) -> str:
    """Title and contents as a page; entries are links, with the number of the page in the book."""
    rows, at = [], pages + 1
    for i, part in enumerate(parts):
        if i in (0, len(LECTURES)):
            rows.append(f"<h2>{words.contents if i == 0 else words.more}</h2>")
        link = f'<a href="{base}{part.address}"><span>{escape(part.title)}</span><b>{at}</b></a>'
        rows.append(link)
        at += part.pages
    style = (
        "body{font:15px/1.5 sans-serif;margin:2em 3em}h1{font-size:34px;margin:1.2em 0 .2em}"
        "h2{font-size:17px;margin:1.4em 0 .3em}a{display:flex;justify-content:space-between;"
        "color:#000;text-decoration:none}b{font-weight:400}small{color:#555}"
    )
    return (
        f'<html><meta charset="utf-8"><title>{words.title}</title><style>{style}</style>'
        f"<h1>{words.title}</h1><p>{words.about}</p>"
        f"<small>refimpl {__version__}, Apache License 2.0</small>{''.join(rows)}</html>"
    )


def book(chrome: Browser, base: str, site: Path, language: str, only: str | None) -> list[str]:
    """Print the pages of one language and bind them; what does not look right, in words."""
    words, parts, wrong = LANGUAGES[language], [], []
    folder = site / "pdf" / language
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate([*LECTURES, *side_lectures()], 1):
        if only not in (None, name):
            continue
        address = f"{words.folder}{name}.html"
        data = printed(chrome, base + address)
        wrong += [f"{address}: wider than the page: {text}" for text in chrome.value(WIDE)]
        wrong += [f"{address}: printed with an outline: {text}" for text in chrome.value(BOLD)]
        parts.append(Part(chrome.value(TITLE), address, data))
        chrome.call("Emulation.setEmulatedMedia", media="")
        file = folder / f"{number}-{name.removeprefix('more/')}.pdf"
        file.write_bytes(bound(parts[-1:], base, parts[-1].title))
        print(f"{file}: {parts[-1].pages} pages, {file.stat().st_size / 1024:.0f} kB")
    if only is None:
        whole = [front(chrome, base, words, parts), *parts]
        file = site / "pdf" / f"course.{language}.pdf"
        file.write_bytes(bound(whole, base, words.title, unnumbered=1))
        pages = sum(part.pages for part in whole)
        print(f"{file}: {pages} pages, {file.stat().st_size / 1024:.0f} kB")
    return wrong


def need_font() -> None:
    """Stop where Chromium would print empty boxes for Chinese.

    Raises:
        SystemExit: no installed font has Chinese.
    """
    if shutil.which("fc-list") and not subprocess.check_output(["fc-list", ":lang=zh"]):
        raise SystemExit(
            "no font here has Chinese, and the PDF would show boxes: install Debian's package "
            "`fonts-noto-cjk`, or print English alone with --language en"
        )


def main() -> None:
    """Print the lectures, and say what does not look right.

    Raises:
        SystemExit: a formula or a table is wider than the page, formulas have outlines, or there
            is no Chinese font.
    """
    parser = argparse.ArgumentParser(description="The lectures as PDF.")
    parser.add_argument("site", type=Path)
    parser.add_argument("--only", choices=[*LECTURES, *side_lectures()])
    parser.add_argument("--language", choices=LANGUAGES, action="append")
    asked = parser.parse_args()
    languages = asked.language or list(LANGUAGES)
    if "zh" in languages:
        need_font()
    with served(asked.site) as base, browser() as chrome:
        wrong = [
            problem
            for language in languages
            for problem in book(chrome, base, asked.site, language, asked.only)
        ]
    if wrong:
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    main()
