"""The pages say what the run found, their examples run, and what they need is in the repository."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from refimpl.equations import equations

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(p for p in DOCS.rglob("*.md") if "assets" not in p.parts)


@pytest.mark.slow
def test_generated_blocks_are_what_the_run_finds() -> None:
    command = [sys.executable, "docs/tools/generate.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_setting_of_the_trainer_says_what_it_means() -> None:
    page = (DOCS / "sd35.md").read_text("utf-8")
    rows = re.findall(r"^\| <code>(\w+\.\w+)</code> \| .* \| (.*) \|$", page, re.M)
    assert len(rows) > 80
    assert [name for name, meaning in rows if not meaning.strip()] == []


def test_no_page_prints_an_open_verdict() -> None:
    pages = [p for p in PAGES if 'class="verdict open"' in p.read_text("utf-8")]
    assert pages == []


def test_the_vendored_mathjax_is_the_one_whose_checksum_is_kept() -> None:
    folder = DOCS / "assets" / "mathjax"
    wanted, name = (folder / "tex-svg.js.sha256").read_text("ascii").split()
    assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == wanted
    assert "Apache License" in (folder / "LICENSE").read_text("utf-8")


def test_the_configuration_loads_nothing_from_elsewhere() -> None:
    told = (ROOT / "mkdocs.yml").read_text("utf-8")
    assert "font: false" in told
    assert not re.search(r"https?://", told)


def test_every_page_is_in_the_navigation() -> None:
    told = (ROOT / "mkdocs.yml").read_text("utf-8")
    absent = [
        p.relative_to(DOCS).as_posix() for p in PAGES if p.relative_to(DOCS).as_posix() not in told
    ]
    assert absent == []


def test_every_topic_has_its_pages_in_the_reference() -> None:
    for topic in sorted({e.topic for e in equations().values()}):
        for folder in ("equations", "derivations"):
            page = DOCS / "reference" / folder / f"{topic}.md"
            assert page.is_file(), page
        assert f"derivations/{topic}.md)" in (DOCS / "reference/derivations.md").read_text("utf-8")


def test_the_examples_of_the_quickstart_run() -> None:
    examples = re.findall(r"```python\n(.*?)```", (DOCS / "quickstart.md").read_text("utf-8"), re.S)
    assert len(examples) >= 3
    for source in examples:
        exec(compile(source, "quickstart.md", "exec"), {})


def test_the_refusal_in_the_quickstart_is_the_one_that_is_raised() -> None:
    from refimpl.equations import sde

    shown = re.search(r"^ValueError: (.*)$", (DOCS / "quickstart.md").read_text("utf-8"), re.M)
    assert shown is not None
    with pytest.raises(ValueError, match="one_minus_inside") as refused:
        sde.flow_grpo_g(1.0, 0.7, inside=1.0)
    assert str(refused.value) == shown[1]


def test_the_diagnosis_on_the_page_of_checks_is_the_one_that_is_given() -> None:
    from refimpl.conformance import Mismatch
    from refimpl.evidence import compare

    page = (DOCS / "checking.md").read_text("utf-8")
    inputs = dict(v=1.25, v_ref=1.0, g=0.75, t=0.5, h=0.125)
    shown = re.search(r"compare\.Mismatch: (.*?)```", page, re.S)
    assert shown is not None
    with pytest.raises(Mismatch) as raised:
        compare("kl.flow_grpo", 0.09120008680555555, None, inputs)
    assert " ".join(shown[1].split()) == str(raised.value)


def test_who_does_what_is_read_off_the_record_of_implementations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sys.path.insert(0, str(DOCS / "tools"))
    try:
        import implementations
    finally:
        sys.path.remove(str(DOCS / "tools"))

    def entry(kl: str, told: str) -> dict[str, object]:
        claim = {"check": "kl.value", "verdict": "differs" if told else "agrees", "told": told}
        return {"adapters": [{"declared": {"kl": kl}, "results": [claim]}]}

    cause = "bug: no h (https://github.com/x/one/issues/7)"
    record = {"one": entry("k2", cause), "one (fork)": entry("k2", cause), "two": entry("k3", "")}
    monkeypatch.setattr(implementations, "kept", lambda: record)
    assert implementations.seen("kl", "no h") == "one (one issue 7)"
    assert implementations.declaring(kl="k3") == "two"
    assert (implementations.how_many(kl="k2"), implementations.how_many(kl="")) == (1, 2)
    assert implementations.how_many(log_prob="") == 0
    for asked in (
        lambda: implementations.seen("kl", "no g"),
        lambda: implementations.declaring(kl="k1"),
    ):
        with pytest.raises(SystemExit, match="no implementation has"):
            asked()
    del record["one"]
    assert implementations.seen("kl", "no h") == "one (fork) (one issue 7)"


MARK = re.compile(r"^<!-- (end )?generated\b", re.MULTILINE)


def misplaced(text: str) -> list[str]:
    """Generated blocks that do not open and close in turn, and anchors that a page has twice."""
    marks = ["end" if end else "begin" for end in MARK.findall(text)]
    wrong = [] if marks == ["begin", "end"] * (len(marks) // 2) else ["blocks do not alternate"]
    anchors = re.findall(r"\{ #([^ }]+)", text)
    return wrong + sorted({a for a in anchors if anchors.count(a) > 1})


@pytest.mark.parametrize(
    "page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda p: str(p.relative_to(ROOT / "docs"))
)
def test_no_card_stands_twice_on_a_page_or_outside_its_marks(page: Path) -> None:
    assert misplaced(page.read_text(encoding="utf-8")) == []


def test_a_card_that_was_left_behind_is_seen() -> None:
    card = "<!-- generated: a -->\n### a { #a .equation }\n<!-- end generated -->\n"
    assert misplaced(card) == []
    left = card + "### a { #a .equation }\n<!-- end generated -->\n"
    assert misplaced(left) == ["blocks do not alternate", "a"]


LINKED_FORMULA = re.compile(r"(?<!!)\[\s*\$[^$\]]*\$\s*\]\(")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(DOCS).as_posix())
def test_no_link_is_a_formula_alone(page: Path) -> None:
    """A formula is a picture to those who hear a page: a link needs a word."""
    assert LINKED_FORMULA.findall(page.read_text("utf-8")) == []


def test_a_link_that_is_a_formula_alone_is_seen() -> None:
    assert LINKED_FORMULA.search("the weight, [$1/L$](a.md)")
    assert not LINKED_FORMULA.search("[the weight $1/L$](a.md), ![$x$](a.svg)")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(DOCS).as_posix())
def test_every_chart_of_a_page_has_a_name(page: Path) -> None:
    for start in re.findall(r'<svg[^>]*role="img"[^>]*>', page.read_text("utf-8")):
        assert re.search(r'aria-label="[^"]+"', start), start


def test_a_chart_is_named_after_its_axes_and_curves(tmp_path: Path) -> None:
    sys.path.insert(0, str(DOCS / "tools"))
    try:
        import charts
    finally:
        sys.path.remove(str(DOCS / "tools"))
    file = tmp_path / "chart.svg"
    words = "".join(
        f"<text x='1'>{word}</text>" for word in ("-0.5", "20", "T", "W &lt; 1", "a", "b")
    )
    file.write_text(f'<svg role="img">{words}</svg>')
    assert 'role="img" aria-label="W &lt; 1 over T: a; b"' in charts.figure(file)
    file.write_text('<svg role="img" aria-label="own">x</svg>')
    assert charts.figure(file) == '<figure><svg role="img" aria-label="own">x</svg></figure>'
    file.write_text('<svg role="img"><text>1</text></svg>')
    with pytest.raises(SystemExit, match="no words for both axes"):
        charts.figure(file)
