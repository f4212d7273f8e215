"""What a lecture takes from the code: formulas, lines of proofs, figures and numbers.

    <!-- cite: sde.drift -->           the formula, and a link to its card
    <!-- chain: sde.drift 1 3 -->      chains 1 and 3 of its proof, line by line
    <!-- figure: guidance-width -->    the picture with its caption, for light and dark
    <!--= sde.drift(1, -2, 1) as .2f -->2.00<!--/-->      a number inside a sentence

Everything between an opening marker and its end is written by the generator. The first three
kinds end with `<!-- end cite -->` and so on, and may be indented, inside a box.

    python docs/tools/citing.py        fill all but the lines of proofs, which need a run of them
"""

import json
import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

import chinese  # noqa: E402
import worked  # noqa: E402

from derivations.engine.formula import formula  # noqa: E402
from refimpl.equations import equations  # noqa: E402

DOCS = ROOT / "docs"
FIGURES = DOCS / "assets" / "figures"

MARKED = re.compile(
    r"^(?P<indent> *)<!-- (?P<kind>cite|chain|figure): (?P<what>[^>]*?) -->\n"
    r"(?P<body>.*?)^ *<!-- end (?P=kind) -->",
    re.S | re.M,
)
NUMBER = re.compile(
    r"<!--= (?P<expression>.*?)(?: as (?P<format>[^ ]*))? -->(?P<shown>.*?)<!--/-->", re.S
)

Link = Callable[[str], str]
"""From an id to a Markdown link to its card."""

Chains = Callable[[str, list[int]], str]
"""The printed chains of a proof: its id, and the numbers of the chains, counted from 1."""


def cited(text: str, page: Path, link: Link, chains: Chains | None) -> str:
    """A page with everything that it cites made anew; without `chains`, proofs stay as they are."""

    def block(match: re.Match[str]) -> str:
        kind, what, indent = match["kind"], match["what"], match["indent"]
        if kind == "chain" and chains is None:
            return match[0]
        if kind == "cite":
            body = "\n\n".join(citation(id, link) for id in what.split())
        elif kind == "figure":
            body = figure(what, page)
        else:
            id, *numbers = what.split()
            assert chains is not None
            body = chains(id, [int(n) for n in numbers])
        inside = textwrap.indent(body, indent)
        return f"{indent}<!-- {kind}: {what} -->\n\n{inside}\n\n{indent}<!-- end {kind} -->"

    if re.search(r"^ *<!--=", text, re.M):
        raise SystemExit(f"{page}: a number begins a line, which Markdown reads as a new paragraph")
    return NUMBER.sub(number, MARKED.sub(block, text))


def citation(id: str, link: Link) -> str:
    """The formula of an equation as its author wrote it, with its address."""
    if id not in equations():
        raise SystemExit(f"a lecture cites {id!r}, and no equation is called so")
    made, shown = formula(id), []
    for line in made.lines:
        choice = rf"\qquad\text{{({line.choice})}}" if line.choice else ""
        shown.append(f"$$\n{_plain(f'{line.left} {line.relation} {line.tex}')}{choice}\n$$")
    if made.where:
        rows = " \\\\\n".join(f"{w.left} &= {w.tex}" for w in made.where)
        shown.append("where")
        shown.append(f"$$\n\\begin{{aligned}}\n{_plain(rows)}\n\\end{{aligned}}\n$$")
    shown.append(f'<p class="cited" markdown>{link(id)}</p>')
    return "\n\n".join(shown)


def _plain(tex: str) -> str:
    """MathJax shows a backslash inside a text box, so ids lose theirs."""
    return re.sub(r"\\texttt\{[^}]*\}", lambda box: box[0].replace(r"\_", "_"), tex)


def figure(name: str, page: Path) -> str:
    """A picture in its two versions, with the text for those who do not see it, and a caption."""
    known = json.loads((FIGURES / "figures.json").read_text("utf-8"))
    if name not in known:
        raise SystemExit(
            f"{page} shows the figure {name!r}, and `make figures` makes none so called"
        )
    up = "../" * (len(page.relative_to(DOCS).parts) - 1)
    alt, caption = known[name]["alt"], known[name]["caption"]
    versions = "\n".join(
        f"![{alt}]({up}assets/figures/{name}.{theme}.svg#only-{theme})"
        for theme in ("light", "dark")
    )
    below = f'<figcaption markdown="span">{caption}</figcaption>'
    return f'<figure markdown="span">\n\n{versions}\n\n{below}\n</figure>'


def number(match: re.Match[str]) -> str:
    """The value of an expression over the equations, as the page wants it formatted."""
    value = eval(match["expression"], dict(worked.NAMES))  # the project's own pages, not input
    text = format(float(value), match["format"]) if match["format"] else str(value)
    shown = re.sub(r"e([+-])0*(\d+)$", _power, text).replace("-", "−")
    return f"{match[0].partition('-->')[0]}-->{shown}<!--/-->"


def _power(match: re.Match[str]) -> str:
    raised = f"{match[1].replace('+', '')}{match[2]}".translate(
        str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    )
    return f"·10{raised}"


def main() -> None:
    """Fill formulas, figures and numbers of every page, without running a proof."""
    for page in sorted(set(DOCS.rglob("*.md")) - set(chinese.pages())):
        before = page.read_text("utf-8")
        if not (MARKED.search(before) or NUMBER.search(before)):
            continue
        after = cited(before, page, lambda id, page=page: card(id, page), None)
        if after != before:
            page.write_text(after, "utf-8")
            print(f"wrote {page.relative_to(ROOT)}")
    chinese.fill()


def card(id: str, page: Path) -> str:
    """A link to the card of an equation, as seen from a page outside `math`."""
    up = "../" * (len(page.relative_to(DOCS).parts) - 1)
    home = f"{up}math/{id.partition('.')[0]}.md"
    return f"[`{id}`: card, proof, code]({home}#{id})"


if __name__ == "__main__":
    main()
