"""Elementary functions that follow their argument.

    sqrt(2.0), sqrt(array), sqrt(tensor), sqrt(symbol), sqrt(mpf)     one name, six number systems

A closed form is written once, with + - * / ** and the names below. Handed floats, numpy or JAX
arrays or torch tensors it computes; handed sympy symbols it returns the formula that was proved; handed
mpmath numbers it computes with as many digits as asked for.

Where a formula's terms cancel, its digits go: eˣ − 1 at small x. `expm1`, `log1p`, `exp_remainder`,
`log_quotient` and `log_mix` are such formulas with all their digits. On symbols they *are* the formulas, so a
proof, a printed page and a second prover see eˣ − 1 and nothing else.
"""

import math
import sys
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import torch

Num: TypeAlias = Any
"""A number-like value: float, numpy or JAX array, torch tensor, sympy expression, mpmath number."""

Array: TypeAlias = Any
"""A numpy or JAX array or a torch tensor, of floating point, or a numpy array of expressions."""


def home(x: Num) -> ModuleType:
    """The module whose functions act on x: math, numpy, torch, jax.numpy, sympy or mpmath."""
    if type(x) in (float, int):
        return math
    if isinstance(x, torch.Tensor):
        return torch
    modules = (kind.__module__ for kind in type(x).__mro__)  # an undefined sympy function has None
    root = next(module for module in modules if module).partition(".")[0]
    return (
        math
        if root == "builtins"
        else sys.modules["jax.numpy" if root in ("jax", "jaxlib") else root]
    )


def _call(name: str, x: Num) -> Num:
    module = home(x)
    if module is np and x.dtype.kind == "O":
        return np.frompyfunc(lambda entry: _call(name, entry), 1, 1)(x)
    return getattr(module, name)(x)


def sqrt(x: Num) -> Num:
    """The square root √x."""
    return _call("sqrt", x)


def exp(x: Num) -> Num:
    """The exponential eˣ."""
    return _call("exp", x)


def log(x: Num) -> Num:
    """The natural logarithm log x."""
    return _call("log", x)


def expm1(x: Num) -> Num:
    """eˣ − 1, to the last digits also where x is small."""
    return exp(x) - 1 if _is_symbolic(x) else _call("expm1", x)


def log1p(x: Num) -> Num:
    """log(1 + x), to the last digits also where x is small."""
    return log(1 + x) if _is_symbolic(x) else _call("log1p", x)


def exp_remainder(x: Num) -> Num:
    """eˣ − 1 − x = x²/2 + x³/6 + …, to the last digits everywhere, and never negative.

    Numbers below 1 in size are put into the series, in which nothing cancels; others are
    subtracted as written, at the loss of two bits at most.
    """
    if _is_symbolic(x) or home(x).__name__ == "mpmath":
        return exp(x) - 1 - x
    near = abs(x) < 1
    small = where(near, x, 0 * x)  # the branch that is not taken must not overflow, nor its slope
    series: Num = 1
    for n in range(_TERMS, 2, -1):
        series = 1 + small * series / n
    return where(near, small**2 / 2 * series, expm1(x) - x)


_TERMS = 20
"""The series ends with x²⁰/20!; what is left out is below 2⁻⁶⁴ of the sum for |x| < 1."""


def log_quotient(a: Num, b: Num) -> Num:
    """log(a/b) of positive numbers, to the last digits also where a and b are near.

    sinh(½ log(a/b)) = (a − b)/(2√(ab)), and a difference of near numbers is exact.
    """
    if _is_symbolic(a) or _is_symbolic(b):
        return log(a / b)
    return 2 * _asinh((a - b) / (2 * sqrt(a) * sqrt(b)))


