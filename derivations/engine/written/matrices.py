"""Matrices in d dimensions: Jacobians, products, traces, determinants.

    det(jac(x + delta*u))     the determinant of ∂(x + δ u)/∂x
    entries(eps)              a vector as an array over i, as functions of arrays take it

A matrix expands to a list of d rows of d expressions; in one dimension to one row of one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from .calculus import Component, Operator
from .node import ATOM, FUNCTION, POWER, PRODUCT, Node, bracketed
from .space import Space, lift


class Jacobian(Operator):
    """∂u/∂x: row i holds the derivatives of u_i."""

    tight = PRODUCT

    def write(self) -> str:
        u = self.children[0]
        inside = u.tex if u.tight == ATOM else bracketed(u.tex)
        return rf"\frac{{\partial {inside}}}{{\partial x}}"

    def expand(self, space: Space) -> Any:
        return [[sp.diff(u, y) for y in space.x] for u in self.children[0].at(space)]


class Product(Operator):
    """A B of two matrices, or A u of a matrix and a vector."""

    tight = PRODUCT

    def write(self) -> str:
        a, b = self.children
        return f"{a.within(PRODUCT)}\\, {b.within(PRODUCT, leading=False)}"

    def expand(self, space: Space) -> Any:
        a, b = (child.at(space) for child in self.children)
        if isinstance(b[0], list):
            columns = list(zip(*b, strict=True))
            return [[_inner(row, column) for column in columns] for row in a]
        return [_inner(row, b) for row in a]


def _inner(a: Any, b: Any) -> Any:
    return sum(p * q for p, q in zip(a, b, strict=True))


class Transpose(Operator):
    """Aᵀ."""

    tight = POWER

    def write(self) -> str:
        return rf"{self.children[0].within(ATOM)}^{{\top}}"

    def expand(self, space: Space) -> Any:
        return [list(column) for column in zip(*self.children[0].at(space), strict=True)]


class Trace(Operator):
    """tr A, the sum of the diagonal."""

    tight = FUNCTION

    def write(self) -> str:
        return rf"\operatorname{{tr}}{bracketed(self.children[0].tex)}"

    def expand(self, space: Space) -> Any:
        return sum(row[i] for i, row in enumerate(self.children[0].at(space)))


class Determinant(Operator):
    """det A."""

    tight = FUNCTION

    def write(self) -> str:
        return rf"\det{bracketed(self.children[0].tex)}"

    def expand(self, space: Space) -> Any:
        return sp.Matrix(self.children[0].at(space)).det(method="berkowitz")


class Identity(Operator):
    """I."""

    tight = ATOM

    def write(self) -> str:
        return "I"

    def expand(self, space: Space) -> Any:
        return [[sp.Integer(i == j) for j in range(space.d)] for i in range(space.d)]


class Entries(Operator):
    """The coordinates of a vector as an array over i, for functions that sum over an axis."""

    tight = ATOM
    indices = ("i",)

    def write(self) -> str:
        return Component(self.children[0]).tex

    def expand(self, space: Space) -> Any:
        return np.array(self.children[0].at(space), dtype=object)


class Stacked(Operator):
    """Vectors that run over an index as one array: a row for each, a column a coordinate."""

    tight = ATOM

    @property
    def indices(self) -> tuple[str, ...]:
        return (*self.children[0].indices, "i")

    def write(self) -> str:
        return Component(self.children[0]).tex

    def expand(self, space: Space) -> Any:
        return np.array([list(part) for part in self.children[0].at(space)], dtype=object).T


class Absolute(Node):
    """|a| = √(a²), of a real number."""

    tight = ATOM

    def write(self) -> str:
        return rf"\left|{self.children[0].tex}\right|"

    def expand(self, space: Space) -> Any:
        return lift(lambda a: sp.sqrt(sp.sympify(a) ** 2), self.children[0].at(space))
