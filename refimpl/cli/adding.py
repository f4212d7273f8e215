"""Commands for those who add an equation: new, missing."""

from pathlib import Path
from typing import Annotated

import typer

from .app import app, console, docs


def _checkout() -> Path:
    pages = docs()
    if pages is None:
        raise ValueError("this works in a checkout of refimpl, with its tests and docs; "
                         "an installed package has neither")  # fmt: skip
    return pages.parent


@app.command()
def new(id: Annotated[str, typer.Argument(help="topic.name, such as sde.drift.")]) -> None:
    """Put a stub of an equation into each of its places; they fail until they are filled."""
    from ..verify import scaffold

    root = _checkout()
    for path in scaffold.new(root, id):
        console.print(f"wrote  {path.relative_to(root)}")
    console.print(f"next   refimpl missing {id}")


@app.command()
def missing(
    id: Annotated[str | None, typer.Argument(help="An equation; none asks all of them.")] = None,
) -> None:
    """Say what an equation still lacks: code, proof, route, mistakes, inputs, test, page."""
    from ..equations import equations
    from ..verify import places

    root = _checkout()
    lacks = {name: places.missing(root, name) for name in ([id] if id else equations())}
    for name, lines in lacks.items():
        for line in lines:
            console.print(f"{name}  {line}", markup=False, soft_wrap=True)
    if any(lacks.values()):
        raise typer.Exit(1)
    console.print(f"{id or f'{len(lacks)} equations'}: nothing is missing")
