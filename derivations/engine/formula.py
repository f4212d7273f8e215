"""The formula of a production function as its author wrote it, printed from its source.

    formula("kl.k2").lines[0].tex  ==  r"\\frac{(\\log r)^{2}}{2}"

Printed from the syntax tree, in the author's order, so no algebra can rearrange it. Locals that
the function names are named below it, calls of other closed forms are put in. A print is believed
only when it has been read back: parsed from the LaTeX alone, its letters the function's arguments
and no others, and equal to the function on symbols about which nothing is assumed.
"""

from __future__ import annotations

import ast
import functools
import inspect
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_type_hints

import numpy as np
import sympy as sp

from refimpl.equations import Coefficients, Gaussian, Step, equations, find

from . import notation
from .written.body import CONDITION, body_of
from .written.chance import Law
from .written.groups import Count, GroupMean, Total, Where, as_mean
from .written.node import Integer, Named, Node, Over, bracketed, tightness_of_letter
from .written.reading import NotWritten
from .written.records import Record
from .written.space import Space


@dataclass(frozen=True)
class Printed:
    """One line of a formula: left side, relation, right side, and for which choice it holds."""

    left: str
    relation: str
    tex: str
    choice: str = ""


@dataclass(frozen=True)
class Local:
    """A local, named below the formula, with the id of the closed form that makes it, if any."""

    left: str
    tex: str
    id: str = ""


@dataclass(frozen=True)
class Formula:
    """What is printed of one function."""

    id: str
    lines: tuple[Printed, ...]
    where: tuple[Local, ...]


_DOORS = {"n": sp.Symbol("n", integer=True, positive=True), "ddof": sp.Integer(1)}
"""Arguments whose validation asks what no bare symbol answers: a count, and 0 or 1."""


class Numbers(Space):
    """A space in which every letter is a number, drawn once, inside the domains of all functions.

    Args:
        seed: which draw.
        equal: whether the first row of each array holds one number only.
    """

    def __init__(self, seed: str, *, equal: bool = False) -> None:
        super().__init__(1)
        self.seed, self.equal = seed, equal

    def value(self, name: str, shape: tuple[int, ...]) -> Any:
        """The number, or the array of numbers, behind a name."""
        draw = random.Random(f"{self.seed}{name}")
        low, high = _BETWEEN.get(name, (0.1, 0.9))
        if name in _whole() and not shape:
            return draw.randint(1, 5)
        if name == "ddof":
            return draw.randint(0, 1)
        if not shape:
            return draw.uniform(low, high)
        made = np.array([draw.uniform(low, high) for _ in range(math.prod(shape))]).reshape(shape)
        if self.equal:
            made[0] = made.flat[0] if len(shape) == 2 else made[0]
        return made


@functools.cache
def _whole() -> frozenset[str]:
    """The arguments that are counts, as their declarations say."""
    places = [place for e in equations().values() for place in e.places]
    return frozenset(place.name for place in places if place.argument.domain.whole)


_ANY = (-2.0, 2.0)
_BETWEEN = {
    "t": (0.8, 0.95),
    "s": (0.55, 0.75),
    "std": (0.3, 0.5),
    "eps": (0.01, 0.1),
    "sigma": (0.6, 0.9),
    "sigma_min": (0.1, 0.5),
    "sigma_max": (1.0, 2.0),
    "d_alpha": (-2.0, -0.1),
    "last": (0.1, 0.5),
    "max_tokens": (1.0, 2.0),
    "ratio": (0.2, 2.0),
    **dict.fromkeys(("xx", "yy", "p_xx", "p_yy", "q_xx", "q_yy"), (1.0, 2.0)),
    "samples": (2.0, 9.0),
    "step_size": (0.01, 0.04),
    **dict.fromkeys(
        ("x", "v", "data", "noise", "score", "advantage", "log_ratio", "mean", "rewards"), _ANY
    ),
}
"""Where numbers are drawn from, where (0.1, 0.9) will not do; signs vary where they may."""


