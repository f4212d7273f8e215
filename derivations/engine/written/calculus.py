"""Operators of calculus: ∇·, ∇, Δ, ∂_t, d/dt, ∫, limits, and the elementary functions.

In coordinates ∇·u is Σ_i ∂_i u_i, ∇p the list of ∂_i p, Δp is Σ_i ∂_i² p.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from .node import ATOM, FUNCTION, POWER, PRODUCT, Node, bracketed
from .space import TIME, Space, lift


class Operator(Node):
    """Something of space: it is decided in every dimension."""

    tight = FUNCTION
    vectorial = True


class Div(Operator):
    """∇·u: the divergence of a vector."""

    def write(self) -> str:
        return rf"\nabla\cdot{bracketed(self.children[0].tex)}"

    def expand(self, space: Space) -> Any:
        return sum(lift(sp.diff, u, y) for u, y in zip(_list(self, space), space.x, strict=True))


class Grad(Operator):
    """∇p: the gradient of a scalar."""

    def write(self) -> str:
        return rf"\nabla {self.children[0].within(FUNCTION)}"

    def expand(self, space: Space) -> Any:
        p = self.children[0].at(space)
        return [lift(sp.diff, p, y) for y in space.x]


class Component(Operator):
    """u_i: the coordinate of a vector, inside a sum over coordinates."""

    tight = ATOM

    def write(self) -> str:
        vector = self.children[0]
        tex = vector.tex if vector.tight == ATOM else bracketed(vector.tex)
        return f"{tex[:-1]},i}}" if tex.endswith("}") else rf"{tex.replace('_t', '')}_i"

    def expand(self, space: Space) -> Any:
        return self.children[0].at(space)


class Partial(Operator):
    """∂_i a, or ∂_i² a: the derivative of (the i-th coordinate of) a by x_i."""

    def write(self) -> str:
        a, times = self.parts
        power = f"^{times}" if times > 1 else ""
        return rf"\partial_i{power} {a.within(FUNCTION)}"

    def expand(self, space: Space) -> Any:
        a, times = self.parts
        value = a.at(space)
        values = value if isinstance(value, list) else [value] * space.d
        return [
            lift(lambda e, y: sp.diff(e, y, times), v, y)
            for v, y in zip(values, space.x, strict=True)
        ]


class OverCoordinates(Operator):
    """Σ_i over the coordinates of a vector."""

    def write(self) -> str:
        return rf"\sum_{{i=1}}^{{d}} {self.children[0].within(PRODUCT, leading=False)}"

    def expand(self, space: Space) -> Any:
        return sum(self.children[0].at(space))


class Laplacian(Operator):
    """Δp = ∇·∇p."""

    def write(self) -> str:
        return rf"\Delta {self.children[0].within(FUNCTION)}"

    def expand(self, space: Space) -> Any:
        p = self.children[0].at(space)
        return sum(lift(lambda e, y: sp.diff(e, y, 2), p, y) for y in space.x)


class Hessian(Operator):
    """⟨a, ∇²p a⟩ = Σ_ij a_i a_j ∂_i ∂_j p: the second derivative of p along a vector."""

    tight = ATOM

    def write(self) -> str:
        p, a = self.children
        return rf"\langle {a.tex},\ \nabla^2 {p.within(FUNCTION)}\,{a.within(FUNCTION)}\rangle"

    def expand(self, space: Space) -> Any:
        p, a = (child.at(space) for child in self.children)
        axes = list(zip(space.x, a, strict=True))
        return sum(
            lift(lambda e, b, c, y=y, z=z: b * c * sp.diff(e, y, z), p, along, across)
            for y, along in axes
            for z, across in axes
        )


class Along(Operator):
    """(u·∇) f: the derivative of a scalar or of each coordinate of a vector along u."""

    def write(self) -> str:
        u, f = self.children
        return rf"({u.within(POWER)}\cdot\nabla)\,{f.within(FUNCTION)}"

    def expand(self, space: Space) -> Any:
        u, f = (child.at(space) for child in self.children)
        return lift(lambda e: sum(a * sp.diff(e, y) for a, y in zip(u, space.x, strict=True)), f)


def _list(node: Node, space: Space) -> list[Any]:
    value = node.children[0].at(space)
    if not isinstance(value, list):
        raise TypeError(f"∇· wants a vector, got {node.children[0].tex}")
    return value


class PartialTime(Node):
    """∂_t a, with x held."""

    tight = FUNCTION

    def write(self) -> str:
        return rf"\partial_t {self.children[0].within(FUNCTION)}"

    def expand(self, space: Space) -> Any:
        return lift(lambda e: sp.diff(e, TIME), self.children[0].at(space))


class Derivative(Node):
    """d a/d s: the derivative with respect to a letter, once or n times."""

    tight = FUNCTION

    def write(self) -> str:
        a, s = self.children
        n = self.parts[2]
        power = f"^{{{n}}}" if n > 1 else ""
        head = rf"\frac{{\mathrm d{power}}}{{\mathrm d {s.tex}{power}}}"
        return f"{head}{a.within(FUNCTION if a.tight != ATOM else ATOM)}"

    def expand(self, space: Space) -> Any:
        a, s = self.children
        return lift(lambda e: sp.diff(e, s.at(space), self.parts[2]), a.at(space))


class Integral(Node):
    """∫_a^b f ds, worked out by computer algebra."""

    tight = FUNCTION

    def write(self) -> str:
        f, s, a, b = self.children
        return rf"\int_{{{a.tex}}}^{{{b.tex}}} {f.within(PRODUCT)}\,\mathrm d {s.tex}"

    def expand(self, space: Space) -> Any:
        f, s, a, b = (child.at(space) for child in self.children)
        return lift(lambda e: sp.integrate(sp.expand(e), (s, a, b)), f)


class At(Node):
    """a with a letter given a value: a|_{t = 1}."""

    tight = FUNCTION

    def write(self) -> str:
        a, s, value = self.children
        return rf"{a.within(ATOM)}\big|_{{{s.tex} = {value.tex}}}"

    def expand(self, space: Space) -> Any:
        a, s, value = (child.at(space) for child in self.children)
        return lift(lambda e, s, v: sp.sympify(e).doit().subs(s, v), a, s, value)


class Limit(Node):
    """lim a as a letter tends to a value, worked out by computer algebra."""

    tight = FUNCTION

    def write(self) -> str:
        a, s, value = self.children
        return rf"\lim_{{{s.tex} \to {value.tex}}} {a.within(PRODUCT)}"

    def expand(self, space: Space) -> Any:
        a, s, value = (child.at(space) for child in self.children)
        return lift(lambda e: sp.limit(sp.cancel(sp.together(e)), s, value), a)


class Elementary(Node):
    """log, exp, sin, cos or the like of one argument."""

    @property
    def tight(self) -> int:  # type: ignore[override]
        return POWER if self._in_brackets else FUNCTION

    @property
    def _in_brackets(self) -> bool:
        return self.parts[0] == "exp" or self.parts[1].tight != ATOM

    def write(self) -> str:
        name, a = self.parts
        return rf"\{name}{bracketed(a.tex)}" if self._in_brackets else rf"\{name} {a.tex}"

    def expand(self, space: Space) -> Any:
        name, a = self.parts
        return lift(getattr(sp, name), a.at(space))


class Root(Node):
    """√a."""

    def write(self) -> str:
        return rf"\sqrt{{{self.children[0].tex}}}"

    def expand(self, space: Space) -> Any:
        return lift(sp.sqrt, self.children[0].at(space))


class Least(Node):
    """min(a, b) or max(a, b)."""

    def write(self) -> str:
        name, a, b = self.parts
        return rf"\{name}\left({a.tex},\ {b.tex}\right)"

    def expand(self, space: Space) -> Any:
        name, a, b = self.parts
        return lift(sp.Min if name == "min" else sp.Max, a.at(space), b.at(space))


class Inner(Operator):
    """⟨a, b⟩ = Σ_i a_i b_i."""

    tight = ATOM

    def write(self) -> str:
        a, b = self.children
        return rf"\langle {a.tex},\ {b.tex}\rangle"

    def expand(self, space: Space) -> Any:
        return sum(lift(lambda a, b: a * b, *(c.at(space) for c in self.children)))


class NormSquared(Operator):
    """‖a‖² = Σ_i a_i²."""

    tight = POWER

    def write(self) -> str:
        return rf"\bigl\Vert {self.children[0].tex}\bigr\Vert^{{2}}"

    def expand(self, space: Space) -> Any:
        value = self.children[0].at(space)
        return sum(lift(lambda a: a**2, value if isinstance(value, list) else [value]))
