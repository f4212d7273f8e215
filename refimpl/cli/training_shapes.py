"""The miniature's command: train shapes."""

from pathlib import Path
from typing import Annotated

import typer

from . import files
from .app import console
from .extras import needs
from .running import train


@train.command("shapes")
def shapes(
    quick: Annotated[bool, typer.Option(help="Seconds: to see that it works.")] = False,
    out: Annotated[Path, typer.Option(help="The folder to write.")] = Path("runs/shapes"),
    resume: Annotated[bool, typer.Option(help="Go on where a stopped one was.")] = False,
    pretrained: Annotated[
        Path | None, typer.Option(help="OUT/pretraining/pipeline of another; none pre-trains.")
    ] = None,
    network: Annotated[
        int, typer.Option(min=0, help="The seed of pre-training: another network to begin with.")
    ] = 0,
    looks: Annotated[
        bool, typer.Option(help="Look first which steps decide and teach: some minutes.")
    ] = True,
    arm: Annotated[
        list[str] | None, typer.Option(help="Runs of the study, repeated; fast if none.")
    ] = None,
    ablations: Annotated[bool, typer.Option(help="Every run of the study.")] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any setting of `train sd3`, repeated."),
    ] = None,
) -> None:
    """Captioned shapes of 16 pixels: pre-train, improve by Flow-GRPO, measure before and after."""
    from .training_sd3 import LIBRARIES, quieten

    needs(*LIBRARIES, extra="sd3")
    from ..sd3.loop.together import Stopped
    from ..sd3.rewards import RewardError
    from ..sd3.shapes import arms, finetuning, report
    from ..sd3.shapes.request import Request

    files.folder(out)
    files.resumable(out, resume)
    quieten()
    request = Request(
        out,
        tuple(arms.ARMS) if ablations else tuple(arm or ("fast",)),
        pretrained,
        network,
        tuple(set_ or ()),
        quick,
        resume,
        each=2 if quick else 16,
        signal=2 if quick else 8,
        looks=looks,
    )
    try:
        found = finetuning.carry_out(request, say=lambda text: console.print(text, markup=False))
    except Stopped as stopped:
        typer.echo(f"{stopped}: saved; --resume goes on from there", err=True)
        raise typer.Exit(128 + stopped.signal) from None
    except (RewardError, MemoryError, FloatingPointError) as error:
        raise ValueError(f"{error}; --resume goes on from the last checkpoint") from error
    for title, table in report.tables(found).items():
        console.print(f"\n{title}\n{table}", markup=False, soft_wrap=True)
    console.print(f"\nreport      {out / 'report.md'}")
