"""Does a rational expression vanish identically? By polynomial arithmetic, without any gcd.

    vanishes((x**2 - 1)/(x - 1) - x - 1)      is True

Symbols are the generators; whatever is not a sum, a product or a whole power (a root, a logarithm)
is a generator too, so that False only means: not zero as a rational function of these.
"""

import sympy as sp
from sympy.polys.rings import PolyElement, PolyRing, ring

Fraction = tuple[PolyElement, dict[PolyElement, int]]
"""A numerator, and the factors of the denominator with their powers."""


def vanishes(e: sp.Expr) -> bool:
    """Whether e is zero as a rational function of its generators."""
    generators = _generators(e)
    if not generators:
        return bool(e == 0)
    made = ring([sp.Dummy() for _ in generators], sp.QQ)
    table = dict(zip(generators, made[1:], strict=True))
    numerator, _ = _fraction(e, made[0], table, {})
    return not numerator


def _generators(e: sp.Expr) -> list[sp.Expr]:
    found: dict[sp.Expr, None] = {}
    seen: set[sp.Expr] = set()
    todo = [e]
    while todo:
        node = todo.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node, (sp.Add, sp.Mul)) or _whole_power(node):
            todo.extend(node.args)
        elif not isinstance(node, sp.Rational):
            found[node] = None
    return list(found)


def _whole_power(node: sp.Expr) -> bool:
    return isinstance(node, sp.Pow) and isinstance(node.exp, sp.Integer)


def _fraction(
    e: sp.Expr,
    home: PolyRing,
    table: dict[sp.Expr, PolyElement],
    done: dict[sp.Expr, Fraction],
) -> Fraction:
    if e in done:
        return done[e]
    if e in table:
        made: Fraction = (table[e], {})
    elif isinstance(e, sp.Rational):
        made = (home.ground_new(sp.QQ(e.p, e.q)), {})
    elif isinstance(e, sp.Add):
        made = _total([_fraction(part, home, table, done) for part in e.args], home)
    elif isinstance(e, sp.Mul):
        made = (home.one, {})
        for part in e.args:
            made = _times(made, _fraction(part, home, table, done))
    else:
        made = _to_the(_fraction(e.base, home, table, done), int(e.exp), home)
    done[e] = made
    return made


def _times(a: Fraction, b: Fraction) -> Fraction:
    below = dict(a[1])
    for factor, power in b[1].items():
        below[factor] = below.get(factor, 0) + power
    return a[0] * b[0], below


def _to_the(a: Fraction, n: int, home: PolyRing) -> Fraction:
    if n >= 0:
        return a[0] ** n, {factor: power * n for factor, power in a[1].items()}
    above = home.one
    for factor, power in a[1].items():
        above *= factor ** (power * -n)
    if not a[0]:
        raise ZeroDivisionError("a denominator that vanishes identically")
    below: dict[PolyElement, int] = {}
    if len(a[0]) == 1:  # a single term: its letters one by one, so that sums share them
        ((exponents, coefficient),) = a[0].terms()
        for letter, power in zip(home.gens, exponents, strict=True):
            if power:
                below[letter] = power * -n
        return above * (1 / coefficient**-n), below
    below[a[0]] = -n
    return above, below


def _total(parts: list[Fraction], home: PolyRing) -> Fraction:
    below: dict[PolyElement, int] = {}
    for _, factors in parts:
        for factor, power in factors.items():
            below[factor] = max(below.get(factor, 0), power)
    above = home.zero
    for top, factors in parts:
        for factor, power in below.items():
            missing = power - factors.get(factor, 0)
            if missing:
                top = top * factor**missing
        above += top
    return above, below
