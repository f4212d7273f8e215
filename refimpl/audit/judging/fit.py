"""Does a formula give the recorded numbers, and to what precision?

    gap ≤ exact      to the rounding of the arithmetic, what is stored being what was used
    gap ≤ stored     if the inputs were rounded when they were stored
    gap ≤ half       if some operand was rounded to bfloat16

Every tolerance is `rounding.ROUNDINGS` unit roundoffs times the sensitivity of the result, measured
by nudging each scalar; latents enter linearly, so their coefficients are their sensitivities.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ...equations.kinds import unread
from ...evidence.rounding import ROUNDINGS
from ..reading.clocks import Reading
from .formulas import Formula, Numbers

_NUDGE = 2.0**-24
_HALF = 2.0**-8
_LEVELS = ("size", "exact", "stored", "half")
EASY = 0.25
"""A strain that needs no other explanation: right programs stay below it."""


@dataclass(frozen=True)
class Gap:
    """Row by row: the largest gap, and how large it may be at three precisions; all (n,)."""

    size: Tensor
    exact: Tensor
    stored: Tensor
    half: Tensor

    def take(self, used: Tensor) -> "Gap":
        """Some of the rows."""
        return Gap(self.size[used], self.exact[used], self.stored[used], self.half[used])

    @staticmethod
    def joined(gaps: Sequence["Gap"]) -> "Gap":
        """Rows put together."""
        return Gap(*(torch.cat([getattr(g, x) for g in gaps]) for x in _LEVELS))

    def but(self, rows: Tensor, other: "Gap") -> "Gap":
        """The same with some rows from another."""
        return Gap(*(getattr(self, x).index_copy(0, rows, getattr(other, x)) for x in _LEVELS))

    def without(self, rows: Tensor) -> "Gap":
        """The same with some rows that have no gap."""
        return Gap(torch.where(rows, torch.nan, self.size), self.exact, self.stored, self.half)

    def fits(self, level: str) -> Tensor:
        """Which rows fit, (n,)."""
        return self.size <= getattr(self, level)


Scalars = Mapping[str, Tensor]
Values = Callable[[Numbers], Tensor]


@dataclass(frozen=True)
class Nudges:
    """Scalars as a formula is asked with them: as recorded, and each moved by a little.

    Attributes:
        moved: by the name of the scalar that was moved.
    """

    at: dict[str, Tensor]
    moved: dict[str, dict[str, Tensor]]


def nudges(
    scalars: Scalars, resolve: Callable[[Scalars], dict[str, Tensor]], absolute: bool
) -> Nudges:
    """The scalars and their moves, with what follows from them.

    Args:
        absolute: levels are known to u, and not to u times themselves: t was stored as 1 − t.
    """
    moved = {}
    for name, x in scalars.items():
        move = torch.full_like(x, _NUDGE) if absolute and name in ("t", "s") else x * _NUDGE
        ends = (x == 0) | ((x == 1) & (name == "t"))  # both are exact, and formulas turn there
        moved[name] = resolve({**scalars, name: torch.where(ends, x, x - move)})
    return Nudges(resolve(scalars), moved)


def nudged(
    value: Callable[[Scalars], Tensor], told: Nudges, roundoff: Mapping[str, float]
) -> tuple[Tensor, Tensor]:
    """A value, and the error that the rounding of its scalars makes in it."""
    at = value(told.at)
    error = torch.zeros_like(at)
    with unread():  # what the value refuses it refused as recorded
        for name, scalars in told.moved.items():
            if name in roundoff:
                error += (value(scalars) - at).abs() / _NUDGE * roundoff[name]
    return at, error


@dataclass(frozen=True)
class Linear:
    """A prediction Σ c_k y_k from latents y_k.

    Attributes:
        parts: by latent, the coefficient (n, 1) and the error of it.
    """

    parts: dict[str, tuple[Tensor, Tensor]]

    def predict(self, latents: Numbers, out: Tensor | None = None) -> Tensor:
        """Σ c_k y_k, (n, D)."""
        (first, (c, _)), *others = self.parts.items()
        made = torch.mul(latents[first], c, out=out)
        for name, (c, _) in others:
            made.addcmul_(latents[name], c)
        return made

    def short_of(self, latents: Numbers, target: Tensor, out: Tensor) -> Tensor:
        """target − Σ c_k y_k, (n, D)."""
        (first, (c, _)), *others = self.parts.items()
        made = torch.addcmul(target, latents[first], c, value=-1, out=out)
        for name, (c, _) in others:
            made.addcmul_(latents[name], c, value=-1)
        return made

    def take(self, used: slice | Tensor) -> "Linear":
        """Some of the rows."""
        return Linear({name: (c[used], e[used]) for name, (c, e) in self.parts.items()})

    def through(self, other: "Linear", name: str) -> "Linear":
        """This prediction with `name` itself predicted by `other`."""
        c, e = self.parts[name]
        inner = {k: (c * d, c.abs() * f + e * d.abs()) for k, (d, f) in other.parts.items()}
        return Linear({k: v for k, v in self.parts.items() if k != name} | inner)


def linear(
    formula: Formula, inputs: Sequence[str], scalars: Scalars, reading: Reading,
    roundoff: Mapping[str, float],
) -> Linear:  # fmt: skip
    """The coefficients of a formula that is linear in its latents, by asking it at 0 and 1.

    Raises:
        ValueError: the formula refuses the scalars.
    """
    if any(len(x) > _KEPT for x in scalars.values()):
        told = nudges(scalars, reading.resolve, reading.clock.data)
        return _asked(formula.value, tuple(inputs), told, roundoff)
    packed = tuple((name, x.double().numpy().tobytes()) for name, x in scalars.items())
    known = tuple((name, roundoff[name]) for name in scalars if name in roundoff)
    return _kept(formula.value, tuple(inputs), packed, reading, known)


_KEPT = 2**9
"""Rows of a probe, whose coefficients are kept."""


@lru_cache(maxsize=2**10)
def _kept(
    value: Values, inputs: tuple[str, ...], packed: tuple[tuple[str, bytes], ...],
    reading: Reading, roundoff: tuple[tuple[str, float], ...],
) -> Linear:  # fmt: skip
    """The same, once: a record that is doubted is asked again with other latents."""
    return _asked(value, inputs, _told(packed, reading), dict(roundoff))


@lru_cache(maxsize=2**6)
def _told(packed: tuple[tuple[str, bytes], ...], reading: Reading) -> Nudges:
    """What follows from scalars, once for all formulas."""
    scalars = {
        name: torch.frombuffer(bytearray(x), dtype=torch.float64)[:, None] for name, x in packed
    }
    return nudges(scalars, reading.resolve, reading.clock.data)


def _asked(
    value: Values, inputs: tuple[str, ...], told: Nudges, roundoff: Mapping[str, float]
) -> Linear:
    one = torch.ones_like(next(iter(told.at.values())))
    parts = {}
    for name in inputs:

        def coefficient(p: Scalars, name: str = name) -> Tensor:
            latents = {k: one if k == name else 0 * one for k in inputs}
            return value({**p, **latents}).expand(one.shape)

        parts[name] = nudged(coefficient, told, roundoff)
    return Linear(parts)


def largest(x: Tensor) -> Tensor:
    """The largest size in each row, (n,)."""
    return torch.maximum(x.amax(dim=1), -x.amin(dim=1))


def gap(
    prediction: Linear, latents: Numbers, target: Tensor, roundoff: Mapping[str, float], u: float
) -> Gap:
    """Compare a prediction with what was recorded, row by row, by the largest coordinates.

    Args:
        u: the unit roundoff of the recorded values.
    """
    apart = prediction.predict(latents).sub_(target).abs_().amax(dim=1)
    each = {name: largest(latents[name]) for name in prediction.parts}
    size = largest(target)
    known = [torch.isfinite(x) for x in (size, *each.values())]
    missed = torch.isnan(apart) & torch.stack(known).all(dim=0)  # no number where one was recorded
    apart = torch.where(missed, torch.inf, apart)
    return _allowed(prediction, apart, each, u * size, roundoff, u, 0.0)


def gap_by_sizes(
    prediction: Linear, apart: Tensor, sizes: Numbers, roundoff: Mapping[str, float], u: float
) -> Gap:
    """The same where less than the largest coordinate will do: tolerances are then smaller.

    Args:
        apart: the largest difference of each row, (n,).
        sizes: the root mean squares of the latents' rows, (n, 1).
    """
    each = {name: sizes[name][:, 0] for name in prediction.parts}
    return _allowed(prediction, apart, each, torch.zeros_like(apart), roundoff, u, u)


def _allowed(
    prediction: Linear, apart: Tensor, each: Numbers, exact: Tensor, roundoff: Mapping[str, float],
    u: float, more: float,
) -> Gap:  # fmt: skip
    arithmetic = min(min(roundoff[k] for k in prediction.parts), max(u, 2.0**-24))
    used, half = torch.zeros_like(exact), torch.zeros_like(exact)
    for name, (c, error) in prediction.parts.items():
        whole = c.abs()[:, 0] * each[name]
        exact = exact + (arithmetic + more) * whole + error[:, 0] * each[name]
        used = used + roundoff[name] * whole
        half = half + _HALF * whole
    return Gap(apart, ROUNDINGS * exact, ROUNDINGS * (exact + used), ROUNDINGS * (exact + half))


@dataclass(frozen=True)
class Match:
    """How well a formula explains some rows.

    Attributes:
        level: "exact", "stored" or "half" where every row fits, else "".
        strain: the largest gap in units of the exact tolerance.
        share: the share of rows that fit at that level, or exactly where none fits all.
    """

    formula: Formula
    reading: Reading
    level: str
    strain: float
    share: float


_RANK = {"exact": 0, "stored": 1, "half": 2, "": 3}
_STANDING = {"article": 0, "convention": 1, "mistake": 2}


def match(formula: Formula, reading: Reading, found: Gap) -> Match:
    """Judge a formula by its gaps."""
    usable = ~torch.isnan(found.size)
    if not bool(usable.any()):
        return Match(formula, reading, "", float("inf"), 0.0)
    strain = float((found.size / found.exact.clamp_min(1e-300))[usable].max())
    for level in ("exact", "stored", "half"):
        if bool(found.fits(level)[usable].all()):
            return Match(formula, reading, level, strain, 1.0)
    share = float(found.fits("stored")[usable].double().mean())
    return Match(formula, reading, "", strain, share)


def best(matches: Sequence[Match]) -> list[Match]:
    """The formulas that explain the numbers, likeliest first; those of the best level only.

    Where none explains all rows, the one that explains most of them, if that is at least half.
    """
    level = min((_RANK[m.level] for m in matches), default=3)
    if level == 3:
        partial = [m for m in matches if m.share >= 0.5]
        return sorted(partial, key=lambda m: (-m.share, _STANDING[m.formula.standing]))[:1]
    fitting = [m for m in matches if _RANK[m.level] == level]
    closest = min(m.strain for m in fitting)  # where rounding explains much, believe the closest
    fitting = [m for m in fitting if m.strain <= max(4 * closest, EASY)]
    return sorted(fitting, key=lambda m: _STANDING[m.formula.standing])
