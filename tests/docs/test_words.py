"""The field's words: house words that it has a word for stay out, the others are in the glossary.

Looked at are sentences: prose outside generated blocks and code, docstrings, comments and messages.
Names that users type (`weights.lever`, the argument `kept`, the keys of JSON files) are no prose.
"""

import ast
import functools
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from refimpl.equations import equations

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
GLOSSARY = DOCS / "glossary.md"

WORDS = {
    r"doors?": "validation, on entry, interface",
    r"levers?": "sensitivity",
    r"ow(?:ed|es)": "missing, needed",
    r"grain": "residual noise",
    r"(?<!model )zoo": "named mistakes",
    r"(?:its|the|same|equal|trained|whose|no|policy's|of) reach": "explored share",
    r"(?:the|is|its|of|policy's|and) aim": "alignment, target",
    r"the matched step": "the moment-matched step",
    r"(?:as )?loud(?:er|est|ly)?|shouts?": "large (a gradient, a noise)",
    r"(?:page|one) after next": "the page's title",
    r"the house(?:'s)?(?! clock)": "this package's, on the house clock",
    r"a wing|the wings": "packages",
}
"""A house word, as a pattern, and what the field says."""

FORBIDDEN = re.compile("|".join(rf"\b(?:{word})\b" for word in WORDS), re.I)

NAMES = {"lever", "levers", "kept", "reach", "aim", "zoo"}
"""Names that stay: equations, arguments, `methods.levers`, keys of JSON files, `sympy.zoo`."""

OUTSIDE = (
    "refimpl/evidence/mistakes/",  # names, notes and remedies of mistakes are in the test vectors
    "tests/docs/test_words.py",
)
PAGES = [DOCS / p for p in ("index.md", "methods.md", "samplers.md", "training.md")] + [
    DOCS / p for p in ("adapters.md", "statistics.md", "checking.md", "conventions.md")
]


def prose(page: str) -> str:
    """A page without generated blocks, code, formulas and the targets of links."""
    marked = "generated|training|cite|chain|figure"
    page = re.sub(rf"<!-- ({marked}): .*?<!-- end \1 -->", "", page, flags=re.S)
    page = re.sub(r"<!--= .*? -->", "", page, flags=re.S)
    page = re.sub(r"^( *)```.*?^\1```", "", page, flags=re.S | re.M)
    page = re.sub(r"\]\([^)]*\)", "]", page)
    return re.sub(r"`[^`]*`|\$\$.*?\$\$|\$[^$]*\$", "…", page, flags=re.S)


def sentences(source: str) -> Iterator[str]:
    """Docstrings, comments and messages of a module, without what stands between backticks."""
    module = ast.parse(source)
    named = {n.arg for n in ast.walk(module) if isinstance(n, ast.arg)}
    named |= {n.name for n in ast.walk(module) if isinstance(n, ast.FunctionDef)}
    named |= {n.target.id for n in ast.walk(module) if _is_field(n)}  # type: ignore[attr-defined]
    own = re.compile(rf"\b(?:{'|'.join(sorted(named & NAMES)) or '(?!)'})\b(?! of)")
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not _ids(node.value):
            text = re.sub(r"`[^`]*`", "…", node.value)
            yield own.sub("…", re.sub(r"\b[a-z_]+\.[a-z_]+\b", _unless_an_id, text))
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield own.sub("…", token.string)


def _unless_an_id(match: re.Match[str]) -> str:
    """The word, or an ellipsis where it is the id of an equation."""
    return "…" if match[0] in equations() else match[0]


@functools.cache
def _equation_words() -> set[str]:
    """Names of equations and of their arguments."""
    known = equations()
    arguments = {place.parameter for e in known.values() for place in e.places}
    return {id.partition(".")[2] for id in known} | arguments


def _ids(text: str) -> bool:
    """Whether a string is one word, or a list of names of equations and arguments."""
    return " " not in text.strip() or set(text.split()) <= _equation_words()


def _is_field(node: ast.AST) -> bool:
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)


def house_words(text: str) -> list[str]:
    """The house words of a text, whatever the breaks of its lines."""
    return [found[0] for found in FORBIDDEN.finditer(" ".join(text.split()))]


