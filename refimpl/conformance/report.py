"""A report on one adapter, as a table, JSON or one self-contained page.

    table(report)   as_json([report, ...])   as_html([report, ...])

What was not provided or skipped is left out of the table, not of the files.
"""

import html
import json
import math
from collections.abc import Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from .adapter.printable import printable
from .diagnosis.readings import Explanation
from .running import Report, Result

_ORDER = ("differs", "differs by design", "agrees", "skipped", "not provided")
_COLOUR = {"agrees": "green", "differs": "red", "differs by design": "yellow"}


def shown(report: Report, *, all: bool = False) -> list[Result]:
    """The results worth a line: what was asked, or everything."""
    quiet = () if all else ("not provided", "skipped")
    return [r for r in report.results if r.verdict not in quiet]


def table(report: Report, *, all: bool = False) -> Table:
    """Check, verdict, gap and cause."""
    made = Table(header_style="bold", pad_edge=False)
    for column in ("check", "verdict", "gap", "cause"):
        made.add_column(column, no_wrap=column in ("check", "verdict"))
    for r in shown(report, all=all):
        colour = _COLOUR.get(r.verdict, "dim")
        made.add_row(r.check, f"[{colour}]{r.verdict}[/{colour}]", _gap(r), escape(_cause(r)))
    return made


def summary(report: Report) -> str:
    """The counts in one line."""
    counts = ", ".join(f"{report.count(v)} {v}" for v in _ORDER if report.count(v))  # type: ignore[arg-type]
    return f"{report.name} {report.version}".strip() + f": {counts}, in {report.seconds:.1f} s"


def conventions(report: Report) -> str:
    """What was declared, and how many conventions were taken from the table of defaults."""
    told = ", ".join(f"{k} = {printable(repr(v))}" for k, v in report.declared.items()) or "nothing"
    return f"declared: {told}; the rest by default"


def as_json(reports: Sequence[Report]) -> str:
    """All results, for programs."""
    return json.dumps([_plain(r) for r in reports], indent=1, ensure_ascii=False)


def _plain(report: Report) -> dict[str, Any]:
    return {
        "adapter": report.name,
        "version": report.version,
        "conforms": report.conforms,
        "seconds": round(report.seconds, 3),
        "declared": {k: v if not callable(v) else "a function" for k, v in report.declared.items()},
        "assumed": report.assumed,
        "results": [
            {
                "check": r.check, "tier": r.tier, "verdict": r.verdict,
                "gap": r.gap if math.isfinite(r.gap) else None, "told": r.told,
                "explanations": [_words(e) for e in r.explanations], "notes": list(r.notes),
            }
            for r in report.results
        ],
    }  # fmt: skip


def _words(e: Explanation) -> dict[str, Any]:
    return {name: x for name, x in vars(e).items() if not callable(x)}


def as_html(reports: Sequence[Report]) -> str:
    """One page without anything from elsewhere."""
    body = "".join(_section(r) for r in reports)
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>refimpl check</title><style>"
        "body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}"
        "table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;"
        "padding:.3rem .6rem;border-bottom:1px solid #8884}code{white-space:nowrap}"
        ".agrees{color:#18794e}.differs{color:#c1272d;font-weight:600}.design{color:#946200}"
        ".skipped{color:#777}</style><h1>refimpl check</h1>" + body + "</html>"
    )


def _section(report: Report) -> str:
    rows = "".join(
        f"<tr><td><code>{html.escape(r.check)}</code><td class='{_class(r)}'>{r.verdict}"
        f"<td>{_gap(r)}<td>{html.escape(_cause(r))}"
        for r in shown(report, all=True)
    )
    return (
        f"<h2>{html.escape(f'{report.name} {report.version}'.strip())}</h2>"
        f"<p>{html.escape(summary(report))}<br>{html.escape(conventions(report))}</p>"
        f"<table><tr><th>check<th>verdict<th>gap<th>cause{rows}</table>"
    )


def _class(r: Result) -> str:
    return {"agrees": "agrees", "differs": "differs", "differs by design": "design"}.get(
        r.verdict, "skipped"
    )


def _gap(r: Result) -> str:
    if r.verdict == "agrees" or math.isnan(r.gap):
        return ""
    return f"{r.gap:.2g}"


def _cause(r: Result) -> str:
    return r.cause or "; ".join(r.notes)
