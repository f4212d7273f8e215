"""The search for a quantity that became something else, and for its limit if it has one.

A limit is read off the first answer: below it nothing differs, above it everything does; and it
must hold for all answers.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from ..formulas.operations import ROUNDINGS
from ..formulas.program import Env, Program
from .evidence import Evidence, Row
from .exchanges import exchanges, on_clocks, on_pairs
from .factors import blur
from .programs import (
    COARSEST,
    Neighbour,
    crooked,
    distinct,
    explains,
    fits,
    given,
    giving,
    leading_to,
    missed,
    right_programs,
)
from .remade import FREE, HELD_FORMS, HELD_SAMPLE, Remade, opened, remade
from .solving import solved

Made: TypeAlias = Callable[[Program, Env, Sequence[str]], tuple[Program, Iterator[Remade]]]
"""What may have become something else on the way to some parts, in which spelling of a program."""

_BEGINS = {
    "q + c": (0.0,),
    "q + c * (1 - q)": (0.0,),
    "q + c * (q**2 - q)": (0.1,),
    "q + c * (1 - 2 * q)": (0.01,),
    "q + c * average_of(q)": (0.1,),
    "c * q / (1 + (c - 1) * q)": (2.0, 4.0, 0.5),
    "c * q": (1.0, 0.5, 2.0),
}
"""Where the search for some numbers begins."""

_NONE = 1e-9
"""A limit that is 0, relative to where its search began."""


def remakings(e: Evidence, parts: Sequence[str], *, free: bool) -> list[Neighbour]:
    """The programs with one quantity remade that give these parts wherever asked.

    A limit of many digits may be a plain one elsewhere: a level at most 0.92 is a g at most 2.374.
    """
    if e.barren.intersection(parts):
        return []
    found = _found(e, parts, _everywhere, free=free)
    if not all(map(crooked, found)):
        return found
    found += _found(e, parts, _in_places, free=free)
    return (
        distinct(found, e)
        or _found(e, parts, _on_clocks, free=free)
        or _found(e, parts, _on_pairs, free=free)
    )


def _places(program: Program, parts: Sequence[str]) -> list[int]:
    return sorted({k for part in parts for k in leading_to(program, part)})


def _everywhere(
    program: Program, begun: Env, parts: Sequence[str]
) -> tuple[Program, Iterator[Remade]]:
    program = opened(program, begun)
    return program, remade(program, program.values(begun), _places(program, parts))


def _in_places(
    program: Program, begun: Env, parts: Sequence[str]
) -> tuple[Program, Iterator[Remade]]:
    return program, exchanges(program, program.values(begun), _places(program, parts))


def _on_clocks(
    program: Program, begun: Env, parts: Sequence[str]
) -> tuple[Program, Iterator[Remade]]:
    names = tuple(n for n in ("t", "s") if n in begun)
    return on_clocks(program, names) if "t" in names else (program, iter(()))


def _on_pairs(
    program: Program, begun: Env, parts: Sequence[str]
) -> tuple[Program, Iterator[Remade]]:
    return on_pairs(program, begun)


def _found(e: Evidence, parts: Sequence[str], made: Made, *, free: bool) -> list[Neighbour]:
    wanted = set(parts)
    if e.unit > COARSEST:
        return []
    found = list[Neighbour]()
    with np.errstate(all="ignore"):
        for plain in right_programs(e, wanted):
            screen = missed(plain, e, wanted)
            if screen is None:
                continue
            begun = e.op.begins(e.cases[screen.case].inputs, e.c)
            program, every = made(plain, begun, parts)
            fitting = _fitting(program, program.values(begun), screen, every, free=free)
            found += [n for n in fitting if explains(n, e, wanted)]
        return distinct(found, e)


def _fitting(
    program: Program, known: Env, screen: Row, every: Iterator[Remade], *, free: bool
) -> Iterator[Neighbour]:
    for r in every:
        if r.free != free:
            continue
        for now in _limits(program, known, screen, r) if free else [r]:
            if fits(screen, given(program, known, now.lines, screen)):
                yield Neighbour(now.of(program), now.told or now.edits)
                break


def _limits(program: Program, known: Env, screen: Row, r: Remade) -> Iterator[Remade]:
    numbers = giving(program, known, r.lines, screen)
    plain = program.told(known)[screen.part]
    for start in starts(r.form, np.asarray(r.held.value(known)), screen, plain):
        c = solved(lambda c: numbers({FREE: c[0]}), screen.got, [start], blur(screen))
        if c is not None:
            yield r.at(c[0] if abs(c[0]) > _NONE * abs(start) else 0.0)


def starts(
    form: str, q: np.ndarray, screen: Row | None = None, plain: np.ndarray | None = None
) -> list[float]:
    """Where the search for a limit begins: between what it leaves and what it holds, or anywhere.

    Args:
        form, q: what holds, and what is held.
        screen: what came back.
        plain: what would have come without a limit.
    """
    if form in _BEGINS:
        return list(_BEGINS[form])
    if form == "c":
        return [float(x) for x in (np.median(q), np.max(q), np.min(q), np.median(q) / 4)]
    if form.startswith("c * tanh"):
        return [float(share * np.abs(q).max()) for share in (0.2, 0.4, 0.8, 1.6)]
    if form.startswith("c * "):
        return [1.0]
    if "q" in form and not form.startswith(HELD_FORMS):
        return [1.5, 0.5]
    sign = -1.0 if form.startswith(("maximum", "clamp(q, c")) else 1.0
    size = np.abs(q) if form.startswith("clamp(q, -") or form == HELD_SAMPLE else sign * q
    rows = form == HELD_SAMPLE or np.ndim(q) == 0 or q.size == len(q)
    if form == HELD_SAMPLE:
        size = np.sqrt((q.reshape(len(q), -1) ** 2).sum(axis=1))
    if screen is None or plain is None or not (rows or q.shape == plain.shape):
        below = float(np.abs(size).min()) / 2
        return [*(sign * float(x) for x in np.quantile(size, (0.3, 0.5, 0.7, 0.85, 0.95))), below]
    off = np.abs(screen.got - plain) > 2 * ROUNDINGS * screen.unit * screen.sizes
    if rows and off.ndim:
        off = off.reshape(len(off), -1).any(axis=1)
    elif rows:
        return [float(np.median(q)), float(np.max(q)) / 2]  # one number came back for all rows
    if rows:
        size = np.ravel(size) + np.zeros(len(off))
    low, high = size[~off].max(initial=-np.inf), size[off].min(initial=np.inf)
    if not low <= high:
        return []  # some that is below the limit differs, or some above it does not
    if not np.isfinite(low):
        return [sign * float(high - abs(high) * share) for share in (1 / 2, 7 / 8, 31 / 32, 3, 15)]
    return [sign * float(low + share * (high - low)) for share in (0.5, 0.95, 0.05)]
