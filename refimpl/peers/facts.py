"""Facts about one library: what it has beyond the capabilities of the protocol, held to laws.

    @fact("diffusers", "scheduler.karras", covers=())        raises Differs, or returns a Finding
    def karras(library): ...

A grid of one library, the table of its Runge-Kutta method, its optimal coupling: no other
implementation has the same function, so each fact is written for its library. What is right is said
by a registered equation, or by a law that the numbers must obey.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from ..conformance.adapter import arrays
from ..conformance.checks.register import Differs, Finding
from ..conformance.diagnosis.readings import Explanation
from ..evidence.calls import arguments, parts
from ..evidence.mistake import Mistake
from ..evidence.mistakes import mistakes

ROUNDINGS = 64
"""Rounding errors allowed for, of the largest value: no fact here has more than some twenty
operations behind it, and none cancels much."""

FactOf: TypeAlias = Callable[[Any], Finding]


@dataclass(frozen=True)
class Fact:
    """A registered fact.

    Attributes:
        library: whose it is.
        id: `part.aspect`, the same in every report and deviation file.
        covers: the equations that it speaks for.
        run: takes the library's adapter.
    """

    library: str
    id: str
    covers: tuple[str, ...]
    run: FactOf = field(repr=False)

    @property
    def statement(self) -> str:
        """What it establishes."""
        return (self.run.__doc__ or "").strip().partition("\n")[0]


_FACTS: dict[tuple[str, str], Fact] = {}


def fact(library: str, id: str, *, covers: tuple[str, ...] = ()) -> Callable[[FactOf], FactOf]:
    """Register a fact about a library."""

    def note(function: FactOf) -> FactOf:
        _FACTS[library, id] = Fact(library, id, covers, function)
        return function

    return note


def facts(library: str) -> dict[str, Fact]:
    """The facts of one library by id, in the order in which they are written."""
    return {f.id: f for f in _FACTS.values() if f.library == library}


def near(
    what: str, got: Any, want: Any, *, unit: float = 2.0**-53, roundings: float = ROUNDINGS,
    equation: str = "", inputs: Mapping[str, Any] | None = None,
    readings: Mapping[str, Any] | None = None,
) -> float:  # fmt: skip
    """The largest gap in units of what rounding explains.

    Args:
        what: the quantity, for the message.
        got: the library's numbers.
        want: what they should be.
        unit: the unit roundoff of the library's arithmetic.
        roundings: how many of them the quantity allows, relative to its largest value.
        equation: the id of the equation, for the diagnosis.
        inputs: its flat arguments, for the diagnosis.
        readings: named alternatives that somebody may have meant.

    Raises:
        Differs: a gap above 1, another shape, or a value that is not finite.
    """
    a, b = (np.asarray(arrays.take(x), dtype=np.float64) for x in (got, want))
    if a.shape != b.shape:
        raise Differs(f"{what} has shape {a.shape}, wanted {b.shape}")
    if not np.isfinite(a).all():
        raise Differs(f"{what} holds {'NaN' if np.isnan(a).any() else 'infinity'}")
    largest = max(float(np.abs(b).max(initial=0.0)), 1e-300)
    off = float(np.abs(a - b).max(initial=0.0))
    bound = roundings * unit * largest
    if off <= bound:
        return off / bound
    at = np.unravel_index(int(np.argmax(np.abs(a - b))), a.shape)
    where = f" at {tuple(int(k) for k in at)}" if at else ""
    told = f"{what} is {a[at]:.6g}, wanted {b[at]:.6g}{where}: off by {off / largest:.2g}"
    named = _named(a, b, bound, equation, inputs or {}, readings or {})
    raise Differs(told, off / largest, tuple(named))


def law(what: str, holds: bool, told: str) -> float:
    """A law that numbers obey or not.

    Raises:
        Differs: it does not hold; `told` says what was found.
    """
    if not holds:
        raise Differs(f"{what}: {told}")
    return 0.0


def _named(
    a: np.ndarray, b: np.ndarray, bound: float, equation: str, inputs: Mapping[str, Any],
    readings: Mapping[str, Any],
) -> list[Explanation]:  # fmt: skip
    found = []
    for m in mistakes(equation) if equation else ():
        for wrong in _quietly(m, inputs).values():
            if (gap := _gap(a, wrong)) <= max(bound, 0.0):
                found.append(Explanation("mistake", m.name, gap, m.what, m.remedy))
    for name, value in readings.items():
        if (gap := _gap(a, arrays.take(value))) <= bound:
            found.append(Explanation("mistake", name, gap, "", "use the right one"))
    return found or _factor(a, b, bound) or _slip(a, b, bound)


def _quietly(m: Mistake, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
    with np.errstate(all="ignore"):
        try:
            return parts(m.wrong(**arguments(m.equation, inputs)))
        except Exception:  # a mistake need not have a value everywhere
            return {}


def _gap(a: np.ndarray, b: np.ndarray) -> float:
    if a.shape != b.shape or not np.isfinite(b).all():
        return float("inf")
    return float(np.abs(a - b).max(initial=0.0))


def _slip(a: np.ndarray, b: np.ndarray, bound: float) -> list[Explanation]:
    """A slip that any quantity may suffer: its power, its inverse, its complement, its order."""
    scale = float(np.abs(b).max(initial=0.0))
    with np.errstate(all="ignore"):
        return [
            Explanation("mistake", name, gap, "", "use the right one")
            for name, other in _SLIPS.items()
            if (gap := _gap(a, other(b))) <= 2 * bound * max(1.0, scale) and scale > 0
        ]  # fmt: skip


_SLIPS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "the square of the right value": lambda b: b * b,
    "the root of the right value": lambda b: np.sqrt(np.abs(b)),
    "one over the right value": lambda b: 1 / b,
    "1 minus the right value": lambda b: 1 - b,
    "the right value without its sign": np.abs,
    "zero": lambda b: 0 * b,
    "the ends swapped: the right values in reverse order": lambda b: b[::-1] if b.ndim else b,
    "the samples shifted by one": lambda b: np.roll(b, 1, axis=0) if b.ndim else b,
    "the samples shifted by one, backwards": lambda b: np.roll(b, -1, axis=0) if b.ndim else b,
    "the right value, transposed": lambda b: b.T,
    "one sample's value for all": lambda b: np.broadcast_to(b[:1], b.shape) if b.ndim else b,
    "the logarithm of the right value": lambda b: np.log(b),
    "the exponential of the right value": lambda b: np.exp(b),
}


def _factor(a: np.ndarray, b: np.ndarray, bound: float) -> list[Explanation]:
    """One number that sets every entry right: the opposite sign, twice as much."""
    norm = float((b * b).sum())
    if norm == 0 or b.size < 2:
        return []
    factor = float((a * b).sum()) / norm
    if (
        factor == 0
        or abs(factor - 1) < 1e-5
        or np.abs(a - factor * b).max() > 2 * bound * max(1.0, abs(factor))
    ):
        return []
    what = "The opposite sign." if abs(factor + 1) < 1e-6 else "A constant factor."
    remedy = "look for a constant or a sign that was dropped or doubled"
    return [Explanation("factor", f"{factor:.6g}", 0.0, what, remedy)]