class Argument(Node):
    """An argument of the function: a letter about which nothing is assumed, or an array of them."""

    def __init__(self, name: str, tex: str, index: str = "", shape: tuple[int, ...] = ()) -> None:
        super().__init__(name, tex, index, shape)

    @property
    def tight(self) -> int:  # type: ignore[override]
        return tightness_of_letter(self.tex)

    @property
    def indices(self) -> tuple[str, ...]:
        return tuple(self.parts[2])

    def write(self) -> str:
        _, tex, index, _ = self.parts
        return f"{tex}_{{{index[-1]}}}" if index else tex

    def expand(self, space: Space) -> Any:
        name, _, _, shape = self.parts
        if isinstance(space, Numbers):
            return space.value(name, shape)
        if not shape:
            return _DOORS.get(name) or sp.Symbol(name)
        made = np.empty(shape, dtype=object)
        for place in np.ndindex(*shape):
            made[place] = sp.Symbol(name + "_" + "".join(str(k + 1) for k in place))
        return made


class Velocity(Node):
    """A field that is handed over as a function of (x, t)."""

    def write(self) -> str:
        return str(self.parts[1])

    def applied(self, *arguments: Node) -> Node:
        """Its value at written arguments."""
        return Applied(self, *arguments)

    def expand(self, space: Space) -> Any:
        if isinstance(space, Numbers):
            return lambda x, t: x * x * 3 / 10 + t / 7
        return sp.Function(self.parts[0])


class Applied(Node):
    """v(x, t)."""

    def write(self) -> str:
        head, *arguments = self.children
        return head.tex + bracketed(", ".join(a.tex for a in arguments))

    def expand(self, space: Space) -> Any:
        head, *arguments = (child.at(space) for child in self.children)
        return head(*arguments)


def arguments_of(id: str) -> dict[str, Any]:
    """The arguments of a function as letters: numbers, arrays, records, a field."""
    function = inspect.unwrap(find(id).function)
    kinds = get_type_hints(function)
    return {
        name: _argument(id, name, kinds.get(name))
        for name in inspect.signature(function).parameters
    }


def _argument(id: str, name: str, kind: Any) -> Any:
    if kind is Coefficients:
        fields = ("alpha", "sigma", "d_alpha", "d_sigma")
        return Record(Coefficients, **{f: Argument(f, notation.letter(id, f)) for f in fields})
    if kind is Step:
        return Record(Step, t=Argument("t", "t"), s=Argument("s", "s"))
    if kind is Gaussian:
        below = "" if name == "p" and id.startswith("tilting") else rf"_{{{name[0]}}}"
        return Law(
            Argument(f"{name}_mean", rf"\mu{below}"),
            Argument(f"{name}_std", rf"\mathrm{{std}}{below}"),
        )
    if name == "field":
        return Velocity("v", "v")
    if name == "std" and id == "grpo.advantage":
        return "group"
    index = notation.RUNS_OVER.get(id, {}).get(name)
    if index is None:
        return Argument(name, notation.letter(id, name, _declared(id, name)))
    shape = (2, 3) if len(index) == 2 else (3,)
    if id == "coupling.straightness":
        shape = (2,) if name == "ends" else (3, 2)
    return Argument(name, notation.letter(id, name), index, shape)


def _declared(id: str, name: str) -> str:
    """The letter that the signature declares beside the type, where it declares one."""
    hints = get_type_hints(inspect.unwrap(find(id).function), include_extras=True)
    for mark in getattr(hints.get(name), "__metadata__", ()):
        if getattr(mark, "letter", ""):
            return str(mark.letter)
    return ""


CHOICES: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "grpo.advantage": tuple((word, {"std": word}) for word in ("group", "batch", "none"))
}
"""Arguments that are words: one formula for each."""


@functools.cache
def nodes_of(id: str) -> tuple[tuple[tuple[Printed, Node], ...], tuple[tuple[Local, Node], ...]]:
    """The lines and locals of a formula, each with its nodes."""
    lines: list[tuple[Printed, Node]] = []
    where: dict[str, tuple[Local, Node]] = {}
    for choice, chosen in CHOICES.get(id, (("", {}),)):
        result = _read(id, choice, chosen, where)
        for name, node in _parts(id, result):
            relation = r"\sim" if isinstance(node, Law) else "="
            lines.append((Printed(name, relation, _plain(node).tex, choice), _plain(node)))
    shown = {named for _, node in lines for named in _named(node)}
    own = {line.left for line, _ in lines}
    kept = [
        pair
        for tex, pair in where.items()
        if tex not in own and any(named.tex == tex for named in shown)
    ]
    return tuple(lines), tuple(kept)


