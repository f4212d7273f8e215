"""Inputs for every equation: exact in bfloat16, awkward on purpose, the same on every machine.

    inputs("sde.drift")   →   [an array case, four scalar cases, edge cases ...]

The array case comes first: four dimensions, values per coordinate (2, 3, 1, 2) meeting levels per
sample (2, 1, 1, 1), every entry different, so that no two mistakes look alike on it. All numbers
have at most 8 significant bits: they are the same number in bfloat16, float32 and float64.
"""

import zlib
from typing import Any

import numpy as np

from .calls import Inputs, flat_names
from .case_tables import EDGES, WHOLE, tied

_FULL, _LEVEL = (2, 3, 1, 2), (2, 1, 1, 1)

_POSITIVE = {"std", "p_std", "q_std", "alpha", "sigma", "d_sigma", "g", "a", "h", "ratio", "kl"}
_POSITIVE |= {"beta", "sigma_min", "p", "clip", "beta_min", "beta_max", "theta", "lipschitz", "eps"}
_POSITIVE |= {
    "std_uncond",
    "std_cond",
    "previous",
    "data_law_std",
    "determinant",
    "delay",
    "data_variance",
    "steps",
    "n",
    "variance",
    "gap",
    "limit",
    "lever",
    "b",
    "squared",
}
_PER_SAMPLE = {"std", "p_std", "q_std", "alpha", "sigma", "d_alpha", "d_sigma", "g", "a", "h"}
_PER_SAMPLE |= {"w", "omega", "guidance_scale", "t", "s", "inside", "rate", "slope"}
_PER_SAMPLE |= {"sigma_min", "sigma_max", "beta_min", "beta_max", "beta", "clip", "delay"}
_PER_SAMPLE |= {"theta", "eps", "delta", "lipschitz", "correlation", "alpha_bar", "alpha_bar_prev"}
_PER_SAMPLE |= {"data_variance", "data_law_std", "eta", "kept", "optimal", "b", "lever", "limit"}

_STEPS = (
    (0.75, 0.5),
    (0.9375, 0.25),
    (0.5, 0.4375),
    (0.03125, 0.0078125),
    (0.25, 0.0),
    (1.0, 0.875),
)


def inputs(equation_id: str, seed: int = 0) -> list[Inputs]:
    """The cases of one equation: arrays first, then scalars, then edges.

    Args:
        equation_id: the equation.
        seed: picks other numbers from the same lattices; shapes and edges stay.

    Raises:
        KeyError: no equation is called so.
    """
    if equation_id in WHOLE:
        return list(WHOLE[equation_id])
    names = flat_names(equation_id)
    array: dict[str, Any] = {
        name: _values(name, int(np.prod(_shape(name))), seed).reshape(_shape(name))
        for name in names
    }
    scalars: list[dict[str, Any]] = [
        {name: float(_values(name, 8, seed)[k + 2]) for name in names} for k in range(4)
    ]
    edges: list[dict[str, Any]] = [{**scalars[0], **edge} for edge in EDGES.get(equation_id, ())]
    return [tied(equation_id, case) for case in (array, *scalars, *edges)]


def _shape(name: str) -> tuple[int, ...]:
    return _LEVEL if name in _PER_SAMPLE else _FULL


def _values(name: str, n: int, seed: int) -> np.ndarray:
    """n numbers k/16 that depend on the argument's name and the seed, neighbours all different."""
    k = np.arange(n, dtype=np.int64)
    start = (zlib.crc32(name.encode()) + 13 * seed) % 1009
    if name in ("t", "s"):
        return np.array([_STEPS[(i + seed) % 6][name == "s"] for i in range(n)])
    if name == "inside":
        return np.array([(0.5, 0.875, 0.25, 0.03125, 0.75, 0.9375)[(i + seed) % 6] for i in k])
    if name == "sigma_max":
        return 4 + _values("sigma_min", n, seed + 1)
    if name == "d_alpha":
        return -(1 + (start + 11 * k) % 29) / 16
    if name in ("eta", "kept", "optimal"):
        return (1 + (start + 5 * k) % 15) / 16
    if name in ("alpha_bar", "alpha_bar_prev"):
        return (3 + (start + 11 * k) % 27) / 32
    if name == "ratio":
        return (11 + (start + 5 * k) % 12) / 16
    if name == "clip":
        return (1 + (start + k) % 3) / 16
    if name in _POSITIVE:
        return (3 + (start + 11 * k) % 29) / 16
    return ((start + 23 * k) % 79 - 39) / 16
