"""Commands that run something: sample, train toy, lab, topic."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import completing, files, toys
from .app import app, console
from .extras import needs
from .progress import progress

if TYPE_CHECKING:
    from ..toy.grpo.running import Done


class Sampler(StrEnum):
    """The samplers of `sample`."""

    ode = "ode"
    sde = "sde"


@app.command()
def sample(
    toy: Annotated[
        str,
        typer.Option(
            help="gaussian_1d, mixture_1d, mixture_2d, ...", autocompletion=completing.toys
        ),
    ] = "mixture_2d",
    sampler: Annotated[
        Sampler, typer.Option(help="Euler's ODE, or the Flow-GRPO SDE.")
    ] = Sampler.sde,
    a: Annotated[float, typer.Option(help="Noise level of the SDE: g = a √(t/(1 − t)).")] = 0.7,
    steps: Annotated[int, typer.Option(help="T, the number of steps of a uniform grid.")] = 10,
    n: Annotated[int, typer.Option(help="Samples.")] = 4096,
    seed: Annotated[int, typer.Option()] = 0,
    out: Annotated[Path | None, typer.Option(help="Write the rollout as .npz.")] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Write samples beside exact ones as .svg.")
    ] = None,
) -> None:
    """Sample a toy whose exact law is known, by ODE or SDE, and score the rollout again."""
    from ..verify.sampling import Request, sample_toy

    files.reports(out, picture)
    if picture:
        needs("matplotlib", extra="pictures")
    with progress(f"sampling {toy}", None):
        done = sample_toy(Request(toy, sampler.value, a, steps, n, seed))
    for line in done.lines:
        console.print(line)
    if out:
        done.save(out)
        console.print(f"rollout     {out}")
    if picture:
        picture.write_text(done.picture.svg(f"{toy}, sampled and exact"), encoding="utf-8")
        console.print(f"picture     {picture}")


train = typer.Typer(no_args_is_help=True, help="Fine-tune by Flow-GRPO.")
app.add_typer(train, name="train")


@train.callback()
def _train() -> None:
    """Fine-tune by Flow-GRPO."""


class Problem(StrEnum):
    """The problems of `train toy`."""

    gaussian = "gaussian"
    mixture = "mixture"
    digits = "digits"


@train.command()
def toy(
    problem: Annotated[
        Problem, typer.Option(help="A Gaussian on a line, mixtures in the plane, 8 × 8 digits.")
    ] = Problem.gaussian,
    quick: Annotated[bool, typer.Option(help="Seconds: to see that it works.")] = False,
    resume: Annotated[bool, typer.Option(help="Go on where a stopped run was.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="The run's folder; default runs/toy-PROBLEM, or the next.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any setting, repeated.")
    ] = None,
    iterations: Annotated[int | None, typer.Option(help="Short for --set iterations=…")] = None,
    beta: Annotated[float | None, typer.Option(help="Weight of the KL.")] = None,
    group: Annotated[int | None, typer.Option(help="Rollouts that share a baseline.")] = None,
    seed: Annotated[int, typer.Option()] = 0,
    tensorboard: Annotated[bool, typer.Option(help="Write curves for TensorBoard.")] = False,
) -> None:
    """Flow-GRPO on a problem whose answer is known; the run is a folder (see `refimpl doctor`)."""
    import torch

    from ..toy.grpo import running
    from ..toy.grpo.problem import RewardError

    if problem is Problem.digits:
        needs("sklearn", extra="labs")
    if tensorboard:
        needs("tensorboard", extra="sd3")
    torch.set_num_threads(1)
    short = {"iterations": iterations, "beta": beta, "group": group, "seed": seed}
    changes = {k: v for k, v in short.items() if v is not None}
    changes |= toys.settings(problem.value, set_ or [])
    request = running.Request(problem.value, changes, quick, resume, out, board=tensorboard)
    files.folder(out)
    try:
        with progress(problem.value) as told:
            done = running.run(request, told.at, warn=told.say)
    except (RewardError, FloatingPointError) as error:
        began = (out or running.default(problem.value, resume=True)).exists()
        go_on = "; the run can be taken up with --resume" if began else ""
        raise ValueError(f"{error}{go_on}") from error
    for line in _told(done):
        console.print(line)


def _told(done: "Done") -> list[str]:
    """What a run came to, in a few lines."""
    came, first, last = done.summary, done.first, done.last
    lines = [f"reward      {first['reward']:.4f} → {last['reward']:.4f}"]
    if "end_mean_predicted" in came:
        for what in ("mean", "std"):
            reached, wanted = came[f"end_{what}"], came[f"end_{what}_predicted"]
            lines.append(f"end {what:<8}{reached:.4f}   predicted {wanted:.4f}")
    lines += [
        f"ratio − 1   {done.worst_ratio_gap:.2g} before each first update",
        f"KL          {last['kl']:.4f}   clipped {last['clipped']:.1%}",
    ]
    for name, value in came.items():
        if isinstance(value, float) and not name.startswith(("end_", "reward_first")):
            lines.append(f"{name.replace('_', ' '):<36}{value:.4f}")
    return [*lines, f"folder      {done.path}"]


@app.command()
def lab(
    number: Annotated[int, typer.Argument(help="1, 2 or 3.")],
    out: Annotated[Path | None, typer.Option(help="Folder to write; default runs/labN.")] = None,
    quick: Annotated[bool, typer.Option(help="Seconds: to see that it works.")] = False,
    resume: Annotated[bool, typer.Option(help="Go on where a stopped run was.")] = False,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Run a lab: pictures and metrics.json in a folder."""
    from ..labs import run

    path = out or Path("runs") / f"lab{number}"
    files.folder(path)
    files.resumable(path, resume)
    with progress(f"lab {number}") as told:
        folder = run(number, path, quick=quick, resume=resume, seed=seed, on_progress=told.at)
    for file in sorted(folder.iterdir()):
        if file.suffix in (".png", ".json"):
            console.print(str(file))


@app.command()
def topic(
    name: Annotated[
        str,
        typer.Argument(
            help="scales, densities, transport, guidance, ...", autocompletion=completing.topics
        ),
    ],
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Run one topic with learnt models at full length, and print its numbers as JSON."""
    import tempfile

    import torch

    from ..labs import topics

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, progress(f"topic {name}", None):
        found = topics.run(Path(folder) / "found.json", [name], seed=seed)
    console.print_json(data=found)
