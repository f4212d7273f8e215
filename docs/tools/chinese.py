"""The Chinese pages: generated parts are those of the English page, with their words in Chinese.

A page `docs/zh/X.md` follows `docs/X.md`, and README.zh.md the README. Its text is written by hand; what a marker encloses
(a formula, lines of a proof, a figure, a table, a number) is copied from the English page, so both
say the same. Words inside are looked up in `chinese.toml`; a word that is missing is an error.

    python docs/tools/chinese.py                       fill what is generated
    python docs/tools/chinese.py --check               say what is stale; exit 1
    python docs/tools/chinese.py --diff learn/paths    what changed in English since it was followed
    python docs/tools/chinese.py --follow learn/paths  the Chinese page says the same again

The front matter of a Chinese page holds the hash of the English text that it follows.
"""

import argparse
import html
import os
import re
import sys
import tomllib
from functools import cache
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
sys.path.insert(0, str(TOOLS))

import wording  # noqa: E402
from typeset import typeset  # noqa: E402

DOCS = TOOLS.parent
ZH = DOCS / "zh"
FIGURES = DOCS / "assets" / "figures"
README = DOCS.parent / "README.zh.md"

BLOCK = re.compile(
    r"^(?P<indent> *)<!-- (?P<kind>cite|chain|figure|generated): (?P<what>[^>]*?) -->\n"
    r"(?P<body>.*?)^ *<!-- end (?P=kind) -->",
    re.S | re.M,
)
NUMBER = re.compile(r"<!--= (?P<expression>.*?) -->(?P<shown>.*?)<!--/-->", re.S)
LINK = re.compile(r"(?P<open>\]\()(?P<to>(?!https?://|#)[^)\s#]+)(?P<anchor>#[^)\s]*)?\)")
DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
KEPT = re.compile(r"^ *(?:\$\$\n.*?^ *\$\$|```.*?^ *```)$", re.S | re.M)


FENCE = re.compile(r"^```.*?^```$", re.S | re.M)


def pages() -> list[Path]:
    """The Chinese pages, and the README."""
    return [*sorted(ZH.rglob("*.md")), README]


def source(page: Path) -> Path:
    """The English page that a Chinese page follows."""
    return README.with_name("README.md") if page == README else DOCS / page.relative_to(ZH)


def filled(page: Path) -> str:
    """A Chinese page with every generated part as it is on its English page now.

    Raises:
        SystemExit: a part that the English page has not, or a word without Chinese.
    """
    english, text = source(page).read_text("utf-8"), page.read_text("utf-8")
    if page == README:
        programs = iter(FENCE.findall(english))
        return FENCE.sub(lambda m: next(programs, m[0]), text)
    blocks = {(m["kind"], m["what"]): m["body"] for m in BLOCK.finditer(english)}
    numbers = {m["expression"]: m["shown"] for m in NUMBER.finditer(english)}

    def found(table: dict, key: object) -> str:
        if key not in table:
            raise SystemExit(f"{page}: {key} is not on {source(page)}; see --diff")
        return table[key]

    def block(m: re.Match[str]) -> str:
        marker = m[0].partition("\n")[0]
        body = worded(found(blocks, (m["kind"], m["what"])), page)
        return f"{marker}\n{body}{m['indent']}<!-- end {m['kind']} -->"

    def number(m: re.Match[str]) -> str:
        return f"<!--= {m['expression']} -->{found(numbers, m['expression'])}<!--/-->"

    return NUMBER.sub(number, BLOCK.sub(block, text))


# ---------------------------------------------------------------- words


def worded(body: str, page: Path) -> str:
    """A generated part in Chinese; of formulas the words, of programs nothing."""
    parts, at = [], 0
    for kept in KEPT.finditer(body):
        parts += [_lines(body[at : kept.start()], page), _boxes(kept[0], page)]
        at = kept.end()
    return linked("".join([*parts, _lines(body[at:], page)]), page)


def _boxes(formula: str, page: Path) -> str:
    """A formula with the words in its text boxes in Chinese."""
    return re.sub(r"(\\text\{ ?)(\S.*?)( ?\})", lambda m: m[1] + word(m[2], page) + m[3], formula)


def _lines(text: str, page: Path) -> str:
    return "\n".join(_line(line, page) for line in text.split("\n"))


SHAPES = [
    re.compile(pattern)
    for pattern in (
        r'(<span class="rule">\(\d+\) )(.*)(</span>)',
        r'(<figcaption markdown="span">)(.*)(</figcaption>)',
        r"(!\[)(.*)(\]\(\S+\))",
        r'(<p class="cited" markdown>\[`[^`]+`: )(.*)(\]\(\S+\)</p>)',
        r'(<p class="cited" markdown>\[)([^`]*)(\]\(\S+\)</p>)',
        r'(\?\?\? quote "\(\d+\) )(.*)(")',
        r"(\*\*)(.*)(\*\*)",
    )
]


