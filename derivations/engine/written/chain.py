"""A chain: what is shown, line by line, each line with the rule that leads to it.

    yield w.chain(
        "KL(N(mean, std**2), N(mean_ref, std**2))",
        ("(mean - mean_ref)**2/(2*std**2)", "equal widths: the logarithm and the one half cancel"),
        ("kl.of_means(mean, mean_ref, std)", "as the code writes it"),
        states="Two Gaussians that share their width differ by their means alone.",
    )

A line starts with `=` (left out), `<=` or `=>`; after `=>` both lines are equations, `a == b`. The
engine decides every neighbouring pair, vectorial ones in one to four dimensions.
"""

from __future__ import annotations

import ast
import difflib
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy as sp

from ..algebra import symbols
from . import calculus, chance, groups, matrices
from .body import PI
from .code import Code, function_of, is_id
from .letters import Known, Letter, Unnamed
from .node import Bracket, Integer, Named, Node, Power, as_node
from .reading import NotWritten, Reader
from .records import coefficients, record_of, step

RELATIONS = {"=": "=", "<=": r"\le", "=>": r"\Rightarrow"}


@dataclass(frozen=True)
class Line:
    """One line of a chain: relation to the line before, what is written, and the rule.

    The first line has no rule: it is what the chain is about. A `fold` is the long form of the
    line, shown behind it on a click, and decided equal to it.
    """

    relation: str
    node: Node
    rule: str
    fold: Node | None = None


@dataclass(frozen=True)
class Chain:
    """A statement, its lines, and what follows from them.

    Attributes:
        states: what the chain shows, in words; `$...$` holds LaTeX.
        lines: at least two.
        so: the conclusion, in words.
        where: letters of the lines with what they stand for.
        dimensions: in which the lines are decided; None for the engine's choice.
    """

    lines: tuple[Line, ...]
    states: str = ""
    so: str = ""
    where: tuple[tuple[str, Node], ...] = ()
    dimensions: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if len(self.lines) < 2:
            raise ValueError("a chain has at least two lines")
        for line in self.lines[1:]:
            if len(line.rule.split()) < 1:
                raise ValueError(f"a line without a rule: {line.node.tex}")


