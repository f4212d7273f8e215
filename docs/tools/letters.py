"""What stands in formulas that are written as plain text, and the TeX of each piece.

pieces("σ² ≤ 1")      tokens: a letter, a power, an operator, a number
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "ζ": "zeta",
    "η": "eta", "θ": "theta", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi",
    "π": "pi", "ρ": "rho", "ϱ": "varrho", "σ": "sigma", "τ": "tau", "φ": "varphi", "χ": "chi",
    "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda",
    "Σ": "Sigma", "Π": "Pi", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip
OPERATORS = {
    "=": "=", "<": "<", ">": ">", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "≈": r"\approx ",
    "∝": r"\propto ", "~": r"\sim ", "↦": r"\mapsto ", "→": r"\to ", "⇒": r"\Rightarrow ",
    "∈": r"\in ", "+": "+", "−": "-", "±": r"\pm ", "·": r"\cdot ", "×": r"\times ",
    "/": "/", "∘": r"\circ ", "≡": r"\equiv ",
}  # fmt: skip
RELATIONS = frozenset(t.strip() for t in OPERATORS.values()) - {"/"} | {r"\mid", r"\parallel"}
SIGNS = {
    "∇": r"\nabla ", "∂": r"\partial ", "∫": r"\int ", "∞": r"\infty ", "∏": r"\prod ",
    "…": r"\dots ", "ℓ": r"\ell ", "½": r"\tfrac12 ", "¼": r"\tfrac14 ", "⅓": r"\tfrac13 ",
}  # fmt: skip
PRIMES = "′'"
UPPER = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿᵀᵏ", "0123456789+-nTk", strict=True))
LOWER = dict(zip("₀₁₂₃₄₅₆₇₈₉ₓₜₙ₊₋", "0123456789xtn+-", strict=True))
ACCENTS = {"\u0307": r"\dot", "\u0302": r"\hat", "\u0303": r"\tilde", "\u0304": r"\bar"}
COMPOSED = {
    "ẋ": r"\dot x", "ẏ": r"\dot y", "ż": r"\dot z", "ṽ": r"\tilde v", "x̃": r"\tilde x",
    "ᾱ": r"\bar\alpha ", "û": r"\hat u", "ã": r"\tilde a",
    "â": r"\hat a", "ȧ": r"\dot a", "ḃ": r"\dot b",
}  # fmt: skip
FUNCTIONS = {
    "exp": r"\exp", "log": r"\log", "ln": r"\ln", "sin": r"\sin", "cos": r"\cos", "min": r"\min",
    "max": r"\max", "det": r"\det", "tr": r"\operatorname{tr}", "clip": r"\operatorname{clip}",
    "Var": r"\operatorname{Var}", "Cov": r"\operatorname{Cov}", "KL": r"\mathrm{KL}",
    "E": r"\mathbb E", "N": r"\mathcal N", "P": "P", "B": "B", "div": r"\nabla\cdot ",
    "sqrt": r"\sqrt", "expm1": r"\operatorname{expm1}", "log1p": r"\operatorname{log1p}",
    "sign": r"\operatorname{sign}", "Beta": r"\mathrm{Beta}",
}  # fmt: skip
WORDS = frozenset(
    ("data", "noise", "mean", "std", "eps", "limit", "inside", "delay")
    + ("kept", "target", "fresh", "end", "count", "const", "goal")
)
"""Words that stand in formulas: mathematics only beside an operator or inside of brackets."""

PRODUCTS = frozenset(("PQ", "Lt", "Lh", "nh"))
"""Products of Latin letters that are no word: of matrices, and of a bound or a count and a time."""

OPEN, CLOSE = "([{⟨", ")]}⟩"
BARS = "|‖"
BRACKETS = {"(": "(", ")": ")", "[": "[", "]": "]", "⟨": r"\langle ", "⟩": r"\rangle ",
            "|": r"\mid ", "‖": r"\parallel ", "{": r"\{", "}": r"\}"}  # fmt: skip

TOKEN = re.compile(
    r"(?P<code>`[^`]*`|\$[^$]*\$|<[^<> ][^<>]*>|&#?\w+;|'(?:s|t|re)\b)"
    r"|(?P<space>\s+)"
    r"|(?P<number>\d+(?:,\d{3})+|\d*\.?\d+)"
    r"|(?P<word>[A-Za-zͰ-Ͽᾱṽẋℓ](?:[A-Za-z0-9]|[̀-ͯ])*)"
    r"|(?P<sign>.[̀-ͯ]?)",
    re.S,
)


@dataclass
class Token:
    """A piece of text: how it prints, and what sort of thing it is.

    Attributes:
        text: as written.
        sort: "math" can be nothing else, "maybe" is mathematics beside mathematics, "operator"
            joins, "open", "close", "bar" and "comma" are what they say, "space" and "prose" end
            nothing and everything.
        tex: as TeX.
    """

    text: str
    sort: str
    tex: str


def pieces(text: str) -> list[Token]:
    found: list[Token] = []
    for match in TOKEN.finditer(text):
        sort, piece = str(match.lastgroup), match[0]
        if sort == "word":
            found += _words(piece)
        else:
            found.append(_other(sort, piece))
    return found


def _words(piece: str) -> list[Token]:
    """One word as tokens: Greek letters beside Latin ones are factors."""
    if piece in FUNCTIONS:
        return [Token(piece, "function", FUNCTIONS[piece])]
    if piece in PRODUCTS:
        return [Token(piece, "math", piece)]
    if piece in WORDS:
        return [Token(piece, "maybe", rf"\mathrm{{{piece}}}")]
    if re.fullmatch(r"d[twxyzvpm][̄]?", piece):
        return [Token(piece, "math", rf"\mathrm{{d}}{_letter(piece[1:]) or piece[1]}")]
    if piece in ("a", "A", "I"):
        return [Token(piece, "letter", piece)]
    letters = re.findall(r".[̀-ͯ]?", piece)
    if len(letters) == 1 or any(_letter(c) for c in letters):
        if any(not _letter(c) and not (c.isascii() and c.isalpha()) for c in letters):
            return [Token(piece, "prose", escape(piece))]
        return [Token(c, "math", _letter(c) or c) for c in letters]
    return [Token(piece, "prose", piece)]


def _letter(c: str) -> str:
    """A letter that is no Latin one, or that has an accent, as TeX; else nothing."""
    if c in COMPOSED:
        return COMPOSED[c]
    if len(c) == 2 and c[1] in ACCENTS:
        inner = rf"\{GREEK[c[0]]}" if c[0] in GREEK else c[0]
        return rf"{ACCENTS[c[1]]}{{{inner}}}"
    if c in GREEK:
        return rf"\{GREEK[c]} "
    return SIGNS.get(c, "")


def _other(sort: str, piece: str) -> Token:
    if sort == "number":
        return Token(piece, "maybe", piece.replace(",", "{,}"))
    if sort == "space":
        return Token(piece, "space", r"\, ")
    if sort == "code":
        return Token(piece, "prose", piece)
    if piece in OPERATORS:
        return Token(piece, "operator", OPERATORS[piece])
    if piece in UPPER:
        return Token(piece, "upper", UPPER[piece])
    if piece in LOWER:
        return Token(piece, "lower", LOWER[piece])
    if piece in PRIMES or piece == "*":
        return Token(piece, "mark", r"\prime" if piece in PRIMES else "*")
    if piece in "_^":
        return Token(piece, "index", piece)
    for kinds, name in ((OPEN, "open"), (CLOSE, "close"), (BARS, "bar")):
        if piece in kinds:
            return Token(piece, name, BRACKETS[piece])
    if piece == "√":
        return Token(piece, "root", r"\sqrt")
    if piece == ",":
        return Token(piece, "comma", ",")
    if _letter(piece):
        return Token(piece, "math", _letter(piece))
    return Token(piece, "prose", piece)
