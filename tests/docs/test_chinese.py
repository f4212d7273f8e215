"""The Chinese pages follow the English ones: not older, and the same parts in the same order."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ZH = DOCS / "zh"
PAGES = [*sorted(ZH.rglob("*.md")), ROOT / "README.zh.md"]
LECTURES = ("notation", "flows", "paths", "density", "training", "from-ode-to-sde", "grpo", "steps")


def _tool(name: str) -> ModuleType:
    sys.path.insert(0, str(DOCS / "tools"))
    try:
        return __import__(name)
    finally:
        sys.path.remove(str(DOCS / "tools"))


chinese, following, languages = map(_tool, ("chinese", "following", "languages"))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_chinese_page_is_not_older_than_its_source_and_has_the_same_parts(page: Path) -> None:
    assert following.problems(page) == []


def test_what_chinese_readers_were_promised_is_there() -> None:
    wanted = {ZH / "learn" / f"{name}.md" for name in LECTURES}
    for folder in ("settle", "learn/more"):
        wanted |= {ZH / p.relative_to(DOCS) for p in (DOCS / folder).glob("*.md")}
    names = ("index.md", "glossary.md", "errata.md", "rounding.md", "speed.md")
    wanted |= {ZH / name for name in names}
    assert wanted - set(PAGES) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_its_paragraphs_are_chinese(page: Path) -> None:
    """No paragraph of prose was left in English; code, formulas, links and names aside."""
    text = re.sub(
        r"\A---\n.*?\n---\n|```.*?```|\$\$.*?\$\$|<!--.*?-->",
        "",
        page.read_text("utf-8"),
        flags=re.S,
    )
    left = []
    for paragraph in re.split(r"\n\s*\n", text):
        bare = re.sub(r"`[^`]*`|\$[^$]*\$|\]\([^)]*\)|<[^>]*>|^\|.*$", " ", paragraph, flags=re.M)
        if len(re.findall(r"[A-Za-z]{2,}", bare)) > 12 and not re.search(r"[\u4e00-\u9fff]", bare):
            left.append(paragraph[:80])
    assert left == []


def test_both_glossaries_have_the_same_terms_and_the_pages_use_them() -> None:
    row = re.compile(r"^\| ([^|]+) \| ([^|]+) \| [^|]* \| \[", re.M)
    english = dict(row.findall((DOCS / "glossary.md").read_text("utf-8")))
    other = {e: z for z, e in row.findall((ZH / "glossary.md").read_text("utf-8"))}
    assert english == other
    assert len(english) > 30
    text = "".join(p.read_text("utf-8") for p in PAGES if p.name != "glossary.md")
    assert [term for term in other.values() if term not in text] == []


# ---------------------------------------------------------------- the check can fail


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """An English page and the Chinese one that follows it, in a folder of their own."""
    for module in (chinese, following.chinese):
        monkeypatch.setattr(module, "DOCS", tmp_path)
        monkeypatch.setattr(module, "ZH", tmp_path / "zh")
    english, page = tmp_path / "a.md", tmp_path / "zh" / "a.md"
    page.parent.mkdir()
    english.write_text(
        "# Title\n\nText, <!--= 1 + 1 as .1f -->2.0<!--/-->.\n\n## More\n\n"
        '<!-- chain: x 1 -->\n\n<span class="rule">(1) they cancel</span>\n\n<!-- end chain -->\n'
    )
    page.write_text(
        '---\nfollows: "0"\n---\n\n# 标题\n\n正文，<!--= 1 + 1 as .1f --><!--/-->。\n\n'
        "## 其他 { #more }\n\n<!-- chain: x 1 -->\n\n<!-- end chain -->\n"
    )
    page.write_text(following.followed(page))
    page.write_text(chinese.filled(page))
    return english, page


def test_a_pair_that_agrees_has_no_problem_and_takes_over_what_is_generated(pair: Any) -> None:
    _, page = pair
    assert following.problems(page) == []
    assert '<span class="rule">(1) 两项抵消</span>' in page.read_text("utf-8")
    assert "-->2.0<!--/-->" in page.read_text("utf-8")


def test_a_new_page_is_given_a_head_that_says_what_it_follows(pair: Any) -> None:
    _, page = pair
    whole = page.read_text("utf-8")
    page.write_text(whole.partition("---\n\n")[2])
    assert following.problems(page) != []
    page.write_text(following.followed(page))
    assert page.read_text("utf-8") == whole


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("Text,", "Another text,", "zh/a is older than its English source"),
        ("2.0<!--/-->", "3.0<!--/-->", "generated parts are stale"),
        ("(1) they cancel", "(1) times 1 − t", "generated parts are stale"),
        ("## More", "## Less", "anchors of headings differ"),
        ("Text,", "Text\n\n$$\nx\n$$\n\n", "formulas differ"),
        ("Text,", '!!! abstract "Statement 1.1"\n\n', "statements differ"),
        ("Text,", "[Text](b.md)", "links differ"),
    ],
)
def test_a_change_of_the_english_page_is_told_with_its_remedy(
    pair: Any, old: str, new: str, told: str
) -> None:
    english, page = pair
    english.write_text(english.read_text("utf-8").replace(old, new))
    found = following.problems(page)
    assert any(told in problem for problem in found), found
    if "older" in told:
        assert "chinese.py --diff a" in found[0]
        page.write_text(following.followed(page))
        assert following.problems(page) == []


def test_a_sentence_without_chinese_stops_the_generator(pair: Any) -> None:
    english, page = pair
    english.write_text(english.read_text("utf-8").replace("they cancel", "a new rule of the proof"))
    with pytest.raises(SystemExit, match="no Chinese for 'a new rule of the proof'"):
        chinese.filled(page)


def test_numbers_of_a_caption_are_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = (["0.5", "10"], "十步（10）之后是 0.5")
    monkeypatch.setattr(chinese, "dictionary", lambda: {"It is # after # steps.": entry})
    assert chinese.word("It is 0.6 after 20 steps.", ZH / "a.md") == "十步（20）之后是 0.6"


def test_what_changed_is_shown_by_the_history(pair: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    english, page = pair
    before = english.read_text("utf-8")
    answers = {"log": "c0ffee\n", "show": before}
    monkeypatch.setattr(following, "_git", lambda command, *_: answers[command])
    english.write_text(before.replace("Text,", "Another text,").replace("2.0", "3.0"))
    changed = [line for line in following.changes(page).splitlines() if line[:1] in "+-"][2:]
    assert [line[:15] for line in changed] == ["-Text, <!--= 1 ", "+Another text, "]


# ---------------------------------------------------------------- around the text


def test_the_switch_leads_to_the_same_page_in_the_other_language() -> None:
    def page(address: str) -> Any:
        url = address.replace(".md", ".html")
        return SimpleNamespace(file=SimpleNamespace(src_uri=address, url=url), meta={})

    pages = [page(a) for a in ("index.md", "a.md", "b.md", "zh/index.md", "zh/a.md")]
    theme = {"palette": [{"toggle": {"name": "Switch to light"}}], "language": "en"}
    config: Any = SimpleNamespace(theme=theme, extra={})
    languages._palettes.clear()
    languages._navigation.clear()
    for language, own in (("en", pages[:3]), ("zh", pages[3:])):
        languages._navigation[language] = SimpleNamespace(pages=own)
    seen = {}
    for one in pages:
        languages.on_page_context({}, one, config)
        links = [alternate["link"] for alternate in config.extra["alternate"]]
        seen[one.file.src_uri] = (theme["language"], *links)
    assert seen["zh/a.md"] == ("zh", "a.html", "zh/a.html")
    assert seen["a.md"] == ("en", "a.html", "zh/a.html")
    assert seen["b.md"] == ("en", "b.html", "zh/index.html")


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")
def test_a_chinese_query_is_asked_as_a_whole_and_another_as_it_is() -> None:
    script = json.dumps(str(DOCS / "assets" / "search.js"))
    asked = '["得分", "KL 的 h", "sum or mean"]'
    program = f"console.log(JSON.stringify({asked}.map(require({script}).whole)))"
    done = subprocess.run(["node", "-e", program], capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout) == ["得分〇", "KL 的〇 h", "sum or mean"], done.stderr
