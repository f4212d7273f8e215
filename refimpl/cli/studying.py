"""The command that computes a study: samplers, methods, adjoint, bias, grids."""

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
    bias = "bias"
    grids = "grids"


@app.command()
def study(
    name: Annotated[
        Study, typer.Argument(help="samplers, adjoint, grids (minutes); methods, bias (seconds).")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("runs") / "study",
    quick: Annotated[bool, typer.Option(help="adjoint, grids: shorter, and rougher.")] = False,
) -> None:
    """Compute one study on exact problems: JSON, and pictures where there are some."""
    if quick and name not in (Study.adjoint, Study.grids):
        raise ValueError(f"--quick shortens adjoint and grids, not {name.value}: leave it out")
    if name is Study.samplers:
        needs("matplotlib", extra="pictures")
    import torch

    from ..labs import adjoint, biases, comparison, grids
    from ..labs import study as samplers

    torch.set_num_threads(1)
    files.folder(out)
    with progress(f"study {name.value}") as told:
        match name:
            case Study.methods:
                comparison.run(out)
            case Study.adjoint:
                adjoint.run(out, told.at, adjoint.QUICK if quick else adjoint.FULL)
            case Study.bias:
                biases.run(out)
            case Study.grids:
                grids.run(out, told.at, quick=quick)
            case Study.samplers:
                samplers.run(out, told.at)
    for file in sorted(out.iterdir()):
        if file.suffix in (".json", ".svg"):
            console.print(str(file))
