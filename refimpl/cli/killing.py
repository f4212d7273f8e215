"""Commands about the power of evidence: kills, accumulate."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from . import completing, files
from .app import app, console
from .progress import progress

_MARK = {"seen": "[green]✓[/green]", "unseen": "[yellow]–[/yellow]", "not asked": ""}


@app.command()
def kills(
    only: Annotated[
        str | None,
        typer.Option(help="Only ids that start so: sde, sde.drift.", autocompletion=completing.ids),
    ] = None,
    run: Annotated[
        bool, typer.Option("--run", help="Plant every mistake anew (half an hour), and keep it.")
    ] = False,
    json: Annotated[Path | None, typer.Option(help="With --run: write the matrix here.")] = None,
) -> None:
    """Which layer of evidence sees which mistake: proof, number, law, residual, marginal, training.

    The table is the kept matrix, made by planting every named mistake and every probe. ✓ is seen,
    – unseen, and an empty cell was not asked: no check of that layer covers the equation.
    """
    from ..verify import matrix

    if json and not run:
        raise typer.BadParameter("--json writes what --run finds: give both")
    if run:
        target = json or matrix.PUBLISHED
        files.reports(target)
        with progress("planting", len(matrix.jobs(only or ""))) as told:
            found = matrix.made(only or "", told.advance)
        rows = found if json or only is None else matrix.joined(found)
        target.write_text(matrix.text(rows), encoding="utf-8")
    else:
        rows = matrix.published()
    shown = [row for row in rows if only is None or row["mistake"].startswith(only)]
    if not shown:
        raise typer.BadParameter(f"no equation starts with {only!r}; ids: `refimpl eq`")
    console.print(_table(shown, matrix.COLUMNS))
    if old := matrix.stale(shown):
        console.print(
            f"{old} of {len(shown)} rows were made with other code; --run makes them anew"
        )


@app.command()
def accumulate(
    log: Annotated[Path, typer.Argument(help="A line a run; made if it is not there.")],
) -> None:
    """Run every check of samples with a fresh seed, log its p-values, and judge all runs together.

    Defects too small for one run add up: exit 1 when the runs together are evidence that right code
    gives with chance 1e-9 at most, however many there will be.
    """
    import torch

    from ..verify import accumulating

    torch.set_num_threads(1)
    files.reports(log)
    try:
        with progress("sampling", len(accumulating.sampled())) as told:
            lines = accumulating.one_more(log, told.advance)
        console.print(accumulating.judged(lines))
    except AssertionError as error:
        console.print(f"[red]✗[/red] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from None


def _table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> Table:
    made = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    made.add_column("mistake", overflow="fold")
    for column in columns:
        made.add_column(column, justify="center")
    for row in rows:
        made.add_row(escape(row["mistake"]), *(_MARK[row[column]] for column in columns))
    return made
