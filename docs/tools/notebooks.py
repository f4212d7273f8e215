"""A lecture as a Jupyter notebook: its text in cells of Markdown, its programs in cells that run.

Boxes become headings in bold, pictures keep their light version, and what only the site needs
(markers, anchors, links to cards by path) is taken out. Nothing is executed here; a test runs the
cells of every lecture from top to bottom.
"""

import json
import re
from pathlib import Path
from typing import Any

LECTURES = (
    "notation", "flows", "paths", "density", "training", "from-ode-to-sde", "grpo", "steps",
)  # fmt: skip

PROGRAM = re.compile(r"^```python\n(.*?)^```$", re.S | re.M)
BOX = re.compile(
    r'^(?:!!!|\?\?\?\+?) \w+ "(?P<title>[^"]*)"\n(?P<text>(?:\n|    [^\n]*\n?)+)', re.M
)

INTERACTIVE = re.compile(
    r'^<div class="interactive" [^\n]*></div>\n(?:<script [^\n]*></script>\n)*', re.M
)
"""The place of an interactive picture, with the scripts that draw it."""


def notebook(page: Path) -> dict[str, Any]:
    """The notebook of a lecture, as JSON is written from it."""
    cells, at, text = [], 0, plain(page.read_text("utf-8"))
    for program in PROGRAM.finditer(text):
        cells += _markdown(text[at : program.start()])
        cells.append(_cell("code", program[1], execution_count=None, outputs=[]))
        at = program.end()
    cells += _markdown(text[at:])
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def plain(text: str) -> str:
    """A page in Markdown that a notebook shows: no markers, no boxes, no HTML."""
    text = re.sub(r"<!--=.*?-->|<!--/-->|^ *<!-- .*? -->\n", "", text, flags=re.S | re.M)
    text = INTERACTIVE.sub("*Here the page of this lecture has an interactive picture.*\n", text)
    text = re.sub(r"^ *</?(?:div|figure)\b[^>]*>\n", "", text, flags=re.M)
    text = re.sub(r"</?(?:p|span|figcaption)\b[^>]*>", "", text)
    text = re.sub(r"^ *!\[.*#only-dark\)\n", "", text, flags=re.M).replace("#only-light", "")
    while BOX.search(text):
        text = BOX.sub(lambda box: f"**{box['title']}**\n{_out(box['text'])}", text)
    text = re.sub(r"\[([^\]]*)\]\((?!https?:)[^)#]*\.md[^)]*\)", r"\1", text)
    return re.sub(r"\n{3,}", "\n\n", text)


def _out(text: str) -> str:
    """The inside of a box, four columns to the left."""
    return re.sub(r"^    ", "", text, flags=re.M)


def _markdown(text: str) -> list[dict[str, Any]]:
    """A cell for each section of a text; none for nothing."""
    parts = re.split(r"^(?=#+ |\*\*\d\.\d\*\* )", text, flags=re.M)
    return [_cell("markdown", part) for part in parts if part.strip()]


def _cell(kind: str, source: str, **more: Any) -> dict[str, Any]:
    return {"cell_type": kind, "metadata": {}, "source": source.strip("\n"), **more}


def write(docs: Path, site: Path) -> None:
    """The notebooks of all lectures, below the built site."""
    folder = site / "notebooks"
    folder.mkdir(parents=True, exist_ok=True)
    for name in LECTURES:
        made = notebook(docs / "learn" / f"{name}.md")
        for number, cell in enumerate(made["cells"]):
            cell["id"] = f"{name}-{number}"
        text = json.dumps(made, indent=1, ensure_ascii=False)
        (folder / f"{name}.ipynb").write_text(text + "\n", "utf-8")
