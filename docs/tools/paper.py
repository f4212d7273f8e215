"""The lectures on paper: a PDF each, printed from the built site by headless Chromium.

    python docs/tools/paper.py site [--only grpo]      writes site/pdf/1-notation.pdf and so on

Folded proofs and solutions are opened; wide formulas shrink to the page.
"""

import argparse
import base64
from pathlib import Path

from render_check import DESKTOP, browser, served

LECTURES = (
    "notation", "flows", "paths", "density", "training", "from-ode-to-sde", "grpo", "steps",
)  # fmt: skip

OPEN = "document.querySelectorAll('details').forEach(d => { d.open = true; })"

WIDE = """
[...document.querySelectorAll(".md-content div.arithmatex svg, .md-content table")]
  .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map(e => e.textContent.slice(0, 60))
"""

A4 = {
    "paperWidth": 8.27, "paperHeight": 11.69, "marginTop": 0.6, "marginBottom": 0.6, "scale": 0.78,
}  # fmt: skip


def main() -> None:
    """Print the lectures, and say what does not fit.

    Raises:
        SystemExit: a formula or a table is wider than the page.
    """
    parser = argparse.ArgumentParser(description="The lectures as PDF.")
    parser.add_argument("site", type=Path)
    parser.add_argument("--only", choices=LECTURES)
    asked = parser.parse_args()
    folder, wide = asked.site / "pdf", []
    folder.mkdir(exist_ok=True)
    with served(asked.site) as base, browser() as chrome:
        for number, name in enumerate(LECTURES, 1):
            if asked.only in (None, name):
                chrome.open(f"{base}learn/{name}.html", DESKTOP)
                chrome.value(OPEN)
                chrome.call("Emulation.setEmulatedMedia", media="print")
                wide += [f"{name}: {text}" for text in chrome.value(WIDE)]
                data = chrome.call("Page.printToPDF", printBackground=True, **A4)["data"]
                chrome.call("Emulation.setEmulatedMedia", media="")
                file = folder / f"{number}-{name}.pdf"
                file.write_bytes(base64.b64decode(data))
                print(f"{file}: {file.stat().st_size / 1024:.0f} kB")
    if wide:
        raise SystemExit("wider than the page:\n" + "\n".join(wide))


if __name__ == "__main__":
    main()
