"""Commands that judge this package: verify, coverage."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from . import completing, files
from .app import app, console, docs
from .extras import needs
from .output import listing
from .progress import progress

if TYPE_CHECKING:
    from ..verify.run import Outcome, Report


@app.command()
def verify(
    only: Annotated[
        str | None,
        typer.Option(help="Only ids that start so: sde, sde.drift.", autocompletion=completing.ids),
    ] = None,
    seed: Annotated[int, typer.Option(help="Mixed into every check's own seed.")] = 0,
    json: Annotated[Path | None, typer.Option(help="Write the whole run as JSON.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a self-contained report.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="A row an equation, where else is a row a topic.")
    ] = False,
) -> None:
    """Prove, compute, sample and test everything; exit 0 only if all of it holds.

    An interrupt shows what had come in, and says that it is a part: exit 130.
    """
    from ..verify import report as show

    files.reports(json, html)
    if html:
        needs("matplotlib", extra="pictures")
    done = _run(only, seed)
    for outcome in done.failures:
        console.print(f"[red]✗ {outcome.name}:[/red] {escape(outcome.detail)}", soft_wrap=True)
    for gap in done.gaps:
        console.print(f"[red]✗ coverage:[/red] {gap}", soft_wrap=True)
    console.print(show.by_id(done) if everything else show.by_topic(done))
    for line in show.totals(done):
        console.print(line)
    if json:
        json.write_text(show.as_json(done), encoding="utf-8")
    if html:
        html.write_text(show.as_html(done), encoding="utf-8")
    console.print(f"{_verdict(done)}, in {done.seconds:.1f} s (seed {seed})")
    raise typer.Exit(130 if done.interrupted else 0 if done.holds else 1)


def _run(only: str | None, seed: int) -> "Report":
    """The run, with its progress; what fails is told when it fails."""
    import torch

    from ..verify import run

    torch.set_num_threads(1)
    with progress("verifying", len(run.jobs(only))) as told:

        def note(outcome: "Outcome") -> None:
            told.advance(f"{outcome.layer}: {outcome.name}")
            if outcome.verdict == "fails":
                told.say(f"✗ {outcome.name}")

        return run.verify(only, seed, note, docs=docs())


def _verdict(done: "Report") -> str:
    if done.interrupted:
        part = f"interrupted: these are {len(done.outcomes)} of {done.asked} proofs and checks"
        failed = f", {len(done.failures)} of which fail" if done.failures else ""
        return f"[yellow]{part}{failed}[/yellow]"
    return "[green]everything holds[/green]" if done.holds else "[red]not everything holds[/red]"


@app.command()
def coverage(
    claimed: Annotated[bool, typer.Option(help="Only rows that this version claims.")] = False,
) -> None:
    """The ledger, row by row, with the evidence behind each letter; exit 1 if a claim has none."""
    done = _run(None, 0)
    if done.interrupted:
        raise KeyboardInterrupt  # a table of a part would say that evidence is missing
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
