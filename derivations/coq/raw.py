"""Expressions as they are written: differentiated, put in and rebuilt without being simplified."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from derivations.engine.algebra.jets import _as_jet


class NotInCoq(ValueError):
    """Something for which there is no lemma, with the reason that the report gives."""


def exact(e: sp.Expr) -> sp.Expr:
    """e with each floating-point number as the fraction that it is: 0.1 is no tenth."""
    if isinstance(e, sp.Float):
        return sp.Rational(*float(e).as_integer_ratio())
    if not e.has(sp.Float):
        return e
    return kept(e, tuple(exact(argument) for argument in e.args))


def slope(e: sp.Expr, x: sp.Symbol) -> sp.Expr:
    """∂e/∂x by the rules of differentiation; exponents and roots stay as they are written."""
    if not e.has(x):
        return sp.Integer(0)
    if (found := _as_jet(e)) is not None and _moving(e, x) > 1:
        return _chain(*found, x)
    several = any(_moving(part, x) > 1 for part in e.atoms(AppliedUndef, sp.Subs))
    if (
        several
        or e.has(sp.exp, sp.log, sp.sin, sp.cos)
        or any(not p.exp.is_Integer for p in e.atoms(sp.Pow))
    ):
        if isinstance(e, sp.Add):
            return sp.Add(*(slope(part, x) for part in e.args))
        if isinstance(e, sp.Mul):
            return sp.Add(
                *(
                    _product([slope(part, x), *e.args[:i], *e.args[i + 1 :]])
                    for i, part in enumerate(e.args)
                    if part.has(x)
                )
            )
        if isinstance(e, sp.Pow) and not e.exp.has(x):
            power = sp.Pow(e.base, e.exp - 1, evaluate=False) if e.exp != 2 else e.base
            return _product([e.exp, power, slope(e.base, x)])
        if isinstance(e, sp.exp):
            return _product([e, slope(e.args[0], x)])
        if isinstance(e, sp.log):
            return _product([slope(e.args[0], x), sp.Pow(e.args[0], -1, evaluate=False)])
    return settled(e).diff(x)


def _moving(e: sp.Expr, x: sp.Symbol) -> int:
    """How many arguments of a function's value or derivative hold x."""
    found = _as_jet(e)
    return 0 if found is None else sum(a.has(x) for a in found[2])


def _chain(
    function: type, orders: tuple[int, ...], arguments: tuple[sp.Expr, ...], x: sp.Symbol
) -> sp.Expr:
    """Σ ∂_i f · ∂a_i/∂x: the chain rule for a function of several arguments that move."""
    parts = []
    arguments = tuple(map(settled, arguments))
    for i, argument in enumerate(arguments):
        up = tuple(n + (k == i) for k, n in enumerate(orders))
        parts.append(_product([_partial(function, up, arguments), slope(argument, x)]))
    return sp.Add(*parts)


def _partial(function: type, orders: tuple[int, ...], arguments: tuple[sp.Expr, ...]) -> sp.Expr:
    """The derivative of a function, so often by each argument, at a point."""
    slots = [sp.Dummy(f"xi_{i}") for i, _ in enumerate(arguments, 1)]
    by = [(slot, n) for slot, n in zip(slots, orders, strict=True) if n]
    rows = zip(slots, arguments, orders, strict=True)
    value = function(*(slot if n else argument for slot, argument, n in rows))
    points = [argument for argument, n in zip(arguments, orders, strict=True) if n]
    return sp.Subs(sp.Derivative(value, *by), [slot for slot, _ in by], points)


def _product(parts: list[sp.Expr]) -> sp.Expr:
    if any(part == 0 for part in parts):
        return sp.Integer(0)
    return sp.Mul(*(part for part in parts if part != 1), evaluate=False)


def settled(e: Any, memory: dict[Any, Any] | None = None) -> Any:
    """The expression as sympy evaluates it: rebuilt from its leaves."""
    memory = {} if memory is None else memory
    if not isinstance(e, sp.Basic) or not e.args:
        return sp.sympify(e)
    if e not in memory:
        with sp.evaluate(True):
            if isinstance(e, (sp.Derivative, sp.Subs)):
                memory[e] = e.doit()
            else:
                memory[e] = e.func(*(settled(argument, memory) for argument in e.args))
    return memory[e]


def put_in(e: Any, letter: sp.Symbol, value: Any) -> Any:
    """e with a value for a letter, nothing else changed."""
    e, value = sp.sympify(e), sp.sympify(value)
    if e == letter:
        return value
    if not e.args or not e.has(letter):
        return e
    if isinstance(e, (sp.Derivative, sp.Subs)):
        with sp.evaluate(True):
            return settled(e).subs(letter, settled(value))
    return kept(e, tuple(put_in(argument, letter, value) for argument in e.args))


def kept(e: sp.Expr, arguments: tuple[sp.Expr, ...]) -> sp.Expr:
    """e with other arguments, and nothing evaluated."""
    return e if arguments == e.args else e.func(*arguments, evaluate=False)
