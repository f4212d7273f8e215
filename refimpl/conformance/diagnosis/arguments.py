"""Right formulas of rounded arguments: the precision that is lost on the way in, or on the way.

    x − (t − s) v   of x and v rounded to bfloat16

Every set of arguments is tried, the smallest first, in every coarser type; levels are rounded on
the adapter's clock, and as noise levels. Then each line of the formula as it is written out, alone
and with what goes into it.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from ..adapter import arrays
from ..adapter.conventions import Conventions
from ..formulas.operations import Operation
from ..formulas.program import Program
from ..formulas.values import Formulas, Inputs
from .evidence import Variation
from .printing import shown
from .readings import Case

MOST = 4
"""Arguments that are tried together; and all of them."""


def rounded_arguments(op: Operation, cases: list[Case], c: Conventions) -> Iterator[Variation]:
    """The formula of rounded arguments; one argument first."""
    coarser = _coarser(c)
    names = [n for n, x in cases[0].inputs.items() if _is_array(x)]
    for size in sorted({*range(1, min(MOST, len(names)) + 1), len(names)} - {0}):
        for chosen in combinations(names, size):
            for dtype in coarser:
                yield _rounded(op, chosen, dtype, c)
                if {"t", "s"} & set(chosen) and c["time"] != "noise at 1":
                    yield _rounded(op, chosen, dtype, c, levels=True)


def rounded_lines(op: Operation, cases: list[Case], c: Conventions) -> Iterator[Variation]:
    """The formula with one of its lines rounded, alone and together with its own arguments."""
    for program in op.written([k.inputs for k in cases], c):
        last = set(program.parts.values())
        for k, row in enumerate(program.lines):
            for dtype in _coarser(c) if row.name not in last else ():
                yield _in_line(op, program, k, frozenset(), dtype, c)
                yield _in_line(op, program, k, row.uses, dtype, c)


def _in_line(
    op: Operation, program: Program, k: int, with_: frozenset[str], dtype: str, c: Conventions
) -> Variation:
    row = program.lines[k]

    def parts(i: Inputs) -> Any:
        known = op.begins(i, c)
        for n in with_ & set(known):
            known[n] = arrays.rounded_to(np.asarray(known[n], dtype=np.float64), dtype)
        for other in program.lines:
            value = other.value(known)
            known[other.name] = arrays.rounded_to(value, dtype) if other is row else value
        return program.told(known)

    own = f", its arguments and itself, in {dtype}" if with_ else f" rounded to {dtype}"
    return Variation("argument", f"{row.name} = {shown(row.expression)}{own}",
                     "The formula is right; precision is lost on the way.",
                     f"compute it in {c['dtype']}", parts, 1 + bool(with_))  # fmt: skip


def _rounded(
    op: Operation, chosen: tuple[str, ...], dtype: str, c: Conventions, *, levels: bool = False
) -> Variation:
    def one(name: str, x: np.ndarray) -> Any:
        if levels and name in ("t", "s"):
            return c.clock(arrays.rounded_to(np.asarray(c.level(x)), dtype))
        return arrays.rounded_to(np.asarray(x), dtype)

    def parts(i: Inputs) -> Any:
        return op.evaluate(
            Formulas(quick=True), {**i, **{n: one(n, i[n]) for n in chosen if n in i}}, c
        )

    told = ", ".join(chosen)
    name = f"{'argument' if len(chosen) == 1 else 'arguments'} {told} rounded to {dtype}"
    return Variation("argument", name, "The formula is right; precision is lost on the way in.",
                     f"take {told} as given, in {c['dtype']}", parts, len(chosen))  # fmt: skip


def _coarser(c: Conventions) -> list[str]:
    unit = arrays.UNIT[c["dtype"]]
    return sorted((n for n, u in arrays.UNIT.items() if u > unit), key=lambda n: -arrays.UNIT[n])


def _is_array(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"
