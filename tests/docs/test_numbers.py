"""No number in running text is typed that code could compute: side lectures, answers, lectures.

Looked at are numbers with a decimal point, powers of ten, percentages and multiples, in words too.
A whole number may be a count of the text's own, so those are left. Some kinds may be typed:

    given      it stands in a program, in code, or in the expression of a computed number
    chosen     a letter is set to it, and it has two digits: $a = 0.7$, $s = 0.1, 0.5$
    a law's    a parameter of a law that the page names: $N(1.5, 0.25)$, and its standard deviation
    a name     SD3.5, diffusers 0.42.1, Statement 3.4, and the name of a table's column

Titles, and texts of links, which repeat them, are not looked at.
"""

import math
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
FOLDERS = ("learn", "learn/more", "settle", "zh/learn", "zh/learn/more", "zh/settle")
PAGES = sorted(page for folder in FOLDERS for page in (DOCS / folder).glob("*.md"))

BLOCK = re.compile(
    r"^ *<!-- (generated|cite|chain|figure): .*?^ *<!-- end \1 -->", re.DOTALL | re.MULTILINE
)
COMPUTED = re.compile(r"<!--= (.*?) -->.*?<!--/-->", re.DOTALL)
CODE = re.compile(r"^( *)```.*?^\1```|`[^`\n]*`", re.DOTALL | re.MULTILINE)
LAW = re.compile(r"(?:N|Beta|beta|mode|logit-normal)[\$}]?\(([\d., ^-]+)\)")
ASIDE = re.compile(r"\A---\n.*?\n---\n|^#+ [^\n]*$|\[[^\]]*\]\([^)]*\)", re.DOTALL | re.MULTILINE)
NAME = re.compile(
    r"\b[A-Za-z]+[-.]?\d+\.\d+"
    r"|(?:\b[A-Z]\w+|diffusers|命题|习题|算法|arXiv)\s\d+\.[\d.]+"
    r"(?:(?:,| and| to|、| 和| 与| 至) \d\.\d)*"
    r"|\*\*\d\.\d\*\*|\b\d{4}\.\d{5}\b"
)

NUMBER = r"\d+\.\d+(?!\d)"
CHOSEN = re.compile(
    rf"(?:[A-Za-z}}]|\\[a-z]+)(?:_\w)? ?=\s*-?(?:{NUMBER}|\d+)"
    r"(?:(?:\$?,? (?:to |到 )?\$?|、\$?)-?\d+(?:\.\d+)?)*"
)
POWER = re.compile(r"(?:(\d+(?:\.\d+)?) ?\\cdot ?)?(?<![\d.])10\^(?:\{(-?\d+)\}|(\d))")
DECIMAL = re.compile(rf"(?<![\w.]){NUMBER}")
SHARE = re.compile(
    r"\d+ ?\\?,?\\?%|\bper ?cent\b|百分之"
    r"|\b(?:a|one|two|three|four) "
    r"(?:fifth|sixth|seventh|eighth|ninth|tenth|\w+tieth|hundredth|thousandth)s?\b"
    r"|\b(?:\w+teen|\w+ty|hundred|\d+|five|six|seven|eight|nine|ten) times\b"
    r"|[三四五六七八九十百千]+(?:倍|分之)"
)


def given(page: str) -> set[float]:
    """The numbers that code on a page, or a law that it names, has in it."""
    codes = [m[1] for m in COMPUTED.finditer(page)] + [m[0] for m in CODE.finditer(page)]
    found = {float(n) for code in codes for n in re.findall(r"\d+\.?\d*(?:e-?\d+)?", code)}
    for law in LAW.findall(page):
        values = [float(n) for n in re.findall(r"\d+(?:\.\d+)?", law)]
        found |= {*values, *map(math.sqrt, values[1:2])}
    return found


def prose(page: str) -> str:
    """What was typed: no blocks, code, computed numbers, headings, targets of links and names."""
    columns = {
        cell.strip()
        for block in BLOCK.finditer(page)
        for cell in block[0].partition("\n|")[2].partition("\n")[0].split("|")
    }
    for pattern in (BLOCK, COMPUTED, CODE, ASIDE, NAME):
        page = pattern.sub("□", page)
    return re.sub(r"\*([^*\n]+)\*", lambda m: "□" if m[1] in columns else m[0], page)


def typed(page: str) -> list[str]:
    """The numbers of a page that are typed and of none of the kinds that may be."""
    known, text = given(page), prose(page)

    def power(m: re.Match[str]) -> str:
        value = float(f"{m[1] or 1}e{m[2] or m[3]}")
        return "□" if value in known or value >= 1 else m[0]

    def short(m: re.Match[str]) -> str:
        return "□" if len(m[0].replace(".", "").lstrip("0")) < 3 else m[0]

    text = CHOSEN.sub(lambda m: re.sub(NUMBER, short, m[0]), POWER.sub(power, text))
    found = [m[0] for m in DECIMAL.finditer(text) if float(m[0]) not in known]
    found += [m[0] for m in POWER.finditer(text) if not m[1]]
    return found + [m[0] for m in SHARE.finditer(text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(DOCS).as_posix())
def test_no_number_of_a_page_is_typed_that_could_be_computed(page: Path) -> None:
    assert typed(page.read_text("utf-8")) == [], "write <!--= expression as .2f --><!--/-->"


PAGE = """# Is 0.98 right?

Data $N(1.5, 0.25)$ have the standard deviation $0.5$ and the variance 0.25. With $a = 0.7$ and
$s=0.1, 0.5$ (Statement 3.4, [Lecture 8: 4.5](a.md), diffusers 0.42.1 on SD3.5) a clip of $10^{-4}$
lets <!--= 65536 * 1e-4 as .1f -->6.6<!--/--> through, at `0.99`, and the *calls to 95 %* agree.

<!-- generated: x -->

| what | calls to 95 % |
| --- | ---: |
| a | 0.123 |

<!-- end generated -->
"""


def test_kinds_of_numbers_that_may_be_typed_are_left() -> None:
    assert typed(PAGE) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("it has the width $0.378$", ["0.378"]),
        ("so $\\mu=1.15$ and $k = 3.158$", ["1.15", "3.158"]),
        ("at most $5.1\\cdot10^{-8}$, or $10^{-6}$", ["5.1", "10^{-6}"]),
        ("29 % of them, less than two percent", ["29 %", "percent"]),
        ("a twentieth of it, seventeen times that", ["a twentieth", "seventeen times"]),
        ("是它的七倍，百分之二，三分之一", ["百分之", "七倍", "三分之"]),
    ],
)
def test_a_typed_number_is_seen(text: str, found: list[str]) -> None:
    assert sorted(typed(PAGE + text)) == sorted(found)