class Writing:
    """Reads lines: names are the letters bound here, then the symbols that all proofs share.

    Args:
        names: letters (`field()`, `density()`, ...), nodes, sympy symbols, whole numbers, records
            of the equations, functions from nodes to nodes, or text in this same language.
    """

    def __init__(self, **names: Any) -> None:
        self.names: dict[str, Any] = {}
        self.meanings: list[Named] = []
        self.bind(**names)

    def bind(self, **names: Any) -> Writing:
        """Bind more letters."""
        for name, value in names.items():
            self.names[name] = self._bound(name, value)
        return self

    def let(self, name: str, meaning: str | Node, tex: str = "") -> Node:
        """A letter for something longer: prints as the letter, and under the chain as `where`."""
        node = self(meaning)
        letter = Named(tex or name, node)
        self.names[name] = letter
        self.meanings.append(letter)
        return letter

    def __call__(self, text: str | Node | int) -> Any:
        """Read a line.

        Raises:
            NotWritten: a name that is bound to nothing, or syntax that the language lacks.
        """
        if not isinstance(text, str):
            return as_node(text)
        return Reader(self._name, self._call).read(_syntax(text))

    def chain(
        self,
        first: str | Node,
        *lines: tuple[Any, ...],
        states: str = "",
        so: str = "",
        dimensions: tuple[int, ...] | None = None,
    ) -> Chain:
        """A chain of lines: the first alone, then pairs of line and rule (and long form)."""
        made = [Line("", self(first), "")]
        for text, rule, *fold in lines:
            relation, body = _relation(text)
            made.append(Line(relation, self(body), rule, self(fold[0]) if fold else None))
        used = {letter for line in made for letter in _named(line.node)}
        where = tuple(
            (n.tex, n.parts[1]) for n in self.meanings if n in used and n.tex != n.parts[1].tex
        )
        return Chain(tuple(made), states, so, where, dimensions)

    def _bound(self, name: str, value: Any) -> Any:
        if isinstance(value, Unnamed):
            return value.called(name)
        if isinstance(value, str):
            return self(value)
        if isinstance(value, sp.Symbol):
            return Known(value, _latex(value))
        if hasattr(value, "__dataclass_fields__"):
            return record_of(value, lambda entry: self._bound("", entry))
        if isinstance(value, Node) or callable(value):
            return value
        return as_node(value)

    def _name(self, name: str) -> Any:
        if name in self.names:
            return self.names[name]
        if name == "pi":
            return PI
        if name == "C":
            return coefficients(*map(self._name, ("alpha", "sigma", "d_alpha", "d_sigma")))
        found = symbols._MEANING.get(name)
        if found is not None:
            return Known(found[0], _latex(found[0]))
        near = difflib.get_close_matches(name, [*self.names, *symbols._MEANING], n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise NotWritten(f"no letter is called {name!r}{hint}")

    def _call(self, name: str, arguments: list[Any], keywords: Any, node: ast.Call) -> Any:
        if is_id(name):
            return Code(name, function_of(name), tuple(arguments), tuple(keywords.items()))
        called = self.names.get(name, OPERATORS.get(name))
        if callable(called) and not isinstance(called, Node):
            return called(*arguments, **keywords)
        near = difflib.get_close_matches(name, [*OPERATORS, *self.names], n=3)
        raise NotWritten(f"no operator or equation is called {name!r}; near: {near}")


@functools.cache
def _syntax(text: str) -> ast.expr:
    return ast.parse(" ".join(text.split()), mode="eval").body


def _relation(text: Any) -> tuple[str, Any]:
    if isinstance(text, str):
        for sign in ("=>", "<=", "="):
            if text.lstrip().startswith(sign) and not text.lstrip().startswith("=="):
                return sign, text.lstrip()[len(sign) :]
    return "=", text


def _named(node: Node) -> set[Named]:
    """The letters that stand for something, in a node and in what they stand for."""
    found = {node} if isinstance(node, Named) else set()
    return found.union(*(_named(child) for child in node.children))


@functools.cache
def _latex(symbol: sp.Symbol) -> str:
    return symbols.latex(symbol)


def _normal(mean: Node, variance: Node) -> chance.Law:
    """N(mean, variance): the width is read off a square, or is the variance's root."""
    if isinstance(variance, Power) and variance.children[1] == Integer(2):
        return chance.Law(mean, variance.children[0])
    return chance.Law(mean, calculus.Root(variance), variance)


def _derivative(a: Node, s: Node, n: Node | None = None) -> Node:
    return calculus.Derivative(a, s, 1 if n is None else n.parts[0])


def _clip(a: Node, low: Node, high: Node) -> Node:
    return calculus.Least("min", calculus.Least("max", a, low), high)


def _elementary(name: str) -> Callable[[Node], Node]:
    return lambda a: calculus.Elementary(name, a)


def _sde(drift: Node, diffusion: Node, noise: str = "w") -> Node:
    return chance.SDE(drift, diffusion, noise)


OPERATORS: dict[str, Callable[..., Any]] = {
    "div": calculus.Div,
    "grad": calculus.Grad,
    "lap": calculus.Laplacian,
    "hess": calculus.Hessian,
    "along": calculus.Along,
    "comp": calculus.Component,
    "di": lambda a: calculus.Partial(a, 1),
    "dii": lambda a: calculus.Partial(a, 2),
    "over_coordinates": calculus.OverCoordinates,
    "dt": calculus.PartialTime,
    "d": _derivative,
    "integral": calculus.Integral,
    "at": calculus.At,
    "limit": calculus.Limit,
    **{name: _elementary(name) for name in ("log", "exp", "sin", "cos")},
    "sqrt": calculus.Root,
    "min": lambda a, b: calculus.Least("min", a, b),
    "max": lambda a, b: calculus.Least("max", a, b),
    "clip": _clip,
    "dot": calculus.Inner,
    "jac": matrices.Jacobian,
    "matmul": matrices.Product,
    "transpose": matrices.Transpose,
    "tr": matrices.Trace,
    "det": matrices.Determinant,
    "identity": matrices.Identity,
    "entries": matrices.Entries,
    "stacked": matrices.Stacked,
    "abs": matrices.Absolute,
    "norm2": calculus.NormSquared,
    "bracket": Bracket,
    "N": _normal,
    "Gaussian": chance.Law,
    "KL": chance.Divergence,
    "log_density": chance.LogDensity,
    "E": lambda eps, inside: chance.GaussianMean(eps, inside),
    "Var": lambda eps, inside: chance.GaussianVariance(eps, inside),
    "sum": lambda a: groups.over_outermost(groups.Total, a),
    "prod": lambda a: groups.over_outermost(groups.Product, a),
    "groups": groups.Groups,
    "mean": groups.GroupMean,
    "std": groups.GroupStd,
    "where": groups.Where,
    "SDE": _sde,
    "Step": step,
    "Coefficients": coefficients,
}
"""What may be called in a line, besides the registered equations by their ids."""

__all__ = ["OPERATORS", "RELATIONS", "Chain", "Letter", "Line", "Writing"]
