"""The command line: verify, check, eq, sample, surrogate, train, lab, topic, coverage.

Exit codes: 0 everything holds, 1 something differs or fails, 2 it could not run (bad arguments,
a missing library).
"""

import contextlib
import inspect
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A verified reference for flow matching and Flow-GRPO.",
)
console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)


def main() -> None:
    """The entry point of the `refimpl` command."""
    app()


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """Bad input becomes one line on standard error and exit code 2, not a traceback."""
    try:
        yield
    except (ValueError, KeyError, TypeError, OSError, ModuleNotFoundError) as error:
        message = error.args[0] if isinstance(error, KeyError) and error.args else error
        stderr = Console(stderr=True, highlight=False, soft_wrap=True)
        stderr.print(f"[red]refimpl:[/red] {escape(str(message))}")
        raise typer.Exit(2) from None


@app.command()
def verify(
    only: Annotated[
        str | None, typer.Option(help="Only ids that start so: sde, sde.drift.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Mixed into every check's own seed.")] = 0,
    json: Annotated[Path | None, typer.Option(help="Write the whole run as JSON.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a self-contained report.")] = None,
) -> None:
    """Prove, compute, sample and test everything; exit 0 only if all of it holds."""
    import torch

    from .verify import report as show
    from .verify.run import Outcome, derivation_index
    from .verify.run import verify as run

    torch.set_num_threads(1)
    with _refusals():
        from .verify.evidence import checks

        for file in (json, html):
            if file and not file.parent.is_dir():
                raise OSError(f"no folder {file.parent} to write {file.name} into")
        with _progress() as progress:
            total = len(derivation_index()) + len(checks()) if only is None else None
            task = progress.add_task("verifying", total=total)

            def note(outcome: Outcome) -> None:
                progress.update(task, advance=1, description=f"{outcome.layer}: {outcome.name}")
                if outcome.verdict == "fails":
                    progress.console.print(f"[red]✗ {outcome.name}[/red]")

            done = run(only, seed, note, docs=_docs())
            progress.update(task, description="done")
    console.print(show.table(done))
    for line in show.totals(done):
        console.print(line)
    for outcome in done.failures:
        console.print(f"[red]✗ {outcome.name}:[/red] {escape(outcome.detail)}")
    for gap in done.gaps:
        console.print(f"[red]✗ coverage:[/red] {gap}")
    if json:
        json.write_text(show.as_json(done), encoding="utf-8")
    if html:
        html.write_text(show.as_html(done), encoding="utf-8")
    verdict = "[green]everything holds[/green]" if done.holds else "[red]not everything holds[/red]"
    console.print(f"{verdict}, in {done.seconds:.1f} s (seed {seed})")
    raise typer.Exit(0 if done.holds else 1)


@app.command()
def eq(
    id: Annotated[str | None, typer.Argument(help="Such as sde.drift; none lists all.")] = None,
) -> None:
    """Show an equation: formula, statement, source, and where its proof, test and page are."""
    from .equations import equations, find

    if id is None:
        listing = Table(header_style="bold", pad_edge=False)
        for column in ("id", "statement", "rows"):
            listing.add_column(column, no_wrap=column != "statement")
        for e in equations().values():
            listing.add_row(e.id, escape(e.statement), " ".join(e.rows))
        console.print(listing)
        return
    with _refusals():
        e = find(id)
        for name, value in _facts(e).items():
            console.print(f"[bold]{name:<10}[/bold]{escape(value)}", soft_wrap=True)


def _facts(e: Any) -> dict[str, str]:
    root = Path(__file__).resolve().parent.parent
    proof, formulas = _proof_of(e.id)
    code = Path(inspect.getsourcefile(e.function) or "").resolve()
    return {
        "id": e.id,
        "statement": e.statement,
        **{f"formula{i or ''}": line for i, line in enumerate(formulas)},
        "call": f"{e.id}{inspect.signature(e.function)}",
        "source": e.source,
        "rows": ", ".join(e.rows),
        "code": f"{code.relative_to(root) if code.is_relative_to(root) else code}:{e.line}",
        "proof": proof,
        "test": f"tests/equations/test_{e.topic}.py",
        "page": f"docs/math/{e.topic}.md#{e.id}",
    }


def _proof_of(id: str) -> tuple[str, list[str]]:
    from .verify.run import prove_one

    outcome = prove_one(id) if id in _derivation_ids() else None
    if outcome is None:
        owners = [name for name, of in _derivation_ids().items() if id in of]
        if not owners:
            return "none", []
        outcome = prove_one(owners[0])
    shown = [f"{left} = {right}" for left, right in getattr(outcome.evidence, "displays", ())]
    word = "proved" if outcome.verdict == "holds" else "NOT PROVED"
    return f"derivations/{outcome.name.partition('.')[0]}.py: {word}, {outcome.detail}", shown


