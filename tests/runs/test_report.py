"""The page of a run: what one looks for first, constants as sentences, all in one file."""

import re
import sys

import pytest

from refimpl.runs import folder as folders
from refimpl.runs import metrics, panels, pictures, report
from refimpl.runs.monitors import Reading

ROWS = [
    {
        "objective": -0.1 * step,
        "kl": 0.01 * step,
        "clipped": 0.1 * (step % 2),
        "zero_groups": 0.0,
        "eval/reward": 2.0 + step,
        "reward": 1.0 + step,
        "readings": {
            "ratio_gap": Reading("ratio_gap", 0.0, 0.0, 1e-12).row,
            "clipped": Reading("clipped", 0.1 * (step % 2), 0.0, 0.5).row,
            "advantage_mean": Reading("advantage_mean", step * 1e-16, 0.0, 1e-12).row,
            "advantage_std": Reading("advantage_std", 1.0 + step).row,
        },
    }
    for step in range(4)
]


@pytest.fixture
def folder(tmp_path):
    made = folders.create(tmp_path / "run", "toy", {"steps": 4}, {"seed": 0})
    for step, row in enumerate(ROWS):
        made.append(step, row)
    (made.path / "pictures").mkdir()
    for step in (0, 2, 4):
        (made.path / f"pictures/{step:08d}.png").write_bytes(b"\x89PNG")
    return made


def shown(path, known=None):
    return panels.panels(metrics.read(path), known)


def test_what_one_looks_for_comes_first_in_its_order(folder):
    found = shown(folder.metrics)
    assert [p.name for p in found] == [
        "reward", "eval/reward", "kl", "ratio_gap", "clipped",
        "advantage_mean", "advantage_std", "objective", "zero_groups",
    ]  # fmt: skip
    assert [p.first for p in found] == [True] * 5 + [False] * 4


def test_what_does_not_move_is_a_sentence_with_what_is_expected(folder):
    gap = next(p for p in shown(folder.metrics) if p.name == "ratio_gap")
    assert gap.picture is None
    assert gap.caption.startswith(
        "ratio gap: 0 throughout, expected within [0, 1e-12] (max |r − 1|"
    )


def test_what_moves_by_rounding_is_a_sentence_too(folder):
    mean = next(p for p in shown(folder.metrics) if p.name == "advantage_mean")
    assert mean.picture is None
    assert "between 0 and 3e-16 throughout, expected within [0, 1e-12]" in mean.caption


def test_bounds_are_a_band_and_a_known_optimum_a_line(folder):
    found = {p.name: p.picture for p in shown(folder.metrics, {"reward": {"optimum": 9.0}})}
    assert found["clipped"].band == (0.0, 0.5)
    assert found["reward"].marks == {"optimum": 9.0}
    assert found["reward"].band is None
    assert found["advantage_std"].band is None  # nothing is expected of it


def test_the_page_has_everything_in_one_file_and_in_order(folder):
    drawn = {"tuned": pictures.curves({"c": ([1, 2], [3, 4])}, x_label="x", y_label="y")}
    report.write(folder, {"reward_after": 4.0}, drawn=drawn)
    page = (folder.path / "report.html").read_text("utf-8")
    text = (folder.path / "report.md").read_text("utf-8")
    headings = ["What one looks for", "Samples", "Other curves", "What came of it", "Invariants"]
    assert re.findall(r"<h2>(.*?)</h2>", page)[:5] == headings
    assert re.findall(r"^## (.*)", text, re.MULTILINE)[:5] == headings
    assert page.count("<svg") == 7  # six that move, and the picture that was handed in
    assert page.count("data:image/png;base64,") == 2
    assert "after 0 iterations" in page
    assert "after 4 iterations" in page
    assert "after 2 iterations" not in page
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    files = re.findall(r"!\[.*?\]\((.*?)\)", text)
    assert len(files) == 9
    assert all((folder.path / file).is_file() for file in files)


def test_without_matplotlib_the_page_says_so_and_has_its_tables(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    report.write(folder, {"reward_after": 4.0})
    text = (folder.path / "report.md").read_text("utf-8")
    assert "pip install 'refimpl[pictures]'" in text
    assert "ratio gap: 0 throughout" in text
    assert "reward_after" in text
    assert ".svg" not in text
