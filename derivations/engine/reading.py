"""A chain as it is printed, and what keeps it from being read.

A line that prints like the one before says nothing; one wider than the page cannot be read; one
without a rule is no step. Each of these fails the build.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import sympy as sp

from .algebra import symbols
from .algebra.decide import Decision
from .written import PAGE, Chain, Code, Node, width
from .written.chain import RELATIONS, Line
from .written.chance import SDE
from .written.node import Equation
from .written.space import DIMENSIONS


@dataclass(frozen=True)
class ReadLine:
    """One printed line: its relation to the line before, its LaTeX, its rule, its verdict."""

    relation: str
    latex: str
    rule: str
    fold: str
    verdict: str
    method: str
    witness: str


@dataclass(frozen=True)
class Reading:
    """A chain as it is printed.

    Attributes:
        where: letters and what they stand for, in LaTeX.
        codes: ids of the functions whose value stands in a line.
        dimensions: in which its lines were decided.
        nonzero: what must not be zero for the lines to have a value, in LaTeX, unless the
            assumptions on the letters say so.
    """

    states: str
    lines: tuple[ReadLine, ...]
    so: str
    where: tuple[tuple[str, str], ...]
    codes: tuple[str, ...]
    dimensions: tuple[int, ...]
    nonzero: tuple[str, ...]


def read(chain: Chain, decisions: dict[int, Decision]) -> Reading:
    """A chain with the verdict on each of its lines, by the line's number."""
    lines = []
    for number, line in enumerate(chain.lines):
        found = decisions.get(number)
        lines.append(
            ReadLine(
                _sign(line),
                line.node.tex,
                line.rule,
                line.fold.tex if line.fold is not None else "",
                found.verdict.value if found else "",
                found.method if found else "",
                found.witness if found else "",
            )
        )
    where = tuple((tex, node.tex) for tex, node in chain.where)
    nodes = [line.node for line in chain.lines] + [node for _, node in chain.where]
    codes = tuple(dict.fromkeys(id for node in nodes for id in _codes(node)))
    vectorial = any(line.node.vectorial for line in chain.lines)
    dimensions = chain.dimensions or (DIMENSIONS if vectorial else (1,))
    nonzero = dict.fromkeys(e for found in decisions.values() for e in found.where)
    shown = tuple(symbols.latex(e) for e in nonzero if not e.has(sp.Derivative))
    return Reading(chain.states, tuple(lines), chain.so, where, codes, dimensions, shown)


def _sign(line: Line) -> str:
    """= between values, ⟺ between equations that say the same."""
    if line.relation == "=" and isinstance(line.node, (Equation, SDE)):
        return r"\Longleftrightarrow"
    return RELATIONS.get(line.relation, "")


def _codes(node: Node) -> list[str]:
    own = [node.id] if isinstance(node, Code) else []
    return own + [id for child in node.children for id in _codes(child)]


def faults(reading: Reading) -> list[str]:
    """What keeps a reader from following it; empty when nothing does."""
    found = []
    for before, line in zip(reading.lines, reading.lines[1:], strict=False):
        if bare(before.latex) == bare(line.latex):
            found.append(f"a line that prints like the one before: {line.rule}: {line.latex}")
        if not line.rule.strip():
            found.append(f"a line without a rule: {line.latex}")
    shown = [(line.rule or "the first line", line.latex) for line in reading.lines]
    for name, latex in [*shown, *((f"where {tex}", f"{tex} = {of}") for tex, of in reading.where)]:
        if not latex.strip():
            found.append(f"a line that is not printed: {name}")
        if width(latex) > PAGE:
            found.append(f"a line {width(latex):.0f} letters wide, the page has {PAGE}: {name}")
    return found


def bare(latex: str) -> str:
    """LaTeX without braces under it, brackets' sizes and spaces: what a reader sees as the same."""
    before = None
    while before != latex:
        before = latex
        latex = re.sub(
            r"\\underbrace(\{(?:[^{}]|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})*\})"
            r"_\{\\texttt\{[^{}]*\}\}",
            r"\1",
            latex,
        )
    return re.sub(r"\\(left|right|[bB]ig[lr]?)(?![a-zA-Z])|[\s{}]|\\,", "", latex)
