"""Open every page of the built site in headless Chromium; fail on what readers would stumble over.

    python docs/tools/render_check.py site [--shots FOLDER]

Looked for: formulas that were not typeset, MathJax errors (an undefined macro is one), raw TeX or
Markdown in the text, `???`, console errors, requests that leave the machine, pages wider than a
phone, links and anchors that lead nowhere. Chromium is driven over a pipe; nothing is installed.
"""

import argparse
import base64
import fcntl
import functools
import http.server
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

DESKTOP = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-pipe",
)

TYPESET = """
document.readyState === "complete" &&
  (!document.querySelector(".arithmatex") || document.documentElement.dataset.typeset === "done")
"""

INSPECT = r"""
(() => {
  const found = [];
  const shown = s => s.trim().replace(/\s+/g, " ").slice(0, 80);
  for (const e of document.querySelectorAll(".arithmatex"))
    if (!e.querySelector("mjx-container"))
      found.push("formula not typeset: " + shown(e.textContent));
  for (const e of document.querySelectorAll("mjx-merror, [data-mml-node=merror], [data-mjx-error]"))
    found.push("MathJax error: " + (e.getAttribute("data-mjx-error") || shown(e.textContent)));
  for (const e of document.querySelectorAll("mjx-container a, .arithmatex"))
    if (/\?\?\?/.test(e.textContent)) found.push("unresolved reference: " + shown(e.textContent));
  const tex = /\\(frac|mathrm|left|right|begin|end|sqrt|nabla|partial|alpha|sigma)\b|\\[()\[\]]/;
  const kept = "script, style, noscript, code, pre, mjx-container, svg";
  const rest = /\?\?\?|!!!|^\s*(\$\$|```)|\$[^$\s][^$]*\$|&(#\d+|lt|gt|amp);/;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode()); ) {
    if (node.parentElement.closest(kept)) continue;
    if (tex.test(node.data)) found.push("raw TeX: " + shown(node.data));
    else if (rest.test(node.data)) found.push("raw markup: " + shown(node.data));
  }
  const seen = new Set();
  for (const e of document.querySelectorAll("[id]")) {
    if (e.closest("mjx-container, svg")) continue;
    if (seen.has(e.id)) found.push("id used twice: " + e.id);
    seen.add(e.id);
  }
  return found;
})()
"""

ON_A_PHONE = """
(() => {
  const page = document.documentElement, found = [];
  if (page.scrollWidth > page.clientWidth + 1)
    found.push(`wider than a phone: ${page.scrollWidth} px`);
  for (const e of document.querySelectorAll("mjx-container > svg"))
    if (e.checkVisibility() && e.getBoundingClientRect().height < 3)
      found.push("formula too small: " + e.closest(".arithmatex").textContent.slice(0, 60));
  for (const e of document.querySelectorAll('img[src*="assets/figures/"]'))
    if (e.checkVisibility() && e.getBoundingClientRect().width < 500)
      found.push("picture whose letters are too small: " + e.getAttribute("src"));
  return found;
})()
"""


