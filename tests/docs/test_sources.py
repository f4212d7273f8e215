"""Every citation names its document, and a place in it that somebody has opened and noted."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from refimpl.equations import equations
from refimpl.equations.sources import ARTICLE, PAPER, cited, document, documents

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "docs" / "tools"
PAGE = ROOT / "docs" / "sources.md"
EVERY = equations()

_NAMED = re.compile(
    r"(?:[Tt]he (?:paper|article)'s|\b[Ii]ts(?: own)?|Song's|\d{4},|the article,"
    r"|arXiv:[\d.]+(?:v\d+)?\)?,|(?:论文|文章|它)的)\s*$"
)
_OWN_PAGES = ("errata.md", "sources.md")  # there the heading or the column names the document


def _tool() -> ModuleType:
    sys.path.insert(0, str(TOOLS))
    try:
        spec = importlib.util.spec_from_file_location("sources_page", TOOLS / "sources_page.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(TOOLS))
    return module


def bare(text: str) -> list[str]:
    """The numbers that stand without their document: "Eq. 9" where "the paper's Eq. 9" is meant."""
    found = []
    for match in re.finditer(r"\bEq\. \d+(?![\w ]* of the (?:paper|article))", text):
        before = " ".join(text[max(0, match.start() - 60) : match.start()].split(" "))
        if not _NAMED.search(before) and "of the\n" not in text[match.end() : match.end() + 12]:
            found.append(match[0])
    return found


def numbers_of_the_paper(text: str) -> set[str]:
    """Every "Eq. n" that a text says is the paper's."""
    return {
        f"Eq. {n}"
        for n in re.findall(r"(?:paper's|论文的|2505\.05470(?:v\d\))?,) Eq\. (\d+)", text)
    }


def texts() -> list[Path]:
    """Code, proofs and pages, but for the two that are about numbers."""
    code = [p for folder in ("refimpl", "derivations") for p in (ROOT / folder).rglob("*.py")]
    pages = [p for p in (ROOT / "docs").rglob("*.md") if p.name not in _OWN_PAGES]
    register = ("registry.py", "sources.py")
    return [p for p in [*code, *pages, ROOT / "README.md"] if p.name not in register]


def _prose(path: Path) -> str:
    """The text without the register's own fields, whose keyword names the document."""
    lines = path.read_text("utf-8").splitlines()
    fields = re.compile(r"\b(?:paper|article|also)=[(\"]|^\s*\(\"\w+\", \"|Source\(|^Source: ")
    return "\n".join(line for line in lines if not fields.search(line))


def test_no_number_stands_without_its_document() -> None:
    assert bare("as Eq. 9 says") == ["Eq. 9"]
    assert bare("论文的 Eq. 9；这是 Eq. 8") == ["Eq. 8"]
    assert bare("as the paper's Eq. 9 says, put into its Eq. 8; Song et al. 2021, Eq. 6") == []
    faults = {p.relative_to(ROOT).as_posix(): bare(_prose(p)) for p in texts()}
    assert {name: found for name, found in faults.items() if found} == {}


def test_no_number_of_the_paper_is_cited_that_nobody_has_read() -> None:
    read = set(document(PAPER).places)
    assert numbers_of_the_paper("the paper's Eq. 31; arXiv:2505.05470, Eq. 30") - read == {
        "Eq. 30",
        "Eq. 31",
    }
    for path in [*texts(), PAGE]:
        assert numbers_of_the_paper(path.read_text("utf-8")) <= read, path


def test_every_equation_names_registered_documents_and_noted_places() -> None:
    for e in EVERY.values():
        assert e.source, e.id
        for s in e.sources:
            assert s.key in documents(), e.id
            assert set(s.places) <= {*s.document.places, *s.document.unread}, e.id
        for own in (e.paper, e.article):
            assert own is None or own.read, f"{e.id}: {own} was not read"


def test_the_paper_and_the_article_number_one_formula_differently() -> None:
    e = EVERY["sde.flow_grpo_drift"]
    assert e.paper == cited(PAPER, "Eq. 8; Eq. 28")
    assert e.article == cited(ARTICLE, "Eq. 1; Eq. 15")
    assert e.source == "the paper (arXiv:2505.05470v5), Eq. 8 and 28; the article, Eq. 1 and 15"
    printed = document(PAPER).places
    assert printed["Eq. 8"] == printed["Eq. 28"]
    assert printed["Eq. 9"] == printed["Eq. 29"]
    assert printed["Eq. 7"] == printed["Eq. 21"]


def test_a_place_that_nobody_has_noted_and_an_unknown_document_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'Eq. 30' of the paper is not among the places noted"):
        cited(PAPER, "Eq. 30")
    with pytest.raises(ValueError, match=r"no document is called 'liu2052'; known are paper, "):
        cited("liu2052")


def test_documents_of_which_nothing_was_read_say_so() -> None:
    assert not document("anderson1982").opened
    assert not cited("anderson1982").read
    assert not cited("nichol2021", "Eq. 17").read
    assert not cited("hosalimans2022", "Section 3.2; Eq. 6").read
    assert cited("hosalimans2022", "Section 3.2").read
    assert cited("song2021", "Eq. 6").read


def test_places_read_as_one_phrase() -> None:
    assert str(cited("ho2020", "Eq. 6; Eq. 7")) == "Ho et al. 2020, arXiv:2006.11239, Eq. 6 and 7"
    assert str(cited(ARTICLE, "Eq. 12; Eq. 13; Eq. 14")) == "the article, Eq. 12, 13 and 14"
    assert str(cited("domingo2025", "Proposition 1; Eq. 27")).endswith("Proposition 1 and Eq. 27")
    assert str(cited("villani2009")) == "Villani 2009"


def test_the_page_shows_what_the_register_holds() -> None:
    page = PAGE.read_text("utf-8")
    assert _tool().filled(page) == page, "stale: run python docs/tools/generate.py"


def test_the_table_pairs_places_that_both_texts_print() -> None:
    pairs = _tool().COUNTERPARTS
    assert set(pairs) <= set(document(PAPER).places)
    assert {a for theirs in pairs.values() for a in theirs} <= set(document(ARTICLE).places)
    for e in EVERY.values():  # an equation's two numbers are a pair of the table
        if e.paper and e.article:
            theirs = {a for place in e.paper.places for a in pairs.get(place, ())}
            assert theirs & set(e.article.places), e.id


def test_the_page_lists_all_that_was_not_opened() -> None:
    listed = PAGE.read_text("utf-8").partition("{ #unopened }")[2].partition("\n## ")[0]
    for d in documents().values():
        for place in d.unread:
            assert place in listed, (d.key, place)
        if not d.opened:
            assert d.address in listed, d.key


def test_every_part_of_the_page_of_errata_names_its_document() -> None:
    parts = (ROOT / "docs/errata.md").read_text("utf-8").split("\n## ")[1:]
    heads = {re.search(r"{ #(\w+) }", part)[1]: part for part in parts if "{ #" in part}  # type: ignore[index]
    keys = dict(paper=PAPER, article=ARTICLE, b="flow_zh", g="guidance_zh", course="course")
    for anchor, key in {**keys, "m": "course_zh", "p": "ddpm_zh"}.items():
        name = document(key).title.split(" (")[0].split(":MIT")[0]
        assert f"*{name}*" in heads[anchor].partition("\n| where")[0], anchor
