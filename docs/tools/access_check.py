"""Whether every page of the built site can be read by everybody, and is light enough to open.

    python docs/tools/access_check.py site [--jobs 2]

axe (Deque's rules for accessibility, MPL) runs on every page in headless Chromium: all rules in the
light scheme, and those about colours in the dark one, where nothing else differs. No violation that
it calls serious or critical. A page has at most 300 kB of HTML and, before its formulas are drawn,
5,000 elements. Every page is a line as soon as it is done, with the seconds that it took.
"""

import argparse
import collections
import importlib.util
import json
import queue
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from render_check import DESKTOP, Browser, browser, served

KILOBYTES = 300
ELEMENTS = 5000
GRAVE = ("serious", "critical")
SCHEMES = {
    "default": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
    "slate": ["color-contrast", "link-in-text-block"],
}
"""What runs in each scheme: tags of rules, or the rules that look at colours."""

LIGHTEN = """
document.head.append(Object.assign(document.createElement("style"),
  { textContent: "* { transition: none !important }" }));
document.querySelectorAll("mjx-container > svg:not(:has(text, a))")
  .forEach(formula => formula.replaceChildren());
"mdColorScheme" in document.body.dataset
"""
"""Formulas keep their place and name and lose their outlines, nine in ten elements of a page, which
hold no words. The value: whether the page has a dark scheme."""

RUN = """
document.body.dataset.mdColorScheme = "%s";
new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))
  .then(() => axe.run(document, { resultTypes: ["violations"], preload: false, runOnly: %s }))
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
    chrome.events.clear()
    if not chrome.open(url, DESKTOP):
        return ["formulas are not typeset after a minute"]
    chrome.value(rules + "; 0")
    schemes = SCHEMES if chrome.value(LIGHTEN) else {"default": SCHEMES["default"]}
    found = []
    for scheme, asked in schemes.items():
        answer = chrome.call(
            "Runtime.evaluate",
            expression=RUN % (scheme, json.dumps(asked)),
            awaitPromise=True,
            returnByValue=True,
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{url}: {answer['exceptionDetails']['text']}")
        violations: list[dict[str, Any]] = answer["result"]["value"]
        found += [
            f"{v['rule']} ({v['impact']}, {len(v['nodes'])} times, {scheme}): {v['nodes'][0]}"
            for v in violations
            if v["impact"] in GRAVE
        ]
    return found


Checked = tuple[str, list[str], float]
"""A page, what is wrong with it, and the seconds that it took."""


def checked(site: Path, jobs: int) -> Iterator[Checked]:
    """Every page as it is done; several browsers, of which each takes the page that is next."""
    pages, done = queue.SimpleQueue[str](), queue.SimpleQueue[Checked | None]()
    for file in sorted(site.rglob("*.html")):
        pages.put(file.relative_to(site).as_posix())
    rules = axe()

    def work(base: str) -> None:
        try:
            with browser() as chrome:
                while True:
                    page, start = pages.get_nowait(), time.monotonic()
                    try:
                        found = barriers(chrome, base + page, rules)
                    except RuntimeError as error:  # late, or refused: the other pages still count
                        found = [f"axe gave no answer: {error}"]
                    done.put((page, found, time.monotonic() - start))
        except queue.Empty:
            pass
        finally:
            done.put(None)

    with served(site) as base, ThreadPoolExecutor(jobs) as pool:
        working = [pool.submit(work, base) for _ in range(jobs)]
        for _ in range(jobs):
            yield from iter(done.get, None)
        for one in working:
            one.result()


def problems(site: Path, jobs: int = 1) -> list[str]:
    """Everything that is wrong with a built site; each page is printed as it is done."""
    found, total = heavy(site), len(list(site.rglob("*.html")))
    for n, (page, here, seconds) in enumerate(checked(site, jobs), 1):
        print(f"[{n:3}/{total}] {seconds:5.1f} s  {len(here)} problems  {page}", flush=True)
        found += [f"{page}: {what}" for what in here]
    return found


def main() -> int:
    """Check a site; the exit status."""
    parser = argparse.ArgumentParser(description="Run axe on every page, and weigh it.")
    parser.add_argument("site", type=Path, help="the folder that mkdocs built")
    parser.add_argument("--jobs", type=int, default=2, help="how many browsers side by side")
    given = parser.parse_args()
    site = given.site
    if not (site / "index.html").is_file():
        parser.error(f"{site} holds no built site")
    found = problems(site, given.jobs)
    for problem in found:
        print(problem)
    rules = collections.Counter(what.partition(": ")[2].partition(" ")[0] for what in found)
    told = ", ".join(f"{n} {rule}" for rule, n in rules.most_common())
    print(f"{len(found)} problems" + (f": {told}" if told else ""))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
