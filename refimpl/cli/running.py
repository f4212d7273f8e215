"""Commands that run something: sample, train toy, lab, topic."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import completing, files, toys
from .app import app, console
from .extras import needs
from .progress import progress

if TYPE_CHECKING:
    from ..toy.grpo.running import Done
    from ..verify.pictures import Picture


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
        Sampler | None, typer.Option(help="Euler's ODE, or the Flow-GRPO SDE (the default).")
    ] = None,
    solver: Annotated[
        str | None,
        typer.Option(
            help="euler, midpoint, heun, rk4, dpmpp_2m, unipc, ddim, heun_churn, restart, adaptive "
            "or probability_flow: calls, and the exact law's error.",
            autocompletion=completing.solvers,
        ),
    ] = None,
    a: Annotated[
        float | None, typer.Option(help="Noise level of the SDE: g = a √(t/(1 − t)). [default: .7]")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="T, the number of steps of a uniform grid. [default: 10]")
    ] = None,
    shift: Annotated[float | None, typer.Option(help="Of a solver's grid.")] = None,
    start: Annotated[float | None, typer.Option(help="A solver's first level.")] = None,
    eta: Annotated[float | None, typer.Option(help="DDIM's share of noise, 0 to 1.")] = None,
    churn: Annotated[float | None, typer.Option(help="Of heun_churn, as in EDM.")] = None,
    restarts: Annotated[int | None, typer.Option(help="Of restart: how many.")] = None,
    tolerance: Annotated[float | None, typer.Option(help="Of adaptive; local, each entry.")] = None,
    sde: Annotated[
        str | None, typer.Option(help="Whose probability flow: vp, ve, linear or flow_grpo.")
    ] = None,
    n: Annotated[int, typer.Option(help="Samples.")] = 4096,
    seed: Annotated[int, typer.Option()] = 0,
    out: Annotated[Path | None, typer.Option(help="Write the rollout as .npz.")] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Write samples beside exact ones as .svg.")
    ] = None,
) -> None:
    """Sample a toy whose exact law is known, by ODE or SDE, and score the rollout again.

    With --solver: by a solver as it is deployed, with its calls and how far its law is off.
    """
    of_solver = {"shift": shift, "start": start, "eta": eta, "churn": churn, "restarts": restarts,
                 "tolerance": tolerance, "sde": sde}  # fmt: skip
    if solver is None:
        if stray := [f"--{name}" for name, value in of_solver.items() if value is not None]:
            raise ValueError(f"{stray[0]} belongs to --solver NAME, which is not given")
        a, steps = 0.7 if a is None else a, 10 if steps is None else steps
        return _rollout(toy, sampler or Sampler.sde, a, steps, n, seed, out, picture)
    if sampler is not None:
        raise ValueError(f"--solver {solver} or --sampler {sampler.value}: give one of the two")
    if out is not None:
        raise ValueError("--out writes a rollout's steps, which --solver does not keep")
    _solve(toy, solver, {**of_solver, "a": a}, steps, n, seed, picture)


def _rollout(
    toy: str,
    sampler: Sampler,
    a: float,
    steps: int,
    n: int,
    seed: int,
    out: Path | None,
    picture: Path | None,
) -> None:
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
        _draw(done.picture, toy, picture)


def _draw(shown: "Picture", toy: str, file: Path) -> None:
    file.write_text(shown.svg(f"{toy}, sampled and exact"), encoding="utf-8")
    console.print(f"picture     {file}")


def _solve(
    toy: str,
    solver: str,
    settings: dict[str, Any],
    steps: int | None,
    n: int,
    seed: int,
    picture: Path | None,
) -> None:
    from ..verify.solving import Solving, solve_toy

    files.reports(picture)
    if picture:
        needs("matplotlib", extra="pictures")
    given = {name: value for name, value in settings.items() if value is not None}
    shift, start = (given.pop(name, 1.0) for name in ("shift", "start"))
    asked = Solving(toy, solver.replace("-", "_"), steps, shift, start, n, seed, given)
    with progress(f"sampling {toy}", None):
        done = solve_toy(asked)
    for line in done.lines:
        console.print(line)
    if picture:
        _draw(done.picture, toy, picture)


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
    for what in ("mean", "std"):
        reached, wanted = came.get(f"end_{what}"), came.get(f"end_{what}_predicted")
        if isinstance(reached, float) and isinstance(wanted, float):
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