def test_pages_use_the_fields_words() -> None:
    pages = [*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    found = {
        str(page.relative_to(ROOT)): words
        for page in pages
        if page.name != GLOSSARY.name and (words := house_words(prose(page.read_text("utf-8"))))
    }
    assert found == {}, WORDS


def _modules() -> list[Path]:
    folders = ("refimpl", "derivations", "tests", "docs/tools")
    paths = [p for folder in folders for p in sorted((ROOT / folder).rglob("*.py"))]
    return [p for p in paths if not str(p.relative_to(ROOT)).startswith(OUTSIDE)]


def test_docstrings_comments_and_messages_use_the_fields_words() -> None:
    found = {
        str(path.relative_to(ROOT)): words
        for path in _modules()
        if (words := [w for s in sentences(path.read_text("utf-8")) for w in house_words(s)])
    }
    assert found == {}, WORDS


def test_variables_use_the_fields_words() -> None:
    house = re.compile(r"(?:^|_)(?:door|doors|owed|grain|zoo|reach|aim|lever|levers)(?:_|$)")
    found = {
        f"{path.relative_to(ROOT)}:{node.lineno}": node.id
        for path in _modules()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Name) and house.search(node.id) and node.id not in NAMES
    }
    assert found == {}, WORDS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Arguments are refused at the door.", ["door"]),
        ("the noise\nowed, and its  reach", ["owed", "its reach"]),
        ("Levers are long; steps that reach the end aim at nothing.", ["Levers"]),
        ("on the house clock, by the house's rule", ["the house's"]),
        ("outdoor clover, regained", []),
    ],
)
def test_a_house_word_is_found_and_other_words_are_not(text: str, words: list[str]) -> None:
    assert house_words(text) == words


def test_ids_code_and_generated_blocks_are_no_prose() -> None:
    page = "`lever` [mean](x.md#lever)\n<!-- generated: a -->\nlever\n<!-- end generated -->\n"
    assert house_words(prose(page)) == []
    assert house_words(prose(page + "A lever.")) == ["lever"]
    assert list(sentences('def f(lever):\n    """The lever, squared."""\n')) == ["The …, squared."]


ENTRY = re.compile(
    r"^## (?P<term>.+?) \{ #(?P<anchor>[\w-]+) \}\n(?P<text>.*?)(?=^## |\Z)", re.M | re.S
)


def entries() -> list[re.Match[str]]:
    """The entries of the glossary."""
    return list(ENTRY.finditer(GLOSSARY.read_text("utf-8")))


def anchors(page: Path) -> set[str]:
    """What a link into a page may point to: ids that are given, and those made of headings."""
    text = page.read_text("utf-8")
    given = set(re.findall(r"\{[^}]*#([\w.-]+)[^}]*\}|id=\"([\w.-]+)\"", text))
    headings = re.findall(r"^#+ (.+?)(?: \{.*\})?$", text, re.M)
    made = {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", h).strip().lower()) for h in headings}
    return {id for pair in given for id in pair if id} | made


def test_the_glossary_is_alphabetical_and_says_where_each_term_is_defined() -> None:
    terms = [entry["term"].lower() for entry in entries()]
    assert len(terms) > 25
    assert terms == sorted(terms)
    assert [e["term"] for e in entries() if "](" not in e["text"]] == []


def links(page: Path) -> list[tuple[str, Path, str]]:
    """The links of a page to other pages here, as they stand, with file and anchor."""
    found = re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))
    inner = [
        link for link in found if "://" not in link and link.partition("#")[0][-3:] in ("", ".md")
    ]
    split = [(link, *link.partition("#")[::2]) for link in inner]
    return [(link, page.parent / to if to else page, anchor) for link, to, anchor in split]


def test_every_link_of_the_glossary_resolves() -> None:
    lost = [
        link
        for link, page, anchor in links(GLOSSARY)
        if not page.is_file() or (anchor and anchor not in anchors(page))
    ]
    assert lost == []


def test_links_to_the_glossary_resolve_and_pages_where_a_reader_stumbles_have_one() -> None:
    known = {entry["anchor"] for entry in entries()}
    used = {
        page: {anchor for _, to, anchor in links(page) if to.resolve() == GLOSSARY}
        for page in DOCS.rglob("*.md")
        if page != GLOSSARY
    }
    assert {anchor for found in used.values() for anchor in found} <= {*known, ""}
    assert [page for page in PAGES if not used[page]] == []
