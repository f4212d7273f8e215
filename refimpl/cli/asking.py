"""Commands that answer one question: eq, surrogate."""

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from . import completing
from .app import app, console
from .output import listing
from .progress import progress


@app.command()
def eq(
    id: Annotated[
        str | None,
        typer.Argument(help="Such as sde.drift; none lists all.", autocompletion=completing.ids),
    ] = None,
) -> None:
    """Show an equation: formula, statement, source, and where its proof, test and page are."""
    from ..equations import equations, find

    if id is None:
        table = listing("id", "statement", "rows", wrapped="statement")
        for e in equations().values():
            table.add_row(e.id, escape(e.statement), " ".join(e.rows))
        console.print(table)
        return
    e = find(id)
    with progress(f"proving {id}", None):
        facts = _facts(e)
    for name, value in facts.items():
        console.print(f"[bold]{name:<10}[/bold]{escape(value)}", soft_wrap=True)


def _facts(e: Any) -> dict[str, str]:
    from ..verify.run import formulas

    root = Path(__file__).resolve().parents[2]
    code = Path(inspect.getsourcefile(inspect.unwrap(e.function)) or "").resolve()
    return {
        "id": e.id,
        "statement": e.statement,
        **{f"formula{i or ''}": line for i, line in enumerate(formulas(e.id))},
        "call": f"{e.id}({', '.join(inspect.signature(e.function).parameters)})",
        **{f"  {place.name}": _told(place.argument) for place in e.places},
        "source": e.source,
        "rows": ", ".join(e.rows),
        "code": f"{code.relative_to(root) if code.is_relative_to(root) else code}:{e.line}",
        "proof": _proof_of(e.id),
        "test": f"tests/equations/test_{e.topic}.py",
        "page": f"docs/math/{e.topic}.md#{e.id}",
    }


def _told(argument: Any) -> str:
    """What an argument is, where it may lie, and what one value belongs to."""
    own = {"sample": "; one a sample or one a coordinate", "array": "; an array"}
    return f"{argument.meaning} ({argument.domain.words}{own.get(argument.per, '')})"


def _proof_of(id: str) -> str:
    from ..verify.run import prove_one

    index = _derivation_ids()
    owners = [name for name, of in index.items() if id in of]
    if not owners:
        return "none"
    outcome = prove_one(id if id in index else owners[0])
    word = "proved" if outcome.verdict == "holds" else "NOT PROVED"
    return f"derivations/{outcome.name.partition('.')[0]}.py: {word}, {outcome.detail}"


def _derivation_ids() -> dict[str, tuple[str, ...]]:
    from ..verify.run import derivation_index

    return derivation_index()


@app.command()
def surrogate(
    ratio: Annotated[float, typer.Argument(help="r = p_new/p_old of one step.")],
    advantage: Annotated[float, typer.Option(help="A of the sample.")],
    clip: Annotated[float, typer.Option(help="ε: the half-width of the trust region.")],
) -> None:
    """Value and slope of the clipped objective at one ratio: which branch am I in?"""
    import torch

    from ..equations import grpo

    r = torch.tensor(ratio, dtype=torch.float64, requires_grad=True)
    value = grpo.surrogate(r, torch.tensor(advantage, dtype=torch.float64), clip)
    (slope,) = torch.autograd.grad(value, r)
    console.print(f"surrogate  {value.item():.12g}")
    console.print(f"slope in r {slope.item():.12g}")
    console.print(f"branch     {_branch(ratio, advantage, clip)}")


def _branch(r: float, A: float, clip: float) -> str:
    """Where r is, and which of the two terms is the smaller; at an edge they are equal."""
    low, high = 1 - clip, 1 + clip
    if A == 0:
        return f"A = 0: no gradient, r is {'inside' if low <= r <= high else 'outside'}"
    edge = high if A > 0 else low
    if r == edge:
        return f"at the edge, r = {edge:.12g}: clipped on one side of it, not on the other"
    if (r > edge) == (A > 0):
        return f"clipped: no gradient, r is {'above' if A > 0 else 'below'} {edge:.12g}"
    if low <= r <= high:
        return "not clipped: r is inside"
    return "not clipped: r is outside, and A pulls it back"
