"""The symbols of all proofs, their assumptions, how they print and where witnesses are looked for.

The symbol of an argument follows from its declaration in the signature (`of`); a proof makes
others for itself (`symbol`). A letter means the same thing in every proof. A symbol's domain is an
open interval with rational ends; it serves the second, numeric evaluation and the search for
witnesses, never the algebra.
"""

from fractions import Fraction

import sympy as sp

from refimpl.equations import arguments
from refimpl.equations.arguments import declaration

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


def of(declared: object, name: str, letter: str | None = None) -> sp.Symbol:
    """The symbol of an argument: letter, assumptions and interval as its declaration says.

    Args:
        declared: a word of `refimpl.equations.arguments`, or of a topic.
        name: the symbol's name.
        letter: another letter than the declared one, or none ("").
    """
    argument = declaration(name, declared)
    low, high = argument.between or (None, None)
    latex = argument.letter if letter is None else letter
    assumes = _ASSUMES.get(argument.inside.name, {"positive": True})
    return symbol(name, "" if latex == name else latex, low, high, **assumes)


_ASSUMES = {
    "real": {"real": True},
    "nonzero": {"real": True},
    "correlation": {"real": True},
    "negative": {"negative": True},
}
"""Of the interior of a domain; the others have positive numbers there."""


# Levels: t above s, so that every step goes down.
t = of(arguments.Level, "t")
s = of(arguments.LowerLevel, "s")
h = of(arguments.Length, "h")

# A sample, its ends and its views.
x = of(arguments.State, "x")
x_s = of(arguments.State, "x_s", "")
data = of(arguments.Data, "data")
noise = of(arguments.Noise, "noise")
eps = of(arguments.Noise, "eps", r"\varepsilon")
v = of(arguments.Velocity, "v")
v_ref = of(arguments.ReferenceVelocity, "v_ref")
score = of(arguments.Score, "score")

# Coefficients of a path. A schedule has α, σ > 0 inside, α falling and σ rising: the determinant
# α σ̇ − α̇ σ is then positive.
alpha = of(arguments.Alpha, "alpha")
sigma = of(arguments.Sigma, "sigma")
d_alpha = of(arguments.AlphaRate, "d_alpha")
d_sigma = of(arguments.SigmaRate, "d_sigma")

# Scales.
g = of(arguments.Diffusion, "g")
a = of(arguments.NoiseLevel, "a")
std = of(arguments.Std, "std")
w = of(arguments.W, "w")
omega = of(arguments.Omega, "omega")