class Browser:
    """Chromium behind a pipe: commands in, answers and events out, as JSON ended by a zero byte."""

    def __init__(self, program: str, profile: str) -> None:
        read_end, to_browser = os.pipe()
        from_browser, write_end = os.pipe()
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in (read_end, write_end)]
        os.close(read_end)
        os.close(write_end)
        line = f'exec "$0" "$@" 3<&{high[0]} 4>&{high[1]}'
        self.process = subprocess.Popen(
            ["bash", "-c", line, program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=high,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for fd in high:
            os.close(fd)
        self._in, self._out, self._buffer = to_browser, from_browser, b""
        self._ids = itertools.count(1)
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session: str | None = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    session: str | None = None

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; events are kept.

        Raises:
            RuntimeError: the browser refuses the command, or has died.
        """
        id = next(self._ids)
        message: dict[str, Any] = {"id": id, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self._in, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read(60)
            if answer.get("id") == id:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def _read(self, seconds: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            if not select.select([self._out], [], [], seconds)[0]:
                raise RuntimeError("the browser does not answer")
            block = os.read(self._out, 1 << 20)
            if not block:
                raise RuntimeError("the browser has died")
            self._buffer += block
        text, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message

    def value(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"]["description"])
        return answer["result"].get("value")

    def open(self, url: str, size: dict[str, Any], seconds: float = 60) -> bool:
        """Load a page and wait for its formulas; whether they came."""
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.call("Page.navigate", url=url)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.value("location.href").partition("#")[0] == url and self.value(TYPESET):
                return True
            time.sleep(0.05)
        return False

    def shot(self, file: Path, height: int) -> None:
        """A picture of the page from its top."""
        width = self.value("window.innerWidth")
        full = min(height, self.value("document.documentElement.scrollHeight"))
        clip = {"x": 0, "y": 0, "width": width, "height": full, "scale": 1}
        data = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)["data"]
        file.write_bytes(base64.b64decode(data))

    def close(self) -> None:
        """End the browser."""
        self.process.terminate()
        self.process.wait(20)
        os.close(self._in)
        os.close(self._out)


def chromium() -> str | None:
    """The browser's path, if there is one."""
    return next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser with an empty profile.

    Raises:
        SystemExit: none is installed.
    """
    program = chromium()
    if program is None:
        raise SystemExit("no Chromium here: install Debian's package `chromium`")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        made = Browser(program, profile)
        try:
            yield made
        finally:
            made.close()


@contextmanager
def served(site: Path) -> Iterator[str]:
    """The site on a free loopback port; yields its base URL."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def looked_at(chrome: Browser, base: str, page: str) -> list[str]:
    """What is wrong with a page as it is shown."""
    chrome.events.clear()
    found = [] if chrome.open(base + page, DESKTOP) else ["formulas are not typeset after a minute"]
    found += chrome.value(INSPECT)
    chrome.call("Emulation.setDeviceMetricsOverride", **PHONE)
    found += chrome.value(ON_A_PHONE)
    for event in chrome.events:
        params = event.get("params", {})
        if event.get("method") == "Network.requestWillBeSent":
            url = params["request"]["url"]
            if not url.startswith((base, "data:", "blob:", "about:")):
                found.append(f"request leaves the machine: {url[:100]}")
        elif event.get("method") == "Runtime.consoleAPICalled" and params["type"] in (
            "error",
            "assert",
        ):
            said = " ".join(str(a.get("value", a.get("description", ""))) for a in params["args"])
            found.append(f"console: {said[:200]}")
        elif event.get("method") == "Runtime.exceptionThrown":
            found.append(f"exception: {params['exceptionDetails'].get('text', '')}")
        elif event.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            entry = params["entry"]
            found.append(f"console: {entry['text'][:200]} {entry.get('url', '')}")
    return list(dict.fromkeys(found))


class _Links(HTMLParser):
    """Anchors of a page, where its links go, and what it loads."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {k: v for k, v in attrs if v is not None}
        self.anchors |= {named[k] for k in ("id", "name") if k in named}
        if tag == "a" and "href" in named:
            self.links.append(named["href"])
        elif tag == "link" and named.get("rel") not in ("canonical", "next", "prev"):
            self.loads.append(named.get("href", ""))
        elif "src" in named:
            self.loads.append(named["src"])


def dead_links(site: Path) -> list[str]:
    """Links and anchors that lead nowhere, and files loaded from elsewhere."""
    parsed: dict[str, _Links] = {}
    for file in sorted(site.rglob("*.html")):
        links = _Links()
        links.feed(file.read_text("utf-8"))
        parsed[file.relative_to(site).as_posix()] = links
    found = []
    for page, links in parsed.items():
        for url in links.loads:
            if urlsplit(url).scheme in ("http", "https") or url.startswith("//"):
                found.append(f"{page}: loads {url}")
        for link in (*links.links, *links.loads):
            if not link:
                found.append(f"{page}: a link that leads nowhere")
                continue
            if urlsplit(link).scheme or link.startswith("//"):
                continue
            path, anchor = urldefrag(urljoin("/" + page, link))
            target = unquote(path).lstrip("/") or "index.html"
            target = target + "index.html" if target.endswith("/") else target
            if not (site / target).is_file():
                found.append(f"{page}: no file for {link}")
            elif anchor.startswith("__"):
                pass  # the theme's own, made by its script
            elif anchor and target in parsed and unquote(anchor) not in parsed[target].anchors:
                found.append(f"{page}: no anchor for {link}")
    return list(dict.fromkeys(found))


def problems(site: Path, shots: Path | None = None) -> list[str]:
    """Everything that is wrong with a built site."""
    found = dead_links(site)
    names = [f.relative_to(site).as_posix() for f in sorted(site.rglob("*.html"))]
    with served(site) as base, browser() as chrome:
        for page in names:
            if page == "404.html":  # its links are those of whatever is missing
                continue
            found += [f"{page}: {problem}" for problem in looked_at(chrome, base, page)]
            if shots:
                name = page.removesuffix(".html").replace("/", "-")
                for label, size, height in (("desktop", DESKTOP, 4000), ("phone", PHONE, 5000)):
                    chrome.open(base + page, size)
                    chrome.shot(shots / f"{name}-{label}.png", height)
    return found


def main() -> int:
    """Check a site; the exit status."""
    parser = argparse.ArgumentParser(description="Open every page of the built site in Chromium.")
    parser.add_argument("site", type=Path, help="the folder that mkdocs built")
    parser.add_argument("--shots", type=Path, help="keep pictures of every page there")
    given = parser.parse_args()
    if not (given.site / "index.html").is_file():
        parser.error(f"{given.site} holds no built site")
    if given.shots:
        given.shots.mkdir(parents=True, exist_ok=True)
    found = problems(given.site, given.shots)
    for problem in found:
        print(problem)
    pages = len(list(given.site.rglob("*.html"))) - 1
    print(f"{pages} pages, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
