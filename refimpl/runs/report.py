"""The page of a run: curves that one looks for, what came of it, invariants, settings.

    report.md       for people who read text        report.html       one file, pictures inside

Pages ask no other machine for anything, and the report is written before the run is finished.
"""

import base64
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import outside
from . import metrics
from .doctor import Diagnosis, examine
from .folder import Folder, about
from .panels import Known, Panel, panels
from .pictures import Picture

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]


@dataclass(frozen=True)
class Shown:
    """A picture on the page.

    Attributes:
        file: in the run's folder.
        caption: a sentence.
    """

    file: str
    caption: str


Section = tuple[str, list[Shown], list[str]]
"""Heading, pictures, sentences."""


@dataclass(frozen=True)
class Page:
    """What the page says, in its order: (heading, pictures, sentences or a table)."""

    title: str
    lead: str
    sections: tuple[Section, ...]
    tables: dict[str, Table]


def write(
    folder: Folder,
    came: Mapping[str, Any],
    *,
    drawn: Mapping[str, Picture] | None = None,
    known: Known | None = None,
) -> None:
    """Make both pages and the pictures that they show.

    Without matplotlib the pages have no pictures, and say so.

    Args:
        came: what came of the run, as `summary.json` will say.
        drawn: pictures of samples, by name; those before training and after it.
        known: what measurements are compared with: {"reward": {"optimum": 1.7}}.
    """
    diagnosis = examine(folder.path)
    found = panels(metrics.read(folder.metrics), known)
    missing, lead = "", _lead(diagnosis)
    try:
        for name, picture in {**_curves(found), **(drawn or {})}.items():
            folder.write(f"{name}.svg", picture.svg(name.replace("_", " ")))
    except ModuleNotFoundError as error:
        missing = f" No curve is drawn: {error}."
        found = [panel for panel in found if panel.picture is None]
        drawn = {}
    sections: tuple[Section, ...] = (
        ("What one looks for", *_shown([p for p in found if p.first])),
        ("Samples", _samples(folder.path, drawn or {}), []),
        ("Other curves", *_shown([p for p in found if not p.first])),
    )
    page = Page(diagnosis.kind, lead + missing, sections, _tables(folder.path, diagnosis, came))
    folder.write("report.md", _markdown(page))
    folder.write("report.html", _html(page, folder.path))


def _curves(found: Sequence[Panel]) -> dict[str, Picture]:
    return {_file(panel): panel.picture for panel in found if panel.picture is not None}


def _file(panel: Panel) -> str:
    return "curve_" + "".join(c if c.isalnum() or c in "-_" else "_" for c in panel.name)


def _shown(found: Sequence[Panel]) -> tuple[list[Shown], list[str]]:
    """Pictures, and what is said in a sentence."""
    moving = [Shown(f"{_file(p)}.svg", p.caption) for p in found if p.picture is not None]
    return moving, [p.caption for p in found if p.picture is None]


def _samples(path: Path, drawn: Mapping[str, Picture]) -> list[Shown]:
    """What was drawn for the page, and the first and last sheet that the run left."""
    sheets = sorted((path / "pictures").glob("*.png"))
    ends = dict.fromkeys([*sheets[:1], *sheets[-1:]])
    return [
        *(Shown(f"{name}.svg", name.replace("_", " ")) for name in drawn),
        *(Shown(f"pictures/{file.name}", f"after {int(file.stem)} iterations") for file in ends),
    ]


def _tables(path: Path, diagnosis: Diagnosis, came: Mapping[str, Any]) -> dict[str, Table]:
    run = about(path)
    return {
        "What came of it": (("quantity", "value"), _pairs(came)),
        "Invariants": (
            ("invariant", "expected", "seen", "verdict", "what it means"),
            [(f.invariant, f.expected, f.seen, f.verdict, f.meaning) for f in diagnosis.findings],
        ),
        "Which steps learn": (
            ("step", "cosine of two half batches", "z", "verdict"),
            [(str(s.step), f"{s.cosine:+.3f}", f"{s.z:+.1f}", s.word) for s in diagnosis.signals],
        ),
        "Settings": (("setting", "value"), _pairs(run["config"])),
        "Versions": (("what", "version"), _pairs(run["versions"])),
    }


def _pairs(values: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [
        (key, f"{value:.6g}" if isinstance(value, float) else str(value))
        for key, value in values.items()
    ]


def _lead(diagnosis: Diagnosis) -> str:
    bad = [f.invariant for f in diagnosis.findings if f.verdict == "violated"]
    return f"{diagnosis.steps} steps. " + (
        f"Violated: {', '.join(bad)}." if bad else "Every invariant that was read holds."
    )


def _markdown(page: Page) -> str:
    out = [f"# {page.title}", "", page.lead, ""]
    for heading, shown, said in page.sections:
        if shown or said:
            out += [f"## {heading}", ""]
            out += [f"![{one.caption}]({one.file})\n" for one in shown]
            out += [*(f"- {sentence}" for sentence in said), ""]
    for heading, (head, rows) in page.tables.items():
        if rows:
            out += [f"## {heading}", "", _row(head), _row(["---"] * len(head))]
            out += [*(_row(row) for row in rows), ""]
    return "\n".join(out)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _html(page: Page, path: Path) -> str:
    body = [f"<h1>{html.escape(page.title)}</h1><p>{html.escape(page.lead)}</p>"]
    for heading, shown, said in page.sections:
        if shown or said:
            body.append(f"<h2>{html.escape(heading)}</h2>")
            body += [_figure(path, one) for one in shown]
        if said:
            items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in said)
            body.append(f"<ul>{items}</ul>")
    for heading, (head, rows) in page.tables.items():
        if rows:
            cells = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
            lines = "".join(
                "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
                for row in rows
            )
            body.append(f"<h2>{html.escape(heading)}</h2><table><tr>{cells}</tr>{lines}</table>")
    return _PAGE.format(title=html.escape(page.title), body="\n".join(body))


def _figure(path: Path, shown: Shown) -> str:
    caption = html.escape(shown.caption)
    content = outside.content(path / shown.file, 64 * outside.MIB)
    if shown.file.endswith(".svg"):
        picture = content.decode()
    else:
        data = base64.b64encode(content).decode()
        picture = f'<img alt="{caption}" src="data:image/png;base64,{data}">'
    return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root {{ color-scheme: light dark }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 66rem; margin: 2rem auto;
padding: 0 1rem }}
table {{ border-collapse: collapse }} th, td {{ padding: .2rem .6rem; text-align: left;
vertical-align: top; border-bottom: 1px solid #8884 }}
figure {{ display: inline-block; margin: .5rem; width: 30rem; max-width: 100%;
vertical-align: top }} figure img {{ max-width: 100% }} figcaption {{ font-size: 13px }}
</style>
{body}
</html>
"""
