"""The places of an equation: where each thing about it lies, and what is still lacking there.

    code    proof    route    mistakes    inputs    test    page        one stem, `<topic>`, in all

A place lacks an equation if its file is not there, if the file does not name the id where it
should, or if it holds the words that `refimpl new` leaves for a person to replace.
"""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

UNFILLED = "FILL IN"
"""What a scaffold leaves behind; nothing that holds it is done."""


@dataclass(frozen=True)
class Place:
    """One of the places in which an equation must appear.

    Attributes:
        name: what is kept there.
        path: the file, with the topic for {}.
        wanted: what the file must hold for an id, in words.
        holds: whether the text of the file has it.
    """

    name: str
    path: str
    wanted: str
    holds: Callable[[str, str], bool]

    def file(self, root: Path, id: str) -> Path:
        """The file of that equation's topic."""
        return root / self.path.format(id.partition(".")[0])


def _registered(call: str) -> Callable[[str, str], bool]:
    """Whether a call of that name has the id among its arguments."""

    def holds(text: str, id: str) -> bool:
        return any(
            isinstance(part, ast.Constant) and part.value == id
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(call)
            for part in ast.walk(node)
        )

    return holds


PLACES = (
    Place("code", "refimpl/equations/{}.py", "@equation", _registered("equation")),
    Place("proof", "derivations/{}.py", "@derivation", _registered("derivation")),
    Place("route", "refimpl/evidence/routes/{}.py", "@route", _registered("route")),
    Place("mistakes", "refimpl/evidence/mistakes/{}.py", "Mistake", _registered("Mistake")),
    Place("inputs", "refimpl/evidence/inputs/{}.py", "a file of the topic", lambda text, id: True),
    Place("test", "tests/equations/test_{}.py", "pytest.mark.covers", _registered("mark.covers")),
    Place(
        "page", "docs/math/{}.md", "a generated block",
        lambda text, id: f"<!-- generated: {id} " in text,
    ),
)  # fmt: skip


def missing(root: Path, id: str) -> list[str]:
    """What an equation still lacks, one line a place; empty if it has everything."""
    return [line for place in PLACES if (line := _lack(place, root, id))]


def _lack(place: Place, root: Path, id: str) -> str:
    file = place.file(root, id)
    shown = file.relative_to(root)
    if not file.is_file():
        return f"{place.name}: there is no {shown}"
    text = file.read_text("utf-8")
    if not place.holds(text, id):
        return f"{place.name}: {shown} has no {place.wanted} for {id}"
    unfilled = [k for k, line in enumerate(text.splitlines(), start=1) if UNFILLED in line]
    if unfilled and re.search(rf"\b{re.escape(id)}\b", text):
        return f"{place.name}: {shown}:{unfilled[0]} is still to be filled in"
    return ""
