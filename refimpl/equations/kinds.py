"""The kinds of numbers that a closed form takes; whatever else is handed in is refused by name.

    float, int, numpy float          numpy, torch and JAX arrays of floating point
    sympy expressions, mpmath numbers and intervals, and numpy object arrays of these

`kind` says which of them a value is, `bounds` its least and greatest entry where they can be read
without stopping the device that holds them. sympy, mpmath and JAX are recognised only if the
caller has imported them.
"""

import contextlib
import math
import reprlib
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from fractions import Fraction
from typing import Any, Literal, TypeAlias

import numpy as np
import torch

Kind: TypeAlias = Literal["number", "integer", "exact", "numpy", "objects", "torch", "jax"]
"""What a value is: a Python or numpy number, a numpy integer, a sympy or mpmath value, an array."""

_TORCH = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
_ARRAYS = "numpy", "objects", "torch", "jax"


def kind(name: str, x: Any) -> Kind:
    """What kind of number x is.

    Args:
        name: the argument's name, for the message.
        x: the value.

    Raises:
        TypeError: none of the known kinds: complex numbers, truth values, text, None, lists,
            masked and sparse arrays, arrays of integers.
        ValueError: a symbolic or high-precision value that is not finite.
    """
    if isinstance(x, torch.Tensor):
        if x.dtype in _TORCH and x.layout is torch.strided:
            return "torch"
        raise TypeError(_not_real(name, x.dtype, x.layout))
    if type(x) is float:
        return "number"
    if isinstance(x, np.ndarray):
        return _numpy(name, x)
    return _scalar(name, x)


def is_array(of: Kind) -> bool:
    """Whether values of this kind have a shape."""
    return of in _ARRAYS


def _numpy(name: str, x: np.ndarray) -> Kind:
    if type(x) not in (np.ndarray, np.memmap):
        raise TypeError(_refusal(name, x))
    if x.dtype.kind == "f":
        return "numpy"
    if x.dtype != object:
        raise TypeError(_not_real(name, x.dtype))
    for entry in x.flat:
        if is_array(kind(name, entry)):
            raise TypeError(f"{name} is an array that holds arrays; stack them into one")
    return "objects"


def _scalar(name: str, x: Any) -> Kind:
    if isinstance(x, (bool, np.bool_)):
        raise TypeError(_refusal(name, x))
    if isinstance(x, int):
        if abs(x) > sys.float_info.max:
            raise ValueError(f"{name} must fit a floating-point number, got {reprlib.repr(x)}")
        return "number"
    if isinstance(x, (float, np.floating)):
        return "number"
    if isinstance(x, np.integer):
        return "integer"
    sympy, jax = sys.modules.get("sympy"), sys.modules.get("jax")
    if sympy is not None and isinstance(x, sympy.Expr):
        return _symbolic(name, x)
    if type(x).__module__.partition(".")[0] == "mpmath":
        return _precise(name, x)
    if jax is not None and isinstance(x, jax.Array):
        if not jax.numpy.issubdtype(x.dtype, jax.numpy.floating):
            raise TypeError(_not_real(name, x.dtype))
        return "jax"
    raise TypeError(_refusal(name, x))


def _symbolic(name: str, x: Any) -> Kind:
    """An expression passes unless it is a number that is not real, or not finite."""
    if x.is_number and (x.is_extended_real is False or x is sys.modules["sympy"].nan):
        raise TypeError(f"{name} must be real, got {x}")
    if x.is_number and x.is_finite is False:
        raise ValueError(f"{name} must be finite, got {x}")
    return "exact"


def _precise(name: str, x: Any) -> Kind:
    if hasattr(x, "_mpi_"):
        return "exact"
    if not hasattr(x, "_mpf_"):
        raise TypeError(_refusal(name, x))
    if not sys.modules["mpmath"].isfinite(x):
        raise ValueError(f"{name} must be finite, got {x}")
    return "exact"


_REMEDIES: dict[str, str] = {
    "bool": "write 0.0 or 1.0",
    "bool_": "write 0.0 or 1.0",
    "list": "make an array of it",
    "tuple": "make an array of it",
    "NoneType": "every argument needs a value",
    "complex": "closed forms are real",
    "MaskedArray": "fill or drop what is masked",
}


