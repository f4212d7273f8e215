"""Commands about noise levels: grid, levels."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from .. import outside
from . import completing
from .app import app, console
from .output import listing


@app.command()
def grid(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE|MODEL",
            help="A scheduler_config.json, a model's folder, or a name such as sd3.5.",
            autocompletion=completing.grids,
        ),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="T, the number of steps.")] = None,
    tokens: Annotated[
        float | None, typer.Option(help="Of the image or video: for a dynamic shift.")
    ] = None,
    mu: Annotated[float | None, typer.Option(help="The logarithm of a dynamic shift.")] = None,
    handed: Annotated[
        str | None,
        typer.Option(
            help="What the pipeline hands over: own, 1/steps, open, or levels with commas."
        ),
    ] = None,
    timesteps: Annotated[
        str | None, typer.Option(help="Network times handed over, with commas.")
    ] = None,
    a: Annotated[float, typer.Option(help="Noise level: g = a √(t/(1 − t)).")] = 0.7,
    rule: Annotated[
        str, typer.Option(help="What stands for t = 1 in g: next_level or clamp.")
    ] = "next_level",
    identify: Annotated[
        Path | None, typer.Option(help="A file of levels or network times: which grid is it?")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """The noise levels a scheduler's configuration makes, step by step; or which grid a list is."""
    if identify is not None:
        if source is not None:
            raise ValueError(f"--identify reads {identify}: leave {source!r} out")
        return _identify(identify, as_json)
    if source is None:
        from ..simulate.config import models

        raise ValueError(f"name a scheduler_config.json, or one of {', '.join(models())}")
    from ..simulate import config, shipped

    entries, usual, told, boundary = _entries(source)
    times = _numbers("--timesteps", timesteps) if timesteps else []
    given = _handed(handed) if handed else usual
    if steps is None:
        steps = len(times) or (len(given) if not isinstance(given, str) else 0)
    if not steps:
        raise ValueError("--steps says how many")
    made = shipped.made(config.read(entries), steps, tokens=tokens, mu=mu, handed=given,
                        timesteps=times)  # fmt: skip
    _show(made, given, told, boundary, a, rule, as_json)


SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


@app.command("levels")
def levels_(
    law: Annotated[
        str, typer.Argument(help='"uniform", "logit-normal(0, 1)", "mode(1.29)", "cosmap", ...')
    ],
    shift: Annotated[float, typer.Option(help="k: the levels are shifted after the draw.")] = 1.0,
    weight: Annotated[
        str, typer.Option(help='Of the loss: "none", "cosmap", "bell", "min-snr(5)", ...')
    ] = "none",
    above: Annotated[
        list[float] | None, typer.Option(help="The share above a level; may be repeated.")
    ] = None,
    turned: Annotated[
        bool, typer.Option(help="Levels are looked up in a list of timesteps that falls.")
    ] = False,
) -> None:
    """The law of training levels and of what its weighed loss trains: shares, densities, noise."""
    from ..simulate import levels
    from ..toy.levels import noise

    drawn = levels.law(law)
    drawn = drawn.turned() if turned else drawn
    drawn = drawn if shift == 1 else drawn.shifted(shift)
    weigh = levels.weight(weight)
    laws = {"drawn": drawn} | (
        {} if weight == "none" else {"trained": levels.trained(drawn, weigh)}
    )
    table = listing("", *laws, wrapped="")
    for p in SHARES:
        table.add_row(f"{p:.0%} lie below", *(f"{x.quantile(p):.4f}" for x in laws.values()))
    for t in (0.1, 0.5, 0.9):
        table.add_row(f"density at {t}", *(f"{x.density(t):.4f}" for x in laws.values()))
    for t in above or ():
        table.add_row(f"share above {t:g}", *(f"{x.above(t):.4f}" for x in laws.values()))
    console.print(f"law         {escape(drawn.name)}, weight {escape(weight)}")
    console.print(table)
    found = noise(drawn, weigh)
    console.print(
        f"noise       {found.wasted:.3f} times what the best law leaves for the same product, "
        "on data N(0, 0.25)"
    )


def _entries(source: str) -> tuple[Any, str, str, float]:
    """A configuration, how its pipeline hands levels over, what is said of it, and its boundary."""
    from ..simulate import config

    path = Path(source)
    if source in config.models():
        found = config.model(source)
        return (
            found["config"],
            found["handed"],
            f"source: {found['source']}",
            found.get("boundary", 0.0),
        )
    if path.is_dir():
        inside = [path / "scheduler_config.json", path / "scheduler" / "scheduler_config.json"]
        path = next((file for file in inside if file.is_file()), inside[0])
    if not path.exists() and path.suffix != ".json":
        raise ValueError(
            f"there is no file {source} and no model of that name"
            f"{config.nearest(source, config.models())}"
        )
    entries = _json(path)
    usual, told = _pipeline(path, entries)
    return entries, usual, told, 0.0


