"""What a run looks like: a table in the terminal, JSON for programs, one self-contained HTML file.

Each row is a topic, or an equation with its statement: the proofs and their controls, the numbers
and statistics that speak for it, and the time they took. Pictures come from the checks themselves.
"""

import html
import json
from dataclasses import asdict
from importlib import metadata
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table

from refimpl.equations import find

from .run import Outcome, Report, by_equation

MARK = {"holds": "✓", "fails": "✗", "not installed": "–"}
LAYERS = ("proofs", "numbers", "samplers", "statistics", "training", "peers")

SAMPLED = ("samplers", "statistics", "training")
"""Layers that the table counts in its column of statistics."""


def by_topic(report: Report) -> Table:
    """A row a topic, for a terminal's screen; those in which something fails come first."""
    made = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    made.add_column("topic")
    for name in ("equations", "proofs", "controls", "numbers", "statistics", "time"):
        made.add_column(name, justify="right")
    topics: dict[str, dict[str, dict[str, list[Outcome]]]] = {}
    for id, layers in by_equation(report).items():
        if layers:
            topics.setdefault(id.partition(".")[0], {})[id] = layers
    rows = [_topic(name, ids) for name, ids in topics.items()]
    for row in sorted(rows, key=lambda row: "✗" not in "".join(row)):
        made.add_row(*row)
    return made


def _topic(name: str, ids: dict[str, dict[str, list[Outcome]]]) -> tuple[str, ...]:
    """One row: an outcome that speaks for several of the ids counts once, its time by share."""
    merged: dict[str, dict[str, Outcome]] = {}
    seconds = 0.0
    for layers in ids.values():
        for layer, outcomes in layers.items():
            seconds += _seconds(outcomes)
            merged.setdefault(layer, {}).update((o.name, o) for o in outcomes)
    counts = _counts({layer: list(named.values()) for layer, named in merged.items()})
    return (name, str(len(ids)), *counts, f"{seconds:.1f} s")


def by_id(report: Report) -> Table:
    """A row an equation, each with its statement."""
    made = Table(title=None, header_style="bold", pad_edge=False)
    for name, justify in (
        ("equation", "left"),
        ("statement", "left"),
        ("proof", "right"),
        ("controls", "right"),
        ("numbers", "right"),
        ("statistics", "right"),
        ("time", "right"),
    ):
        made.add_column(
            name,
            justify=justify,  # type: ignore[arg-type]
            no_wrap=name != "statement",
            overflow="ellipsis",
            min_width=40 if name == "statement" else None,
        )
    for id, layers in by_equation(report).items():
        if layers:
            made.add_row(id, *_cells(id, layers))
    return made


def _cells(id: str, layers: dict[str, list[Outcome]]) -> tuple[str, ...]:
    seconds = sum(_seconds(outcomes) for outcomes in layers.values())
    return (_statement(id), *_counts(layers), f"{seconds:.1f} s")


def _counts(layers: dict[str, list[Outcome]]) -> tuple[str, str, str, str]:
    """Proofs, their controls, numbers, statistics."""
    proofs = layers.get("proofs", [])
    sampled = [o for layer in SAMPLED for o in layers.get(layer, [])]
    checked = [o for layer in ("numbers", "peers") for o in layers.get(layer, [])]
    controls = str(sum(_controls(o) for o in proofs)) if proofs else ""
    return (_tally(proofs), controls, _tally(checked), _tally(sampled))


def _seconds(outcomes: list[Outcome]) -> float:
    """The share of one equation in the time of its outcomes."""
    return sum(o.seconds / max(1, len(o.covers)) for o in outcomes)


def _statement(id: str) -> str:
    return escape(_plain(id))


def _plain(id: str) -> str:
    try:
        return find(id).statement
    except KeyError:  # a chain of several equations
        return ""


def _controls(outcome: Outcome) -> int:
    return len(outcome.evidence.controls) if outcome.evidence is not None else 0


def _tally(outcomes: list[Outcome]) -> str:
    """✓ or ✗ with a count; how many of several fail."""
    if not outcomes:
        return ""
    failing = sum(o.verdict == "fails" for o in outcomes)
    absent = sum(o.verdict == "not installed" for o in outcomes)
    if failing:
        return f"[red]✗ {failing}/{len(outcomes)}[/red]"
    return f"[green]✓[/green] {len(outcomes) - absent}" if absent < len(outcomes) else "–"


