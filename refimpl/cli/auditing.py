"""The command that judges a dump: audit."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from . import files
from .app import app, console, refuse
from .progress import progress


@app.command()
def audit(
    file: Annotated[Path, typer.Argument(help="safetensors, npz, torch file, or a folder.")],
    json: Annotated[Path | None, typer.Option(help="Write the report as JSON.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a self-contained report.")] = None,
    manifest: Annotated[
        Path | None, typer.Option(help="Declared conventions, a TOML file.")
    ] = None,
) -> None:
    """Recompute what a run recorded: which formulas it used, is replay exact, is noise white.

    Exit code 0: consistent; 1: something differs; 2: it could not run, or nothing was judged.
    """
    import torch

    from ..audit import audit as run
    from ..audit.reading.manifest import load
    from ..audit.reporting import report as show

    torch.set_num_threads(1)
    files.reports(json, html)
    declared = load(manifest) if manifest else None
    with progress("auditing", None) as told:
        done = run(file, declared, lambda rows, total: told.at(rows, total=total))
    if json:
        json.write_text(show.as_json(done), encoding="utf-8")
    if html:
        html.write_text(show.as_html(done), encoding="utf-8")
    for table in show.tables(done):
        console.print(table)
    if done.unused:
        console.print(f"not used: {escape(', '.join(done.unused))}")
    console.print(f"{show.headline(done)}, in {done.seconds:.1f} s")
    if not done.judged:
        refuse(f"nothing in {done.path.name} was judged; {done.missing}")
    raise typer.Exit(0 if done.consistent else 1)
