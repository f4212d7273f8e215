"""The symbols of all proofs, their assumptions, how they print and where witnesses are looked for.

One place, so that a letter means the same thing in every proof. A symbol's domain is an open
interval with rational ends; it serves the second, numeric evaluation and the search for witnesses,
never the algebra.
"""

from fractions import Fraction

import sympy as sp

Interval = tuple[Fraction, Fraction]

_DOMAIN: dict[str, Interval] = {}
_LATEX: dict[str, str] = {}
_MEANING: dict[str, tuple[sp.Symbol, str, Interval | None]] = {}


def symbol(
    name: str, latex: str = "", low: object = None, high: object = None, **assumptions: bool
) -> sp.Symbol:
    """A symbol with its assumptions, its LaTeX and the interval that witnesses come from.

    Raises:
        ValueError: the name has another meaning already: one letter, one thing.
    """
    made = sp.Symbol(name, **assumptions)
    interval = None if low is None else (Fraction(str(low)), Fraction(str(high)))
    meaning = (made, latex, interval)
    if _MEANING.setdefault(name, meaning) != meaning:
        raise ValueError(f"symbol {name!r} is {_MEANING[name]}, and cannot be {meaning} as well")
    if latex:
        _LATEX[name] = latex
    if interval:
        _DOMAIN[name] = interval
    return made


def known(name: str) -> sp.Symbol:
    """The symbol of that name.

    Raises:
        KeyError: no symbol is called so.
    """
    return _MEANING[name][0]


def domain(s: sp.Symbol) -> Interval:
    """Where values of s are drawn from; by default (0, 2) if positive, (−2, 2) if not."""
    if s.name in _DOMAIN:
        return _DOMAIN[s.name]
    return (Fraction(0), Fraction(2)) if s.is_positive else (Fraction(-2), Fraction(2))


def latex(expression: object) -> str:
    """The LaTeX of an expression, its symbols printed as the article writes them."""
    printed: str = sp.latex(
        expression,
        symbol_names={sp.Symbol(n): tex for n, tex in _LATEX.items()}
        | {s: _LATEX[s.name] for s in getattr(expression, "free_symbols", ()) if s.name in _LATEX},
        fold_short_frac=False,
        ln_notation=False,
    )
    return printed


# Levels: t above s, so that every step goes down.
t = symbol("t", low="0.5", high=1, positive=True)
s = symbol("s", low=0, high="0.5", positive=True)
h = symbol("h", low=0, high="0.5", positive=True)

# A sample, its ends and its views.
x = symbol("x", real=True)
x_s = symbol("x_s", real=True)
data = symbol("data", r"\mathrm{data}", real=True)
noise = symbol("noise", r"\mathrm{noise}", real=True)
eps = symbol("eps", r"\varepsilon", real=True)
v = symbol("v", real=True)
v_ref = symbol("v_ref", r"v_{\mathrm{ref}}", real=True)
score = symbol("score", r"\nabla\log p_t", real=True)

# Coefficients of a path. A schedule has α, σ > 0 inside, α falling and σ rising: the determinant
# α σ̇ − α̇ σ is then positive.
alpha = symbol("alpha", r"\alpha_t", positive=True)
sigma = symbol("sigma", r"\sigma_t", positive=True)
d_alpha = symbol("d_alpha", r"\dot\alpha_t", low=-2, high=0, negative=True)
d_sigma = symbol("d_sigma", r"\dot\sigma_t", positive=True)

# Scales.
g = symbol("g", positive=True)
a = symbol("a", positive=True)
std = symbol("std", r"\mathrm{std}", positive=True)
w = symbol("w", real=True)
omega = symbol("omega", r"\omega", real=True)
