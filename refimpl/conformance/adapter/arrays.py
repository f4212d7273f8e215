"""Numbers in and out of other frameworks: torch, numpy, JAX, lists.

    give(x, "torch", "bfloat16")        take(result) → float64 array        roundoff(result)

Inputs of the kit are exact in bfloat16, so that giving them rounds nothing.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from .naming import CannotRun

UNIT = {"float64": 2.0**-53, "float32": 2.0**-24, "bfloat16": 2.0**-8 / 2, "float16": 2.0**-11}
"""Unit roundoff by dtype."""


def give(x: np.ndarray, arrays: str, dtype: str) -> Any:
    """x in a framework and precision.

    Raises:
        CannotRun: the framework is absent, or has no such precision.
    """
    if arrays == "torch":
        return torch.tensor(np.asarray(x)).to(getattr(torch, dtype))
    if arrays == "numpy":
        if dtype == "bfloat16":
            raise CannotRun("numpy has no bfloat16: declare dtype float16, float32 or float64")
        return np.array(x, dtype=dtype)
    try:
        from jax import numpy as jnp
    except ImportError as error:
        raise CannotRun(f"arrays = 'jax' needs jax ({error}); or take numpy arrays") from error
    return jnp.asarray(np.asarray(x), dtype=dtype)


def given_exactly(x: np.ndarray, arrays: str, dtype: str) -> np.ndarray:
    """x as it arrives: rounded to the precision in which it is given."""
    return take(give(x, arrays, dtype)) if arrays != "jax" else x.astype(np.float32).astype(float)


def take(x: Any) -> np.ndarray:
    """The numbers of a result as float64.

    Raises:
        TypeError: nothing that holds real numbers.
    """
    if isinstance(x, torch.Tensor):
        if x.is_complex():
            raise TypeError(f"complex numbers ({x.dtype}) where real ones are meant")
        return x.detach().to("cpu", torch.float64).numpy()
    if x is None or isinstance(x, (str, bytes, Mapping)) or callable(x):
        raise TypeError(f"{_what(x)} is not an array of numbers")
    if isinstance(x, (list, tuple)):
        return np.array([take(entry) for entry in x])
    if not hasattr(x, "__array__") and hasattr(x, "__dlpack__"):
        x = np.from_dlpack(x)
    array = np.asarray(x)
    if array.dtype.kind not in "fiub" and "float" not in str(array.dtype):
        raise TypeError(f"{_what(x)} with dtype {array.dtype} is not an array of real numbers")
    return array.astype(np.float64)


def roundoff(x: Any) -> float:
    """The unit roundoff of the coarsest number in a result; Python's own numbers are float64."""
    if isinstance(x, (list, tuple)):
        return max((roundoff(entry) for entry in x), default=2.0**-53)
    name = str(getattr(x, "dtype", "")).rpartition(".")[2]
    return UNIT.get(name, 2.0**-53)


def kind(x: Any) -> str:
    """What holds the numbers, for messages: torch.float32, numpy float64, float."""
    dtype = getattr(x, "dtype", None)
    return str(dtype) if isinstance(x, torch.Tensor) else str(dtype or type(x).__name__)


def rounded_to(x: np.ndarray, dtype: str) -> np.ndarray:
    """x rounded to a precision, as float64."""
    return torch.tensor(x).to(getattr(torch, dtype)).to(torch.float64).numpy()


def _what(x: Any) -> str:
    return "None" if x is None else f"a {type(x).__name__}"
