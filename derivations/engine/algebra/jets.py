"""Derivatives and undefined functions as independent symbols: the jet of a function is arbitrary.

    f(x), f'(x), f'(x + h), ∂²p/∂x∂t      become one symbol each

Two of them are one only if they are the same function (or derivative) at equal arguments: equality
of arguments is decided, not read off how they print. What is not declared real stays complex.
"""

from dataclasses import dataclass, field

import sympy as sp
from sympy.core.function import AppliedUndef

from .rational import vanishes

Key = tuple[type, tuple[int, ...]]
"""A function, and how often it is differentiated by each of its arguments."""


@dataclass
class Jets:
    """The table of stand-ins, shared by all sides of a claim."""

    table: dict[Key, list[tuple[tuple[sp.Expr, ...], sp.Dummy]]] = field(default_factory=dict)
    done: dict[sp.Expr, sp.Expr] = field(default_factory=dict)

    def rivals(self, *sides: sp.Expr) -> list[tuple[tuple[sp.Expr, ...], tuple[sp.Expr, ...]]]:
        """Pairs of arguments of one function: where they agree, so do its values."""
        used, todo = set(), set().union(*(side.free_symbols for side in sides))
        rows = [(key, a, s) for key, known in self.table.items() for a, s in known]
        while todo:
            used |= todo
            todo = {
                letter
                for _, arguments, symbol in rows
                if symbol in todo
                for a in arguments
                for letter in a.free_symbols
            } - used
        held = [(key, arguments) for key, arguments, symbol in rows if symbol in used]
        return [(a, b) for i, (key, a) in enumerate(held) for other, b in held[:i] if key == other]

    def unread(self, *sides: sp.Expr) -> bool:
        """Whether a side holds a derivative whose point was not read off: it may be any value."""
        letters = set().union(*(side.free_symbols for side in sides))
        return any(
            symbol in letters
            for (function, _), known in self.table.items()
            if issubclass(function, (sp.Derivative, sp.Subs))
            for _, symbol in known
        )

    def of(self, e: sp.Expr) -> sp.Expr:
        """The expression with every function value and derivative replaced."""
        if e not in self.done:
            self.done[e] = self._replaced(e)
        return self.done[e]

    def _replaced(self, e: sp.Expr) -> sp.Expr:
        if not e.args:
            return e
        found = _as_jet(e)
        if found is not None:
            function, orders, arguments = found
            return self._stand_in(
                e, (function, orders), tuple(self.of(argument) for argument in arguments)
            )
        if isinstance(e, (sp.Derivative, sp.Subs)):
            return self._stand_in(e, (type(e), ()), (e,))
        arguments = tuple(self.of(argument) for argument in e.args)
        return e if arguments == e.args else e.func(*arguments)

    def _stand_in(self, e: sp.Expr, key: Key, arguments: tuple[sp.Expr, ...]) -> sp.Dummy:
        known = self.table.setdefault(key, [])
        for others, symbol in known:
            if all(_same(a, b) for a, b in zip(arguments, others, strict=True)):
                return symbol
        symbol = sp.Dummy(f"[{e}]", **_assumptions(e, key))
        known.append((arguments, symbol))
        return symbol


def _same(a: sp.Expr, b: sp.Expr) -> bool:
    return a == b or (a.is_commutative and b.is_commutative and vanishes(a - b))


def _assumptions(e: sp.Expr, key: Key) -> dict[str, bool]:
    """Real if the function is, and its derivatives with it; positive if the value is."""
    if isinstance(e, AppliedUndef):
        return {name: True for name in ("real", "positive", "nonnegative") if _is(e, name)}
    base = e.expr if isinstance(e, sp.Derivative) else e.expr.expr if _of_subs(e) else None
    return {"real": True} if base is not None and base.is_real else {}


def _is(e: sp.Expr, name: str) -> bool:
    return getattr(e, f"is_{name}") is True


def _of_subs(e: sp.Expr) -> bool:
    return isinstance(e, sp.Subs) and isinstance(e.expr, sp.Derivative)


def _as_jet(e: sp.Expr) -> tuple[type, tuple[int, ...], tuple[sp.Expr, ...]] | None:
    """The function, the order of derivative in each argument, and the arguments, or None."""
    if isinstance(e, AppliedUndef):
        return e.func, (0,) * len(e.args), e.args
    if isinstance(e, sp.Derivative) and isinstance(e.expr, AppliedUndef):
        orders = _orders(e)
        return None if orders is None else (e.expr.func, orders, e.expr.args)
    if _of_subs(e) and isinstance(e.expr.expr, AppliedUndef):
        orders = _orders(e.expr)
        if orders is None:
            return None
        values = dict(zip(e.variables, e.point, strict=True))
        return e.expr.expr.func, orders, tuple(a.xreplace(values) for a in e.expr.expr.args)
    return None


def _orders(e: sp.Derivative) -> tuple[int, ...] | None:
    """How often each argument is differentiated by, where they are letters of their own."""
    counts = dict(e.variable_count)
    if not all(n.is_Integer for n in counts.values()) or not set(counts) <= set(e.expr.args):
        return None
    letters = [a for a in e.expr.args if a.is_Symbol]
    for variable in counts:
        if letters.count(variable) != 1 or any(
            a.has(variable) for a in e.expr.args if a != variable
        ):
            return None
    return tuple(int(counts.get(a, 0)) for a in e.expr.args)


def jets(*sides: sp.Expr) -> list[sp.Expr]:
    """The sides of a claim, derivatives worked out, with one table of stand-ins."""
    table = Jets()
    return [table.of(side.doit()) for side in sides]
