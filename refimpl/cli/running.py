"""Commands that run something: sample, train toy, lab, topic."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .app import app, console, progress_bar, refusals


class Sampler(StrEnum):
    """The samplers of `sample`."""

    ode = "ode"
    sde = "sde"


@app.command()
def sample(
    toy: Annotated[
        str, typer.Option(help="gaussian_1d, mixture_1d, mixture_2d, ...")
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

    with refusals():
        done = sample_toy(Request(toy, sampler.value, a, steps, n, seed))
        for line in done.lines:
            console.print(line)
        if out:
            done.save(out)
            console.print(f"rollout     {out}")
        if picture:
            picture.write_text(done.picture, encoding="utf-8")
            console.print(f"picture     {picture}")


train = typer.Typer(no_args_is_help=True, help="Fine-tune by Flow-GRPO.")
app.add_typer(train, name="train")


@train.callback()
def _train() -> None:
    """Fine-tune by Flow-GRPO."""


@train.command()
def toy(
    slope: Annotated[float, typer.Option(help="The reward is slope · x.")] = 1.0,
    beta: Annotated[float, typer.Option(help="Weight of the summed KL.")] = 1.0,
    a: Annotated[float, typer.Option(help="Noise level of the SDE.")] = 0.7,
    steps: Annotated[int, typer.Option(help="T.")] = 10,
    iterations: Annotated[int, typer.Option()] = 120,
    group: Annotated[int, typer.Option(help="Rollouts that share a baseline.")] = 16,
    clip: Annotated[float, typer.Option(help="ε of the ratio.")] = 0.2,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Flow-GRPO on N(1.5, 0.25) with a linear reward: where it goes, and where theory says."""
    import torch

    from ..toy import gaussian_1d
    from ..toy import grpo as loop

    torch.set_num_threads(1)
    with refusals():
        settings = loop.Settings(
            beta=beta, a=a, T=steps, iterations=iterations, group=group, clip=clip, seed=seed,
            learning_rate=0.04,
        )  # fmt: skip
        wanted = loop.predicted(gaussian_1d(), slope, settings)
        with progress_bar() as progress:
            task = progress.add_task("iterations", total=iterations)
            model, history = loop.train(
                gaussian_1d(),
                lambda x: slope * x[:, 0],
                settings,
                lambda i, measured: progress.update(
                    task, advance=1, description=f"reward {measured.reward:.3f}"
                ),
            )
        with torch.no_grad():
            model.shift.copy_(loop.averaged([h.shift for h in history]))
        reached = loop.end_law(model, settings)
    console.print(f"reward      {history[0].reward:.4f} → {history[-1].reward:.4f}")
    console.print(f"end mean    {reached.mean:.4f}   predicted {wanted.mean:.4f}")
    console.print(f"end std     {reached.std:.4f}   predicted {wanted.std:.4f}")
    console.print(f"ratio − 1   {max(h.ratio_gap for h in history):g} before each first update")
    console.print(f"KL          {history[-1].kl:.4f}   clipped {history[-1].clipped:.1%}")


@app.command()
def lab(
    number: Annotated[int, typer.Argument(help="1, 2 or 3.")],
    out: Annotated[Path | None, typer.Option(help="Folder to write; default runs/labN.")] = None,
    quick: Annotated[bool, typer.Option(help="Seconds: to see that it works.")] = False,
    resume: Annotated[bool, typer.Option(help="Go on where a stopped run was.")] = False,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Run a lab: pictures and metrics.json in a folder."""
    with refusals(), progress_bar() as progress:
        from ..labs import run

        task = progress.add_task(f"lab {number}", total=1.0)
        folder = run(
            number,
            out or Path("runs") / f"lab{number}",
            quick=quick,
            resume=resume,
            seed=seed,
            on_progress=lambda share, text: progress.update(
                task, completed=share, description=text
            ),
        )
    for file in sorted(folder.iterdir()):
        if file.suffix in (".png", ".json"):
            console.print(str(file))


@app.command()
def topic(
    name: Annotated[str, typer.Argument(help="scales, densities, transport, guidance, ...")],
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Run one topic with learnt models at full length, and print its numbers as JSON."""
    import tempfile

    import torch

    from ..labs import topics

    torch.set_num_threads(1)
    with refusals(), tempfile.TemporaryDirectory() as folder:
        found = topics.run(Path(folder) / "found.json", [name], seed=seed)
        console.print_json(data=found)
