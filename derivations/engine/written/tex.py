"""Reading printed formulas back: LaTeX of the subset that the written language prints.

    read_tex(r"v + \\frac{g^{2}}{2t} (x + (1 - t) v)", letters)      the nodes, from the print alone

What is read back is what a reader of the page sees; evaluated, it must equal the function.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .body import PI
from .calculus import Elementary, Least, Root
from .chance import Law
from .groups import Above, Both, GroupMean, Total, Where
from .node import (
    FUNCTION,
    Integer,
    Minus,
    Negative,
    Node,
    Over,
    Plus,
    Power,
    Times,
    tightness_of_letter,
)
from .reading import NotWritten

_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|[0-9]+|\S")
_SILENT = {r"\,", r"\ ", r"\left", r"\right", r"\bigl", r"\bigr", r"\big", r"\cdot"}
_FUNCTIONS = {r"\log", r"\exp", r"\sin", r"\cos"}
_ENDS = {"+", "-", ")", "}", "]", ",", "=", ">", r"\land", r"\\", "&", r"\end", r"\mid"}


def tokens(tex: str) -> list[str]:
    """The words of a formula, spaces and the sizes of brackets left out."""
    return [word for word in _TOKEN.findall(tex) if word not in _SILENT]


def read_tex(tex: str, letters: Mapping[str, Any]) -> Node:
    """The nodes that a printed formula stands for.

    Args:
        tex: what is printed.
        letters: what each printed letter stands for; longer ones are tried first.

    Raises:
        NotWritten: something printed that is no letter of the formula, or no syntax of it.
    """
    reader = _TexReader(tokens(tex), letters)
    made = reader.sum()
    if reader.rest:
        raise NotWritten(f"left over when read back: {' '.join(reader.rest)!r} of {tex!r}")
    return made


class _TexReader:
    def __init__(self, rest: list[str], letters: Mapping[str, Any]) -> None:
        self.rest = rest
        self.letters = sorted(
            ((tokens(tex), value) for tex, value in letters.items()), key=lambda kv: -len(kv[0])
        )

    def peek(self) -> str:
        return self.rest[0] if self.rest else ""

    def take(self, *wanted: str) -> None:
        for word in wanted:
            if self.peek() != word:
                raise NotWritten(f"expected {word!r}, read {' '.join(self.rest[:6])!r}")
            self.rest = self.rest[1:]

    def sum(self) -> Node:
        made = self.term()
        while self.peek() in ("+", "-"):
            sign = self.peek()
            self.take(sign)
            made = (Plus if sign == "+" else Minus)(made, self.term())
        return made

    def term(self) -> Node:
        if self.peek() == "-":
            self.take("-")
            return Negative(self.term())
        made = self.factor()
        while self.rest and self.peek() not in _ENDS:
            made = Times(made, self.factor())
        return made

    def factor(self) -> Node:
        loose = self._letter_is_loose()
        made = self.atom()
        if self.peek() == "^" and loose:
            raise NotWritten(f"a power of {made.tex} or inside it? brackets are missing")
        while self.peek() == "^":
            self.take("^")
            made = Power(made, self.group())
        return made

    def _letter_is_loose(self) -> bool:
        """Whether a letter like ∇log p comes next, which a power could be thought to enter."""
        found = next((words for words, _ in self.letters if self.rest[: len(words)] == words), [])
        return bool(found) and tightness_of_letter(found[0]) == FUNCTION

    def group(self) -> Node:
        self.take("{")
        made = self.sum()
        self.take("}")
        return made

    def words(self) -> str:
        """What stands in braces, as text."""
        self.take("{")
        found = ""
        while self.peek() != "}":
            found += self.peek()
            self.rest = self.rest[1:]
        self.take("}")
        return found

    def atom(self) -> Node:
        for words, value in self.letters:
            if self.rest[: len(words)] == words:
                self.rest = self.rest[len(words) :]
                return self.applied(value) if hasattr(value, "applied") else value
        word = self.peek()
        if word.isdigit():
            self.take(word)
            return Integer(int(word))
        if word == r"\pi":
            self.take(word)
            return PI
        if word in ("(", "["):
            self.take(word)
            made = self.sum()
            self.take(")" if word == "(" else "]")
            return made
        if word in _FUNCTIONS:
            self.take(word)
            return Elementary(word[1:], self.atom())
        if word in _COMMANDS:
            self.take(word)
            return getattr(self, _COMMANDS[word])()
        raise NotWritten(f"{word!r} is no letter of this formula")

    def applied(self, function: Any) -> Node:
        self.take("(")
        arguments = [self.sum()]
        while self.peek() == ",":
            self.take(",")
            arguments.append(self.sum())
        self.take(")")
        return function.applied(*arguments)

    def fraction(self) -> Node:
        return Over(self.group(), self.group())

    def root(self) -> Node:
        return Root(self.group())

    def least(self) -> Node:
        return self.two("min")

    def most(self) -> Node:
        return self.two("max")

    def two(self, name: str) -> Node:
        self.take("(")
        a = self.sum()
        self.take(",")
        b = self.sum()
        self.take(")")
        return Least(name, a, b)

    def law(self) -> Node:
        """N(mean, variance)."""
        self.take("N", "(")
        mean = self.sum()
        self.take(",")
        variance = self.sum()
        self.take(")")
        square = isinstance(variance, Power) and variance.children[1] == Integer(2)
        return Law(mean, variance.children[0] if square else Root(variance), variance)

    def total(self) -> Node:
        self.take("_")
        index = self.words()
        inside = self.term()
        return Total(inside, _axis(index), True, index)

    def operator(self) -> Node:
        name = self.words()
        self.take("_")
        index = self.words()
        if name != "mean":
            raise NotWritten(f"no operator {name!r}")
        return GroupMean(self.atom(), _axis(index), True)

    def cases(self) -> Node:
        if self.words() != "cases":
            raise NotWritten("only cases are read")
        a = self.sum()
        self.take("&", r"\text")
        self.words()
        condition = self.condition()
        self.take(r"\\")
        b = self.sum()
        self.take("&", r"\text")
        self.words()
        self.take(r"\end")
        self.words()
        return Where(condition, a, b)

    def condition(self) -> Node:
        a = self.sum()
        if self.peek() == ">":
            self.take(">")
            a = Above(a, self.sum())
        if self.peek() == r"\land":
            self.take(r"\land")
            return Both(a, self.condition())
        return a


def _axis(index: str) -> int | None:
    """The axis an index stands for: members of a group and coordinates lie along the last."""
    return None if "," in index else -1 if index == "i" else 0


_COMMANDS = {
    r"\frac": "fraction",
    r"\sqrt": "root",
    r"\min": "least",
    r"\max": "most",
    r"\mathcal": "law",
    r"\sum": "total",
    r"\operatorname": "operator",
    r"\begin": "cases",
}
