"""The page of a run: what was asked, what came of it, curves, invariants, pictures.

    report.md       for people who read text        report.html       one file, pictures inside

Pages ask no other machine for anything, and the report is written before the run is finished.
"""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import metrics, pictures
from .doctor import Diagnosis, examine
from .folder import Folder, about

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]


def write(folder: Folder, came: Mapping[str, Any]) -> None:
    """Make both pages and the curves that they show.

    Args:
        came: what came of the run, as `summary.json` will say.
    """
    rows = metrics.read(folder.metrics)
    for name, picture in curves(rows).items():
        folder.write(f"{name}.svg", picture)
    diagnosis = examine(folder.path)
    tables = _tables(folder.path, diagnosis, came)
    found = sorted(file.name for file in folder.path.glob("*.svg"))
    folder.write("report.md", _markdown(diagnosis, tables, found))
    folder.write("report.html", _html(diagnosis, tables, found, folder.path))


def curves(rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Every number that has one value a step, drawn against the step."""
    found = {}
    names = {k: None for row in rows for k, v in row.items() if isinstance(v, (int, float))}
    for name in list(names)[1:]:  # the first is the step
        points = [(row["step"], row[name]) for row in rows if _finite(row.get(name))]
        thin = points[:: max(1, len(points) // 200)]
        if len(thin) > 1:
            x, y = zip(*thin, strict=True)
            found[f"curve_{name}"] = pictures.curves({name: (x, y)}, x_label="step", y_label=name)
    return found


def _finite(value: object) -> bool:
    return isinstance(value, (int, float)) and abs(value) < float("inf")


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


def _markdown(diagnosis: Diagnosis, tables: dict[str, Table], pictures: Sequence[str]) -> str:
    out = [f"# {diagnosis.kind}", "", _lead(diagnosis), ""]
    for title, (head, rows) in tables.items():
        if rows:
            out += [f"## {title}", "", _row(head), _row(["---"] * len(head))]
            out += [*(_row(row) for row in rows), ""]
    out += ["## Pictures", "", *(f"![{name}]({name})\n" for name in pictures)]
    return "\n".join(out)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _lead(diagnosis: Diagnosis) -> str:
    bad = [f.invariant for f in diagnosis.findings if f.verdict == "violated"]
    return f"{diagnosis.steps} steps. " + (
        f"Violated: {', '.join(bad)}." if bad else "Every invariant that was read holds."
    )


def _html(
    diagnosis: Diagnosis, tables: dict[str, Table], pictures: Sequence[str], path: Path
) -> str:
    body = [f"<h1>{html.escape(diagnosis.kind)}</h1><p>{html.escape(_lead(diagnosis))}</p>"]
    for name in pictures:
        drawn = (path / name).read_text(encoding="utf-8")
        caption = html.escape(name.removesuffix(".svg").replace("_", " "))
        body.append(f"<figure>{drawn}<figcaption>{caption}</figcaption></figure>")
    for title, (head, rows) in tables.items():
        if rows:
            cells = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
            lines = "".join(
                "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
                for row in rows
            )
            body.append(f"<h2>{html.escape(title)}</h2><table><tr>{cells}</tr>{lines}</table>")
    return _PAGE.format(title=html.escape(diagnosis.kind), body="\n".join(body))


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root {{ color-scheme: light dark }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 66rem; margin: 2rem auto;
padding: 0 1rem }}
table {{ border-collapse: collapse }} th, td {{ padding: .2rem .6rem; text-align: left;
vertical-align: top; border-bottom: 1px solid #8884 }}
figure {{ display: inline-block; margin: .5rem; width: 30rem; max-width: 100% }}
</style>
{body}
</html>
"""
