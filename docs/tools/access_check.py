"""Whether every page of the built site can be read by everybody, and is light enough to open.

    python docs/tools/access_check.py site

axe (Deque's rules for accessibility, MPL) runs on every page in headless Chromium, in the light and
in the dark scheme: no violation that it calls serious or critical. A page has at most 300 kB of
HTML and, before its formulas are drawn, 5,000 elements.
"""

import argparse
import collections
import importlib.util
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from render_check import DESKTOP, Browser, browser, served

KILOBYTES = 300
ELEMENTS = 5000
GRAVE = ("serious", "critical")
SCHEMES = ("default", "slate")

RUN = """
document.head.append(Object.assign(document.createElement("style"),
  { textContent: "* { transition: none !important }" }));
document.body.dataset.mdColorScheme = "%s";
new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))
  .then(() => axe.run(document, {
    resultTypes: ["violations"],
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
  }))
  .then(found => found.violations.map(v => ({
    rule: v.id, impact: v.impact, help: v.help,
    nodes: v.nodes.map(n => n.target.join(" ") + " | " + n.failureSummary.slice(0, 200)),
  })))
"""


class _Elements(HTMLParser):
    """How many elements a page has."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count += 1


def heavy(site: Path) -> list[str]:
    """Pages that are too heavy, each with what it weighs."""
    found = []
    for file in sorted(site.rglob("*.html")):
        text = file.read_text("utf-8")
        parsed = _Elements()
        parsed.feed(text)
        page, size = file.relative_to(site).as_posix(), len(text.encode()) / 1000
        if size > KILOBYTES:
            found.append(f"{page}: {size:.0f} kB of HTML, more than {KILOBYTES}: split it")
        if parsed.count > ELEMENTS:
            found.append(f"{page}: {parsed.count:,} elements, more than {ELEMENTS:,}: split it")
    return found


def axe() -> str:
    """The text of axe.min.js, from the package that carries it.

    Raises:
        SystemExit: the package is not installed.
    """
    package = importlib.util.find_spec("axe_playwright_python")
    if package is None or package.origin is None:
        raise SystemExit("axe is not here: pip install --no-deps axe-playwright-python")
    return (Path(package.origin).parent / "axe.min.js").read_text("utf-8")


def barriers(chrome: Browser, url: str, rules: str) -> list[str]:
    """What keeps somebody from reading a page, by axe's rules, in either scheme."""
    if not chrome.open(url, DESKTOP):
        return ["formulas are not typeset after a minute"]
    chrome.value(rules + "; 0")
    found = []
    for scheme in SCHEMES:
        answer = chrome.call(
            "Runtime.evaluate", expression=RUN % scheme, awaitPromise=True, returnByValue=True
        )
        violations: list[dict[str, Any]] = answer["result"]["value"]
        found += [
            f"{v['rule']} ({v['impact']}, {len(v['nodes'])} times, {scheme}): {v['nodes'][0]}"
            for v in violations
            if v["impact"] in GRAVE
        ]
    return found


def problems(site: Path) -> list[str]:
    """Everything that is wrong with a built site."""
    found, rules = heavy(site), axe()
    with served(site) as base, browser() as chrome:
        for file in sorted(site.rglob("*.html")):
            page = file.relative_to(site).as_posix()
            found += [f"{page}: {what}" for what in barriers(chrome, base + page, rules)]
    return found


def main() -> int:
    """Check a site; the exit status."""
    parser = argparse.ArgumentParser(description="Run axe on every page, and weigh it.")
    parser.add_argument("site", type=Path, help="the folder that mkdocs built")
    site = parser.parse_args().site
    if not (site / "index.html").is_file():
        parser.error(f"{site} holds no built site")
    found = problems(site)
    for problem in found:
        print(problem)
    rules = collections.Counter(what.partition(": ")[2].partition(" ")[0] for what in found)
    told = ", ".join(f"{n} {rule}" for rule, n in rules.most_common())
    print(f"{len(found)} problems" + (f": {told}" if told else ""))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