def totals(report: Report) -> list[str]:
    """The closing lines: what ran, by layer, and what it took."""
    lines = []
    for layer in LAYERS:
        group = [o for o in report.outcomes if o.layer == layer]
        if group:
            held = sum(o.verdict == "holds" for o in group)
            extra = ""
            if layer == "proofs":
                steps = sum(len(o.evidence.steps) for o in group if o.evidence)
                controls = sum(_controls(o) for o in group)
                extra = f"   {steps} equalities proved, {controls} wrong neighbours settled"
            absent = sum(o.verdict == "not installed" for o in group)
            extra += f"   {absent} not installed" if absent else ""
            seconds = sum(o.seconds for o in group)
            lines.append(f"{layer:<11}{held:>4}/{len(group):<4} hold {seconds:>7.1f} s{extra}")
    return lines


def as_json(report: Report) -> str:
    """The whole run as JSON: outcomes, proofs with their steps and controls, coverage, versions."""
    content = {
        "holds": report.holds,
        "interrupted": report.interrupted,
        "asked": report.asked,
        "seed": report.seed,
        "seconds": report.seconds,
        "versions": versions(),
        "gaps": report.gaps,
        "outcomes": [
            {
                "name": o.name,
                "layer": o.layer,
                "covers": o.covers,
                "verdict": o.verdict,
                "detail": o.detail,
                "seconds": o.seconds,
                "evidence": _evidence(o),
            }
            for o in report.outcomes
        ],
        "coverage": [asdict(row) for row in report.rows],
    }
    return json.dumps(content, indent=1, ensure_ascii=False)


def _evidence(outcome: Outcome) -> Any:
    if outcome.evidence is None:
        return None
    content = asdict(outcome.evidence)
    content.pop("pictures", None)
    return content


def versions() -> dict[str, str]:
    """The versions of what the run rests on."""
    found = {}
    for name in ("refimpl", "numpy", "scipy", "sympy", "torch", "diffusers", "flow_matching"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --good: #2a7f4f; --bad: #c0392b; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid var(--line);
vertical-align: top; } .holds { color: var(--good); } .fails { color: var(--bad); font-weight: 600;
} code { font-size: 12.5px; background: var(--soft); padding: 0 .2em; border-radius: 3px; }
figure { display: inline-block; width: 23rem; margin: .6rem 1rem .6rem 0; vertical-align: top; }
figure svg { width: 100%; height: auto; } figcaption { font-size: 13px; }
details { margin: .2rem 0; } summary { cursor: pointer; }
"""


def as_html(report: Report) -> str:
    """One file with everything in it: verdict, pictures, table, and each outcome's detail."""
    quote = html.escape
    verdict = report.verdict
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>refimpl verify: {verdict}</title><style>{_STYLE}</style><body>",
        f"<h1>refimpl verify: <span class='{verdict}'>{verdict}</span></h1>",
        f"<p>seed {report.seed}, {report.seconds:.1f} s; "
        + ", ".join(f"{quote(k)} {quote(v)}" for k, v in versions().items())
        + "</p><pre>"
        + quote("\n".join(totals(report)))
        + "</pre>",
    ]
    for problem in [f"{o.name}: {o.detail}" for o in report.failures] + list(report.gaps):
        parts.append(f"<p class='fails'>{quote(problem)}</p>")
    pictures = [
        (title, picture.svg(title))
        for o in report.outcomes
        for title, picture in getattr(o.evidence, "pictures", {}).items()
    ]
    if pictures:
        parts.append("<h2>Pictures</h2>")
        parts += [
            f"<figure>{svg}<figcaption>{quote(title)}</figcaption></figure>"
            for title, svg in pictures
        ]
    parts.append("<h2>By equation</h2><table><tr><th>equation<th>statement<th>evidence</tr>")
    for id, layers in by_equation(report).items():
        if layers:
            evidence = "".join(
                f"<details><summary class='{o.verdict.replace(' ', '-')}'>"
                f"{MARK[o.verdict]} {quote(layer)}: {quote(o.name)}</summary>"
                f"{quote(o.detail)} ({o.seconds:.2f} s)</details>"
                for layer in LAYERS
                for o in layers.get(layer, [])
            )
            parts.append(
                f"<tr><td><code>{quote(id)}</code><td>{quote(_plain(id))}<td>{evidence}</tr>"
            )
    parts.append("</table></body></html>")
    return "\n".join(parts)
