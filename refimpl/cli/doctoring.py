"""The command that looks at a run, or at the curves that are left of it: doctor."""

import json as plain
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ..conformance.adapter.printable import printable
from .app import app, console
from .output import listing
from .progress import progress

_COLOUR = {"holds": "green", "violated": "red", "watch": "yellow"}


@app.command()
def doctor(
    run: Annotated[
        Path,
        typer.Argument(
            help="A run's folder; or its curves: CSV, JSON (lines), TensorBoard's events."
        ),
    ],
    clip: Annotated[
        float | None, typer.Option(help="With curves: the width of the ratio's clip.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Judge a run's invariants; exit 0 if all hold, 1 if one is violated, 2 if there is no run."""
    from ..runs import curves, metrics
    from ..runs.doctor import examine

    if clip is not None and not 0 < clip < 1:
        raise ValueError(f"--clip must lie between 0 and 1, got {clip:g}")
    with progress("examining", None):
        found = curves.examine(run, clip) if run.exists() and not run.is_dir() else examine(run)
    if json:
        typer.echo(plain.dumps(metrics.plain(found.as_dict()), indent=2))
        raise typer.Exit(0 if found.healthy else 1)
    table = listing(
        *("invariant", "expected", "seen", "verdict", "what it means"),
        wrapped="expected, seen, what it means",
    )
    for f in found.findings:
        colour = _COLOUR.get(f.verdict)
        verdict = f"[{colour}]{f.verdict}[/{colour}]" if colour else f.verdict
        table.add_row(
            escape(printable(f.invariant)), escape(f.expected), escape(f.seen), verdict, f.meaning
        )
    console.print(table)
    for s in found.signals:
        console.print(f"step {s.step:>3}   cosine {s.cosine:+.3f}   z {s.z:+6.1f}   {s.word}")
    bad = sum(f.verdict == "violated" for f in found.findings)
    state = "finished" if found.finished else "not finished"
    told = f"[red]{bad} violated[/red]" if bad else "[green]nothing is violated[/green]"
    console.print(f"{found.kind}, {found.steps} steps, {state}: {told}")
    raise typer.Exit(0 if found.healthy else 1)
