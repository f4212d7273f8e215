"""The command about guidance: what its variants sample where the answer is known."""

from typing import Annotated

import typer

from .app import app, console
from .output import listing


@app.command()
def guidance(
    w: Annotated[float, typer.Option(help="The scale; 1 is the conditional flow.")] = 4.5,
    steps: Annotated[int, typer.Option(help="T, of Euler's method.")] = 28,
    shift: Annotated[float, typer.Option(help="k of the grid's shift.")] = 3.0,
    zero_steps: Annotated[int, typer.Option(help="Steps at the start that do nothing.")] = 0,
) -> None:
    """What guidance and its variants sample from two exact toys: mean, width, share far off."""
    from ..equations.domain import fields
    from ..simulate.grids import shifted
    from ..toy.variants import GAUSSIANS, MODES, VARIANTS, end

    fields(w=w)
    grid = shifted(steps, shift)
    table = listing("", "Gaussian: mean", "std", "modes: mean", "std", "share far off", wrapped="")
    for name in VARIANTS:
        one, two = (end(name, pair, w, grid, zero_steps) for pair in (GAUSSIANS, MODES))
        cells = (one.mean, one.std, two.mean, two.std, two.beyond)
        table.add_row(name, *(f"{x:.4f}" for x in cells))
    console.print(table)
    told = (
        "wanted      N(1, 0.25), and N(1, 0.0625), of which .0455 lies 2 std and more from its mean"
    )
    console.print(told)
