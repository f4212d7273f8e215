"""What an audit looks like: text for the terminal, JSON for programs, one self-contained HTML file.

subject      verdict      formula      largest gap      allowed
             detail
"""

import json
from dataclasses import asdict
from html import escape

from rich.markup import escape as escape_markup
from rich.table import Table

from ...conformance.adapter.printable import printable
from ..judging.finding import Finding
from .auditing import Report

_COLOUR = {"consistent": "green", "convention": "cyan", "differs": "red", "not checked": "dim"}


def headline(report: Report) -> str:
    """One line: what was found."""
    count = {v: sum(f.verdict == v for f in report.findings) for v in _COLOUR}
    return ", ".join(f"{n} {verdict}" for verdict, n in count.items() if n)


def tables(report: Report) -> list[Table]:
    """A table a part, for a terminal."""
    made = []
    for part in report.parts:
        table = Table(title=escape_markup(part.title), title_justify="left", header_style="bold",
                      pad_edge=False)  # fmt: skip
        for name in ("quantity", "verdict", "formula", "largest gap", "allowed", "what was found"):
            table.add_column(name, no_wrap=name in ("quantity", "verdict", "largest gap"))
        for f in part.findings:
            colour = _COLOUR[f.verdict]
            table.add_row(
                escape_markup(f.subject), f"[{colour}]{f.verdict}[/{colour}]",
                escape_markup(f.formula), number(f.gap), number(f.allowed), escape_markup(f.detail),
            )  # fmt: skip
        made.append(table)
    return made


def text(report: Report) -> str:
    """The report without a terminal: the same on every machine."""
    lines = [f"audit of {printable(report.path.name)}", _declared(report)]
    for part in report.parts:
        lines += ["", part.title]
        for f in part.findings:
            gap = (
                f"  gap {number(f.gap)} (allowed {number(f.allowed)})" if f.gap is not None else ""
            )
            lines.append(f"  {f.subject:<14} {f.verdict:<12} {f.formula}{gap}".rstrip())
            if f.detail:
                lines.append(f"  {'':<14} {f.detail}")
    if report.unused:
        lines += ["", f"not used: {', '.join(report.unused)}"]
    return "\n".join([*lines, "", headline(report)])


def number(x: float | None) -> str:
    """Two digits, or nothing."""
    return "" if x is None else f"{x:.2g}"


def _declared(report: Report) -> str:
    told = ", ".join(f"{key} = {value!r}" for key, value in report.declared.items())
    return f"declared: {told}" if told else "nothing was declared: conventions are guessed"


def as_json(report: Report) -> str:
    """The report as JSON."""
    content = {
        "path": printable(report.path), "consistent": report.consistent,
        "judged": report.judged, "bytes": report.size, "seconds": round(report.seconds, 3),
        "declared": report.declared, "unused": report.unused,
        "parts": [{"title": p.title, "findings": [asdict(f) for f in p.findings]}
                  for p in report.parts],
    }  # fmt: skip
    return json.dumps(content, indent=1, ensure_ascii=False)


_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100% } td, th { border-top: 1px solid #8884;
padding: .35rem .6rem; text-align: left; vertical-align: top }
.consistent { color: #157f3b } .convention { color: #0b6e8f } .differs { color: #b3261e;
font-weight: 600 } .not-checked { color: #777 } code { font-size: 90% }
"""


def as_html(report: Report) -> str:
    """The report as one file that loads nothing."""
    name = escape(printable(report.path.name))
    told = [f"<h1>Audit of {name}</h1><p>{escape(headline(report))}</p>",
            f"<p>{escape(_declared(report))}</p>"]  # fmt: skip
    for part in report.parts:
        told.append(
            f"<h2>{escape(part.title)}</h2><table><tr><th>quantity<th>verdict<th>formula"
            "<th>largest gap<th>allowed<th>what was found</tr>"
        )
        told += [_row(f) for f in part.findings]
        told.append("</table>")
    if report.unused:
        told.append(f"<p>Not used: {escape(', '.join(report.unused))}</p>")
    head = f"<meta charset='utf-8'><title>refimpl audit</title><style>{_STYLE}</style>"
    return f"<!doctype html><html lang='en'><head>{head}</head><body>{''.join(told)}</body></html>"


def _row(f: Finding) -> str:
    kind = f.verdict.replace(" ", "-")
    return (
        f"<tr><td>{escape(f.subject)}<td class='{kind}'>{f.verdict}<td><code>{escape(f.formula)}"
        f"</code><td>{number(f.gap)}<td>{number(f.allowed)}<td>{escape(f.detail)}</tr>"
    )
