"""Inputs for every equation: exact in bfloat16, awkward on purpose, the same on every machine.

    inputs("sde.drift")   →   [an array case, four scalar cases, edge cases ...]

They follow from the declarations; a topic's file adds edges, ties and whole arrays. The array case
comes first: four dimensions, values per coordinate (2, 3, 1, 2) meeting values per sample
(2, 1, 1, 1), every entry different, so that no two mistakes look alike on it. All numbers have at
most 8 significant bits: they are the same number in bfloat16, float32 and float64.
"""

import pkgutil
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from ...equations.arguments import Argument
from ...equations.registry import find
from ..awkward import Awkward
from ..calls import Inputs, flat_arguments
from ..lattices import lattice

_FULL, _COLUMN = (2, 3, 1, 2), (2, 1, 1, 1)


def inputs(equation_id: str, seed: int = 0) -> list[Inputs]:
    """The cases of one equation: arrays first, then scalars, then edges.

    Args:
        equation_id: the equation.
        seed: picks other numbers from the same lattices; shapes and edges stay.

    Raises:
        KeyError: no equation is called so.
    """
    own = awkward(equation_id)
    if own.whole:
        return list(own.whole)
    declared = flat_arguments(equation_id)
    array = {name: _array(own, name, argument, seed) for name, argument in declared.items()}
    scalars = [
        {name: _number(own, name, argument, k, seed) for name, argument in declared.items()}
        for k in range(2, 6)
    ]
    edges = [{**scalars[0], **edge} for edge in own.edges]
    tie = own.tie or (lambda case: {})
    return [{**case, **tie(case)} for case in (array, *scalars, *edges)]


def awkward(equation_id: str) -> Awkward:
    """What the topic's file adds for an equation.

    Raises:
        KeyError: no equation is called so.
    """
    return _all().get(find(equation_id).id, Awkward())


def reduces(equation_id: str) -> bool:
    """Whether the equation reduces arrays, so that its inputs are written out whole."""
    return bool(awkward(equation_id).whole)


def _array(own: Awkward, name: str, argument: Argument, seed: int) -> Any:
    column = argument.per == "sample" or name in own.columns
    shape = _COLUMN if column else _FULL
    numbers = own.lattices.get(name) or lattice(argument)
    if isinstance(numbers, int):
        return numbers
    return numbers(name, int(np.prod(shape)), seed).reshape(shape)


def _number(own: Awkward, name: str, argument: Argument, k: int, seed: int) -> Any:
    numbers = own.lattices.get(name) or lattice(argument)
    return numbers if isinstance(numbers, int) else float(numbers(name, 8, seed)[k])


@cache
def _all() -> dict[str, Awkward]:
    found: dict[str, Awkward] = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        found |= getattr(import_module(module.name), "INPUTS", {})
    return found
