"""Figures in two languages: Chinese pages show the Chinese ones, with the same labels."""

import html
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
from matplotlib.figure import Figure

from .scripts import INTERACTIVE, ROOT, node

DOCS = ROOT / "docs"
FIGURES = DOCS / "assets" / "figures"
ZH = sorted((DOCS / "zh").rglob("*.md"))
HAN = re.compile(r"[\u4e00-\u9fff]")
IMAGE = re.compile(
    r"!\[(?P<alt>.*)\]\((?P<to>[^)#]+)|<img src=\"(?P<to2>[^\"]+)\" alt=\"(?P<alt2>.*?)\""
)


@pytest.fixture(scope="module")
def tools() -> tuple[ModuleType, ModuleType]:
    """What knows the Chinese labels, and what sets them."""
    sys.path.insert(0, str(DOCS / "tools"))
    try:
        import chinese
        from figures import lettering
    finally:
        sys.path.remove(str(DOCS / "tools"))
    return chinese, lettering


def images(page: Path) -> list[tuple[Path, str]]:
    """The pictures of a page, each with its text for those who do not see it."""
    found = IMAGE.finditer(page.read_text("utf-8"))
    return [((page.parent / (m["to"] or m["to2"])).resolve(), m["alt"] or m["alt2"]) for m in found]


def test_every_figure_of_a_chinese_page_is_chinese_and_says_its_finding_in_chinese() -> None:
    shown = [(page, *image) for page in ZH for image in images(page)]
    assert len({file for _, file, _ in shown}) > 30
    for page, file, alt in shown:
        assert re.search(r"\.zh\.(light|dark)\.svg$", file.name), f"{page}: {file.name}"
        assert file.is_file(), f"{page}: {file.name}"
        assert len(HAN.findall(alt)) >= 20, f"{page}: {alt}"


def test_no_english_page_shows_a_chinese_figure() -> None:
    for page in set(DOCS.rglob("*.md")) - set(ZH):
        assert ".zh." not in "".join(file.name for file, _ in images(page)), page


def texts(figure: Path) -> list[str]:
    """The labels of a drawing; matplotlib notes each beside its outlines."""
    return [html.unescape(t) for t in re.findall(r"<!-- (.*?) -->", figure.read_text("utf-8"))]


NAMES = sorted(file.name for file in FIGURES.glob("*.svg") if ".zh." not in file.name)


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_of_a_figure_have_the_same_labels(name: str, tools: tuple) -> None:
    """One that was drawn before its words changed is noticed here."""
    chinese, lettering = tools
    kept = lettering.TOPICS if name.startswith("kill-matrix") else set()
    there = [text if text in kept else chinese.label(text) for text in texts(FIGURES / name)]
    other = re.sub(r"(?=\.(?:light|dark)\.svg$)", ".zh", name)
    assert sorted(texts(FIGURES / other)) == sorted(there)
    assert len(there) >= 3


def drawn(x: str, ticks: list[str]) -> Figure:
    """Axes with words at them."""
    figure = Figure()
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_xticks(range(len(ticks)), ticks)
    return figure


def test_a_drawing_is_set_anew_and_names_of_code_and_numbers_stay(
    tools: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, lettering = tools
    monkeypatch.setattr(lettering, "font", lambda: "DejaVu Sans")
    (axes,) = lettering.in_chinese(drawn("number of steps $T$", ["proof", "marginal"])).axes
    assert axes.get_xlabel() == "步数 $T$"
    assert [text.get_text() for text in axes.get_xticklabels()] == ["证明", "边缘分布"]
    (axes,) = lettering.in_chinese(drawn("$x$", ["density", "kl"])).axes
    assert axes.get_xlabel() == "$x$"
    assert [text.get_text() for text in axes.get_xticklabels()] == ["density", "kl"]


@pytest.mark.parametrize("label", ["a new quantity", "$x$ at $t$", "KL"])
def test_a_label_without_chinese_stops_the_drawing(
    label: str, tools: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, lettering = tools
    monkeypatch.setattr(lettering, "font", lambda: "DejaVu Sans")
    with pytest.raises(SystemExit, match="no Chinese for the label"):
        lettering.in_chinese(drawn(label, ["1", "2"]))


def test_numbers_of_a_label_are_taken_over(tools: tuple) -> None:
    chinese, _ = tools
    assert chinese.label("narrow data, std 0.2") == "窄数据，标准差 0.2"
    assert chinese.label("12.5") == "12.5"


# ---------------------------------------------------------------- interactive pictures

SAID = """(() => {
  const said = [], made = [];
  const stage = require(given.stage);
  stage.picture = (name, spec) => made.push(spec);
  delete require.cache[require.resolve(given.script)];
  require(given.script);
  const note = new Proxy({}, { get: (_, key) => (...all) => {
    if (key === "axes") said.push(all[0].xlabel ?? "", all[0].title ?? "");
    if (key === "note") said.push(all[0]);
    return [0, 0];
  }});
  for (const { label, controls, panels, draw } of made) {
    said.push(label[1]);
    for (const c of controls) {
      said.push(c.label[1]);
      for (const [, shown] of c.options ?? []) said.push(Array.isArray(shown) ? shown[1] : shown);
    }
    const start = controls.map(c => [c.name, c.power ? 10 ** c.value : c.value]);
    said.push(draw(Object.fromEntries(start), Array(panels).fill(note), 1));
  }
  return said;
})()"""

KEPT = {"KL", "ODE", "SDE", "next_level", "clamp"}
PICTURES = sorted(
    p.stem for p in INTERACTIVE.glob("*.js") if "stage.picture(" in p.read_text("utf-8")
)


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")
@pytest.mark.parametrize("name", PICTURES)
def test_an_interactive_picture_says_nothing_in_english_to_a_chinese_reader(name: str) -> None:
    script = INTERACTIVE / f"{name}.js"
    given = {"stage": str(INTERACTIVE / "stage.js"), "script": str(script)}
    said = node(SAID, given, script)
    assert len(said) > 8
    left = [s for s in said if set(re.findall(r"[A-Za-z_]{2,}", s)) - KEPT - {"v_ref"}]
    assert left == []
