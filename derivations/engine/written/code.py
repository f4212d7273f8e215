"""What production returned, as a node: printed as its formula under a brace that carries the id.

    sde.forward_drift(v, grad(log(p)), g)   prints   v + (g²/2) ∇log p   braced: sde.forward_drift

It expands by *calling* the function, coordinate by coordinate; the formula is read off the
function's source, with the arguments as they are written in the line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import sympy as sp

from refimpl.equations import equations, find

from .body import body_of
from .functions import Function, whole
from .node import POWER, Node
from .reading import NotWritten, part_of
from .records import Record
from .space import Space, lift
from .width import width

WIDEST_FORMULA = 60
"""A formula wider than this is printed as a call of the function by its name."""

_HANDED: ContextVar[dict[str, Callable[..., Any]] | None] = ContextVar("handed", default=None)


@contextmanager
def handed(functions: dict[str, Callable[..., Any]]) -> Iterator[None]:
    """While it lasts, these functions stand behind their ids: production, or a wrong neighbour."""
    token = _HANDED.set(functions)
    try:
        yield
    finally:
        _HANDED.reset(token)


def function_of(id: str) -> Callable[..., Any]:
    """The function behind an id: the one the derivation was handed, else the registered one."""
    return (_HANDED.get() or {}).get(id) or find(id).function


class Code(Node):
    """The value of a registered function for written arguments, or one part of it."""

    def __init__(
        self,
        id: str,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        keywords: tuple[tuple[str, Any], ...] = (),
        attribute: str = "",
    ) -> None:
        super().__init__(id, function, arguments, keywords, attribute)

    @property
    def id(self) -> str:
        """The id of the equation."""
        return str(self.parts[0])

    @property
    def children(self) -> tuple[Node, ...]:
        values = (*self.parts[2], *(value for _, value in self.parts[3]))
        return tuple(value for value in values if isinstance(value, Node))

    def part(self, name: str) -> Code:
        """One part of what it returns: `.mean`, `.std`, `.alpha`, ..."""
        id, function, arguments, keywords, _ = self.parts
        return Code(id, function, arguments, keywords, name)

    def formula(self) -> Any:
        """The formula of production's source with these arguments, as nodes.

        Raises:
            NotWritten: the source holds something that has no written form.
        """
        id, _, arguments, keywords, attribute = self.parts
        made = body_of(find(id).function, arguments, dict(keywords))
        return part_of(made, attribute) if attribute else made

    @property
    def tight(self) -> int:  # type: ignore[override]
        """As its formula; never an atom, because an exponent would stand on top of the brace."""
        try:
            return POWER if self._named else min(int(self.formula().tight), POWER)
        except (NotWritten, AttributeError):
            return POWER

    @property
    def _whole(self) -> bool:
        """Whether it returns a record, like a path's coefficients: that goes by its name."""
        try:
            return isinstance(self.formula(), Record)
        except NotWritten:
            return False

    @property
    def _named(self) -> bool:
        try:
            return width(self.formula().tex) > WIDEST_FORMULA
        except NotWritten:
            return True

    def write(self) -> str:
        if self._whole:
            return self._call()
        inside = self._call() if self._named else self.formula().tex
        name = f"{self.id}.{self.parts[4]}" if self.parts[4] else self.id
        escaped = name.replace("_", r"\_")
        return rf"\underbrace{{{inside}}}_{{\texttt{{{escaped}}}}}"

    def _call(self) -> str:
        name = self.id.partition(".")[2].replace("_", r"\_")
        shown = [value.tex for value in self.parts[2] if isinstance(value, (Node, Function))]
        shown += [rf"\mathrm{{{key}}} = {_spelled(value)}" for key, value in self.parts[3]]
        inside = r",\ ".join(shown)
        return rf"\mathrm{{{name}}}\left({inside}\right)"

    def expand(self, space: Space) -> Any:
        _, function, arguments, keywords, attribute = self.parts
        names = [name for name, _ in keywords]
        count = len(arguments)

        def call(*values: Any) -> Any:
            values = _filled(self.id, values)
            result = function(*values[:count], **dict(zip(names, values[count:], strict=True)))
            return getattr(result, attribute) if attribute else result

        values = [_value(v, space) for v in (*arguments, *(value for _, value in keywords))]
        if any(isinstance(value, Function) for value in values):
            return whole(call, values, space)
        return (_by_coordinate if self._of_arrays else lift)(call, *values)

    @property
    def _of_arrays(self) -> bool:
        """Whether it takes arrays whole; a formula of numbers is applied to each entry."""
        return any(place.argument.axes for place in find(self.id).places)


def _spelled(value: Any) -> str:
    return value.tex if isinstance(value, Node) else rf"\text{{{value}}}"


def _value(argument: Any, space: Space) -> Any:
    return argument.at(space) if isinstance(argument, Node) else argument


def _filled(id: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """One number in the place of an array stands for an array that holds nothing else."""
    places = {place.position: place.argument.axes for place in find(id).places}
    shapes = {places.get(k): v.shape for k, v in enumerate(values) if isinstance(v, np.ndarray)}
    return tuple(
        np.full(shapes[places[k]], v, dtype=object)
        if places.get(k) in shapes and isinstance(v, sp.Expr)
        else v
        for k, v in enumerate(values)
    )


def _by_coordinate(f: Callable[..., Any], *values: Any) -> Any:
    """f once a coordinate; arrays are handed over whole."""
    sizes = {len(v) for v in values if isinstance(v, list)}
    if not sizes:
        return f(*values)
    (d,) = sizes
    return [f(*(v[i] if isinstance(v, list) else v for v in values)) for i in range(d)]


def is_id(name: str) -> bool:
    """Whether an equation is registered under that name."""
    return name in equations()
