"""The command `check`: an implementation, or a library known by name, against the reference."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from . import completing, files
from .app import app, console
from .progress import progress


@app.command()
def check(
    target: Annotated[
        str,
        typer.Argument(
            help="pkg.mod:obj, path/to/file.py:obj, or the name of a library.",
            autocompletion=completing.implementations,
        ),
    ],
    deviations: Annotated[
        Path | None, typer.Option(help="A TOML file of known deviations.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write all results as JSON.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a self-contained page.")] = None,
    tier: Annotated[
        list[str] | None, typer.Option(help="basic, vectors, laws or order; may be repeated.")
    ] = None,
    path: Annotated[
        Path | None, typer.Option(help="A checkout of the library, where it is not installed.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Show what was not provided or skipped too.")
    ] = False,
) -> None:
    """Check an implementation: exit 0 if it conforms, 1 if it differs, 2 if it could not run."""
    from ..conformance import report as show
    from ..conformance.checks import checks
    from ..conformance.checks.register import TIERS
    from ..conformance.deviations import read
    from ..conformance.kit import load
    from ..peers import known
    from ..peers.judging import judged

    files.reports(json, html)
    given = read(deviations) if deviations else ()
    adapters: tuple[Any, ...] = (load(target),) if ":" in target else known(target, path)
    if given and len(adapters) > 1:
        raise ValueError(f"{target} has {len(adapters)} adapters, and its own deviations")
    reports = []
    with progress(target, len(adapters) * len(checks())) as told:
        for adapter in adapters:
            report = judged(
                adapter, given, tiers=tier or TIERS,
                progress=lambda r: told.advance(r.check),
            )  # fmt: skip
            reports.append(report)
    for report in reports:
        console.print(f"[bold]{escape(f'{report.name} {report.version}'.strip())}[/bold]")
        console.print(escape(show.conventions(report)), soft_wrap=True)
        console.print(show.table(report, all=everything))
        console.print(escape(show.summary(report)))
    if json:
        json.write_text(show.as_json(reports), encoding="utf-8")
    if html:
        html.write_text(show.as_html(reports), encoding="utf-8")
    raise typer.Exit(0 if all(r.conforms for r in reports) else 1)
