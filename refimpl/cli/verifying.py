"""Commands that judge this package: verify, coverage."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from . import completing
from .app import app, console, docs
from .output import listing
from .progress import progress_bar


@app.command()
def verify(
    only: Annotated[
        str | None,
        typer.Option(help="Only ids that start so: sde, sde.drift.", autocompletion=completing.ids),
    ] = None,
    seed: Annotated[int, typer.Option(help="Mixed into every check's own seed.")] = 0,
    json: Annotated[Path | None, typer.Option(help="Write the whole run as JSON.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a self-contained report.")] = None,
) -> None:
    """Prove, compute, sample and test everything; exit 0 only if all of it holds."""
    import torch

    from ..verify import report as show
    from ..verify.run import Outcome, derivation_index
    from ..verify.run import verify as run

    torch.set_num_threads(1)
    from ..verify.layers import checks

    for file in (json, html):
        if file and not file.parent.is_dir():
            raise OSError(f"no folder {file.parent} to write {file.name} into")
    with progress_bar() as progress:
        total = len(derivation_index()) + len(checks()) if only is None else None
        task = progress.add_task("verifying", total=total)

        def note(outcome: Outcome) -> None:
            progress.update(task, advance=1, description=f"{outcome.layer}: {outcome.name}")
            if outcome.verdict == "fails":
                progress.console.print(f"[red]✗ {outcome.name}[/red]")

        done = run(only, seed, note, docs=docs())
        progress.update(task, description="done")
    console.print(show.table(done))
    for line in show.totals(done):
        console.print(line)
    for outcome in done.failures:
        console.print(f"[red]✗ {outcome.name}:[/red] {escape(outcome.detail)}")
    for gap in done.gaps:
        console.print(f"[red]✗ coverage:[/red] {gap}")
    if json:
        json.write_text(show.as_json(done), encoding="utf-8")
    if html:
        html.write_text(show.as_html(done), encoding="utf-8")
    verdict = "[green]everything holds[/green]" if done.holds else "[red]not everything holds[/red]"
    console.print(f"{verdict}, in {done.seconds:.1f} s (seed {seed})")
    raise typer.Exit(0 if done.holds else 1)


@app.command()
def coverage(
    claimed: Annotated[bool, typer.Option(help="Only rows that this version claims.")] = False,
) -> None:
    """The ledger, row by row, with the evidence behind each letter; exit 1 if a claim has none."""
    from ..verify.run import verify as run

    done = run(docs=docs())
    table = listing("row", "needs", "has", "statement", wrapped="statement")
    for row in done.rows:
        if row.claims or not claimed:
            has = "".join(letter if row.letters[letter] else "·" for letter in row.needs)
            table.add_row(row.id, row.needs, has, escape(row.statement))
    console.print(table)
    for problem in (*done.gaps, *(f"{o.name}: {o.detail}" for o in done.failures)):
        console.print(f"[red]✗[/red] {escape(problem)}")
    complete = sum(row.done for row in done.rows)
    console.print(f"{complete} of {len(done.rows)} rows complete")
    raise typer.Exit(1 if done.gaps or done.failures else 0)
