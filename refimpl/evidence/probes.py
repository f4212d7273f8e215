"""Probes: errors that nobody made, which evidence must see all the same.

    each part of a result × 1.1        a std × 2, a constant that is 0, a loss with another minimum

A named mistake is somebody's; a probe asks whether a test of samples has power in every direction.
A scaled result is derived from the equation as it runs, which no named mistake is.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..equations import Coefficients, Gaussian
from ..equations.registry import equations, find
from .mistake import Mistake

SEEN_IN, REMEDY = "a probe of a test's power", "sharpen the test that accepts it"


def probes(equation_id: str) -> tuple[Mistake, ...]:
    """The probes of one equation: its result, part by part, times 1.1, and those written here."""
    written = tuple(p for p in _WRITTEN if p.equation == equation_id)
    return (*(_scaled(equation_id, part) for part in _parts(equation_id)), *written)


def _parts(equation_id: str) -> tuple[str, ...]:
    returned = str(find(equation_id).function.__annotations__.get("return", ""))
    if "Gaussian" in returned:
        return ("mean", "std")
    if "Coefficients" in returned:
        return ("alpha", "sigma")
    return ("value",)


def _scaled(equation_id: str, part: str) -> Mistake:
    name = f"{'result' if part == 'value' else part} × 1.1"
    right = find(equation_id).function
    wrong: Callable[..., Any]
    if part == "value":

        def wrong(*args: Any, **kwargs: Any) -> Any:
            return 11 * right(*args, **kwargs) / 10

    else:

        def wrong(*args: Any, **kwargs: Any) -> Any:
            result: Gaussian | Coefficients = right(*args, **kwargs)
            return replace(result, **{part: 11 * getattr(result, part) / 10})

    return Mistake(name, equation_id, wrong, "One part in ten too much.", SEEN_IN, REMEDY)


def _written(name: str, equation_id: str, wrong: Callable[..., Any], what: str) -> Mistake:
    return Mistake(name, equation_id, wrong, what, SEEN_IN, REMEDY)


def _wide(factor: float) -> Callable[..., Gaussian]:
    def wrong(p: Gaussian, goal: Any, beta: Any) -> Gaussian:
        precision = 1 / p.std**2 + 1 / beta
        mean = (p.mean / p.std**2 + goal / beta) / precision
        return Gaussian(mean, factor * precision**-0.5)

    return wrong


_WRITTEN: tuple[Mistake, ...] = (
    _written("std × 2", "tilting.quadratic", _wide(2.0), "The tilted law, twice as wide."),
    _written("std × 2.5", "tilting.quadratic", _wide(2.5), "Wider than the reference itself."),
    _written(
        "no gap", "objectives.gap",
        lambda posterior, targets: 0 * (posterior * targets).sum(axis=0),
        "As if both losses were one number.",
    ),
    _written(
        "three times the other clock's", "objectives.flow_matching",
        lambda v, target: 3 * (v + target) ** 2,
        "Another factor and another target.",
    ),
)  # fmt: skip


def every_probe() -> tuple[Mistake, ...]:
    """The probes of all equations."""
    return tuple(probe for id in equations() for probe in probes(id))
