"""The rendered check can fail: a page with each fault planted is reported, a clean one is not."""

import contextlib
import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def _tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / f"docs/tools/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


render_check = _tool("render_check")
access_check = _tool("access_check")

HEAD = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width">
<script src="mathjax/config.js"></script><script src="mathjax/tex-svg.js"></script>"""

FAULTS = {
    "undefined macro": ('<div class="arithmatex">\\[\\nosuchmacro\\]</div>', "MathJax error"),
    "formula left alone": ('<div class="arithmatex">\\[ {x \\]</div>', "formula not typeset"),
    "raw TeX": ("<p>so that \\frac{1}{2} is left</p>", "raw TeX"),
    "raw dollars": ("<p>so that $x$ is left</p>", "raw markup"),
    "unresolved reference": ("<p>see Eq. ???</p>", "raw markup"),
    "console error": ('<script>console.error("planted")</script>', "console: planted"),
    "exception": ('<script>throw new Error("planted")</script>', "exception"),
    "request elsewhere": (
        '<script>fetch("https://example.org/x").catch(() => 0)</script>',
        "leaves",
    ),
    "too wide": ('<div style="width:900px">wide</div>', "wider than a phone"),
    "small picture": (
        '<img src="assets/figures/x.svg" style="width:300px" alt="x">',
        "letters are too small",
    ),
    "id twice": ('<p id="a"></p><p id="a"></p>', "id used twice"),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "docs/assets/mathjax", folder / "mathjax")
    clean = (
        '<p class="arithmatex">\\(\\frac{a}{b}\\)</p><a href="clean.html#here" id="here">here</a>'
    )
    (folder / "clean.html").write_text(HEAD + clean)
    for name, (body, _) in FAULTS.items():
        (folder / f"{name.replace(' ', '-')}.html").write_text(HEAD + body)
    return folder


def test_dead_links_anchors_and_foreign_files_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<p id="x"></p><a href="b.html">1</a><a href="#y">2</a><a href="#x">3</a>'
        '<a href="https://example.org">4</a><a href="">5</a><script src="https://example.org/s.js"></script>'
    )
    found = render_check.dead_links(tmp_path)
    assert sorted(found) == [
        "a.html: a link that leads nowhere",
        "a.html: loads https://example.org/s.js",
        "a.html: no anchor for #y",
        "a.html: no file for b.html",
    ]


@pytest.mark.slow
@pytest.mark.skipif(render_check.chromium() is None, reason="no Chromium on this machine")
def test_every_planted_fault_is_reported_and_a_clean_page_is_not(site: Path) -> None:
    with render_check.served(site) as base, render_check.browser() as chrome:
        assert render_check.looked_at(chrome, base, "clean.html") == []
        for name, (_, expected) in FAULTS.items():
            found = render_check.looked_at(chrome, base, f"{name.replace(' ', '-')}.html")
            assert any(expected in problem for problem in found), (name, found)


def test_a_page_that_is_too_heavy_is_reported(tmp_path: Path) -> None:
    (tmp_path / "light.html").write_text("<p>light</p>")
    (tmp_path / "long.html").write_text("<p>" + "x" * 310_000)
    (tmp_path / "many.html").write_text("<i></i>" * 5_001)
    assert access_check.heavy(tmp_path) == [
        "long.html: 310 kB of HTML, more than 300: split it",
        "many.html: 5,001 elements, more than 5,000: split it",
    ]


AXE = importlib.util.find_spec("axe_playwright_python")


@pytest.mark.slow
@pytest.mark.skipif(render_check.chromium() is None, reason="no Chromium on this machine")
@pytest.mark.skipif(AXE is None, reason="axe is not installed: make docs-check installs it")
def test_axe_reports_a_picture_without_a_text_and_pale_words(site: Path) -> None:
    body = '<html lang="en"><title>t</title><main><h1>t</h1>{}</main></html>'
    (site / "pale.html").write_text(
        HEAD + body.format('<p style="color:#bbb;background:#fff">pale</p><img src="data:,">')
    )
    (site / "fine.html").write_text(HEAD + body.format("<p>fine</p>"))
    with render_check.served(site) as base, render_check.browser() as chrome:
        found = access_check.barriers(chrome, base + "pale.html", access_check.axe())
        assert any(problem.startswith("color-contrast") for problem in found), found
        assert any(problem.startswith("image-alt") for problem in found), found
        assert access_check.barriers(chrome, base + "fine.html", access_check.axe()) == []


DARK_ALONE = """<html lang="en"><title>t</title>
<style>[data-md-color-scheme=slate] p { color: #444; background: #222 }</style>
<body data-md-color-scheme="default"><main><h1>t</h1><p>dim</p></main></body></html>"""


@pytest.mark.slow
@pytest.mark.skipif(render_check.chromium() is None, reason="no Chromium on this machine")
@pytest.mark.skipif(AXE is None, reason="axe is not installed: make docs-check installs it")
def test_axe_runs_on_every_page_in_both_schemes_and_says_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dark.html").write_text(DARK_ALONE)
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.html").write_text(DARK_ALONE.replace("#444", "#ddd"))
    found = access_check.problems(tmp_path, jobs=2)
    assert [problem.partition(" ")[0] for problem in found] == ["dark.html:"], found
    assert "color-contrast (serious, 1 times, slate)" in found[0]
    said = capsys.readouterr().out.splitlines()
    assert sorted(line.split()[-1] for line in said) == ["a.html", "b.html", "c.html", "dark.html"]


def test_a_page_on_which_axe_gives_no_answer_is_told_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def barriers(chrome: object, url: str, rules: str) -> list[str]:
        if url.endswith("a.html"):
            raise RuntimeError("the browser does not answer")
        return []

    monkeypatch.setattr(access_check, "axe", lambda: "")
    monkeypatch.setattr(access_check, "browser", lambda: contextlib.nullcontext())
    monkeypatch.setattr(access_check, "barriers", barriers)
    for name in ("a", "b"):
        (tmp_path / f"{name}.html").write_text("<p>x</p>")
    told = "a.html: axe gave no answer: the browser does not answer"
    assert access_check.problems(tmp_path, jobs=2) == [told]
