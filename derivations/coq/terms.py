"""Expressions as terms of Coq over its reals: the printer, which knows no mathematics.

    term(g**2 / (2*t), names)          "g ^ 2 / (2 * t)"
    √ is sqrt, log is ln, min is Rmin, |a| is Rabs, a^w is Rpower a w, π is PI

Function values and derivatives are letters of their own, as in the engine: p, p_x, p_xx stand for
any three reals. What has no term here raises `NotInCoq`, with the reason that the report gives.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import sympy as sp
from sympy.core.function import AppliedUndef

from derivations.engine.algebra.jets import Jets, _as_jet

from .raw import NotInCoq, kept, settled

SUM, PRODUCT, SIGN, POWER, APPLIED, ATOM = 50, 40, 35, 30, 10, 0
"""Coq's levels: the looser an operator binds, the higher."""

_TAKEN = {
    "exp", "ln", "sqrt", "sin", "cos", "tan", "Rabs", "Rmin", "Rmax", "Rpower", "PI", "R", "E", "S",
    "O", "I", "INR", "IZR", "nat", "fun", "forall", "exists", "let", "in", "if", "then", "else",
    "match", "with", "end", "as", "return", "at", "by", "fix", "cofix", "where", "for", "using",
    "Set", "Prop", "Type", "normal", "equation", "power", "bell", "right", "near", "other",
}  # fmt: skip
"""Words that mean something to Coq, or to the lemmas."""

_FUNCTIONS: dict[type, str] = {
    sp.exp: "exp",
    sp.log: "ln",
    sp.sin: "sin",
    sp.cos: "cos",
    sp.tan: "tan",
    sp.Abs: "Rabs",
}


@dataclass
class Names:
    """A name for every letter of a lemma: symbols by their own, values and derivatives by theirs.

    Attributes:
        of: the names that were given, by symbol, in order.
        jets: what values and derivatives of functions are replaced by.
    """

    of: dict[sp.Symbol, str] = field(default_factory=dict)
    jets: Jets = field(default_factory=Jets)
    stands_for: dict[sp.Symbol, sp.Expr] = field(default_factory=dict)

    def name(self, symbol: sp.Symbol) -> str:
        """The name of a letter; given at first sight."""
        if symbol not in self.of:
            self.of[symbol] = self.fresh(_called(self.stands_for.get(symbol, symbol)))
        return self.of[symbol]

    def fresh(self, wanted: str) -> str:
        """A name not yet given, like the one that is wanted."""
        wanted = re.sub(r"\W", "_", wanted, flags=re.ASCII).strip("_") or "z"
        if not wanted[0].isalpha():
            wanted = f"z{wanted}"
        given = {*(text.strip() for text in self.of.values()), *_TAKEN}
        if wanted not in given:
            return wanted
        return next(f"{wanted}_{n}" for n in range(2, 10_000) if f"{wanted}_{n}" not in given)

    def letters(self, e: sp.Expr) -> sp.Expr:
        """e with a letter for every value and derivative of a function, nothing else changed."""
        memory: dict[sp.Expr, sp.Expr] = {}

        def walk(e: sp.Expr) -> sp.Expr:
            if not e.args:
                return e
            if e not in memory:
                if isinstance(e, (AppliedUndef, sp.Derivative, sp.Subs)):
                    memory[e] = self._letter(e)
                else:
                    memory[e] = kept(e, tuple(walk(argument) for argument in e.args))
            return memory[e]

        return walk(sp.sympify(e))

    def _letter(self, e: sp.Expr) -> sp.Expr:
        with sp.evaluate(True):
            made = settled(e)
            letter = self.jets.of(made)
        if isinstance(letter, sp.Dummy):
            self.stands_for.setdefault(letter, made)
        return letter


def _called(e: sp.Expr) -> str:
    """p_x for ∂p/∂x, p_xt for ∂²p/∂x∂t, f_at for a value elsewhere."""
    if isinstance(e, sp.Symbol):
        return str(e.name)
    found = _as_jet(e)
    if found is None:
        return "z"
    function, orders, arguments = found
    letters = "".join(str(a) * n for a, n in zip(arguments, orders, strict=True) if a.is_Symbol)
    plain = all(a.is_Symbol for a in arguments)
    orders_only = "".join("d" * n for n in orders)
    below = letters if plain else f"{orders_only}at"
    return f"{function.__name__}_{below}" if below else function.__name__


def term(e: sp.Expr, names: Names, within: int = SUM) -> str:
    """The term of an expression whose letters are all symbols, in brackets where it is looser.

    Raises:
        NotInCoq: a function or a number that the printer does not know.
    """
    text, level = _term(e, names)
    return text if level <= within else f"({text})"


