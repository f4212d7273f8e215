"""How wide a line of LaTeX comes out, in letters: an estimate that the build holds lines to.

    width(r"\\frac{a + b}{2}") == 5,   width(r"\\underbrace{a}_{\\texttt{sde.drift}}") == 6

Fractions are as wide as their wider half, indices and exponents count for less, a command for one
letter. The page is `PAGE` letters wide.
"""

from __future__ import annotations

import re

PAGE = 84
"""Letters that fit on a line of the page."""

_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|[{}^_]|\s+|.", re.S)
_NOTHING = {
    r"\left", r"\right", r"\bigl", r"\bigr", r"\Bigl", r"\Bigr", r"\big", r"\Big", r"\mathrm",
    r"\mathbb", r"\mathcal", r"\operatorname", r"\,", r"\text", r"\displaystyle", r"\!", r"\bar",
    r"\dot", r"\hat", r"\tilde",
}  # fmt: skip
_WORDS = {r"\log": 3, r"\exp": 3, r"\sin": 3, r"\cos": 3, r"\min": 3, r"\max": 3, r"\lim": 3}


def width(tex: str) -> float:
    """The estimated width of a line, in letters."""
    return _Reader(_TOKEN.findall(tex)).row()


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.at = tokens, 0

    def row(self) -> float:
        total = 0.0
        while self.at < len(self.tokens) and self.tokens[self.at] != "}":
            total += self.one()
        return total

    def group(self) -> float:
        while self.at < len(self.tokens) and self.tokens[self.at].isspace():
            self.at += 1
        if self.at < len(self.tokens) and self.tokens[self.at] == "{":
            self.at += 1
            inside = self.row()
            self.at += 1
            return inside
        return self.one() if self.at < len(self.tokens) else 0.0

    def one(self) -> float:
        token = self.tokens[self.at]
        self.at += 1
        if token == "{":
            self.at -= 1
            return self.group()
        if token.isspace() or token in _NOTHING:
            return 0.0
        if token in (r"\frac", r"\tfrac", r"\dfrac"):
            top, bottom = self.group(), self.group()
            return max(top, bottom) * (0.7 if token == r"\tfrac" else 1)
        if token == r"\underbrace":
            inside = self.group()
            if self.at < len(self.tokens) and self.tokens[self.at] == "_":
                self.at += 1
                return max(inside, 0.7 * self.group())
            return inside
        if token == r"\sqrt":
            return 1 + self.group()
        if token in ("^", "_"):
            return 0.7 * self.group()
        if token in ("+", "-", "=", r"\le", r"\Rightarrow", r"\mid", r"\Vert"):
            return 2.0
        if token in ("(", ")", "[", "]", ",", ".", "|"):
            return 0.6
        return float(_WORDS.get(token, 1))
