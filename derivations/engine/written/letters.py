"""Letters of written mathematics: numbers, vectors, densities, fields, and what runs over an index.

    Writing(p=density(), v=field(), g=of_time(), r=indexed("r", "i"))

Nothing is assumed of them but what is said: a density is a positive function of (x, t), a field a
vector of functions of (x, t), and so on. A letter prints as its LaTeX, or as its own name.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import sympy as sp

from ..algebra import symbols
from .node import Node, tightness_of_letter
from .space import TIME, Space


class Letter(Node):
    """One letter: its name, its LaTeX, what kind of thing it is, and what is assumed of it.

    Attributes:
        indices: the indices of a letter that runs over some, else nothing.
    """

    def __init__(
        self,
        name: str,
        tex: str = "",
        kind: str = "number",
        n: int | tuple[int, ...] = 0,
        index: str = "",
        of: str = "",
        **assumptions: bool,
    ) -> None:
        tex = tex or _default(name, index.replace(" ", ","))
        super().__init__(name, tex, kind, n, tuple(sorted(assumptions.items())), index, of)

    @property
    def indices(self) -> tuple[str, ...]:
        return tuple(self.parts[5].split())

    @property
    def tight(self) -> int:  # type: ignore[override]
        return tightness_of_letter(self.parts[1])

    @property
    def vectorial(self) -> bool:
        return self.parts[2] in _OF_SPACE

    def write(self) -> str:
        return str(self.parts[1])

    def expand(self, space: Space) -> Any:
        name, _, kind, n, assumed, _, of = self.parts
        given: dict[str, bool] = dict(assumed) or {"real": True}

        def entry(label: str) -> sp.Expr:
            if of:
                return sp.Function(label, **given)(symbols.known(of))
            return sp.Symbol(label, **given)

        match kind:
            case "number":
                return entry(name)
            case "alike":
                return np.array([entry(name)] * n, object)
            case "time":
                return sp.Function(name, **given)(TIME)
            case "density" | "scalar":
                return space.function(name, **given)
            case "point":
                return list(space.x)
            case "vector":
                return [sp.Symbol(space.label(name, i), **given) for i in range(space.d)]
            case "matrix":
                rows = range(1, space.d + 1)
                return [[sp.Symbol(f"{name}_{i}{j}", **given) for j in rows] for i in rows]
            case "field":
                return [space.function(space.label(name, i), **given) for i in range(space.d)]
            case "indexed":
                shape = n if isinstance(n, tuple) else (n,)
                entries = [entry(f"{name}_{k + 1}") for k in range(prod(shape))]
                return np.array(entries, object).reshape(shape)
            case "given":
                return np.array([space.function(f"{name}_{k + 1}", **given) for k in range(n)])
            case "atoms":
                return [
                    np.array(
                        [sp.Symbol(space.label(f"{name}_{k + 1}", i), real=True) for k in range(n)]
                    )
                    for i in range(space.d)
                ]
            case "fields":
                return [
                    np.array(
                        [space.function(space.label(f"{name}_{k + 1}", i)) for k in range(n)],
                        object,
                    )
                    for i in range(space.d)
                ]
        raise ValueError(f"a letter of no known kind: {kind!r}")


class Known(Node):
    """A symbol with its domain, from the table of symbols that all proofs share."""

    def __init__(self, symbol: sp.Symbol, tex: str) -> None:
        super().__init__(symbol, tex)

    @property
    def tight(self) -> int:  # type: ignore[override]
        return tightness_of_letter(self.parts[1])

    def write(self) -> str:
        return str(self.parts[1])

    def expand(self, space: Space) -> sp.Symbol:
        return self.parts[0]


class Unnamed:
    """A letter that takes its name from where it is bound: `Writing(v=field())`."""

    def __init__(
        self,
        kind: str,
        tex: str,
        n: int | tuple[int, ...] = 0,
        index: str = "",
        of: str = "",
        **assumptions: bool,
    ) -> None:
        self.kind, self.tex, self.n, self.index, self.of = kind, tex, n, index, of
        self.assumptions = assumptions

    def called(self, name: str) -> Letter:
        """The letter of that name."""
        return Letter(name, self.tex, self.kind, self.n, self.index, self.of, **self.assumptions)


def _default(name: str, index: str) -> str:
    head, _, below = name.partition("_")
    head = f"\\{head}" if head in _GREEK else head if len(head) == 1 else rf"\mathrm{{{head}}}"
    below = below if len(below) < 2 else rf"\mathrm{{{below}}}"
    below = ",".join(part for part in (below, index) if part)
    return f"{head}_{{{below}}}" if below else head


_OF_SPACE = {"vector", "matrix", "field", "point", "density", "scalar", "given", "fields"}

_GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "eta", "theta", "lambda", "mu",
    "nu", "pi", "rho", "sigma", "tau", "phi", "varphi", "psi", "omega", "kappa", "xi", "zeta",
}  # fmt: skip


def number(tex: str = "", of: str = "", **assumptions: bool) -> Unnamed:
    """A real number, with sympy's assumptions: `number(positive=True)`.

    Args:
        of: the name of a symbol that it is an arbitrary function of, like a parameter θ.
    """
    return Unnamed("number", tex, 0, "", of, **assumptions)


def vector(tex: str = "") -> Unnamed:
    """A constant vector of d numbers."""
    return Unnamed("vector", tex)


def matrix(tex: str = "") -> Unnamed:
    """A constant matrix of d by d numbers."""
    return Unnamed("matrix", tex)


def point(tex: str = "") -> Unnamed:
    """The vector of the coordinates themselves, x."""
    return Unnamed("point", tex)


def field(tex: str = "") -> Unnamed:
    """A vector field: d arbitrary functions of (x, t)."""
    return Unnamed("field", tex)


def density(tex: str = "p_t") -> Unnamed:
    """An arbitrary positive function of (x, t)."""
    return Unnamed("density", tex, positive=True)


def scalar(tex: str = "") -> Unnamed:
    """An arbitrary real function of (x, t)."""
    return Unnamed("scalar", tex, real=True)


def of_time(tex: str = "", **assumptions: bool) -> Unnamed:
    """An arbitrary function of t alone; positive unless something else is said."""
    return Unnamed("time", tex, 0, "", "", **(assumptions or {"positive": True}))


def indexed(
    tex: str = "",
    n: int | tuple[int, ...] = 3,
    index: str = "i",
    of: str = "",
    **assumptions: bool,
) -> Unnamed:
    """n numbers that share a letter: the members of a group.

    Args:
        n: how many; over several indices the shape, one entry an axis, with 1 for an index that
            the letter has not: `indexed(n=(2, 3), index="t i")` beside `indexed(n=(1, 3))`.
        index: the indices, outermost axis first.
        of: the name of a symbol that they are arbitrary functions of, like a parameter θ.
    """
    return Unnamed("indexed", tex, n, index, of, **assumptions)


def alike(tex: str = "", n: int = 3, index: str = "i", **assumptions: bool) -> Unnamed:
    """n equal numbers: a group whose members are all the same."""
    return Unnamed("alike", tex, n, index, "", **assumptions)


def weights(tex: str = "", n: int = 3) -> Unnamed:
    """The weights of n atoms, positive."""
    return Unnamed("indexed", tex, n, "z", positive=True)


def densities(tex: str = "", n: int = 3) -> Unnamed:
    """n arbitrary positive functions of (x, t): the conditional densities, one an atom."""
    return Unnamed("given", tex, n, "z", positive=True)


def scalars(tex: str = "", n: int = 3, index: str = "z") -> Unnamed:
    """n arbitrary real functions of (x, t), one an atom."""
    return Unnamed("given", tex, n, index, real=True)


def fields(tex: str = "", n: int = 3, index: str = "z") -> Unnamed:
    """n arbitrary vector fields, one an atom."""
    return Unnamed("fields", tex, n, index)


def atoms_at(tex: str = "", n: int = 3) -> Unnamed:
    """n constant vectors: where the atoms of a law lie."""
    return Unnamed("atoms", tex, n, "z")
