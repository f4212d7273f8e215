"""Neighbouring lines of a chain, decided: expanded into coordinates and handed to the engine.

a = b          every coordinate of a − b vanishes, in one to four dimensions
a ≤ b          b − a is, by its form, never negative: squares, products of positive things
a=b ⇒ c=d      the numerator of a − b divides that of c − d
"""

from __future__ import annotations

import dataclasses

import sympy as sp

from ..algebra.decide import Decision, Verdict, decide
from ..algebra.jets import jets
from .calculus import At, Limit
from .chain import Chain, Line
from .node import Node
from .space import DIMENSIONS, SPACES, flat


def pairs(chain: Chain) -> list[tuple[Node, Line]]:
    """What is to be decided: each line against the one before it, and against its long form."""
    found = []
    for before, line in zip(chain.lines, chain.lines[1:], strict=False):
        found.append((before.node, line))
        if line.fold is not None:
            found.append((line.node, Line("=", line.fold, "written out")))
    return found


def taken_at(chain: Chain) -> set[sp.Expr]:
    """The values at which lines are taken: a|_{t = 1}, a limit t → 1."""
    todo, found = [line.node for line in chain.lines], set()
    while todo:
        node = todo.pop()
        if isinstance(node, (At, Limit)):
            found.add(sp.sympify(node.children[2].at(SPACES[1])))
        todo.extend(node.children)
    return found


def settle(
    before: Node, line: Line, dimensions: tuple[int, ...] | None, *, doubtful: bool = False
) -> Decision:
    """Decide one line against the one before it, in every dimension that matters."""
    vectorial = before.vectorial or line.node.vectorial
    found = Decision(Verdict.UNDECIDED, "no dimension to decide in")
    where: tuple[sp.Expr, ...] = ()
    for d in dimensions or (DIMENSIONS if vectorial else (1,)):
        found = _in(d, before, line, doubtful)
        if found.verdict is not Verdict.PROVED:
            return found
        where = where or found.where
    return dataclasses.replace(found, where=where)


def glance(before: Node, line: Line, dimensions: tuple[int, ...] | None) -> Decision:
    """Look for a witness against a line in one dimension alone: REFUTED, or not decided."""
    if line.relation != "=":
        return settle(before, line, dimensions, doubtful=True)
    space = SPACES[(dimensions or (1,))[0]]
    left, right = flat(before.at(space)), flat(line.node.at(space))
    if len(left) == len(right):
        for a, b in zip(left, right, strict=True):
            found = decide(a, b, glance=True)
            if found.verdict is Verdict.REFUTED:
                return found
    return Decision(Verdict.UNDECIDED, "no witness at a glance")


def _in(d: int, before: Node, line: Line, doubtful: bool) -> Decision:
    left, right = flat(before.at(SPACES[d])), flat(line.node.at(SPACES[d]))
    if len(left) != len(right):
        return Decision(
            Verdict.UNDECIDED,
            f"{len(left)} values against {len(right)}: the two lines are not of one kind",
        )
    decided = {"=": _equal, "<=": _below, "=>": _follows}[line.relation]
    found = Decision(Verdict.UNDECIDED, "nothing to decide")
    where: dict[sp.Expr, None] = {}
    for a, b in zip(left, right, strict=True):
        found = decided(a, b, doubtful)
        if found.verdict is not Verdict.PROVED:
            return found
        where |= dict.fromkeys(found.where)
    return dataclasses.replace(found, where=tuple(where))


def _equal(a: sp.Expr, b: sp.Expr, doubtful: bool) -> Decision:
    return decide(a, b, doubtful=doubtful)


def _below(a: sp.Expr, b: sp.Expr, doubtful: bool) -> Decision:
    rest = jets(sp.sympify(b - a))[0]
    if rest.is_nonnegative or sp.factor(rest).is_nonnegative:
        return Decision(Verdict.PROVED, "never negative by its form")
    return Decision(Verdict.UNDECIDED, "the difference is not seen to be zero or more")


def _follows(gap: sp.Expr, claim: sp.Expr, doubtful: bool) -> Decision:
    """c = d follows from a = b where c − d has every zero of a − b."""
    known, wanted = (sp.numer(sp.together(e)) for e in jets(gap, claim))
    rest = sp.cancel(wanted / known)
    if known != 0 and not (
        sp.denom(rest).free_symbols & known.free_symbols and sp.denom(rest) != 1
    ):
        return Decision(Verdict.PROVED, "a multiple of the equation before")
    letters = sorted(known.free_symbols & wanted.free_symbols, key=lambda s: s.name)
    for letter in letters:
        if sp.degree(known, letter) == 1:
            solved = sp.cancel(letter - known / sp.diff(known, letter))
            return decide(wanted.subs(letter, solved), sp.Integer(0), doubtful=True)
    return Decision(Verdict.UNDECIDED, "not seen to follow from the equation before")