def _line(line: str, page: Path) -> str:
    indent, text = re.match(r"( *)(.*)", line, re.S).groups()  # type: ignore[union-attr]
    if not text or re.fullmatch(r"</?(?:div|figure)[^>]*>", text):
        return line
    if text.startswith("|"):
        cells = text.strip("|").split("|")
        return f"{indent}|{'|'.join(f' {word(c.strip(), page)} ' for c in cells)}|"
    if text.startswith("Hence: "):
        return f"{indent}因此：{word(text[7:], page)}"
    for shape in SHAPES:
        if match := shape.fullmatch(text):
            return f"{indent}{match[1]}{word(match[2], page)}{match[3]}"
    return indent + word(text, page)


@cache
def dictionary() -> dict[str, tuple[list[str], str]]:
    """From an English text with its numbers masked to those numbers and the Chinese text.

    Both with their formulas set, too: rules are set on the page, captions bring their own TeX.
    """
    words = tomllib.loads((TOOLS / "chinese.toml").read_text("utf-8"))["words"]
    plain = {html.unescape(english): html.unescape(zh) for english, zh in words.items()}
    shown = words | {typeset(english): wording.worded(zh) for english, zh in plain.items()}
    return {
        DIGITS.sub("#", english): (DIGITS.findall(english), zh)
        for english, zh in {**shown, **words}.items()
    }


def word(text: str, page: Path) -> str:
    """The Chinese of a text. Numbers are taken over, so a figure made anew needs no new words."""
    asked = html.unescape(text)
    if (entry := dictionary().get(DIGITS.sub("#", asked))) is not None:
        return _with_numbers(asked, *entry)
    if not english(text):
        return text
    raise SystemExit(f"{page}: no Chinese for {text!r}: add it to docs/tools/chinese.toml")


def _with_numbers(text: str, before: list[str], chinese: str) -> str:
    """The Chinese of a text whose numbers were others when it was written."""
    now = dict(zip(before, DIGITS.findall(text), strict=True))
    return DIGITS.sub(lambda m: now.get(m[0], m[0]), chinese)


@cache
def labels() -> dict[str, tuple[list[str], str]]:
    """As `dictionary`, for the labels of figures, which are set as they are."""
    words = tomllib.loads((TOOLS / "chinese.toml").read_text("utf-8"))["labels"]
    return {DIGITS.sub("#", en): (DIGITS.findall(en), zh) for en, zh in words.items()}


def label(text: str) -> str:
    """The Chinese of a figure's label; one that is a formula or a number stays.

    Raises:
        SystemExit: it has none.
    """
    if (entry := labels().get(DIGITS.sub("#", text))) is not None:
        return _with_numbers(text, *entry)
    if re.search(r"[A-Za-z]{2}", re.sub(r"\$[^$]*\$", "", text)):
        raise SystemExit(f"no Chinese for the label {text!r}: add it to docs/tools/chinese.toml")
    return text


SYMBOLS = {"log", "exp", "std", "Var", "sqrt", "flow_grpo", "next_level", "finite", "cps"}


def english(text: str) -> bool:
    """Whether a text has English words in it, besides formulas, names in code and links."""
    text = re.sub(
        r"\$[^$]*\$|`[^`]*`|<code>.*?</code>|&#?\w+;|<[^>]*>|\[[^\]]*\]\([^)]*\)", " ", text
    )
    return bool(set(re.findall(r"[A-Za-z_]{3,}", text)) - SYMBOLS)


def linked(text: str, page: Path) -> str:
    """Links of the English page as the Chinese one needs them: to a Chinese page or figure, if any."""

    def link(m: re.Match[str]) -> str:
        target = (source(page).parent / m["to"]).resolve()
        chinese = ZH / target.relative_to(DOCS)
        if target.parent == FIGURES:
            chinese = target.with_name(re.sub(r"(?=\.(?:light|dark)\.svg$)", ".zh", target.name))
        shown = os.path.relpath(chinese if chinese.exists() else target, page.parent)
        return f"{m['open']}{shown}{m['anchor'] or ''})"

    return LINK.sub(link, text)


# ---------------------------------------------------------------- the command


def main() -> None:
    """Fill, check, show what changed, or record that a page follows its source again."""
    import following

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--diff", metavar="PAGE")
    parser.add_argument("--follow", metavar="PAGE", nargs="+")
    asked = parser.parse_args()
    if asked.diff:
        print(following.changes(_page(asked.diff)))
    elif asked.check:
        found = [problem for page in pages() for problem in following.problems(page)]
        print("\n".join(found))
        sys.exit(bool(found))
    else:
        for page in map(_page, asked.follow or []):
            page.write_text(following.followed(page), "utf-8")
        fill()


def _page(name: str) -> Path:
    """The Chinese page of a name such as learn/paths."""
    if name.removesuffix(".md").removesuffix(".zh") == "README":
        return README
    page = ZH / f"{name.removesuffix('.md').removeprefix('docs/').removeprefix('zh/')}.md"
    if not page.is_file():
        raise SystemExit(f"{name!r}: there is no {page}")
    return page


def fill() -> None:
    """Write the generated parts of every Chinese page."""
    for page in pages():
        text = filled(page)
        if text != page.read_text("utf-8"):
            page.write_text(text, "utf-8")
            print(f"wrote {page.relative_to(DOCS.parent)}")


if __name__ == "__main__":
    main()
