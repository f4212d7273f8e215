"""A printed formula, read back: from the LaTeX alone it must be the function again.

    problems("kl.k2") == []

Parsed from the print, its free letters are the function's arguments and no others, and it equals
the function twice: on symbols about which nothing is assumed (so that a clip of A > 0 cannot lose
its lower half), and on numbers.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Iterator
from typing import Any

import sympy as sp

from refimpl.equations import find

from .algebra.rational import vanishes
from .formula import (
    CHOICES,
    Argument,
    Equal,
    Formula,
    Numbers,
    Velocity,
    arguments_of,
    formula,
    nodes_of,
)
from .written.chance import Law
from .written.groups import Above, Count
from .written.node import Node
from .written.reading import NotWritten
from .written.records import Record
from .written.space import Space, flat
from .written.tex import read_tex

DRAWS = 6
"""Points at which a print and its function are compared in numbers."""

CLOSE = 1e-9
"""How near: both are computed in double precision by the same operations, in one order."""


@functools.cache
def problems(id: str, instead: str = "") -> list[str]:
    """What is wrong with the print of a function; empty when it is the function.

    Args:
        id: of the equation.
        instead: another right side, to be judged in place of the one that is printed.
    """
    try:
        printed = formula(id)
        if instead:
            first = dataclasses.replace(printed.lines[0], tex=instead)
            printed = dataclasses.replace(printed, lines=(first, *printed.lines[1:]))
        found = []
        for choice in CHOICES.get(id, (("", {}),)):
            lines = [line for line in printed.lines if line.choice == choice[0]]
            found += _compare(id, printed, [line.tex for line in lines], choice[1])
        return found
    except NotWritten as error:
        return [f"{id}: {error}"]


def _letters(id: str, printed: Formula) -> dict[str, Any]:
    """Every letter that may stand in the print: arguments, their parts, sizes, and locals."""
    table: dict[str, Any] = {Equal.TEX: Equal()}
    for value in arguments_of(id).values():
        parts = value.children if isinstance(value, (Record, Law)) else (value,)
        table |= {part.tex: part for part in parts if isinstance(part, Node)}
    for _, node in nodes_of(id)[0] + nodes_of(id)[1]:
        table |= {count.tex: count for count in _counts(node)}
    own = {line.left: line.tex for line in printed.lines if len(printed.lines) > 1}
    for left, tex in [(w.left, w.tex) for w in printed.where] + list(own.items()):
        if left not in table:
            table[left] = read_tex(tex, table)
    return table


def _counts(node: Node) -> Iterator[Count]:
    if isinstance(node, Count):
        yield node
    for child in node.children:
        yield from _counts(child)


def _compare(id: str, printed: Formula, tex: list[str], chosen: dict[str, Any]) -> list[str]:
    letters = _letters(id, printed)
    read = [read_tex(line, letters) for line in tex]
    found = _strangers(id, read, chosen)
    function = find(id).function
    arguments = arguments_of(id) | chosen
    if not _branches(read):
        space: Space = Space(1)
        want = flat(_called(function, arguments, space))
        got = [scalar for node in read for scalar in flat(node.at(space))]
        if len(want) != len(got) or not all(map(_same, want, got)):
            found.append(f"{id}: on symbols the print is {got}, the function {want}")
    for draw in range(DRAWS):
        space = Numbers(f"{id}{draw}", equal=draw == DRAWS - 1)
        want = flat(_called(function, arguments, space))
        got = [scalar for node in read for scalar in flat(node.at(space))]
        if len(want) != len(got) or not all(map(_close, want, got)):
            found.append(f"{id}: on numbers the print is {got}, the function {want}")
    return found


def _same(a: sp.Expr, b: sp.Expr) -> bool:
    return bool(a == b) or vanishes(sp.sympify(a) - b)


def _close(a: Any, b: Any) -> bool:
    a, b = complex(a), complex(b)
    return abs(a - b) <= CLOSE * max(1.0, abs(a))


def _branches(read: list[Node]) -> bool:
    """Whether a case is decided by numbers alone, which symbols cannot do."""
    return any(isinstance(node, Above) or _branches(list(node.children)) for node in read)


def _strangers(id: str, read: list[Node], chosen: dict[str, Any]) -> list[str]:
    """Arguments that are not printed, or letters that are none."""
    wanted: set[str] = set()
    for value in arguments_of(id).values():
        if isinstance(value, Node):
            wanted |= {a.parts[0] for a in _arguments(value)}
    found = {a.parts[0] for node in read for a in _arguments(node)}
    asked = _asked(id, chosen)
    return [f"{id}: {name} is printed and no argument" for name in sorted(found - wanted)] + [
        f"{id}: {name} is an argument and not printed" for name in sorted(asked - found)
    ]


def _arguments(node: Node) -> Iterator[Any]:
    if isinstance(node, (Argument, Velocity)):
        yield node
    for child in node.children:
        yield from _arguments(child)


def _asked(id: str, chosen: dict[str, Any]) -> set[str]:
    """The arguments on which the function's value depends."""
    space = Space(1)
    try:
        value = flat(_called(find(id).function, arguments_of(id) | chosen, space))
    except TypeError:
        return set()
    names = {str(s) for scalar in value for s in sp.sympify(scalar).free_symbols}
    return {
        a.parts[0]
        for v in arguments_of(id).values()
        if isinstance(v, Node)
        for a in _arguments(v)
        if any(n == a.parts[0] or n.startswith(a.parts[0] + "_1") for n in names)
    }


def _called(function: Any, arguments: dict[str, Any], space: Space) -> Any:
    values = {
        name: value.at(space) if isinstance(value, Node) else value
        for name, value in arguments.items()
    }
    kinds = inspect.signature(function).parameters
    named = {n: v for n, v in values.items() if kinds[n].kind is inspect.Parameter.KEYWORD_ONLY}
    plain = [v for n, v in values.items() if n not in named]
    return function(*plain, **named)
