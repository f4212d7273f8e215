"""A capability with its formula, its inputs and the accuracy that its inputs allow.

    size(operation, inputs, conventions)    the condition: |result| + Σ |input · ∂result/∂input|

A tolerance is `ROUNDINGS` unit roundoffs of the result's precision times that size. Inner terms
that cancel, which no nudge of the inputs shows, are added by name.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..adapter.conventions import Conventions
from .program import Env, Program
from .values import Formulas, Inputs, Parts, coefficients, column

ROUNDINGS = 16
"""Rounding errors allowed for, each of one unit roundoff of a term that the size accounts for; the
arrangements of a step in public code have up to fourteen operations."""


def allowed(unit: float) -> float:
    """In units of the size: `ROUNDINGS`, and twice that in half precision, whose squares count."""
    return ROUNDINGS * unit * (2 if unit > 2.0**-24 else 1)


Evaluate = Callable[[Formulas, Inputs, Conventions], Parts]


@dataclass(frozen=True)
class Slip:
    """A mistake in how formulas are put together, which no equation alone can make.

    Attributes:
        name, what, seen_in, remedy: as in `evidence.Mistake`.
        parts: the numbers that it gives.
    """

    name: str
    what: str
    seen_in: str
    remedy: str
    parts: Callable[[Inputs, Conventions], Parts]


@dataclass(frozen=True)
class Operation:
    """One capability, as the checks use it.

    Attributes:
        capability: its name.
        evaluate: its formula.
        keys: the conventions on which the numbers depend.
        slips: mistakes beyond those of the equations.
        inner: sizes of inner terms that cancel, by part, per coordinate.
        written: the formula in the forms in which it is written out, for these inputs.
        begins: the values that its lines begin with.
        within: the parts that are made of other parts, each with how.
        edited: programs that are not one run of lines, with an edit in them.
        anywhere: the same with any place of a line changed: they are tried where no edit fits.
        fitted: mistakes with numbers of their own, which are read off the answers.
        apart: the formula taken apart, one quantity a line.
        closely: the share of the tolerance within which a reading must meet the answers: a chain's
            tolerance foresees more than rounding usually does, and two rules may lie as near.
        about_zero: the inputs changed so that the result lies between −1 and 1, on both sides of 0
            where it can: there what is held at 1 is told from its sign.
        telling: more inputs at which readings part that are one elsewhere, such as the path's ends;
            they are asked where something differs.
    """

    capability: str
    evaluate: Evaluate
    keys: tuple[str, ...] = ()
    slips: tuple[Slip, ...] = ()
    inner: Callable[[Inputs, Conventions], Parts] = field(default=lambda i, c: {})
    written: Callable[[Sequence[Inputs], Conventions], tuple[Program, ...]] = field(
        default=lambda cases, c: ()
    )
    begins: Callable[[Inputs, Conventions], Env] = field(default=lambda i, c: dict(i))
    within: tuple["Within", ...] = ()
    edited: Callable[[Inputs, Conventions], Iterator["Edited"]] = field(
        default=lambda i, c: iter(())
    )
    anywhere: Callable[[Inputs, Conventions], Iterator["Edited"]] = field(
        default=lambda i, c: iter(())
    )
    fitted: Callable[
        [Sequence[Inputs], Sequence[Parts], Conventions], Iterator["Slip | Edited"]
    ] = field(default=lambda cases, told, c: iter(()))
    apart: Callable[[Sequence[Inputs], Conventions], tuple[Program, ...]] = field(
        default=lambda cases, c: ()
    )
    closely: float = 1.0
    about_zero: Callable[[Inputs, Conventions], Inputs] | None = None
    telling: Callable[[Inputs, Conventions], Sequence[Inputs]] = field(default=lambda i, c: ())


@dataclass(frozen=True)
class Edited:
    """An edited program that runs its lines in a way of its own, such as once a step.

    Attributes:
        now, meant: the line that it has, and the line that is meant.
        parts: the numbers that it gives.
        size: how many numbers in it are free.
    """

    now: str
    meant: str
    parts: Callable[[Inputs, Conventions], Parts]
    size: int = 1


@dataclass(frozen=True)
class Within:
    """A part that is made of other parts: judged by itself, from the parts that came back.

    Attributes:
        part: its name.
        operation: what makes it.
        value: what the operation calls it.
        needs: the parts that must have come back.
        inputs: the operation's inputs, from those of the call and the parts.
    """

    part: str
    operation: Operation
    value: str
    needs: tuple[str, ...]
    inputs: Callable[[Inputs, Parts, Conventions], Inputs]


_NUDGE = 1e-6


def size(op: Operation, inputs: Inputs, c: Conventions) -> Parts:
    """How far each number of the result moves per unit of relative rounding error."""
    apart = c.but(log_prob="none", kl_reduction="none")
    base = op.evaluate(Formulas(), inputs, apart)
    sizes = {part: np.abs(x) + 0.0 for part, x in base.items()}
    for name, x in inputs.items():
        for nudged in (_nudged(name, x, c), _turned(name, x, c)):
            if nudged is not None:
                moved = op.evaluate(Formulas(), {**inputs, name: nudged}, apart)
                times = _lost(name, x, c)
                for part in sizes:
                    with np.errstate(invalid="ignore"):  # what was infinite stays so
                        by = np.abs(moved[part] - base[part]) / _NUDGE
                    sizes[part] = sizes[part] + by * column(times, by)
    limit = _limit(c)
    if limit:  # a limit such as 0.99 is rounded too, and 1 − 0.99 shows it a hundredfold
        moved = op.evaluate(Formulas(), inputs, apart.but(boundary=f"clamp {limit - 1e-5:.5f}"))
        for part in sizes:
            sizes[part] = sizes[part] + np.abs(moved[part] - base[part]) / 1e-5
    for part, x in op.inner(inputs, c).items():
        if part in sizes:
            sizes[part] = sizes[part] + np.broadcast_to(x, sizes[part].shape)
    how = c["kl_reduction" if op.capability == "kl" else "log_prob"]
    whole = op.evaluate(Formulas(), inputs, c)
    return {part: _like(sizes[part], whole[part], how) for part in whole}


def sensitivities(op: Operation, inputs: Inputs, c: Conventions) -> list[Parts]:
    """x ∂result/∂x for each input x, signed and by part: what a mistake in its use would scale."""
    base = op.evaluate(Formulas(), inputs, c)
    made = []
    for name, x in inputs.items():
        nudged = _nudged(name, x, c)
        if nudged is not None:
            moved = op.evaluate(Formulas(), {**inputs, name: nudged}, c)
            made.append({part: (base[part] - moved[part]) / _NUDGE for part in base})
    return made


def _limit(c: Conventions) -> float:
    word, _, number = str(c["boundary"]).partition(" ")
    return float(number) if word == "clamp" else 0.0


def _nudged(name: str, x: Any, c: Conventions) -> Any:
    """One relative nudge down; numbers that mark an end of the path are exact and stay."""
    if name in ("clip", "beta", "eps"):
        return None
    if isinstance(x, np.ndarray) and x.dtype.kind == "f":
        nudged = x * (1 - _NUDGE)
        if name in ("t", "levels"):
            return np.where(c.level(x) == 1, x, nudged)
        return nudged
    return x * (1 - _NUDGE) if isinstance(x, float) else None


def _lost(name: str, x: Any, c: Conventions) -> Any:
    """How often a level's rounding counts: 1 − α² of the VP path loses all digits but those of σ²,
    and near data σ² is as good as proportional to the level.
    """
    if name not in ("t", "s", "levels") or c["path"] != "vp":
        return 1.0
    level = np.asarray(c.level(x))
    sigma = coefficients(Formulas(), c, np.where(level > 0, level, 1.0)).sigma
    return 1 + 1 / sigma**2


def _turned(name: str, x: Any, c: Conventions) -> Any:
    """A data time's noise level, nudged: 1 − t is rounded, by us if not by them."""
    if name not in ("t", "s", "levels") or not c["time"].startswith("data"):
        return None
    level = np.asarray(c.level(x))
    return np.where(level == 1, x, c.clock(level * (1 - _NUDGE)))


def _like(sizes: np.ndarray, whole: np.ndarray, how: str) -> np.ndarray:
    """Sizes per coordinate, brought to the shape of a reduced result."""
    if sizes.shape == whole.shape:
        return sizes
    flat = sizes.reshape(len(sizes), -1)
    return flat.mean(axis=1) if how == "mean" else flat.sum(axis=1)
