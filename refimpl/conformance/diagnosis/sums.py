"""A result that is another sum: of which terms, and each how often, is read off the answers.

    it computes  −Σ z²/2 − D log(std) − 0.918939  where  −Σ z²/2 − D log(std) − 0.918939 D  is meant

Of a list of terms the fewest are sought that give all numbers at once, each with one factor for
all inputs.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TypeAlias

import numpy as np

from ..adapter.conventions import Conventions
from ..formulas.operations import Edited
from ..formulas.values import Inputs, Parts
from .printing import number
from .solving import plain

Terms: TypeAlias = Callable[[Inputs, Conventions], Mapping[str, np.ndarray]]
"""The terms that a result may be made of, by what they are called; each in the result's shape."""

MOST = 3
"""Terms in a sum."""

_NEAR = 1e-6
"""How closely a sum must give the numbers that it is read off, relative to the largest of each."""

_NUMBERS = 400
"""Numbers that a sum is sought with; it is held against all of them afterwards."""


def sums(
    terms: Terms, meant: str, cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions
) -> Iterator[Edited]:
    """The sums of fewest terms that give what was told; several where the terms coincide."""
    found = _pooled(terms, cases, told, c)
    if found is None:
        return
    names, columns, got = found
    for count in range(1, MOST + 1):
        fits = [f for chosen in combinations(range(len(names)), count)
                if (f := _factors(columns[list(chosen)], got, chosen)) is not None]  # fmt: skip
        for factors in fits:
            row = {names[k]: x for k, x in factors.items()}
            yield Edited(written_out(row), meant, _sum(terms, row), count)
        if fits:
            return


def _pooled(
    terms: Terms, cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions
) -> tuple[list[str], np.ndarray, np.ndarray] | None:
    """Names, a row for each term, and the numbers that came back; evenly from all answers."""
    rows, got, share = list[np.ndarray](), list[np.ndarray](), _NUMBERS // max(len(cases), 1)
    names: list[str] = []
    for i, parts in zip(cases, told, strict=True):
        made = terms(i, c)
        x = parts.get("value")
        if x is None or any(np.shape(m) != x.shape for m in made.values()):
            return None
        at = np.unique(np.linspace(0, max(x.size - 1, 0), max(share, 4)).astype(int))
        names = list(made)
        rows.append(np.stack([np.ravel(m)[at] for m in made.values()]))
        got.append(np.ravel(x)[at])
    if not rows:
        return None
    columns, every = np.concatenate(rows, axis=1), np.concatenate(got)
    good = np.isfinite(columns).all() and np.isfinite(every).all() and np.any(every)
    return (names, columns, every) if good else None


def _factors(
    columns: np.ndarray, got: np.ndarray, chosen: Sequence[int]
) -> dict[int, float] | None:
    """The factors with which these terms add up to what came back; None where there are none."""
    sizes = np.abs(columns).max(axis=1)
    if got.size < 4 * len(chosen) or (sizes == 0).any():
        return None
    made, _, rank, _ = np.linalg.lstsq((columns / sizes[:, None]).T, got, rcond=1e-9)
    top = np.abs(got).max()
    if rank < len(chosen) or (np.abs(made) <= _NEAR * top).any():
        return None
    factors = [plain(float(x)) for x in made / sizes]
    scale = np.abs(got) + np.abs(columns).T @ np.abs(factors)
    if not (np.abs(np.array(factors) @ columns - got) <= _NEAR * scale).all():
        return None
    return dict(zip(chosen, _short(factors, columns, got, scale), strict=True))


def _short(
    factors: list[float], columns: np.ndarray, got: np.ndarray, scale: np.ndarray
) -> list[float]:
    """Each factor with few digits, where the numbers are met as closely: those of a small term are
    lost in the rounding of the others."""

    def left(these: list[float]) -> float:
        return float((np.abs(np.array(these) @ columns - got) / np.maximum(scale, 1e-300)).max())

    for k, x in enumerate(factors):
        short = (float(f"{x:.{digits}g}") for digits in range(1, _DIGITS))
        near = (y for y in short if abs(y - x) <= _OFF * abs(x))
        tried = ([*factors[:k], y, *factors[k + 1 :]] for y in near)
        factors = next((t for t in tried if left(t) <= _AS_CLOSE * left(factors)), factors)
    return factors


_DIGITS, _OFF, _AS_CLOSE = 4, 1e-4, 2.0


def _sum(terms: Terms, row: Mapping[str, float]) -> Callable[[Inputs, Conventions], Parts]:
    def parts(i: Inputs, c: Conventions) -> Parts:
        made = terms(i, c)
        return {"value": np.asarray(sum(factor * made[name] for name, factor in row.items()))}

    return parts


def written_out(row: Mapping[str, float]) -> str:
    """−Σ|z| − 0.5 D:  the terms with their factors, as one writes a sum."""
    told = ""
    for name, factor in row.items():
        size = number(abs(factor))
        one = size if name == "1" else name if size == "1" else f"{size} {name}"
        sign = "−" if factor < 0 else "+"
        told = f"{told} {sign} {one}" if told else f"{'−' if factor < 0 else ''}{one}"
    return told
