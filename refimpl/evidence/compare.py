"""Compare numbers with what an equation demands, and say what a wrong number looks like.

    compare("kl.flow_grpo", got, None, inputs)   →   Mismatch: ... it equals "KL without h" ...

The tolerance is `rounding.ROUNDINGS` unit roundoffs times the condition of the result, measured by
nudging each argument with 50 digits: it is neither chosen nor tuned. A number outside it is held
against every named mistake of the equation, and against the usual conventions.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .calls import Inputs, System, arguments, cast, parts, unit_roundoff
from .mistake import Mistake
from .mistakes import mistakes
from .reference import Reference, reference
from .rounding import ROUNDINGS


class Mismatch(AssertionError):
    """A result that is not what its equation demands.

    Attributes:
        equation: the id of the equation.
        gap: the largest absolute difference.
        ulps: the same in unit roundoffs times the condition; `rounding.ROUNDINGS` are allowed.
        looks_like: the names of the mistakes that give these very numbers.
        convention: a known convention under which the numbers would be right, or "".
    """

    def __init__(
        self, message: str, *, equation: str, gap: float, ulps: float,
        looks_like: tuple[str, ...] = (), convention: str = "",
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.equation = equation
        self.gap = gap
        self.ulps = ulps
        self.looks_like = looks_like
        self.convention = convention


def compare(equation_id: str, got: Any, want: Any, inputs: Inputs) -> float:
    """The largest gap between got and want, in ulps of the result's condition.

    Args:
        equation_id: the equation that the numbers claim to follow.
        got: the numbers: a float, an array or tensor, a structure of them (Gaussian, Coefficients)
            or a dictionary of parts.
        want: the same from a source that is trusted, or None for `independent.reference`.
        inputs: the flat arguments, see `calls.flat_names`; they fix the tolerance.

    Returns:
        The gap in unit roundoffs of got's precision, times the condition: at most
        `rounding.ROUNDINGS`.

    Raises:
        Mismatch: wrong parts, wrong shape, not finite, or a gap above the tolerance; the message
            names the equation, the place, the gap and what it looks like.
    """
    exact = reference(equation_id, inputs)
    wanted = exact.want if want is None else parts(want)
    found, u = parts(got), unit_roundoff(got)
    if set(found) != set(wanted):
        raise Mismatch(
            f"{equation_id}: returned the parts {sorted(found)}, wanted {sorted(wanted)}",
            equation=equation_id, gap=np.inf, ulps=np.inf,
        )  # fmt: skip
    worst = 0.0
    for part, x in found.items():
        shape = np.shape(wanted[part])
        if x.shape != shape and not _fills(x.shape, shape):
            _raise(equation_id, part, found, wanted, exact, inputs, u, np.inf, "")
        _gap, ulps = gaps(x, wanted[part], exact.slack[part], u)
        worst = max(worst, ulps.max(initial=0.0))
        if not (ulps <= ROUNDINGS).all():
            at = np.unravel_index(int(np.argmax(np.nan_to_num(ulps, nan=np.inf))), ulps.shape)
            _raise(
                equation_id, part, found, wanted, exact, inputs, u, float(ulps[at]), _at(inputs, at)
            )
    return float(worst)


def _fills(shape: tuple[int, ...], full: tuple[int, ...]) -> bool:
    """A per-sample or constant part (a std, a derivative) may come unexpanded."""
    return len(shape) in (0, len(full)) and all(
        a in (1, b) for a, b in zip(shape, full, strict=False)
    )


def gaps(x: np.ndarray, want: Any, slack: Any, u: float) -> tuple[np.ndarray, np.ndarray]:
    """Absolute gaps, and gaps in unit roundoffs of the condition; NaN and infinity are infinite."""
    x = np.where(np.isfinite(x), x, np.inf)
    difference = np.asarray(np.asarray(x, dtype=object) - want, dtype=object)  # exact, in mpmath
    gap = np.abs(difference.astype(np.float64))
    size = np.broadcast_to(np.asarray(slack, dtype=np.float64) * u, gap.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        ulps = np.where(gap == 0, 0.0, gap / size)
    return gap, ulps


def _raise(
    equation_id: str, part: str, found: Mapping[str, np.ndarray], wanted: Mapping[str, Any],
    exact: Reference, inputs: Inputs, u: float, ulps: float, place: str,
) -> None:  # fmt: skip
    x, want = found[part], np.asarray(wanted[part], dtype=object)
    named = diagnose(equation_id, found, inputs, exact, u)
    convention = _convention(x, want.astype(np.float64), exact.slack[part], u)
    if x.shape == want.shape or _fills(x.shape, want.shape):
        gap = float(gaps(x, want, exact.slack[part], u)[0].max())
        largest = float(max(abs(w) for w in want.ravel()))
        relative = f", {gap / largest:.2g} of the largest value" if largest else ""
        what = (
            f"is off by {gap:.3g}{relative} ({ulps:.3g} ulps of its condition, "
            f"{ROUNDINGS} allowed){place}"
        )
    else:
        gap = np.inf
        what = f"has shape {x.shape}, wanted {want.shape}"
    label = equation_id if part == "value" else f"{equation_id} ({part})"
    message = f"{label} {what}"
    if named:
        looks = " or ".join(f"{m.name!r}" for m in named)
        message += f"; it equals the mistake {looks}. {named[0].what} Remedy: {named[0].remedy}."
    elif convention:
        message += f"; it equals {convention}"
    else:
        message += "; it resembles no mistake known for this equation"
    raise Mismatch(
        message, equation=equation_id, gap=gap, ulps=ulps,
        looks_like=tuple(m.name for m in named), convention=convention,
    )  # fmt: skip


def diagnose(
    equation_id: str, found: Mapping[str, np.ndarray], inputs: Inputs, exact: Reference, u: float
) -> tuple[Mistake, ...]:
    """The named mistakes of an equation that return just these numbers."""
    system: System = (
        "numpy64" if any(isinstance(x, np.ndarray) for x in inputs.values()) else "float"
    )
    same = []
    for mistake in mistakes(equation_id):
        with np.errstate(all="ignore"):
            try:
                wrong = parts(mistake.wrong(**arguments(equation_id, cast(inputs, system))))
            except (ZeroDivisionError, ValueError):
                continue  # this mistake has no value at these inputs
        if all(_same(found.get(part), x, exact.slack[part], u) for part, x in wrong.items()):
            same.append(mistake)
    return tuple(same)


def _same(found: np.ndarray | None, wrong: np.ndarray, slack: Any, u: float) -> bool:
    if found is None or found.shape != wrong.shape:
        return found is not None and found.size == wrong.size == 1 and bool(found == wrong)
    size = (
        np.abs(wrong) + np.asarray(slack, dtype=np.float64) if np.shape(slack) == wrong.shape else 1
    )
    # twice the tolerance: the mistake itself is computed in float64, and rounds as well
    return bool((np.abs(found - wrong) <= 2 * ROUNDINGS * u * size).all())


_CONVENTIONS: tuple[tuple[str, Callable[[np.ndarray], np.ndarray]], ...] = (
    ("its negative (the other clock, or a loss for an objective)", lambda w: -w),
    ("half of it", lambda w: w / 2),
    ("twice it", lambda w: 2 * w),
    ("its square (a variance for a std)", lambda w: w**2),
    ("its root (a std for a variance)", lambda w: np.sqrt(np.abs(w))),
    ("its reciprocal", lambda w: 1 / w),
    ("1 minus it (the other clock)", lambda w: 1 - w),
    ("1000 times it (network time)", lambda w: 1000 * w),
    ("its exponential", np.exp),
    ("the sum over coordinates (declare it)", lambda w: _per_sample(w).sum(axis=1)),
    ("the mean over coordinates (declare it)", lambda w: _per_sample(w).mean(axis=1)),
)


def _per_sample(w: np.ndarray) -> np.ndarray:
    return w.reshape(len(w), -1) if w.ndim else w.reshape(1, 1)


def _convention(x: np.ndarray, want: np.ndarray, slack: Any, u: float) -> str:
    """The convention under which x would be right, or ""."""
    with np.errstate(all="ignore"):
        for name, transform in _CONVENTIONS:
            w = transform(want)
            size = np.abs(w).max(initial=0) + float(max(np.asarray(slack, dtype=object).ravel()))
            # a transformed condition is not known: 64 roundings of the largest entry stand in
            close = x.shape == w.shape and (np.abs(x - w) <= 64 * u * size).all()
            if close and not np.array_equal(w, want):
                return name
    return ""


def _at(inputs: Inputs, at: tuple[Any, ...]) -> str:
    if not at:
        shown = dict(inputs.items())
        return " for " + ", ".join(f"{name}={x!r}" for name, x in shown.items())
    index = tuple(int(i) for i in at)
    values = {
        name: float(x[tuple(min(i, n - 1) for i, n in zip(index, x.shape, strict=True))])
        for name, x in inputs.items()
        if isinstance(x, np.ndarray) and x.ndim == len(index)
    }
    return f" at {index}" + (
        " for " + ", ".join(f"{k}={v!r}" for k, v in values.items()) if values else ""
    )