def _refusal(name: str, x: Any) -> str:
    remedy = _REMEDIES.get(type(x).__name__, "convert it to float or to a floating-point array")
    return f"{name} must be a real number, an array of them or a symbol, got {shown(x)}; {remedy}"


def shown(x: Any) -> str:
    """A value for a message, in one short line."""
    return "None" if x is None else f"{type(x).__name__} {' '.join(reprlib.repr(x).split())}"


def _not_real(name: str, dtype: Any, layout: Any = torch.strided) -> str:
    if layout is not torch.strided:
        return f"{name} must be a dense array, got layout {layout}; call to_dense() on purpose"
    return f"{name} must hold real numbers, got dtype {dtype}; convert it to floating point"


# ---------------------------------------------------------------- reading


_UNREAD: ContextVar[bool] = ContextVar("unread", default=False)


@contextlib.contextmanager
def unread() -> Iterator[None]:
    """Within it tensors are not read, as on an accelerator: for inner loops whose results are
    checked afterwards. Kinds, shapes, dtypes and plain numbers are looked at as ever.
    """
    token = _UNREAD.set(True)
    try:
        yield
    finally:
        _UNREAD.reset(token)


Bounds: TypeAlias = tuple[Any, Any]
"""The least and the greatest entry; two NaNs if there is one."""


def bounds(x: Any) -> Bounds | None:
    """The least and greatest entry (NaN if any entry is NaN), or None where x cannot be read.

    Unreadable: symbols, intervals, empty arrays, arrays on an accelerator (reading one would stall
    its queue) and arrays inside a transform, a compilation or `unread`.
    """
    if isinstance(x, torch.Tensor):
        return _of_tensor(x)
    if isinstance(x, (int, float)):
        return x, x
    if isinstance(x, np.ndarray):
        if x.dtype == object:
            return _joined([bounds(entry) for entry in x.flat])
        return (float(x.min()), float(x.max())) if x.size else None
    if isinstance(x, np.number):
        return float(x), float(x)
    return _of_exact(x)


def _of_tensor(x: torch.Tensor) -> Bounds | None:
    if torch.compiler.is_compiling() or not x.is_cpu or not x.numel() or _UNREAD.get():
        return None
    try:
        low, high = torch.aminmax(_once(x.detach() if x.requires_grad else x))
        return low.item(), high.item()
    except RuntimeError:  # under vmap a value does not exist yet
        return None


def _once(x: torch.Tensor) -> torch.Tensor:
    """A view without what an expanded tensor repeats, which `aminmax` would copy out first."""
    for axis, stride in enumerate(x.stride()):
        if not stride:
            x = x.narrow(axis, 0, 1)
    return x


def _of_exact(x: Any) -> Bounds | None:
    jax, sympy = sys.modules.get("jax"), sys.modules.get("sympy")
    if jax is not None and isinstance(x, jax.Array):
        if _UNREAD.get() or isinstance(x, jax.core.Tracer) or not x.size or not _on_host(x):
            return None
        return float(x.min()), float(x.max())
    if sympy is not None and isinstance(x, sympy.Expr):
        if not x.is_Number and not x.is_NumberSymbol:
            return None
        value = Fraction(int(x.p), int(x.q)) if x.is_Rational else float(x)
        return value, value
    return (x, x) if hasattr(x, "_mpf_") else None


def _on_host(x: Any) -> bool:
    return all(device.platform == "cpu" for device in x.devices())


def _joined(seen: list[Bounds | None]) -> Bounds | None:
    read = [pair for pair in seen if pair is not None]
    if any(low != low for low, _ in read):
        return math.nan, math.nan
    return (min(low for low, _ in read), max(high for _, high in read)) if read else None


def whole(x: Any) -> bool:
    """Whether every entry that can be read is a whole number."""
    seen = bounds(x)
    if seen is None or isinstance(x, (int, np.integer)):
        return True
    if getattr(x, "ndim", 0) == 0:
        return bool(seen[0] == int(seen[0]))
    if isinstance(x, np.ndarray) and x.dtype == object:
        return all(whole(entry) for entry in x.flat)
    return bool((x == x.round()).all())
