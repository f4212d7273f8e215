"""Which argument of a minimum or a maximum it is at a point, told by the signs of the letters.

branch(Min(A*(1 + d), A), d, d)      A, because A (1 + d) − A = A d > 0 for A, d > 0
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from .raw import NotInCoq, kept, settled


@dataclass(frozen=True)
class Choice:
    """Two arguments, the greater less the smaller, and a form of it that is seen to be positive."""

    gap: sp.Expr
    form: sp.Expr


def branch(e: sp.Expr, letter: sp.Symbol, at: sp.Expr) -> tuple[sp.Expr, list[Choice]]:
    """e with every minimum and maximum replaced by what it is where the letter is near `at`.

    Raises:
        NotInCoq: the signs of the letters do not tell which argument is the less.
    """
    if not e.has(sp.Min, sp.Max):
        return e, []
    inner = [branch(argument, letter, at) for argument in e.args]
    choices = [choice for _, found in inner for choice in found]
    arguments = tuple(argument for argument, _ in inner)
    if not isinstance(e, (sp.Min, sp.Max)):
        return kept(e, arguments), choices
    best = arguments[0]
    for other in arguments[1:]:
        difference = settled(other) - settled(best)
        gap = sp.factor(settled(difference.subs(letter, at)))
        if sp.cancel(sp.together(difference)) == 0:
            continue
        if not (gap.is_positive or gap.is_negative):
            raise NotInCoq("the signs of the letters do not tell which of two numbers is less")
        less, more = (best, other) if gap.is_positive else (other, best)
        form = gap if gap.is_positive else -gap
        choices.append(Choice(sp.Add(more, sp.Mul(-1, less, evaluate=False), evaluate=False), form))
        best = less if isinstance(e, sp.Min) else more
    return best, choices
