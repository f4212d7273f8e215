"""What an equation must return, by its second route, and how sharply that is determined."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import mpmath as mp
import numpy as np

from .calls import Inputs
from .route import DIGITS, WHOLE
from .routes import routes


@dataclass(frozen=True)
class Reference:
    """What an equation must return, and how sharply that is determined.

    Attributes:
        want: part name → array of mpmath numbers, exact to 35 digits or more.
        slack: part name → array: how far the result moves, per unit of relative rounding error in
            each argument and in the result itself.
    """

    want: Mapping[str, np.ndarray]
    slack: Mapping[str, np.ndarray]


def reference(equation_id: str, inputs: Inputs) -> Reference:
    """The exact result of an equation for these inputs, with its condition.

    Raises:
        KeyError: the equation has no second route.
    """
    if equation_id not in routes():
        raise KeyError(f"no second route is written for {equation_id!r}")
    return _reference(equation_id, _frozen(inputs))


_NUDGE = mp.mpf(2) ** -60
"""The relative nudge of the condition number: far below the curvature, far above 50 digits."""

_JUMP = 1e8
"""A response steeper than this is a jump (an equal group becoming unequal), not a rounding error:
equality is decided exactly, on exact inputs."""


@cache
def _reference(equation_id: str, frozen: tuple[tuple[str, Any], ...]) -> Reference:
    inputs = {name: _thaw(x) for name, x in frozen}
    with mp.workdps(DIGITS):
        value = _evaluate_whole if equation_id in WHOLE else _evaluate_elementwise
        want, slack = value(equation_id, inputs)
    return Reference(want, slack)


def _evaluate_elementwise(
    equation_id: str, inputs: dict[str, Any]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    names = list(inputs)
    grids = np.broadcast_arrays(*(np.asarray(inputs[name], dtype=object) for name in names))
    shape = grids[0].shape
    wants, slacks = [], []
    for entry in zip(*(grid.ravel() for grid in grids), strict=True):
        arguments = {name: mp.mpf(x) for name, x in zip(names, entry, strict=True)}
        want = _parts(routes()[equation_id](**arguments))
        slack = {part: abs(x) for part, x in want.items()}
        for name, x in arguments.items():
            if x:
                nudged = _parts(routes()[equation_id](**{**arguments, name: x * (1 + _NUDGE)}))
                for part in want:
                    slack[part] += _response(want[part], nudged[part])
        wants.append(want)
        slacks.append(slack)
    return _stack(wants, shape), _stack(slacks, shape)


def _evaluate_whole(
    equation_id: str, inputs: dict[str, Any]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    exact = {
        name: np.vectorize(mp.mpf, otypes=[object])(x) if isinstance(x, np.ndarray) else x
        for name, x in inputs.items()
    }
    want = routes()[equation_id](**exact)
    slack = np.vectorize(abs, otypes=[object])(want)
    for name, x in exact.items():
        if isinstance(x, np.ndarray):
            for index in np.ndindex(x.shape):
                nudged = x.copy()
                nudged[index] *= 1 + _NUDGE
                moved = routes()[equation_id](**{**exact, name: nudged})
                slack = slack + np.vectorize(_response, otypes=[object])(want, moved)
    return {"value": want}, {"value": slack}


def _response(want: Any, moved: Any) -> Any:
    response = abs(moved - want) / _NUDGE
    return mp.mpf(0) if response > _JUMP * (1 + abs(want)) else response


def _parts(result: Any) -> dict[str, Any]:
    return dict(result) if isinstance(result, Mapping) else {"value": mp.mpf(result)}


def _stack(rows: list[dict[str, Any]], shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    out = {}
    for part in rows[0]:
        column = np.empty(len(rows), dtype=object)
        column[:] = [row[part] for row in rows]
        out[part] = column.reshape(shape)
    return out


def _frozen(inputs: Inputs) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (
            name,
            (np.asarray(x).shape, np.asarray(x, dtype=np.float64).tobytes())
            if hasattr(x, "shape")
            else x,
        )
        for name, x in inputs.items()
    )


def _thaw(x: Any) -> Any:
    return np.frombuffer(x[1]).reshape(x[0]) if isinstance(x, tuple) else x
