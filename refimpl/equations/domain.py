"""The door: what a closed form may be called with, refused with the value and the remedy.

    fields(x=x, v=v)        one framework, one floating dtype, shapes that agree, no NaN
    level(t=t)              a noise level: 0 ≤ t ≤ 1
    positive(std=std)       > 0;  nonnegative(g=g)  ≥ 0

Symbols pass unseen: a proof states its own assumptions. So do values that cannot be read without
stopping the device that holds them (accelerator tensors, traced and batched ones); everything on
the host is read, except inside `unread`. Nothing is clamped, cast or repaired.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch

from .elementary import Num


def fields(**named: Num) -> None:
    """Arguments that meet in one elementwise formula.

    Scalars (Python numbers, zero-dimensional arrays) meet anything. Two arrays must have the same
    number of dimensions, and along each dimension the same size or size 1: (B, 1, 1) may meet
    (B, C, W), whereas (B,) may not, because it would be matched with W.

    Raises:
        TypeError: two frameworks or two dtypes, or integers where numbers are real.
        ValueError: shapes that do not agree, NaN or infinity.
    """
    arrays = {name: x for name, x in named.items() if isinstance(x, (np.ndarray, torch.Tensor))}
    for name, x in arrays.items():
        _floating(name, x)
    if arrays:
        (first, like), *others = arrays.items()
        for name, x in others:
            _agree(first, like, name, x)
    for name, x in named.items():
        _require(name, x, lambda low, high: -np.inf < low <= high < np.inf, "finite", "")


def level(**named: Num) -> None:
    """Noise levels: 0 is data, 1 is noise.

    Raises:
        ValueError: a level outside [0, 1], or NaN.
    """
    for name, t in named.items():
        _require(
            name,
            t,
            lambda low, high: 0 <= low <= high <= 1,
            "a noise level in [0, 1] (0 = data, 1 = noise)",
            "; network time (0 to 1000) and other clocks are converted by "
            "refimpl.equations.conventions",
        )


def positive(**named: Num) -> None:
    """Values that a formula divides by, or takes the logarithm of: > 0 and finite.

    Raises:
        ValueError: zero, a negative value, NaN or infinity.
    """
    for name, x in named.items():
        _require(
            name, x, lambda low, high: 0 < low <= high < np.inf, "positive", _REMEDY.get(name, "")
        )


def nonnegative(**named: Num) -> None:
    """Scales that may vanish: ≥ 0 and finite.

    Raises:
        ValueError: a negative value, NaN or infinity.
    """
    for name, x in named.items():
        _require(name, x, lambda low, high: 0 <= low <= high < np.inf, "zero or positive", "")


def nonzero(**named: Num) -> None:
    """Denominators of either sign.

    Raises:
        ValueError: zero, NaN or infinity.
    """
    for name, x in named.items():
        _require(name, x, lambda low, high: -np.inf < low <= high < np.inf, "finite", "")
        if isinstance(x, (np.ndarray, torch.Tensor)):
            x = bounds(x if isinstance(x, np.ndarray) else x.detach().abs())
            x = 1 if x is None else x[0]
        if isinstance(x, (int, float, np.number)) and x == 0:
            raise ValueError(f"{name} must not vanish, got 0{_REMEDY.get(name, '')}")


_REMEDY = {
    "std": "; a step without noise has no density: choose g > 0 (a > 0), or leave this step out "
    "of the ratio",
    "sigma": "; the score is infinite on noise-free data: stop the grid before t = 0",
    "alpha": "; at this level no data is left in x, so data cannot be read off it",
    "g": "; Eq. 3 divides by g: without noise the two steps are points and their KL is infinite",
    "one_minus_inside": "; g is singular at t = 1: choose a boundary policy "
    "(sde.next_level, sde.clamp)",
}


_UNREAD: ContextVar[bool] = ContextVar("unread", default=False)


@contextlib.contextmanager
def unread() -> Iterator[None]:
    """Within it tensors are not read, as on an accelerator: for inner loops whose results are
    checked afterwards. Shapes, dtypes and plain numbers are looked at as ever.
    """
    token = _UNREAD.set(True)
    try:
        yield
    finally:
        _UNREAD.reset(token)


def bounds(x: Num) -> tuple[float, float] | None:
    """The least and greatest entry (NaN if any entry is NaN), or None where x cannot be read.

    Unreadable: symbols, numbers of other libraries, empty arrays, tensors on an accelerator
    (reading one would stall its queue) and tensors inside a torch transform, a compilation or
    `unread`.
    """
    if isinstance(x, (int, float, np.number)):
        return float(x), float(x)
    if isinstance(x, np.ndarray) and x.dtype != object and x.size:
        return float(x.min()), float(x.max())
    if isinstance(x, torch.Tensor) and x.device.type == "cpu" and x.numel():
        if torch.compiler.is_compiling() or _UNREAD.get():
            return None
        low, high = torch.aminmax(x.detach())
        try:
            return low.item(), high.item()
        except RuntimeError:  # under vmap a value does not exist yet
            return None
    return None


def _require(
    name: str, x: Num, holds: Callable[[float, float], bool], what: str, remedy: str
) -> None:
    seen = bounds(x)
    if seen is None or holds(*seen):
        return
    low, high = seen
    shown = f"{low!r}" if low == high or low != low else f"values from {low!r} to {high!r}"
    raise ValueError(f"{name} must be {what}, got {shown}{remedy}")


def _floating(name: str, x: Any) -> None:
    if isinstance(x, np.ndarray):
        real = x.dtype == object or np.issubdtype(x.dtype, np.floating)
    else:
        real = x.is_floating_point()
    if not real:
        raise TypeError(
            f"{name} must hold real numbers, got dtype {x.dtype}; convert it to floating point"
        )


def _agree(first: str, like: Any, name: str, x: Any) -> None:
    if isinstance(x, torch.Tensor) != isinstance(like, torch.Tensor):
        raise TypeError(
            f"{first} is a {type(like).__name__} and {name} a {type(x).__name__}; "
            "give all arrays in one framework"
        )
    if x.dtype != like.dtype and object not in (x.dtype, like.dtype):
        raise TypeError(
            f"{first} has dtype {like.dtype} and {name} has {x.dtype}; cast one on purpose: "
            "a closed form never casts"
        )
    if x.ndim and like.ndim:
        fits = x.ndim == like.ndim and all(
            a == b or 1 in (a, b) for a, b in zip(x.shape, like.shape, strict=True)
        )
        if not fits:
            raise ValueError(
                f"{first} has shape {tuple(like.shape)} and {name} has {tuple(x.shape)}; "
                "give equal shapes, or expand on purpose with refimpl.equations.expand_like"
            )
