"""The command that computes a study: samplers, methods."""

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


@app.command()
def study(
    name: Annotated[Study, typer.Argument(help="samplers (two minutes) or methods (seconds).")],
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("runs") / "study",
) -> None:
    """Compare samplers or methods on exact problems: JSON and pictures, nothing sampled."""
    if name is Study.samplers:
        needs("matplotlib", extra="pictures")
    import torch

    from ..labs import comparison
    from ..labs import study as samplers

    torch.set_num_threads(1)
    files.folder(out)
    with progress(f"study {name.value}") as told:
        if name is Study.methods:
            comparison.run(out)
        else:
            samplers.run(out, told.at)
    for file in sorted(out.iterdir()):
        if file.suffix in (".json", ".svg"):
            console.print(str(file))