def log_mix(u: Num, z: Num) -> Num:
    """log((1 − u) + u eᶻ) for 0 ≤ u ≤ 1, to the last digits also where the mixture is near 1.

    With y = u (eᶻ − 1) it is log(1 + y), and sinh(½ log(1 + y)) = y/(2√(1 + y)): nothing cancels.
    """
    mixed = (1 - u) + u * exp(z)
    return log(mixed) if _is_symbolic(mixed) else 2 * _asinh(u * expm1(z) / (2 * sqrt(mixed)))


def _asinh(x: Num) -> Num:
    return _call("asinh" if hasattr(home(x), "asinh") else "arcsinh", x)


def _is_symbolic(x: Num) -> bool:
    """Whether x is an expression, or an array of expressions."""
    return home(x).__name__ == "sympy" or getattr(getattr(x, "dtype", None), "kind", "") == "O"


def sin(x: Num) -> Num:
    """The sine of x, x in radians."""
    return _call("sin", x)


def cos(x: Num) -> Num:
    """The cosine of x, x in radians."""
    return _call("cos", x)


def pi(like: Num) -> Num:
    """π in the number system of `like`: exact for symbols, a float for arrays and tensors."""
    module = home(like)
    return +module.pi if module.__name__ in ("sympy", "mpmath") else math.pi


def minimum(a: Num, b: Num) -> Num:
    """The smaller of a and b, elementwise; a NaN in either is kept."""
    return _pairwise("minimum", "Min", min, a, b)


def maximum(a: Num, b: Num) -> Num:
    """The larger of a and b, elementwise; a NaN in either is kept."""
    return _pairwise("maximum", "Max", max, a, b)


def _pairwise(array_name: str, symbolic_name: str, scalar: Any, a: Num, b: Num) -> Num:
    homes = {home(a): a, home(b): b}
    for module, like in homes.items():
        if module is torch:
            a, b = (torch.as_tensor(y, dtype=like.dtype, device=like.device) for y in (a, b))
            return getattr(torch, array_name)(a, b)
        for name in (symbolic_name, array_name):  # of sympy, of numpy and jax.numpy
            if hasattr(module, name):
                return getattr(module, name)(a, b)
    return scalar(a, b)


def add_scaled(a: Num, factor: Num, b: Num) -> Num:
    """a + factor · b; of two tensors and a plain number in one pass over memory."""
    tensors = isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor)
    if tensors and isinstance(factor, float) and b.is_floating_point():
        return torch.add(a, b, alpha=factor)
    return a + factor * b


def add_scaled_to(a: Num, factor: Num, b: Num) -> Num:
    """a + factor · b, put where a was if it can be: for an a that was just made and nobody holds.

    A new array of a few megabytes costs more than the sum itself: its pages must be found.
    """
    tensors = isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor)
    if tensors and isinstance(factor, float) and (a.shape, a.dtype) == (b.shape, b.dtype):
        return a.add_(b, alpha=factor) if a.is_floating_point() else a + factor * b
    return a + factor * b


def where(condition: Array, a: Num, b: Num) -> Num:
    """a where the condition holds, b elsewhere; of Python, numpy, torch or JAX conditions."""
    if isinstance(condition, (bool, np.bool_)) or not hasattr(condition, "dtype"):
        if condition in (True, False):
            return a if condition else b
        raise TypeError(f"where cannot tell whether {condition} holds: give it values")
    return home(condition).where(condition, a, b)


def expand_like(t: Array, x: Array) -> Array:
    """t of shape (B,) as (B, 1, ..., 1), ready to act on x of shape (B, ...).

    Closed forms refuse shapes that would broadcast by accident, so a batch of times is
    expanded on purpose, here.

    Raises:
        ValueError: t is not one number per row of x.
    """
    if getattr(t, "ndim", 0) != 1 or t.shape[0] != x.shape[0]:
        raise ValueError(
            f"expand_like wants one value per row of x: got shape {tuple(getattr(t, 'shape', ()))} "
            f"for x of shape {tuple(x.shape)}"
        )
    return t.reshape(tuple(t.shape) + (1,) * (x.ndim - 1))
