"""The mean over ε ~ N(0, 1) by moments: E[ε^(n+2)] = (n + 1) E[ε^n], E[exp(b ε)] = exp(b²/2)."""

from __future__ import annotations

import sympy as sp

from derivations.engine.algebra.rational import vanishes

from .raw import kept, settled


def mean_of(e: sp.Expr, eps: sp.Symbol) -> sp.Expr:
    """E[e] over ε ~ N(0, 1), each moment's coefficient factored."""
    powers, slopes = by_moments(e, eps)
    total = sum(
        (c * sp.factorial2(n - 1) for n, c in powers.items() if n % 2 == 0), start=sp.Integer(0)
    )
    return total + sum((c * sp.exp(b**2 / 2) for b, c in slopes.items()), start=sp.Integer(0))


def by_moments(e: sp.Expr, eps: sp.Symbol) -> tuple[dict[int, sp.Expr], dict[sp.Expr, sp.Expr]]:
    """e = Σ_n c_n εⁿ + Σ_b c_b exp(b ε): the coefficients by power, and by slope.

    Roots and the like that hold no ε stay as they are written.
    """
    letters: dict[sp.Expr, sp.Dummy] = {}
    powers, slopes = _moments(settled(_lettered(e, eps, letters)), eps)
    back = {letter: atom for atom, letter in letters.items()}
    return (
        {n: _put_back(c, back) for n, c in powers.items()},
        {_put_back(b, back): _put_back(c, back) for b, c in slopes.items()},
    )


def _lettered(e: sp.Expr, eps: sp.Symbol, letters: dict[sp.Expr, sp.Dummy]) -> sp.Expr:
    """e with a letter for each root, logarithm or exponential in which there is no ε."""
    if not e.args:
        return e
    if not e.has(eps) and _is_atom(e):
        value = settled(e)
        known = next((a for a in letters if settled(a) == value), None)
        if known is None and value.args:
            letters[e] = sp.Dummy(positive=value.is_positive, real=True)
        return value if known is None and not value.args else letters[known or e]
    return kept(e, tuple(_lettered(argument, eps, letters) for argument in e.args))


def _is_atom(e: sp.Expr) -> bool:
    if isinstance(e, sp.Pow):
        return e.base is sp.E or not e.exp.is_Integer
    return isinstance(e, (sp.exp, sp.log, sp.sin, sp.cos))


def _put_back(e: sp.Expr, back: dict[sp.Expr, sp.Expr]) -> sp.Expr:
    if e in back:
        return back[e]
    return kept(e, tuple(_put_back(argument, back) for argument in e.args)) if e.args else e


def _moments(e: sp.Expr, eps: sp.Symbol) -> tuple[dict[int, sp.Expr], dict[sp.Expr, sp.Expr]]:
    parts = sp.Add.make_args(e)
    rational = sp.Add(*(p for p in parts if not any(a.has(eps) for a in p.atoms(sp.exp))))
    powers: dict[int, sp.Expr] = {}
    slopes: dict[sp.Expr, sp.Expr] = {}
    n, rest = 0, rational
    while not vanishes(rest):
        powers[n] = _short(rest.subs(eps, 0) / sp.factorial(n))
        n, rest = n + 1, rest.diff(eps)
        if n > 12:
            raise ValueError(f"no polynomial of {eps}: {rational}")
    for part in sp.Add.make_args(sp.expand(e - rational, power_exp=False)):
        factor, power = sp.powsimp(part, combine="exp").as_independent(eps, as_Add=False)
        if power.func is sp.exp:
            exponent = sp.Poly(sp.expand(power.args[0]), eps)
            if exponent.degree() > 1:
                raise ValueError(f"no closed form for the mean of {power}")
            slope, offset = exponent.coeff_monomial(eps), exponent.coeff_monomial(1)
            slopes[slope] = slopes.get(slope, sp.Integer(0)) + factor * sp.exp(offset)
        else:
            for (k,), c in sp.Poly(power, eps).terms() if power.has(eps) else [((0,), power)]:
                powers[k] = powers.get(k, sp.Integer(0)) + factor * c
    return {k: c for k, c in powers.items() if c != 0}, slopes


def _short(e: sp.Expr) -> sp.Expr:
    """Factored, where that is soon done."""
    return sp.factor(e) if len(e.free_symbols) < 12 else e
