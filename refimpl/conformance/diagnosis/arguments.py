"""Right formulas of rounded arguments: the precision that is lost on the way in, or on the way.

    x − (t − s) v   of x and v rounded to bfloat16        x − t v   of t cut to thousandths

Every set of arguments is tried, the smallest first, in every coarser type; levels are rounded on
the adapter's clock, and as noise levels. Then each line of the formula as it is written out, alone
and with what goes into it.
"""

from collections.abc import Callable, Iterator
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
    yield from _snapped_levels(op, cases, c)
    coarser = _coarser(c)
    names = [n for n, x in cases[0].inputs.items() if _is_array(x)]
    for size in sorted({*range(1, min(MOST, len(names)) + 1), len(names)} - {0}):
        for chosen in combinations(names, size):
            for dtype in coarser:
                yield _rounded(op, chosen, dtype, c)
                if {"t", "s"} & set(chosen) and c["time"] != "noise at 1":
                    yield _rounded(op, chosen, dtype, c, levels=True)


def exchanged_arguments(op: Operation, cases: list[Case], c: Conventions) -> Iterator[Variation]:
    """The formula of two arguments of one shape, each in the other's place."""
    first = cases[0].inputs
    names = [n for n, x in first.items() if _is_array(x)]
    for one, two in combinations(names, 2):
        if first[one].shape == first[two].shape and any(
            _both_matter(op, k.inputs, one, two, c) for k in cases
        ):
            yield _exchanged(op, one, two, c)


def _both_matter(op: Operation, i: Inputs, one: str, two: str, c: Conventions) -> bool:
    """Whether an exchange is more than one of the two in the other's place."""

    def given(**others: Any) -> Any:
        return op.evaluate(Formulas(quick=True), {**i, **others}, c)

    try:
        both = given(**{one: i[two], two: i[one]})
        alone = (given(**{one: i[two]}), given(**{two: i[one]}))
    except Exception:  # a formula need not have a value there
        return False
    return not any(all(np.array_equal(x, both[p]) for p, x in a.items()) for a in alone)


def _exchanged(op: Operation, one: str, two: str, c: Conventions) -> Variation:
    def parts(i: Inputs) -> Any:
        return op.evaluate(Formulas(quick=True), {**i, one: i[two], two: i[one]}, c)

    return Variation("argument", f"arguments {one} and {two} exchanged", "Each stands in the "
                     "other's place.", f"give {one} and {two} in their order", parts)  # fmt: skip


_PARTS = {"whole numbers": 1, "tenths": 10, "hundredths": 100, "thousandths": 1000}
_WHOLE: dict[str, Callable[..., Any]] = {"cut": np.floor, "rounded": np.round,
                                         "rounded up": np.ceil}  # fmt: skip


def _snapped_levels(op: Operation, cases: list[Case], c: Conventions) -> Iterator[Variation]:
    """The formula of levels that are whole numbers of something, on the adapter's clock."""
    names = [n for n in ("t", "s") if any(_is_array(k.inputs.get(n)) for k in cases)]
    unit, fractions = 1000 if c["time"].endswith("1000") else 1, dict(_PARTS)
    if not any(np.isin(c.level(k.inputs["t"]), (0, 1)).any() for k in cases if "t" in k.inputs):
        del fractions["whole numbers"]  # between the ends a level that is cut is one left out
    for chosen in [(n,) for n in names] + ([tuple(names)] if len(names) > 1 else []):
        for word, whole in _WHOLE.items():
            for parts, n in fractions.items():
                for kind in ("", *(k for k in ("float32",) if k in _coarser(c))):
                    yield _snapped(op, chosen, f"{word} to {parts}", whole, n / unit, kind, c)


def _snapped(
    op: Operation, chosen: tuple[str, ...], told: str, whole: Callable[..., Any], by: float,
    kind: str, c: Conventions,
) -> Variation:  # fmt: skip
    def one(x: np.ndarray) -> np.ndarray:
        near = np.asarray(whole(by * x) / by)
        return arrays.rounded_to(near, kind) if kind else near  # whole numbers divide in float32

    def parts(i: Inputs) -> Any:
        snapped = {n: one(i[n]) for n in chosen if n in i}
        return op.evaluate(Formulas(quick=True), {**i, **snapped}, c)

    names = ", ".join(chosen)
    name = f"{'argument' if len(chosen) == 1 else 'arguments'} {names} {told}"
    name += f", in {kind}" if kind else ""
    return Variation("argument", name, "The formula is right, and asked at other levels.",
                     f"take {names} as given", parts, len(chosen) + bool(kind))  # fmt: skip


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
