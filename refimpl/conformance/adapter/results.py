"""What a function returned, taken apart: named parts as float64 arrays, each with its precision.

(x_s, mean, std)   {"mean": ..., "std": ...}   namedtuple   dataclass   Normal(...)   one array
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import arrays
from .capabilities import CAPABILITIES
from .subject import Broken


@dataclass(frozen=True)
class Answer:
    """The numbers of one call.

    Attributes:
        parts: by name; a lone result is called "value".
        unit: the unit roundoff of each part, from the type that came back.
        kinds: what held each part, in words.
    """

    parts: dict[str, np.ndarray]
    unit: dict[str, float]
    kinds: dict[str, str]


def raw_parts(capability: str, result: Any) -> dict[str, Any]:
    """The named parts of a result, still in their own framework.

    Raises:
        Broken: parts that cannot be told apart.
    """
    named = CAPABILITIES[capability].parts
    if named is None:
        return {"value": _lone(result)}
    fields = _fields(result)
    if fields is not None:
        found = {part: fields[n] for part, names in named.items() for n in names if n in fields}
        found = {part: x for part, x in found.items() if x is not None and not callable(x)}
        if not found:
            raise Broken(
                f"{capability} returned {sorted(fields)}, none of which is {sorted(named)}"
            )
        return found
    if isinstance(result, (tuple, list)):
        if "states" in named:
            if isinstance(result, tuple) and len(result) == 2 and _looks_like_a_pair(result):
                return {"x": result[0], "log_probs": result[1]}
            return {"states": result}
        orders = {1: ("x_s",), 2: ("mean", "std"), 3: ("x_s", "mean", "std"),
                  4: ("x_s", "mean", "std", "log_prob")}  # fmt: skip
        if len(result) not in orders:
            raise Broken(f"{capability} returned {len(result)} things: return a dictionary")
        pairs = zip(orders[len(result)], result, strict=True)
        return {part: x for part, x in pairs if x is not None}
    return {next(iter(named)): result}


def answer(capability: str, result: Any) -> Answer:
    """The numbers of a result.

    Raises:
        Broken: something in it is not numbers.
    """
    found = raw_parts(capability, result)
    try:
        parts = {name: arrays.take(x) for name, x in found.items()}
    except (TypeError, ValueError) as error:
        raise Broken(f"{capability} returned something that is not numbers: {error}") from error
    unit = {name: arrays.roundoff(x) for name, x in found.items()}
    return Answer(parts, unit, {name: arrays.kind(x) for name, x in found.items()})


def _lone(result: Any) -> Any:
    fields = _fields(result)
    if fields is not None and len(fields) == 1:
        return next(iter(fields.values()))
    if isinstance(result, tuple) and len(result) == 1:
        return result[0]
    if fields and "value" in fields:
        return fields["value"]
    return result


def _fields(result: Any) -> dict[str, Any] | None:
    if isinstance(result, Mapping):
        return dict(result)
    if hasattr(result, "_asdict"):
        return dict(result._asdict())
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        return {f.name: getattr(result, f.name) for f in dataclasses.fields(result)}
    if hasattr(result, "mean") and hasattr(result, "stddev"):  # a distribution
        return {"mean": result.mean, "stddev": result.stddev}
    return None


def _looks_like_a_pair(result: tuple[Any, ...]) -> bool:
    first, second = (np.shape(arrays.take(x)) for x in result)
    return first != second
