"""The command that computes a study: samplers, methods, adjoint."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from . import files
from .app import app, console
from .extras import needs
from .progress import progress


class Study(StrEnum):
    """The studies of `study`."""

    samplers = "samplers"
    methods = "methods"
    adjoint = "adjoint"


@app.command()
def study(
    name: Annotated[
        Study, typer.Argument(help="samplers (minutes), methods (seconds), adjoint (minutes).")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("runs") / "study",
    quick: Annotated[bool, typer.Option(help="adjoint alone: shorter runs, one rate.")] = False,
) -> None:
    """Compare samplers or methods on exact problems, or Adjoint Matching with Flow-GRPO."""
    if quick and name is not Study.adjoint:
        raise ValueError(
            f"--quick shortens the study adjoint alone, not {name.value}: leave it out"
        )
    if name is Study.samplers:
        needs("matplotlib", extra="pictures")
    import torch

    from ..labs import adjoint, comparison
    from ..labs import study as samplers

    torch.set_num_threads(1)
    files.folder(out)
    with progress(f"study {name.value}") as told:
        if name is Study.methods:
            comparison.run(out)
        elif name is Study.adjoint:
            adjoint.run(out, told.at, adjoint.QUICK if quick else adjoint.FULL)
        else:
            samplers.run(out, told.at)
    for file in sorted(out.iterdir()):
        if file.suffix in (".json", ".svg"):
            console.print(str(file))
