"""A factor that is a product of powers of levels: one number a sample, read off every answer.

    it computes  mean + √(s/t) std noise  where  mean + std noise  is meant

The logarithms of the numbers are fitted by those of t, s, h, 1 − t and 1 − s; half-whole powers
must fit all of them.
"""

import ast
from collections.abc import Iterator, Sequence

import numpy as np

from ..formulas.program import Env, Program, parsed
from .evidence import Evidence, Row, is_off
from .factors import Freed, blur, freed
from .programs import (
    COARSEST,
    Edit,
    Neighbour,
    distinct,
    explains,
    given,
    leading_to,
    right_programs,
)
from .solving import plain

_BASES = {b: parsed(b, b) for b in ("t", "s", "h", "1 - t", "1 - s")}

_HIGHEST = 3
"""The highest power, either way."""

_ROUNDS = 8
_NUDGE = 2.0**-20


def powers(e: Evidence, parts: Sequence[str]) -> list[Neighbour]:
    """The programs with such a factor before a term that give these parts wherever asked."""
    wanted = set(parts)
    off = [r for r in e.rows if r.part in wanted and is_off(r)]
    steps = {"t", "s"} & set(e.cases[0].inputs)
    if not off or not steps or e.unit > COARSEST or any(r.right is None for r in off):
        return []
    part = max(off, key=lambda r: r.got.size).part
    rows = [r for r in e.rows if r.part == part and r.right is not None]
    found = list[Neighbour]()
    with np.errstate(all="ignore"):
        for program in right_programs(e, wanted):
            begun = [e.op.begins(e.cases[r.case].inputs, e.c) for r in rows]
            known = [program.values(env) for env in begun]
            found += [n for n in _fitting(program, known, rows) if explains(n, e, wanted)]
        return distinct(found, e)


def _fitting(program: Program, known: list[Env], rows: list[Row]) -> Iterator[Neighbour]:
    for k in leading_to(program, rows[0].part):
        for f in freed(program.lines[k]):
            if len(f.places) == 1 and not f.added:
                source = _factor(program, known, rows, k, f)
                if source:
                    now = f.having([ast.parse(source, mode="eval").body])
                    yield Neighbour(program.changed(k, now), (Edit(k, f.was, now),))


def _factor(program: Program, known: list[Env], rows: list[Row], k: int, f: Freed) -> str:
    """The product of powers that the factor is, or ""."""
    logs, table = list[np.ndarray](), list[np.ndarray]()
    bases = [b for b in _BASES if b[-1] in known[0]]
    for env, row in zip(known, rows, strict=True):
        numbers = _each(program, env, row, k, f)
        if numbers is None or (numbers < 0).any():
            return ""
        told = [np.ravel(_BASES[b].value(env)) + 0 * numbers for b in bases]
        seen = np.isfinite(numbers) & (numbers > 0)
        logs.append(np.log(numbers[seen]))
        table.append(np.log(np.array(told).T[seen]))
    exact = max(r.unit for r in rows) < 2.0**-50
    return _product(bases, np.concatenate(table), np.concatenate(logs), 1e-7 if exact else 1e-3)


def _each(program: Program, env: Env, row: Row, k: int, f: Freed) -> np.ndarray | None:
    """One number a sample, by Gauss and Newton's rule; NaN where a sample tells nothing."""
    n = len(row.got)
    shape = (n,) + (1,) * (max(np.ndim(x) for x in env.values() if isinstance(x, np.ndarray)) - 1)

    def numbers(c: np.ndarray) -> np.ndarray:
        told = given(program, {**env, f.names[0]: c.reshape(shape)}, {k: f.line}, row)
        return told.reshape(n, -1) if told.shape == row.got.shape else np.full((n, 1), np.nan)

    c, got = np.ones(n), row.got.reshape(n, -1)
    for _ in range(_ROUNDS):
        at = numbers(c)
        if at.shape != got.shape or not np.isfinite(at).all():
            return None
        slope = (numbers(c + _NUDGE) - at) / _NUDGE
        size = (slope**2).sum(axis=1)
        c = c + np.where(size > 0, (slope * (got - at)).sum(axis=1) / size, 0.0)
    near = 1e-9 * np.abs(got).max() + np.broadcast_to(blur(row), row.got.shape).reshape(n, -1)
    if not (np.abs(numbers(c) - got) <= near).all():
        return None
    return np.where(size > 0, c, np.nan)


def _product(bases: Sequence[str], table: np.ndarray, logs: np.ndarray, near: float) -> str:
    """exp(logs) as a number times half-whole powers of the bases."""
    columns = np.column_stack([np.ones(len(logs)), table])
    if len(logs) < columns.shape[1] + 3 or not np.isfinite(columns).all():
        return ""
    fit, _, rank, _ = np.linalg.lstsq(columns, logs, rcond=1e-9)
    exponents = np.rint(2 * fit[1:]) / 2
    left = logs - table @ exponents
    if rank < columns.shape[1] or np.ptp(left) > near or np.abs(exponents).max() > _HIGHEST:
        return ""
    number = plain(float(np.exp(np.median(left))))
    return _told(number, dict(zip(bases, exponents, strict=True))) if exponents.any() else ""


def _told(number: float, exponents: dict[str, float]) -> str:
    """2 √(s/t) h, as source."""
    over, under = (_powers({b: sign * p for b, p in exponents.items()}) for sign in (1, -1))
    roots = [_quotient(over[0], under[0])] if over[0] or under[0] else []
    whole = [f"sqrt({root})" for root in roots] + over[1]
    whole = ([] if abs(number - 1) < 1e-6 else [repr(number)]) + whole
    return _quotient(whole, under[1])


def _powers(exponents: dict[str, float]) -> tuple[list[str], list[str]]:
    """What stands under a root, and what beside it, of those with a positive power."""
    half = [f"({b})" if " " in b else b for b, p in exponents.items() if p > 0 and p % 1]
    whole = [f"({b})**{int(p)}" if p >= 2 else f"({b})" for b, p in exponents.items() if p >= 1]
    return half, whole


def _quotient(over: Sequence[str], under: Sequence[str]) -> str:
    below = f" / ({' * '.join(under)})" if under else ""
    return f"{' * '.join(over) or '1'}{below}"
