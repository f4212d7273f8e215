"""Expressions as they are written: differentiated, put in and rebuilt without being simplified."""

from __future__ import annotations

from typing import Any

import sympy as sp


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
    if e.has(sp.exp, sp.log, sp.sin, sp.cos) or any(not p.exp.is_Integer for p in e.atoms(sp.Pow)):
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
