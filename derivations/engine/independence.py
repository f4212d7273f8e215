"""Is a formula shown for every value of each argument, or only where the proof happened to look?

    v − (3g/2 − 1) score       agrees with  v − (g²/2) score  at g = 1 and g = 2

For each argument the function is bent: a constant is added, except where the argument is a number
or equal to another argument, and times a − c for every value c at which a line is taken. A proof
that does not refute the bent function has shown the formula for special values only, and must name
them.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import sympy as sp

from .controls import Neighbour
from .formula import CHOICES, arguments_of
from .written.node import Node
from .written.space import Space

KAPPA = sp.Symbol("kappa", real=True)
"""How much the function is bent; no proof has this letter."""

Place = tuple[str, str]
"""An argument, and the part of it where it has parts."""


def bent(
    id: str, function: Callable[..., Any], taken_at: frozenset[sp.Expr]
) -> Iterator[tuple[str, Neighbour]]:
    """For each argument, and each part of what is returned that depends on it, a bent function.

    Args:
        id: of the equation.
        function: the one that is bent.
        taken_at: the values at which lines of the proof are taken, a|_{t = 1}.

    Yields:
        The argument's name (`step.t` for a part of one), and the function.
    """
    for place, field in _dependences(id):
        name = ".".join(filter(None, place))
        told = f"{name} in {field}" if field else name
        yield (
            name,
            Neighbour(
                change=f"{told} special only",
                source=f"bent in {told}",
                function=_bent_in(function, place, field, taken_at),
            ),
        )


@functools.cache
def _dependences(id: str) -> tuple[tuple[Place, str], ...]:
    """Every argument (and part of one) with every part of the result that depends on it."""
    from refimpl.equations import find

    chosen = CHOICES.get(id, (("", {}),))[0][1]
    arguments = arguments_of(id) | chosen
    space = Space(1)
    values = {
        name: value.at(space) if isinstance(value, Node) else value
        for name, value in arguments.items()
    }
    function = inspect.unwrap(find(id).function)
    bound = inspect.signature(function).bind_partial()
    bound.arguments.update(values)
    try:
        result = function(*bound.args, **bound.kwargs)
    except TypeError:  # a case that only numbers decide: all arguments count
        result = None
    found = []
    for name, value in values.items():
        for part, scalars in _places(value):
            letters = {s for scalar in scalars for s in scalar.free_symbols}
            for field, parts in _places(result) if result is not None else [("", [])]:
                inside = {s for scalar in parts for s in scalar.free_symbols}
                if result is None or letters & inside:
                    found.append(((name, part), field))
    return tuple(found)


def _places(value: Any) -> list[tuple[str, list[sp.Expr]]]:
    """The parts of a value by name, each as its scalars; a number is its own only part."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [
            (field.name, _scalars(getattr(value, field.name)))
            for field in dataclasses.fields(value)
        ]
    return [("", _scalars(value))]


def _scalars(value: Any) -> list[sp.Expr]:
    if isinstance(value, np.ndarray):
        return [sp.sympify(entry) for entry in value.ravel()]
    if isinstance(value, str) or callable(value) or value is None:
        return []
    return [sp.sympify(value)]


def _bent_in(
    function: Callable[..., Any], place: Place, field: str, taken_at: frozenset[sp.Expr]
) -> Callable[..., Any]:
    signature = inspect.signature(inspect.unwrap(function))
    name, part = place

    def other(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        bound = signature.bind(*args, **kwargs).arguments
        own: list[sp.Expr] = []
        rest: list[sp.Expr] = []
        for key, value in bound.items():
            for inner, scalars in _places(value):
                (own if (key, inner) == (name, part) else rest).extend(scalars)
        free = own and not any(value.is_number or value in rest for value in own)
        bend = KAPPA if free else sp.Integer(0)
        for value in own:
            for special in taken_at:
                bend = bend * (value - special)
        if not field:
            return result + bend
        return dataclasses.replace(result, **{field: getattr(result, field) + bend})

    return other
