"""One flat dictionary of numbers for every equation's arguments, and one for its result.

    {"alpha": ..., "sigma": ..., "x": ..., "v": ...}   →   f(c=Coefficients(...), x=..., v=...)

Equations take small structures (`c`, `p`, `q`, `step`, `field`); a test vector, a table of inputs
and a high-precision route want plain names. This module translates, and casts to a number system:
Python floats, numpy or torch. Inputs are exact in bfloat16, so no cast below ever rounds.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
import torch

from ..equations import Coefficients, Gaussian
from ..equations.arguments import Argument
from ..equations.domain import FUNCTION
from ..equations.elementary import Num
from ..equations.registry import find

Inputs: TypeAlias = Mapping[str, Any]
"""Argument names with floats, float64 arrays, and the few words and counts that are options."""

System: TypeAlias = Literal["float", "numpy64", "numpy32", "torch64", "torch32"]
"""The number system in which an equation is called."""

_CAST: dict[str, Callable[[np.ndarray], Any]] = {
    "numpy64": lambda x: x.astype(np.float64),
    "numpy32": lambda x: x.astype(np.float32),
    "torch64": lambda x: torch.tensor(x, dtype=torch.float64),
    "torch32": lambda x: torch.tensor(x, dtype=torch.float32),
}

_COEFFICIENTS = ("alpha", "sigma", "d_alpha", "d_sigma")

LINEAR_FIELD = {
    name: Argument("", "of the linear field v(x, t) = rate · x + slope · t", per="sample")
    for name in ("rate", "slope")
}
"""The numbers that a velocity field is put together from."""


def flat_arguments(equation_id: str) -> dict[str, Argument]:
    """The declarations of an equation's arguments by plain name, structures taken apart."""
    flat: dict[str, Argument] = {}
    for name, argument in find(equation_id).arguments.items():
        flat |= LINEAR_FIELD if argument.domain is FUNCTION else {name: argument}
    return flat


def flat_names(equation_id: str) -> tuple[str, ...]:
    """The plain names of an equation's arguments, structures taken apart."""
    return tuple(flat_arguments(equation_id))


def arguments(equation_id: str, inputs: Inputs) -> dict[str, Any]:
    """The keyword arguments of the equation, its structures put together from plain names."""
    made: dict[str, Any] = {}
    for place in find(equation_id).places:
        if place.argument.domain is FUNCTION:
            made[place.parameter] = linear_field(inputs["rate"], inputs["slope"])
        elif place.structure is None:
            made[place.parameter] = inputs[place.name]
        elif place.parameter not in made:
            made[place.parameter] = place.structure(
                **{
                    p.field: inputs[p.name]
                    for p in find(equation_id).places
                    if p.parameter == place.parameter
                }
            )
    return made


def linear_field(rate: Num, slope: Num) -> Callable[[Num, Num], Num]:
    """v(x, t) = rate · x + slope · t: linear in the state and in time, so its flow is known."""
    return lambda x, t: rate * x + slope * t


def cast(inputs: Inputs, system: System) -> dict[str, Any]:
    """Every array of the inputs in one number system; numbers and options as they are."""
    if system == "float":
        return dict(inputs)
    to = _CAST[system]
    return {name: to(x) if isinstance(x, np.ndarray) else x for name, x in inputs.items()}


def parts(result: Any) -> dict[str, np.ndarray]:
    """The numbers of a result by name, as float64 arrays; a lone value is called "value"."""
    if isinstance(result, Coefficients):
        named = {name: getattr(result, name) for name in _COEFFICIENTS}
    elif isinstance(result, Gaussian):
        named = {"mean": result.mean, "std": result.std}
    elif isinstance(result, Mapping):
        named = dict(result)
    else:
        named = {"value": result}
    return {name: _array(x) for name, x in named.items()}


def unit_roundoff(result: Any) -> float:
    """Half the distance from 1 to the next number, in the coarsest type the result holds."""
    values = (
        vars(result).values()
        if isinstance(result, (Coefficients, Gaussian))
        else result.values()
        if isinstance(result, Mapping)
        else [result]
    )
    return max([2.0**-53, *(_roundoff(x) for x in values)])


def _array(x: Any) -> np.ndarray:
    if isinstance(x, torch.Tensor):
        x = x.detach().to("cpu", torch.float64).numpy()
    return np.asarray(x, dtype=np.float64)


def _roundoff(x: Any) -> float:
    if isinstance(x, torch.Tensor):
        return torch.finfo(x.dtype).eps / 2
    if isinstance(x, (np.ndarray, np.floating)):
        return float(np.finfo(x.dtype).eps) / 2
    return 2.0**-53
