"""Commands of the SD3.5 run: train sd3; sd3 convert, engine, presets, rewards."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from . import completing, files
from .app import app, console
from .extras import needs
from .progress import progress
from .running import train


@train.command("sd3")
def sd3(
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Settings as key=value, such as sampling.steps=12.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="A YAML file of settings.")] = None,
    preset: Annotated[
        list[str] | None,
        typer.Option(
            help="paper, flow_grpo, low_memory, ...; several combine.",
            autocompletion=completing.presets,
        ),
    ] = None,
    prompts: Annotated[
        Path | None, typer.Option(help="A .txt or .jsonl file, or a folder.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="A repository's id or a folder.")] = None,
    random_init: Annotated[
        str | None, typer.Option(help="tiny, medium or large, with random weights.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The run's folder.")] = Path("runs/sd3"),
    resume: Annotated[bool, typer.Option(help="Go on where a stopped run was.")] = False,
    dry_run: Annotated[
        bool, typer.Option(help="Print the plan and its costs; run nothing.")
    ] = False,
    show: Annotated[bool, typer.Option(help="Print all settings as YAML; run nothing.")] = False,
    processes: Annotated[int, typer.Option(help="For --dry-run: how many share the work.")] = 1,
    tflops: Annotated[
        float | None, typer.Option(help="For --dry-run: what a process reaches, TFLOP/s.")
    ] = None,
) -> None:
    """Fine-tune SD3.5 by Flow-GRPO: real pipeline, real prompts, real rewards, one GPU or many."""
    given = list(overrides or [])
    for key, value in (
        ("data.prompts", prompts),
        ("model.source", model),
        ("model.random_init", random_init),
    ):
        if value is not None:
            given.append(f"{key}={value}")
    from ..sd3.run import plan
    from ..sd3.settings import presets

    if resume and config is None and (out / "config.yaml").is_file():
        config = out / "config.yaml"
    settings = presets.resolve(preset or (), config, given)
    if show:
        _show(settings)
    elif dry_run:
        rate = tflops if tflops is not None else plan.PEAK_TFLOPS * plan.SHARE
        counted = plan.plan(settings, processes)
        told = plan.data_lines(settings, processes) + plan.cautions(settings)
        for line in counted.lines(rate) + told:
            console.print(line, soft_wrap=True)
    else:
        _run(settings, out, resume)


def _show(settings: Any) -> None:
    needs("yaml", extra="sd3")
    import yaml

    from ..sd3.settings.config import plain

    typer.echo(yaml.safe_dump(plain(settings), sort_keys=False), nl=False)


LIBRARIES = ("yaml", "diffusers", "transformers", "peft", "accelerate", "PIL")
"""Of the extra `sd3`, what every run needs."""


def _run(settings: Any, out: Path, resume: bool) -> None:
    needs(*LIBRARIES, extra="sd3")
    from ..sd3.loop.together import Stopped
    from ..sd3.rewards import RewardError
    from ..sd3.run import starting as run
    from ..sd3.run.card import FOLDERS
    from ..sd3.run.progress import Progress

    files.folder(out)
    quieten()
    main = int(os.environ.get("RANK", "0")) == 0
    try:
        with progress("train sd3", settings.training.iterations) as told:

            def say(seen: Progress) -> None:
                told.at(seen.done, seen.line)
                if not sys.stderr.isatty():  # a line an iteration, for the job's log
                    typer.echo(f"iteration {seen.done}/{seen.of}: {seen.line}", err=True)

            summary = run.run(
                settings,
                out,
                resume=resume,
                say=say,
                warn=lambda text: told.say(f"note: {text}"),
            )
    except Stopped as stopped:
        if main:
            typer.echo(f"{stopped}: saved; --resume goes on from there", err=True)
        raise typer.Exit(128 + stopped.signal) from None
    except (RewardError, MemoryError, FloatingPointError) as error:
        raise ValueError(
            f"{error}; the run is in {out}, --resume goes on from its last checkpoint"
            if out.exists()
            else str(error)
        ) from error
    if main:
        for name, value in summary["after"].items():
            console.print(
                f"{name:<28}{summary['before'].get(name, float('nan')):.4g} → {value:.4g}"
            )
        name = FOLDERS[settings.adapter.kind]
        console.print(f"run         {out}\n{name:<12}{out / name}")


def quieten() -> None:
    """Without the libraries' remarks and progress bars."""
    import warnings

    import diffusers
    import transformers

    warnings.filterwarnings("ignore", category=FutureWarning)
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()


sd3_app = typer.Typer(
    no_args_is_help=True, help="Beside the SD3.5 run: converter, engines, presets, rewards."
)
app.add_typer(sd3_app, name="sd3")


@sd3_app.command()
def convert(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint of flow_grpo's trainer.")],
    out: Annotated[Path, typer.Argument(help="The folder to write; must not exist.")],
) -> None:
    """Turn flow_grpo's checkpoint, in peft's format, into one that `load_lora_weights` loads."""
    needs("diffusers", "transformers", "peft", "accelerate", extra="sd3")
    from ..sd3.model import adapters

    quieten()
    files.folder(out)
    with progress("converting", None):
        count = adapters.convert(checkpoint, out)
    console.print(f"{count} tensors written to {out}")


@sd3_app.command("convert-config")
def convert_config(
    file: Annotated[Path, typer.Argument(help="flow_grpo's: .py (not executed), .yaml, .json.")],
    out: Annotated[Path, typer.Argument(help="The YAML file to write; must not exist.")],
    function: Annotated[
        str | None, typer.Option(help="Of a Python file that has several, such as pickscore_sd3.")
    ] = None,
    gpus: Annotated[
        int | None, typer.Option(min=1, help="That shared its batches, where it does not say.")
    ] = None,
) -> None:
    """Write flow_grpo's configuration as one for `train sd3 --config`, value by value."""
    needs("yaml", extra="sd3")
    from ..sd3.settings import converting, presets

    if out.exists():
        raise ValueError(f"{out} exists: name a file that does not")
    files.reports(out)
    found = converting.converted(converting.read(file, function), gpus)
    out.write_text(found.text(), encoding="utf-8")
    try:
        presets.resolve([], out)
    except ValueError:
        out.unlink()
        raise
    for title, lines in (
        ("as it is", found.mapped), ("converted", found.changed), ("left out", found.dropped)
    ):  # fmt: skip
        for line in lines:
            console.print(f"{title:<10}  {line}", soft_wrap=True, markup=False)
    console.print(f"\nwritten     {out}")


@sd3_app.command()
def engine(
    name: Annotated[str, typer.Argument(help="ddp, fsdp or deepspeed.")],
) -> None:
    """Print the path of a configuration for `accelerate launch --config_file`."""
    from .. import sd3

    folder = Path(sd3.__file__).parent / "engines"
    file = folder / f"{name}.yaml"
    if not file.is_file():
        known = ", ".join(sorted(path.stem for path in folder.glob("*.yaml")))
        raise ValueError(f"no engine is called {name!r}; there are {known}")
    typer.echo(file)


@sd3_app.command("rewards")
def list_rewards() -> None:
    """List the rewards that are installed, this project's and other packages'."""
    from ..sd3.rewards import available

    for name, point in available().items():
        console.print(f"[bold]{name:<24}[/bold]{point.value}")


@sd3_app.command("presets")
def list_presets() -> None:
    """List the presets."""
    from ..sd3.settings import presets

    for name, about in presets.ABOUT.items():
        console.print(f"[bold]{name:<12}[/bold]{about}")