def _plain(node: Node) -> Node:
    """What a local stands for, where the whole result is a local."""
    return node.parts[1] if isinstance(node, Named) else node


def _named(node: Node) -> set[Named]:
    found = {node} if isinstance(node, Named) else set()
    return found.union(*(_named(child) for child in node.children))


def _parts(id: str, result: Any) -> list[tuple[str, Node]]:
    if isinstance(result, Record):
        letters = notation.COEFFICIENTS.get(id, notation.COEFFICIENTS[""])
        return [(letters[name], node) for name, node in result.parts[1]]
    return [(notation.result(id), result)]


def _read(
    id: str, choice: str, chosen: dict[str, Any], where: dict[str, tuple[Local, Node]]
) -> Any:
    function = find(id).function
    local = notation.LOCALS
    letters = {**local.get(f"{id}, {choice}", local.get(id, {}))}
    if id.startswith("paths."):
        letters |= {"alpha": r"\alpha_t", "sigma": r"\sigma_t"}
    count = notation.COUNTS.get(id, "n")

    def naming(name: str, value: Any, syntax: ast.expr) -> Any:
        if not isinstance(value, Node) or isinstance(value, Record):
            return value
        value = _tidy(value, count)
        if name not in letters or isinstance(value, Count):
            return value
        value = _otherwise(value)
        made = Named(letters[name], value)
        where[letters[name]] = (Local(letters[name], value.tex, _maker(function, syntax)), value)
        return made

    arguments = arguments_of(id) | chosen
    if id == "grpo.advantage":
        arguments |= {CONDITION: Equal()}
    result = body_of(function, (), arguments, naming)
    if isinstance(result, Record):
        return result
    result = _tidy(result, count)
    return Where(Equal(), Integer(0), _otherwise(result)) if _has_equal(result) else result


def _maker(function: Callable[..., Any], syntax: ast.expr) -> str:
    """The id of the closed form that is called, if a local is such a call."""
    if isinstance(syntax, ast.Call) and isinstance(syntax.func, ast.Name):
        called = inspect.unwrap(function).__globals__.get(syntax.func.id)
        return next((e.id for e in equations().values() if e.function is called), "")
    return ""


class Equal(Node):
    """All rewards of a group are equal: the one condition that is printed in words of its own."""

    TEX = r"R_{1} = \dots = R_{G}"

    def write(self) -> str:
        return self.TEX

    def expand(self, space: Space) -> Any:
        rewards = Argument("rewards", "R", "bi", (2, 3)).at(space)
        return np.array([[len(set(row)) == 1] for row in rewards], dtype=object)


def _has_equal(node: Node) -> bool:
    return isinstance(node, Equal) or any(_has_equal(child) for child in node.children)


def _otherwise(node: Any) -> Any:
    """The node for rewards that differ: the branch of equal rewards is printed once, as 0."""
    if isinstance(node, Where) and isinstance(node.children[0], Equal):
        return _otherwise(node.children[2])
    if not isinstance(node, Node) or not _has_equal(node):
        return node
    parts = [_otherwise(part) for part in node.parts]
    return type(node)(*(parts[:3] if isinstance(node, (Total, GroupMean)) else parts))


def _tidy(node: Any, count: str) -> Any:
    """Counts by their letter, and sums over a count as means."""
    if not isinstance(node, Node) or isinstance(node, (Argument, Named)):
        return node
    if isinstance(node, Count):
        return Count(node.parts[0], node.parts[1], "N" if _rows(node) else count)
    made = type(node)(*_parts_of(node, count))
    return as_mean(made) if isinstance(made, Over) else made


def _rows(node: Count) -> bool:
    return len(node.parts[0].indices) == 2 and node.parts[1] == 0


def _parts_of(node: Node, count: str) -> list[Any]:
    parts = [_tidy(part, count) for part in node.parts]
    return parts[:3] if isinstance(node, (Total, GroupMean)) else parts


def formula(id: str) -> Formula:
    """What is printed of a function."""
    lines, where = nodes_of(id)
    return Formula(id, tuple(line for line, _ in lines), tuple(line for line, _ in where))


__all__ = ["Argument", "Formula", "NotWritten", "Printed", "Where", "formula", "nodes_of"]
