"""Checks of somebody's code: plain functions that take an adapter, raise, or return the gap.

    run(Diffusers())   →   [Result("euler_step_is_the_equation", "agrees", 6e-8, ""), ...]

A check asks the adapter for what it needs; an adapter without it is "not provided", never a crash.
Numbers are compared at `ROUNDINGS` unit roundoffs of the adapter's own precision, relative to the
largest value: no library here has more than some twenty operations in a step. The checks are in
`checks_steps` and `checks_paths`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .calls import arguments, parts
from .deviations import Deviation, Differs, Result, Verdict
from .zoo import mistakes

ROUNDINGS = 64

CheckOf = Callable[[Any], float]


@dataclass(frozen=True)
class Check:
    """A check of somebody's code.

    Attributes:
        name: the function's name.
        function: takes an adapter; raises `Differs`, or returns the largest gap.
        covers: the equations that it speaks for.
        needs: the function of the adapter without which it is "not provided".
    """

    name: str
    function: CheckOf
    covers: tuple[str, ...]
    needs: str


_CHECKS: dict[str, Check] = {}


def conformance(*covers: str, needs: str) -> Callable[[CheckOf], CheckOf]:
    """Note a check, the equations that it speaks for and the adapter's function that it needs."""

    def note(function: CheckOf) -> CheckOf:
        _CHECKS[function.__name__] = Check(function.__name__, function, covers, needs)
        return function

    return note


def checks() -> dict[str, Check]:
    """All checks by name."""
    from . import checks_paths, checks_steps  # noqa: F401  (importing registers)

    return dict(_CHECKS)


def run(adapter: Any) -> list[Result]:
    """Every check on one adapter.

    Raises:
        ValueError: the adapter provides nothing, or declares a deviation from an unknown check.
    """
    unknown = {d.check for d in adapter.deviations} - set(checks())
    if unknown:
        raise ValueError(
            f"{adapter.name} declares deviations from unknown checks: {sorted(unknown)}"
        )
    results = [_one(adapter, check) for check in checks().values()]
    if all(r.verdict == "not provided" for r in results):
        wanted = sorted({check.needs for check in checks().values()})
        raise ValueError(f"{adapter.name} provides none of {', '.join(wanted)}")
    return results


def _one(adapter: Any, check: Check) -> Result:
    name = check.name
    if not hasattr(adapter, check.needs):
        return Result(name, "not provided", float("nan"), f"{adapter.name} has no {check.needs}")
    declared = [d for d in adapter.deviations if d.check == name]
    try:
        gap = check.function(adapter)
    except Differs as error:
        by_design = bool(declared) and error.cause == declared[0].cause
        verdict: Verdict = "differs by design" if by_design else "differs"
        return Result(name, verdict, error.gap, error.cause)
    if declared:
        cause = f"declared to differ ({declared[0].cause}), but it agrees: remove the declaration"
        return Result(name, "differs", gap, cause)
    return Result(name, "agrees", gap, "")


def agree(
    adapter: Any, check: str, got: Any, want: Any, *,
    equation: str = "", inputs: dict[str, Any] | None = None, variant: dict[str, Any] | None = None,
) -> float:  # fmt: skip
    """The largest relative gap between a library's numbers and the equation's.

    Args:
        adapter: whose numbers they are; its roundoff sets the bound.
        check: the name of the check, for declared deviations.
        got: the library's numbers.
        want: the equation's.
        equation: its id, for the diagnosis.
        inputs: its flat arguments, for the diagnosis.
        variant: the arguments of the declared deviation's formula.

    Raises:
        Differs: a gap above the bound, with what the numbers look like.
    """
    bound = ROUNDINGS * adapter.roundoff
    gap = relative_gap(got, want)
    if gap <= bound:
        return gap
    declared: list[Deviation] = [d for d in adapter.deviations if d.check == check]
    cause = ""
    if declared and relative_gap(got, declared[0].variant(**(variant or {}))) <= bound:
        cause = declared[0].cause
    elif declared:
        cause = f"declared to be so: {declared[0].cause}; but it is not that either"
    elif equation and inputs is not None:
        named = [m for m in mistakes(equation) if _looks_like(got, m, inputs, bound)]
        cause = " or ".join(f"{m.name!r}: {m.what}" for m in named)
    cause = cause or "unknown: it resembles no mistake that has a name"
    raise Differs(f"{adapter.name}, {check}: relative gap {gap:.3g}; {cause}", gap, cause)


def relative_gap(got: Any, want: Any) -> float:
    """The largest difference, relative to the largest wanted value; infinite if shapes differ."""
    a, b = (parts(x)["value"] for x in (_plain(got), _plain(want)))
    if a.shape != b.shape:
        return float("inf")
    gap = float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-300))
    return gap if np.isfinite(gap) else float("inf")


def _plain(x: Any) -> Any:
    return np.asarray(x, dtype=np.float64) if isinstance(x, (list, tuple)) else x


def _looks_like(got: Any, mistake: Any, inputs: dict[str, Any], bound: float) -> bool:
    wrong = parts(mistake.wrong(**arguments(mistake.equation, inputs)))
    return any(relative_gap(got, x) <= bound for x in wrong.values())


def draw(*names: str, dtype: torch.dtype = torch.float64) -> dict[str, torch.Tensor]:
    """Values k/64 of either sign, (2, 3, 4, 5): exact in every precision, all different."""
    k = torch.arange(120).reshape(2, 3, 4, 5)
    return {
        n: (((37 + 8 * i) * k + 11 * i) % 241 - 120).to(dtype) / 64 for i, n in enumerate(names)
    }


def draw_for(adapter: Any, *names: str) -> dict[str, torch.Tensor]:
    """The same in the adapter's own precision."""
    dtype = torch.float32 if adapter.roundoff > 2.0**-50 else torch.float64
    return draw(*names, dtype=dtype)
