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
