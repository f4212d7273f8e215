"""Commands about test vectors: vectors write, vectors verify."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from . import completing, files
from .app import app, console
from .progress import progress

if TYPE_CHECKING:
    from ..vectors import Report

vectors = typer.Typer(
    no_args_is_help=True, help="Test vectors for implementations in any language."
)
app.add_typer(vectors, name="vectors")


@vectors.command("write")
def write_vectors(
    out: Annotated[
        Path | None, typer.Option(help="An existing folder; by default this package's own.")
    ] = None,
) -> None:
    """Write one JSON file an equation, and to a folder of your own the schema beside them."""
    from ..vectors import DATA, skipped, write, written

    if out and not out.is_dir():
        raise NotADirectoryError(f"there is no folder {out}: make it first")
    files.folder(out or DATA)
    size = 0
    with progress("writing", len(written())) as told:
        for id in written():
            size += write(out or DATA, id).stat().st_size
            told.advance(id)
        if out:
            schema = DATA.parent / "schema.json"
            (out / schema.name).write_text(schema.read_text(encoding="utf-8"), encoding="utf-8")
    console.print(f"{len(written())} equations, {size / 1e6:.2f} MB, in {out or DATA}")
    for id, reason in skipped().items():
        console.print(f"[yellow]without vectors:[/yellow] {id}: {reason}")


@vectors.command("verify")
def verify_vectors(
    id: Annotated[
        str | None, typer.Option(help="Only this equation.", autocompletion=completing.ids)
    ] = None,
    file: Annotated[Path | None, typer.Option(help="Only this file, from anywhere.")] = None,
) -> None:
    """Generate the vectors again, compare, and hold this package's functions against them."""
    from ..vectors.verifying import SYSTEMS

    if id and file:
        raise ValueError("give --id or --file, not both")
    reports = list(_reports(id, file))
    table = Table(header_style="bold", pad_edge=False)
    for column in ("equation", "valid", "acceptable", "invalid", "wrong", *SYSTEMS):
        table.add_column(column, justify="left" if column == "equation" else "right")
    for r in reports:
        counts = (str(r.results.get(k, "")) for k in ("valid", "acceptable", "invalid"))
        gaps = (f"{r.gaps[s]:.2g}" if s in r.gaps else "" for s in SYSTEMS)
        table.add_row(r.name, *counts, str(r.wrong or ""), *gaps)
    console.print(table)
    console.print(
        "wrong: known-wrong answers to be told apart; then the largest gap of each, in tolerances"
    )
    broken = [r for r in reports if r.problems]
    for r in broken:
        for problem in r.problems:
            console.print(f"[red]✗ {escape(r.name)}:[/red] {escape(problem)}", soft_wrap=True)
    console.print(f"{len(reports) - len(broken)} of {len(reports)} files hold")
    raise typer.Exit(1 if broken else 0)


def _reports(id: str | None, file: Path | None) -> "Iterator[Report]":
    from ..equations import find
    from ..outside import MIB, bounded
    from ..vectors import DATA, verify, verify_all, written

    if file:
        yield verify(bounded(file, 256 * MIB).read_text(encoding="utf-8"), str(file))
    elif id:
        find(id)
        if not (DATA / f"{id}.json").is_file():
            raise OSError(f"no vectors of {id}: run `refimpl vectors write`")
        yield verify((DATA / f"{id}.json").read_text(encoding="utf-8"), id)
    else:
        with progress("verifying", len(written())) as told:
            for report in verify_all():
                told.advance(report.name)
                yield report
