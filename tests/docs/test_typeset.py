"""Formulas in running text are set as formulas, and words stay words."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs/tools"))

from letters import GREEK  # noqa: E402
from typeset import typeset  # noqa: E402

SET = {
    "t ↦ 1 − t: either way.": r"$t \mapsto 1 - t$: either way.",
    "ψ_t(x) = e^{−θt} x: the flow of dx/dt = −θx.": (
        r"$\psi_{t}(x) = e^{-\theta t}\,x$: the flow of $\mathrm{d}x/\mathrm{d}t = - \theta x$."
    ),
    "E[noise | x] = (α v − α̇ x)/σ": (
        r"$\mathbb E[\mathrm{noise} \mid x] = (\alpha\,v - \dot{\alpha}\,x)/\sigma$"
    ),
    "g = a √(t/(1 − t)) near one": r"$g = a\,\sqrt{t/(1 - t)}$ near one",
    "s^(1−w) s_y^w": r"$s^{1 - w}\,s_{y}^{w}$",
    "KL(p ‖ q) is zero": r"$\mathrm{KL}(p \parallel q)$ is zero",
    "‖v(x)‖² and |x|": r"$\lVert v(x)\rVert^{2}$ and $\lvert x\rvert$",
    "P(z | x) = p(x | z) p(z)": r"$P(z \mid x) = p(x \mid z)\,p(z)$",
    "dx = [f − ½ g²] dt + g dw̄": (
        r"$\mathrm{d}x = [f - \tfrac12\,g^{2}]\,\mathrm{d}t + g\,\mathrm{d}\bar{w}$"
    ),
    "β_max − β_min": r"$\beta_{\mathrm{max}} - \beta_{\mathrm{min}}$",
    "it is r A": r"it is $r\,A$",
    "Σ_z p(z), and Σ alone": r"$\sum_{z}\,p(z)$, and $\Sigma$ alone",
    "std'² and (√2)²": r"$\mathrm{std}^{\prime 2}$ and $(\sqrt{2})^{2}$",
    "sin² + cos² = 1": r"$\sin^{2} + \cos^{2} = 1$",
    "½ log 2π": r"$\tfrac12\,\log2\pi$",
    "K (Lt)^{n−1}/(n−1)!, it becomes K (Lt)ⁿ/n!.": (
        r"$K\,(Lt)^{n - 1}/(n - 1)$!, it becomes $K\,(Lt)^{n}/n$!."
    ),
    "Lh cancels at time t = nh": r"$Lh$ cancels at time $t = nh$",
}

LEFT = [
    "a mean over the group, and a beta function",
    "DDPM's noise (see Eq. 3) and flow_grpo's own",
    "min-SNR's weight, a t-test, log-probabilities of whole samples",
    "a 2-D toy, target and all (the end)",
    "step 1 of 3: the data, the noise, and the mean",
    "A short sentence. I say so; 1,980 neighbours",
    "`x = y` stays code",
    "二次变差的均值，……",
]


@pytest.mark.parametrize("text", SET)
def test_formulas_are_set(text: str) -> None:
    assert typeset(text) == SET[text]


@pytest.mark.parametrize("text", LEFT)
def test_words_stay_words(text: str) -> None:
    assert typeset(text) == text


def test_setting_twice_changes_nothing() -> None:
    for text in SET:
        assert typeset(typeset(text)) == typeset(text)


def _shown() -> list[str]:
    """What the pages show of rules and statements: those that are written as plain text."""
    found = []
    for page in [*(ROOT / "docs/math").glob("*.md"), ROOT / "docs/coverage.md"]:
        text = page.read_text("utf-8")
        found += re.findall(r'class="rule">(.*?)</span>', text)
        found += re.findall(r"^### .*\.equation \}\n\n(.+)", text, re.M)
        found += re.findall(r"^\| <span id=.*?</small> \| (.*?) \| <span", text, re.M)
    return found


def test_no_formula_on_a_page_is_left_as_text_and_braces_close() -> None:
    letters = re.compile(f"[{''.join(GREEK)}∇∂²√½≤≥]")
    shown = _shown()
    assert len(shown) > 1000
    for text in shown:
        outside = re.sub(r"\$[^$]*\$|`[^`]*`|<code>.*?</code>", "", text)
        assert not letters.search(outside), text
        for formula in re.findall(r"\$([^$]*)\$", text):
            bare = formula.replace(r"\{", "").replace(r"\}", "")
            assert bare.count("{") == bare.count("}"), formula
            assert "|" not in formula, formula
