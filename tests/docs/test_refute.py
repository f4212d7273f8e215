"""Refute it yourself: what the lecture says of each edit is what the engine finds, and is false."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SCRIPT = DOCS / "assets" / "interactive" / "refute.js"
PAGES = [DOCS / "learn" / "from-ode-to-sde.md", DOCS / "zh" / "learn" / "from-ode-to-sde.md"]


@pytest.fixture(scope="module")
def refuting() -> Any:
    sys.path.insert(0, str(DOCS / "tools"))
    try:
        import refuting
    finally:
        sys.path.remove(str(DOCS / "tools"))
    return refuting


@pytest.fixture(scope="module")
def kept(refuting: Any) -> dict[str, Any]:
    """The data that the page reads."""
    text = refuting.TARGET.read_text("utf-8")
    return json.loads(re.search(r"const REFUTE = (\{.*?\n\});\n", text, re.S)[1])  # type: ignore[index]


def edits(kept: dict[str, Any], id: str) -> list[dict[str, Any]]:
    return next(f["edits"] for f in kept["functions"] if f["id"] == id)


def test_what_the_page_shows_is_what_the_engine_finds_now(refuting: Any) -> None:
    assert refuting.TARGET.read_text("utf-8") == refuting.script()


def test_a_change_that_was_typed_in_is_noticed(
    refuting: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "refute-data.js"
    copy.write_text(refuting.TARGET.read_text("utf-8").replace("−1.49467", "−1.5"), "utf-8")
    monkeypatch.setattr(refuting, "TARGET", copy)
    monkeypatch.setattr(refuting, "ROOT", tmp_path)
    assert refuting.renewed(check=True)
    assert refuting.renewed(check=False)
    assert not refuting.renewed(check=True)
    assert copy.read_text("utf-8") == refuting.script()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(DOCS).as_posix())
def test_the_lines_are_counted_as_the_page_prints_them(
    refuting: Any, kept: dict[str, Any], page: Path
) -> None:
    text = page.read_text("utf-8")
    told = re.findall(r"<!-- chain: (\S+) ([\d ]+) -->", text)
    assert {proof for proof, _ in told} == {refuting.PROOF}
    assert [int(n) for _, numbers in told for n in numbers.split()] == list(refuting.SHOWN)
    assert text.count('<span class="rule">(') == kept["lines"]


def test_every_edit_breaks_a_line_or_has_a_reason_why_it_is_the_same(kept: dict[str, Any]) -> None:
    for function in kept["functions"]:
        assert len(function["edits"]) > 5
        for edit in function["edits"]:
            assert bool(edit["breaks"]) != ("because" in edit), edit
            assert edit["formula"] != function["formula"]
            assert all(0 <= b["line"] < kept["lines"] for b in edit["breaks"])


@pytest.mark.parametrize(
    ("id", "line", "right"),
    [
        ("sde.flow_grpo_drift", 30, "v + g**2 / (2 * t) * (x + (1 - t) * v)"),
        ("sde.drift", 29, "v - g**2 / 2 * score"),
    ],
)
def test_the_gap_is_the_difference_of_the_formulas_at_the_witness(
    kept: dict[str, Any], id: str, line: int, right: str
) -> None:
    """By arithmetic alone, without the engine; the score is that of the linear path."""
    for edit in edits(kept, id):
        (fell,) = (b for b in edit["breaks"] if b["line"] == line)
        at: dict[str, Any] = {}
        for part in fell["at"].replace("−", "-").split(", "):
            letter, _, value = part.partition(" = ")
            at[letter] = eval(value)
        at["score"] = -at["x"] / at["t"] - (1 - at["t"]) / at["t"] * at["v"]
        gap = eval(right, dict(at)) - eval(edit["formula"], dict(at))
        gap = gap if id == "sde.flow_grpo_drift" else -gap  # the formula is the right or left side
        assert float(fell["gap"].replace("−", "-")) == pytest.approx(gap, rel=1e-5)


def test_what_the_lecture_says_of_two_edits_is_so(kept: dict[str, Any]) -> None:
    """sde.drift breaks the line that joins Steps 1 and 2, and two of Step 4 (lines 19 to 31)."""
    for edit in edits(kept, "sde.drift"):
        assert [b["line"] for b in edit["breaks"]] == [8, 29, 31]
    same = [e for e in edits(kept, "conversions.score_from_velocity") if not e["breaks"]]
    assert len(same) == 2


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")
@pytest.mark.parametrize(
    ("original", "edited", "told"),
    [
        ("v + g**2 / 2 * score", "v - g**2 / 2 * score", ["v ", "-", " g**2 / 2 * score"]),
        ("v + g**2 / 2 * score", "v + g**3 / 2 * score", ["v + ", "g**3", " / 2 * score"]),
        ("v + g**2 / 2 * score", "v", ["v", "", ""]),
        ("f - g**2 * score", "f - score", ["f - ", "", "score"]),
    ],
)
def test_the_part_that_changed_is_marked(original: str, edited: str, told: list[str]) -> None:
    program = (
        f"const {{ difference }} = require({json.dumps(str(SCRIPT))});"
        f"console.log(JSON.stringify(difference({json.dumps(original)}, {json.dumps(edited)})))"
    )
    done = subprocess.run(["node", "-e", program], capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout) == told, done.stderr
    assert "".join(told) == edited


PAGE = """<!doctype html><html lang="en" data-typeset="done"><meta charset="utf-8">
<link rel="icon" href="data:,"><h2>Step 1. The proof</h2><details open><div class="chain">{lines}
</div></details><div class="interactive" data-interactive="refute" hidden></div>
<script src="refute-data.js" defer></script><script src="refute.js" defer></script></html>"""
LINE = '<div class="arithmatex">left {n}</div><p><span class="rule">({n}) rule</span></p>'

CHOOSE = """(() => {
  const one = document.querySelector("[name=edit][value='VALUE']");
  one.checked = true;
  one.dispatchEvent(new Event("input", { bubbles: true }));
  return {
    marked: [...document.querySelectorAll("details .rule.fallen")].map(r => r.textContent),
    told: document.querySelector(".told").textContent,
    witness: document.querySelector(".witness").textContent,
  };
})()"""


@pytest.mark.slow
def test_an_edit_marks_the_lines_that_fall_and_shows_the_first_with_its_witness(
    kept: dict[str, Any], tmp_path: Path
) -> None:
    sys.path.insert(0, str(DOCS / "tools"))
    try:
        import render_check
    finally:
        sys.path.remove(str(DOCS / "tools"))
    if render_check.chromium() is None:
        pytest.skip("no Chromium on this machine")
    for name in ("refute.js", "refute-data.js"):
        (tmp_path / name).write_text((SCRIPT.parent / name).read_text("utf-8"), "utf-8")
    lines = "".join(LINE.format(n=n + 1) for n in range(kept["lines"]))
    end = '<div class="arithmatex">end</div>'
    (tmp_path / "page.html").write_text(PAGE.format(lines=lines + end), "utf-8")
    edit = kept["functions"][0]["edits"][0]
    with render_check.served(tmp_path) as base, render_check.browser() as chrome:
        assert chrome.open(f"{base}page.html", render_check.DESKTOP)
        wrong = chrome.value(CHOOSE.replace("VALUE", "1"))
        right = chrome.value(CHOOSE.replace("VALUE", "0"))
    assert wrong["marked"] == [f"({b['line'] + 1}) rule" for b in edit["breaks"]]
    assert f"Step 1, line {edit['breaks'][0]['line'] + 1}" in wrong["told"]
    assert edit["breaks"][0]["gap"] in wrong["witness"]
    assert right == {
        "marked": [],
        "told": f"All {kept['lines']} lines hold: the formula is the one that is proved.",
        "witness": "",
    }
