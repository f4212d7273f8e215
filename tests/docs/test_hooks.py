"""The site builder's own work: links of papers and tests, Chinese words, the order in search."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]


def _tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


hooks = _tool("hooks")


def test_a_paper_in_running_text_is_a_link_and_one_in_a_link_or_in_code_is_left() -> None:
    link = '<a href="https://arxiv.org/abs/2505.05470v5">arXiv:2505.05470v5</a>'
    assert (
        hooks.linked_papers("<p>see arXiv:2505.05470v5, Eq. 8</p>") == f"<p>see {link}, Eq. 8</p>"
    )
    for kept in (f"<p>{link}</p>", "<code>arXiv:2505.05470</code>", '<img alt="arXiv:2505.05470">'):
        assert hooks.linked_papers(kept) == kept


def test_a_comma_stays_on_the_line_of_its_formula() -> None:
    page = SimpleNamespace(file=SimpleNamespace(src_uri="a.md", dest_uri="a.html"))
    formula = r'<span class="arithmatex">\(x &lt; y\)</span>'
    for mark in (",", "，", ".)"):
        html = hooks.on_page_content(f"<p>{formula}{mark} and</p>", page)
        assert html == f'<p><span class="joined">{formula}{mark}</span> and</p>'
    assert hooks.on_page_content(f"<p>{formula} and</p>", page) == f"<p>{formula} and</p>"


def test_a_test_file_that_is_there_is_a_link_and_another_is_not() -> None:
    there, absent = "tests/docs/test_hooks.py", "tests/docs/test_nothing.py"
    html = hooks.linked_tests(f"<code>{there}</code> <code>{absent}</code>", "../")
    assert f'<a href="../source/{there}.html"><code>{there}</code></a>' in html
    assert html.endswith(f" <code>{absent}</code>")
    assert "test_a_test_file_that_is_there" in hooks.source_page(there)


def test_chinese_is_parted_at_the_terms_of_the_glossary() -> None:
    words = hooks.chinese_words()
    assert {"得分", "流匹配", "边缘向量场", "无分类器引导", "重要性比"} <= set(words)
    parted = hooks.parted("学到边缘向量场 v 与得分", words).replace("\u200b", "/")
    assert parted == "学/到/边缘向量场 v 与/得分"
    assert hooks.parted("no Chinese", words) == "no Chinese"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("settle/which-kl.md", "math/kl.md"),
        ("learn/grpo.md", "learn/more/weights.md"),
        ("learn/more/weights.md", "math/weights.md"),
        ("math/kl.md", "reference/equations/kl.md"),
        ("math/kl.md", "decisions/0001-floors.md"),
    ],
)
def test_lectures_and_answers_come_before_the_reference(first: str, second: str) -> None:
    def boost(address: str) -> float:
        page = SimpleNamespace(file=SimpleNamespace(src_uri=address), meta={})
        hooks.on_page_markdown("", page=page)
        return float(page.meta["search"]["boost"])

    assert boost(first) > boost(second)


def test_the_search_box_has_a_name_in_the_language_of_its_page() -> None:
    languages = _tool("languages")
    box = '<link rel="alternate" href="x" hreflang="zh"><div role="dialog">'
    for address, name in (("learn/flows.md", "Search"), ("zh/learn/flows.md", "搜索")):
        page = SimpleNamespace(file=SimpleNamespace(src_uri=address))
        shown = languages.on_post_page(box, page=page)
        assert shown == f'<div role="dialog" aria-label="{name}">'
    missing = languages.on_post_template('<div role="dialog">', template_name="404.html")
    assert missing == '<div role="dialog" aria-label="Search">'
    assert languages.on_post_template("<urlset>", template_name="sitemap.xml") == "<urlset>"


def test_the_way_to_the_goal_is_lit_and_what_leans_on_nothing_proved_is_dashed() -> None:
    graph = _tool("graph")
    drawn = graph.drawing(
        graph.Claims(
            groups={"1. One": ["a", "b"], "2. Two": ["c", "d"]},
            edges={"b": ["a"], "c": ["b"], "d": ["a"]},
            proved={"a", "b", "c"},
            where={"a": "p.html#a"},
            told={"a": "x < y"},
            goal="c",
        )
    )
    assert re.findall(r'<rect class="(solid|dashed)( lit)?"', drawn) == [
        ("solid", " lit"), ("solid", " lit"), ("solid", " lit"), ("dashed", ""),
    ]  # fmt: skip
    lit = re.search(r'class="edge lit" d="([^"]*)"', drawn)
    unlit = re.search(r'class="edge" d="([^"]*)"', drawn)
    assert lit
    assert lit[1].count("M") == 2
    assert unlit
    assert unlit[1].count("M") == 1
    assert '<a href="p.html#a"><title>x &lt; y</title>' in drawn
    assert "proved with all it leans on: 3" in drawn
    assert "leads to Eq. (1): 3" in drawn
    tops = [int(y) for y in re.findall(r'<rect class="band" y="(\d+)"', drawn)]
    assert tops == sorted(tops)
    assert len(tops) == 2