def _derivation_ids() -> dict[str, tuple[str, ...]]:
    from .verify.run import derivation_index

    return derivation_index()


class Peer(StrEnum):
    """The libraries that `check` knows."""

    diffusers = "diffusers"
    flow_matching = "flow_matching"


@app.command()
def check(peer: Annotated[Peer, typer.Argument(help="An installed library.")]) -> None:
    """Compare a library with the reference: grids, steps, paths, conversions, guidance."""
    from .conformance.adapters.diffusers import Diffusers
    from .conformance.adapters.flow_matching import FlowMatching
    from .conformance.checks import run

    with _refusals():
        adapter: Any = {Peer.diffusers: Diffusers, Peer.flow_matching: FlowMatching}[peer]()
        results = run(adapter)
    listing = Table(header_style="bold", pad_edge=False)
    for column in ("check", "verdict", "largest gap", "cause"):
        listing.add_column(column, no_wrap=column in ("check", "verdict"))
    for r in results:
        if r.verdict != "not provided":
            listing.add_row(r.check.replace("_", " "), r.verdict, f"{r.gap:.2g}", r.cause)
    console.print(f"{adapter.name} {adapter.version}")
    console.print(listing)
    differing = sum(r.verdict == "differs" for r in results)
    console.print(
        f"{sum(r.verdict == 'agrees' for r in results)} agree, "
        f"{sum(r.verdict == 'differs by design' for r in results)} differ by design, "
        f"{differing} differ"
    )
    raise typer.Exit(1 if differing else 0)


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
    from .verify.sampling import Request, sample_toy

    with _refusals():
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

    from .toy import gaussian_1d
    from .toy import grpo as loop

    torch.set_num_threads(1)
    with _refusals():
        settings = loop.Settings(
            beta=beta, a=a, T=steps, iterations=iterations, group=group, clip=clip, seed=seed,
            learning_rate=0.04,
        )  # fmt: skip
        wanted = loop.predicted(gaussian_1d(), slope, settings)
        with _progress() as progress:
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
    with _refusals(), _progress() as progress:
        from .labs import run

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

    from .labs import topics

    torch.set_num_threads(1)
    with _refusals(), tempfile.TemporaryDirectory() as folder:
        found = topics.run(Path(folder) / "found.json", [name], seed=seed)
        console.print_json(data=found)


@app.command()
def surrogate(
    ratio: Annotated[float, typer.Argument(help="r = p_new/p_old of one step.")],
    advantage: Annotated[float, typer.Option(help="A of the sample.")],
    clip: Annotated[float, typer.Option(help="ε: the half-width of the trust region.")],
) -> None:
    """Value and slope of the clipped objective at one ratio: which branch am I in?"""
    import torch

    from .equations import grpo

    with _refusals():
        r = torch.tensor(ratio, dtype=torch.float64, requires_grad=True)
        value = grpo.surrogate(r, torch.tensor(advantage, dtype=torch.float64), clip)
        (slope,) = torch.autograd.grad(value, r)
        console.print(f"surrogate  {value.item():.12g}")
        console.print(f"slope in r {slope.item():.12g}")
        state = "clipped: no gradient" if slope == 0 else "not clipped"
        console.print(f"branch     {state}")


@app.command()
def coverage(
    claimed: Annotated[bool, typer.Option(help="Only rows that this version claims.")] = False,
) -> None:
    """The ledger, row by row, with the evidence behind each letter; exit 1 if a claim has none."""
    from .verify.run import verify as run

    with _refusals():
        done = run(docs=_docs())
    listing = Table(header_style="bold", pad_edge=False)
    for column in ("row", "needs", "has", "statement"):
        listing.add_column(column, no_wrap=column != "statement")
    for row in done.rows:
        if row.claims or not claimed:
            has = "".join(letter if row.letters[letter] else "·" for letter in row.needs)
            listing.add_row(row.id, row.needs, has, escape(row.statement))
    console.print(listing)
    for problem in (*done.gaps, *(f"{o.name}: {o.detail}" for o in done.failures)):
        console.print(f"[red]✗[/red] {escape(problem)}")
    complete = sum(row.done for row in done.rows)
    console.print(f"{complete} of {len(done.rows)} rows complete")
    raise typer.Exit(1 if done.gaps or done.failures else 0)


def _docs() -> Path | None:
    """The pages, when the command runs from a checkout."""
    pages = Path(__file__).resolve().parent.parent / "docs"
    return pages if (pages / "math").is_dir() else None


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description:<60.60}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True, highlight=False),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
