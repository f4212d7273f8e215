"""What the site builder does to pages that no page should have to say.

    search      lectures and answers come first, the reference and the decisions last
    arXiv       every arXiv number in running text is a link
    formulas    what follows a formula in running text, a comma say, stays on its line
    tests       the name of a test file leads to its source, which is built into the site
    notebooks   each lecture is a notebook, too
    Chinese     the search index parts words, those of the glossary and else each character

MkDocs calls the functions that begin with `on_`.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer, TextLexer

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs" / "tools"))

import notebooks  # noqa: E402

RANK = (
    ("settle/", 14.0),
    ("learn/more/", 4.0),
    ("learn/", 6.0),
    ("index.md", 4.0),
    ("math/", 1.0),
    ("reference/", 0.1),
    ("decisions/", 0.1),
    ("coverage.md", 0.1),
    ("claims.md", 0.1),
)
"""How much a hit on a page counts in search, by how its address begins."""

ARXIV = re.compile(r"arXiv[: ]\s?(?:<wbr>)?(\d{4}\.\d{4,5}(?:v\d+)?)")
TEST = re.compile(r"<code>(tests/[\w/]+\.py)</code>")
JOINED = re.compile(r'(<span class="arithmatex">[^<]*</span>)([,.;:!?)，。、；：！？）”」]+)')
"""A formula and the punctuation behind it, between which browsers would break the line."""

UNTOUCHED = re.compile(r"<(a|code|pre|script|style|h1|title|svg)\b.*?</\1>", re.S)

COLOURED = 4500
"""Elements up to which a source is shown in colours; a longer one is plain, and light."""

_shown: set[str] = set()
"""Test files that some page names."""


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Rank the page in search, unless it says itself how."""
    address = page.file.src_uri
    for start, boost in RANK:
        if address.startswith(start):
            page.meta.setdefault("search", {}).setdefault("boost", boost)
            break
    return markdown


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Link arXiv numbers and test files, and keep punctuation with its formula."""
    up = "../" * page.file.dest_uri.count("/")
    name = page.file.src_uri.removeprefix("learn/").removesuffix(".md")
    if page.file.src_uri.startswith("learn/") and name in notebooks.LECTURES:
        link = f'<a href="{up}notebooks/{name}.ipynb" download>This lecture as a notebook</a>'
        html += f'<p class="cited">{link}</p>'
    html = JOINED.sub(r'<span class="joined">\1\2</span>', html)
    return linked_tests(linked_papers(html), up)


def linked_papers(html: str) -> str:
    """HTML whose arXiv numbers outside links and code are links."""

    def link(match: re.Match[str]) -> str:
        return f'<a href="https://arxiv.org/abs/{match[1]}">{match[0]}</a>'

    parts, at = [], 0
    for kept in UNTOUCHED.finditer(html):
        parts += [_in_text(ARXIV, link, html[at : kept.start()]), kept[0]]
        at = kept.end()
    return "".join([*parts, _in_text(ARXIV, link, html[at:])])


def _in_text(pattern: re.Pattern[str], change: Any, html: str) -> str:
    """The change made in text alone, not inside tags."""
    pieces = re.split(r"(<[^>]*>)", html)
    return "".join(p if p.startswith("<") else pattern.sub(change, p) for p in pieces)


def linked_tests(html: str, up: str) -> str:
    """HTML in which the name of a test file that is there leads to its source."""

    def link(match: re.Match[str]) -> str:
        if not (ROOT / match[1]).is_file():
            return match[0]
        _shown.add(match[1])
        return f'<a href="{up}source/{match[1]}.html">{match[0]}</a>'

    return TEST.sub(link, html)


def on_post_build(config: Any, **_: Any) -> None:
    """Write the sources of the test files that pages name."""
    for name in sorted(_shown):
        target = Path(config.site_dir) / "source" / f"{name}.html"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source_page(name), "utf-8")

    notebooks.write(ROOT / "docs", Path(config.site_dir))
    index = Path(config.site_dir) / "search" / "search_index.json"
    if index.is_file():
        told = json.loads(index.read_text("utf-8"))
        words = chinese_words()
        for entry in told["docs"]:
            for field in ("title", "text"):
                entry[field] = parted(entry[field], words)
        index.write_text(json.dumps(told, ensure_ascii=False, separators=(",", ":")), "utf-8")


HAN = re.compile(r"[\u4e00-\u9fff]+")


def chinese_words() -> list[str]:
    """The Chinese terms of the glossary, longest first."""
    rows = (ROOT / "docs" / "zh" / "glossary.md").read_text("utf-8")
    terms = re.findall(r"^\| ([^|]+) \|", rows, re.M)
    found = {word for term in terms for word in HAN.findall(term)}
    return sorted(found - {"中文"}, key=len, reverse=True)


def parted(text: str, words: list[str]) -> str:
    """Text whose Chinese words have a space of no width between them."""
    term = re.compile("|".join([*map(re.escape, words), "[\\u4e00-\\u9fff]"]))
    return HAN.sub(lambda run: "\u200b".join(term.findall(run[0])), text)


def source_page(name: str) -> str:
    """A test file as a page that needs no other file; lines have anchors."""
    formatter = HtmlFormatter(linenos="inline", lineanchors="line", anchorlinenos=True)
    home = "../" * (name.count("/") + 1) + "index.html"
    text = (ROOT / name).read_text("utf-8")
    body = highlight(text, PythonLexer(), formatter)
    if body.count("<") > 2 * COLOURED:
        body = highlight(text, TextLexer(), formatter)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        "<style>body{margin:1em;font:13px/1.45 monospace;background:#fff;color:#1f2328}"
        f"pre{{overflow-x:auto}}{formatter.get_style_defs('.highlight')}</style></head>"
        f'<body><p><a href="{home}">refimpl</a> / {name}</p>{body}</body></html>'
    )