def _json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        ValueError: it is none.
    """
    try:
        return outside.parsed(outside.text(path, outside.SETTINGS), "it")
    except ValueError as error:
        raise ValueError(f"{path} is no JSON file: {error}") from None


def _pipeline(path: Path, entries: Any) -> tuple[str, str]:
    """What the pipeline of a model's folder hands over; without one, what is usual."""
    from ..simulate import config

    index = path.resolve().parent.parent / "model_index.json"
    if index.is_file():
        name = str(dict(_json(index)).get("_class_name", ""))
        fits = [p for p in config.known()["pipelines"] if name.startswith(p)]
        if fits:
            usual = str(config.known()["pipelines"][max(fits, key=len)])
            return usual, f"{name} hands over: {usual}"
    dynamic = isinstance(entries, dict) and entries.get("use_dynamic_shifting")
    euler = isinstance(entries, dict) and "Euler" in str(entries.get("_class_name"))
    usual = "1/steps" if dynamic and euler else "own"
    return usual, f"no model_index.json that says more: even levels as with --handed {usual}"


def _numbers(name: str, text: str) -> list[float]:
    """Numbers with commas or blanks between them.

    Raises:
        ValueError: something that is no number.
    """
    found = []
    for word in text.replace(",", " ").split():
        try:
            found.append(float(word))
        except ValueError:
            raise ValueError(f"{name} holds numbers, got {word!r}") from None
    return found


def _handed(text: str) -> str | list[float]:
    from ..simulate.shipped import HANDED

    return text if text in HANDED or text[:1].isalpha() else _numbers("--handed", text)


def _show(
    made: Any, given: str | Sequence[float], told: str, boundary: float, a: float, rule: str,
    as_json: bool,
) -> None:  # fmt: skip
    from ..labs import steps

    rows = steps.along(made.levels, a, rule)
    remarks = [*made.remarks, *_of_rows(rows, boundary, made)]
    if as_json:
        shown = {"levels": made.levels, "told": made.told, "shift": made.shift, "remarks": remarks,
                 "steps": [vars(row) for row in rows]}  # fmt: skip
        console.print_json(json.dumps(_finite(shown)))
        return
    table = listing("step", "t", "s", "h", "told", "g", "std", "memory", "KL weight", wrapped="")
    for i, (row, time) in enumerate(zip(rows, made.told, strict=True), 1):
        cells = (row.t, row.s, row.h, time, row.g, row.std, row.memory, row.kl)
        table.add_row(str(i), *(_short(x) for x in cells))
    console.print(table)
    console.print(f"shift       {made.shift:.6g}, μ = {math.log(made.shift):.6g}")
    if not isinstance(given, str):
        given = "the levels of --handed"
    console.print(f"handed over {escape(str(given))}; {escape(told)}", soft_wrap=True)
    for line in remarks:
        console.print(f"note        {escape(line)}", soft_wrap=True)


def _of_rows(rows: Sequence[Any], boundary: float, made: Any) -> list[str]:
    """What the steps say: a g that is too large, the step at which networks change."""
    from ..labs.steps import LARGE

    found = []
    if rows[0].g > LARGE:
        found.append(
            f"g = {rows[0].g:.4g} at the first step: t = {rows[0].t:.6g} is so near 1 that "
            "1/(1 − t) explodes; --rule clamp stops it at .99."
        )
    if boundary:
        high = sum(t >= boundary for t in made.levels[:-1])
        found.append(f"Networks change at level {boundary:g}: {high} steps run above it.")
    return found


def _short(x: float) -> str:
    return "–" if not math.isfinite(x) else f"{x:.6g}" if x >= 1e-4 or x == 0 else f"{x:.3g}"


def _finite(value: Any) -> Any:
    """The same with null for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _finite(x) for key, x in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(x) for x in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _identify(path: Path, as_json: bool) -> None:
    from ..simulate import named

    numbers, rounding = _listed(path)
    seen, found = named.identify(numbers, rounding)
    if as_json:
        shown = {"done": seen.done, "matches": [vars(m) for m in found]}
        console.print_json(json.dumps(_finite(shown)))
        return
    for line in seen.done:
        console.print(f"note        {line}")
    best, *rest = found
    word = "it is" if best.exact else "nearest is"
    console.print(f"[bold]{word}[/bold] {best.name}{_fitted(best)}, {len(seen.levels) - 1} steps")
    console.print(f"difference  {best.gap:.2g} at level {best.at}: {seen.levels[best.at]:.6g}, "
                  f"there {best.levels[best.at]:.6g}")  # fmt: skip
    for other in (m for m in rest if m.exact):
        console.print(f"also fits   {other.name}{_fitted(other)}")
    if not best.exact:
        for other in rest[:2]:
            console.print(f"then        {other.name}{_fitted(other)}, off by {other.gap:.2g}")
        raise typer.Exit(1)


def _fitted(match: Any) -> str:
    if match.shift == 1:
        return ""
    return f", shift {match.shift:.6g} (μ = {math.log(match.shift):.6g})"


def _listed(path: Path) -> tuple[list[float], float]:
    """The numbers of a file, and what one may be off by as it is written.

    Half a unit of the last digit; a whole unit for network times without a fraction, which are
    often cut off and not rounded.
    """
    text = outside.text(path, outside.SETTINGS)
    bare = text.translate(str.maketrans("[](){};,", " " * 8)).split()
    numbers = _numbers(str(path), " ".join(word.removeprefix("tensor") for word in bare))
    digits = [len(word.partition(".")[2]) for word in bare if "." in word and "e" not in word]
    if digits:
        return numbers, 0.5 * 10.0 ** -max(digits)
    return numbers, 1.0 if max(numbers, default=0.0) > 1 else 0.0