def _term(e: sp.Expr, names: Names) -> tuple[str, int]:
    if isinstance(e, sp.Symbol):
        return names.name(e), ATOM
    if isinstance(e, sp.Integer):
        return (str(e), ATOM) if e >= 0 else (f"- {-e}", SIGN)
    if isinstance(e, sp.Rational):
        return f"{'- ' if e < 0 else ''}{abs(e.p)} / {e.q}", PRODUCT
    if e is sp.pi:
        return "PI", ATOM
    if e is sp.E:
        return "exp 1", APPLIED
    if isinstance(e, sp.Add):
        return _sum(e, names), SUM
    if isinstance(e, sp.Mul):
        return _product(e, names)
    if isinstance(e, sp.Pow):
        return _power(e.base, e.exp, names)
    if isinstance(e, (sp.Min, sp.Max)):
        return _least(e, names), APPLIED
    if type(e) in _FUNCTIONS:
        return f"{_FUNCTIONS[type(e)]} {term(e.args[0], names, ATOM)}", APPLIED
    if e is sp.I:
        raise NotInCoq("it is about complex numbers")
    raise NotInCoq(f"it holds {type(e).__name__}, for which there is no term")


def _sum(e: sp.Expr, names: Names) -> str:
    text = ""
    for part in e.args:
        if part == 0 and len(e.args) > 1:
            continue
        negative, rest = _sign(part)
        if not text:
            text = term(part, names, SUM)
        else:
            text += f" - {term(rest, names, PRODUCT)}" if negative else f" + {term(part, names)}"
    return text or "0"


def _sign(e: sp.Expr) -> tuple[bool, sp.Expr]:
    """Whether a term has a minus sign in front, and what comes after it."""
    if isinstance(e, sp.Rational) and e < 0:
        return True, -e
    if isinstance(e, sp.Mul) and isinstance(e.args[0], sp.Rational) and e.args[0] < 0:
        first, rest = -e.args[0], e.args[1:]
        parts = rest if first == 1 else (first, *rest)
        return True, sp.Mul(*parts, evaluate=False) if len(parts) > 1 else parts[0]
    return False, e


def _product(e: sp.Expr, names: Names) -> tuple[str, int]:
    above, below, minus = [], [], False
    for part in e.args:
        if part == -1:
            minus = not minus
        elif isinstance(part, sp.Pow) and part.exp.is_Rational and part.exp < 0:
            below.append(_power(part.base, -part.exp, names))
        else:
            above.append(_term(part, names))
    text = " * ".join(_within(t, SIGN) for t in above) or "1"
    if len(below) == 1:
        text += f" / {_within(below[0], SIGN)}"
    elif below:
        text += f" / ({' * '.join(_within(t, SIGN) for t in below)})"
    if not minus:
        return text, PRODUCT
    return (f"- {text}", PRODUCT) if len(above) + len(below) == 1 else (f"- ({text})", SIGN)


def _within(made: tuple[str, int], level: int) -> str:
    text, own = made
    return text if own <= level and not text.startswith("-") else f"({text})"


def _power(base: sp.Expr, exponent: sp.Expr, names: Names) -> tuple[str, int]:
    if base is sp.E:
        return f"exp {term(exponent, names, ATOM)}", APPLIED
    if isinstance(exponent, sp.Integer):
        if exponent < 0:
            return f"/ {_within(_power(base, -exponent, names), SIGN)}", SIGN
        if exponent == 1:
            return _term(base, names)
        return f"{term(base, names, APPLIED)} ^ {exponent}", POWER
    if isinstance(exponent, sp.Rational) and exponent.q == 2:
        root = f"sqrt {term(base, names, ATOM)}"
        if exponent == sp.Rational(1, 2):
            return root, APPLIED
        if exponent > 0:
            return f"({root}) ^ {exponent.p}", POWER
        return f"/ ({root})" if exponent.p == -1 else f"/ ({root}) ^ {-exponent.p}", SIGN
    name = "power" if settled(base) == 0 else "Rpower"  # Rpower 0 a is 1, by a convention of ln 0
    return f"{name} {term(base, names, ATOM)} {term(exponent, names, ATOM)}", APPLIED


def _least(e: sp.Expr, names: Names) -> str:
    name = "Rmin" if isinstance(e, sp.Min) else "Rmax"
    parts = sorted(e.args, key=lambda a: sp.default_sort_key(a))
    text = term(parts[0], names, ATOM)
    for part in parts[1:]:
        text = f"{name} {text} {term(part, names, ATOM)}"
        text = text if part is parts[-1] else f"({text})"
    return text
