"""Ask the built site's search what readers ask; the first page found must be one that answers.

    python docs/tools/search_check.py site

The site is opened from its folder, without a server, in headless Chromium.
"""

import argparse
import sys
import time
from pathlib import Path
from urllib.parse import quote

from render_check import DESKTOP, Browser, browser

QUERIES = {
    "proof of eq. (1)": ("learn/from-ode-to-sde", "zh/from-ode-to-sde"),
    "from ode to sde": ("learn/from-ode-to-sde",),
    "which kl": ("settle/which-kl",),
    "sum or mean": ("settle/sum-or-mean",),
    "ratio not one": ("settle/ratio-not-one",),
    "guidance scale": ("settle/guidance-scale",),
    "ddof": ("settle/which-std",),
    "shifted twice": ("settle/which-grid",),
    "t = 1": ("settle/t-equals-1", "learn/steps"),
    "which sign": ("settle/which-sign",),
    "how many steps": ("settle/how-many-steps",),
    "cheat-sheet": ("settle/cheat-sheet",),
    "fokker-planck": ("learn/density",),
    "continuity equation": ("learn/density",),
    "euler's method": ("learn/flows",),
    "tweedie": ("learn/paths", "learn/from-ode-to-sde"),
    "score matching": ("learn/more/objectives", "learn/training"),
    "langevin": ("learn/more/langevin",),
    "advantage": ("learn/grpo", "settle/which-std"),
    "memoryless noise": ("learn/steps", "learn/more/tilting"),
    "mit 6.s184": ("learn/notation",),
    "flow matching": ("learn/", "index", "settle/"),
    "得分": ("zh/",),
    "流匹配": ("zh/",),
    "边缘向量场": ("zh/",),
    "无分类器引导": ("zh/",),
    "连续性方程": ("zh/",),
    "去噪步数缩减": ("zh/",),
    "优势": ("zh/",),
    "重要性比": ("zh/",),
    "福克–普朗克": ("zh/",),
    "速查表": ("zh/cheat-sheet",),
    "术语表": ("zh/glossary",),
    "布朗运动": ("zh/",),
}
"""A query, and how the address of a page that answers may begin."""

FIRST = """
[...document.querySelectorAll(".md-search-result__link")].map(a => a.getAttribute("href"))[0] || ""
"""


def first_hit(chrome: Browser, base: str, query: str, seconds: float = 20) -> str:
    """The address of the first page found, below the site's folder; empty if there is none."""
    chrome.open(f"{base}404.html", DESKTOP)
    chrome.open(f"{base}index.html?q={quote(query)}", DESKTOP)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = chrome.value(FIRST)
        if found:
            return str(found).removeprefix(base).partition("#")[0].partition("?")[0]
        time.sleep(0.1)
    return ""


def main() -> int:
    """Every query once; the exit status."""
    parser = argparse.ArgumentParser(description="First hits of the site's search.")
    parser.add_argument("site", type=Path)
    base = parser.parse_args().site.resolve().as_uri() + "/"
    wrong = 0
    with browser() as chrome:
        for query, wanted in QUERIES.items():
            found = first_hit(chrome, base, query)
            right = found.startswith(wanted)
            wrong += not right
            print(f"{'ok   ' if right else 'WRONG'} {query}: {found or 'nothing'}")
    print(f"{len(QUERIES)} queries, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
