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
    "proof of eq. (1)": ("learn/from-ode-to-sde",),
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
    "same marginals": ("settle/same-marginals",),
    "dancegrpo eta": ("settle/which-kernel",),
    "cps": ("settle/which-kernel",),
    "mixgrpo window": ("settle/which-steps",),
    "reward hacking": ("settle/reward-hacking",),
    "diffusionnft": ("settle/grpo-or-nft",),
    "guidance in training": ("settle/guidance-in-training",),
    "sigma_max": ("settle/t-equals-1",),
    "std_dev_t": ("settle/which-kl",),
    "28 steps": ("settle/which-grid",),
    "clipped advantages": ("settle/which-std",),
    "cheat-sheet": ("settle/cheat-sheet",),
    "fokker-planck": ("learn/density",),
    "continuity equation": ("learn/density",),
    "euler's method": ("learn/flows",),
    "tweedie": ("learn/paths", "learn/from-ode-to-sde"),
    "score matching": ("learn/more/objectives", "learn/training"),
    "langevin": ("learn/more/langevin",),
    "advantage": ("learn/grpo", "settle/which-std"),
    "latents": ("learn/more/images",),
    "memoryless noise": ("learn/steps", "learn/more/tilting"),
    "mit 6.s184": ("learn/notation",),
    "flow matching": ("learn/", "index", "settle/"),
    "得分": ("zh/learn/paths", "zh/learn/from-ode-to-sde", "zh/settle/which-sign"),
    "流匹配": ("zh/learn/training", "zh/index"),
    "边缘向量场": ("zh/learn/paths", "zh/learn/training"),
    "无分类器引导": ("zh/learn/steps", "zh/settle/guidance-"),
    "连续性方程": ("zh/learn/density",),
    "去噪步数缩减": ("zh/settle/how-many-steps", "zh/learn/steps"),
    "优势": ("zh/learn/grpo", "zh/settle/which-std"),
    "重要性比": ("zh/settle/ratio-not-one", "zh/learn/grpo"),
    "哪个 KL": ("zh/settle/which-kl",),
    "求和还是求平均": ("zh/settle/sum-or-mean",),
    "哪个标准差": ("zh/settle/which-std",),
    "引导系数": ("zh/settle/guidance-scale",),
    "平移两次": ("zh/settle/which-grid",),
    "要多少步": ("zh/settle/how-many-steps",),
    "符号": ("zh/settle/which-sign",),
    "边缘分布": ("zh/settle/same-marginals",),
    "窗口": ("zh/settle/which-steps",),
    "奖励作弊": ("zh/settle/reward-hacking",),
    "训练时的引导": ("zh/settle/guidance-in-training",),
    "公式 (1) 的完整证明": ("zh/learn/from-ode-to-sde",),
    "布朗运动": ("zh/learn/flows",),
    "速查表": ("zh/settle/cheat-sheet",),
    "术语表": ("zh/glossary",),
    "勘误": ("zh/errata",),
    "朗之万动力学": ("zh/learn/more/langevin",),
    "伴随匹配": ("zh/learn/more/adjoint",),
    "求解器": ("zh/learn/more/ode", "zh/learn/more/solvers"),
    "似然": ("zh/learn/more/likelihood",),
    "最优传输": ("zh/learn/more/coupling",),
    "潜变量": ("zh/learn/more/images",),
    "倾斜": ("zh/learn/more/tilting",),
    "refute it yourself": ("learn/from-ode-to-sde",),
    "自己动手否证": ("zh/learn/from-ode-to-sde",),
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
