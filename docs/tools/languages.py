"""Two languages in one site: pages under `zh/` speak Chinese, around the text as well as in it.

A Chinese page gets the theme's Chinese words, the Chinese navigation, and a switch to its English
source; an English page gets a switch to its Chinese page, or to the Chinese home page.
"""

import re
from copy import deepcopy
from typing import Any

from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page

ROOT = "zh/"
SECTION = "中文"
"""The entry of `nav` that holds the Chinese pages."""

RANK = (
    (f"{ROOT}settle/", 3.0),
    (f"{ROOT}learn/more/", 1.2),
    (f"{ROOT}learn/", 2.5),
    (f"{ROOT}errata.md", 0.5),
    (f"{ROOT}rounding.md", 0.3),
    (f"{ROOT}speed.md", 0.3),
    (ROOT, 1.5),
)
"""Below the English pages for words that both languages have, above them for Chinese words."""

TOGGLES = {
    "Switch to light": "切换到浅色",
    "Switch to dark": "切换到深色",
    "Follow the system": "跟随系统",
}

SEARCH = {"en": "Search", "zh": "搜索"}

_navigation: dict[str, Navigation] = {}


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Rank a Chinese page in search."""
    address = page.file.src_uri
    boost = next((boost for start, boost in RANK if address.startswith(start)), None)
    if boost is not None:
        page.meta.setdefault("search", {}).setdefault("boost", boost)
    return markdown


def on_nav(nav: Navigation, **_: Any) -> Navigation:
    """Split the navigation by language; a reader does not leaf from one into the other."""
    chinese = next(item for item in nav.items if item.title == SECTION)
    for item in chinese.children or []:
        item.parent = None
    for language, items in (
        ("en", [item for item in nav.items if item is not chinese]),
        ("zh", list(chinese.children or [])),
    ):
        own = Navigation(items, [p for p in nav.pages if language_of(p) == language])
        own.homepage = own.pages[0]
        own.pages[0].previous_page = None
        own.pages[-1].next_page = None
        _navigation[language] = own
    return nav


def language_of(page: Page) -> str:
    """The language of a page, by its address."""
    return "zh" if page.file.src_uri.startswith(ROOT) else "en"


def on_page_context(context: Any, page: Page, config: Any, **_: Any) -> Any:
    """The theme in the page's language, its navigation, and the switch."""
    language = language_of(page)
    context["nav"] = _navigation[language]
    config.theme["language"] = language
    config.theme["palette"] = _palette(config, language)
    english = page.file.src_uri.removeprefix(ROOT)
    there = {p.file.src_uri: p.file.url for own in _navigation.values() for p in own.pages}
    config.extra["alternate"] = [
        {"name": "English", "lang": "en", "link": there.get(english, "index.html")},
        {"name": "中文", "lang": "zh", "link": there.get(ROOT + english, f"{ROOT}index.html")},
    ]
    return context


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """Without the alternates in the head, for the theme's script asks for a site map beside each;
    and with a name for the theme's search box, which readers of screens hear.
    """
    output = re.sub(r'\s*<link rel="alternate"[^>]*hreflang[^>]*>', "", output)
    return _named(output, SEARCH[language_of(page)])


def on_post_template(output: str, template_name: str, **_: Any) -> str:
    """The same name on the page that tells that a page is missing."""
    return _named(output, SEARCH["en"]) if template_name == "404.html" else output


def _named(html: str, name: str) -> str:
    return html.replace('role="dialog"', f'role="dialog" aria-label="{name}"')


_palettes: dict[str, Any] = {}


def _palette(config: Any, language: str) -> Any:
    """The switch of colours, named in the page's language."""
    if not _palettes:
        _palettes["en"] = deepcopy(config.theme["palette"])
        _palettes["zh"] = deepcopy(config.theme["palette"])
        for choice in _palettes["zh"]:
            choice["toggle"]["name"] = TOGGLES[choice["toggle"]["name"]]
    return _palettes[language]
