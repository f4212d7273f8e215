"""What is wrong with a value, given the annotation that it is declared with.

    problem("T", 2.5, int, {})   →   ValueError("T must be a whole number, got 2.5")

Numbers are Python's (numpy's float64 is one), finite, and no truth values. Tensors are dense, of
the numbers and the shape that is asked for, and finite where that is read without stopping a
device. Annotations that say nothing checkable are passed over.
"""

import math
import reprlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import Parameter
from types import NoneType, UnionType
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin

import numpy as np
import torch

Sizes: TypeAlias = dict[str, Any]
"""What earlier values settled: the sizes that shapes name, and which tensor has which dtype."""


def problem(name: str, value: Any, hint: Any, seen: Sizes) -> Exception | None:
    """The error to raise, or None.

    Args:
        name: of the value, for the message.
        hint: its annotation.
        seen: shared by values that belong together; what this one settles is added.
    """
    if get_origin(hint) in (Union, UnionType):
        found = {part: problem(name, value, part, seen) for part in get_args(hint)}
        if None in found.values():
            return None
        if isinstance(value, torch.Tensor) and (arrays := [p for p in found if _is_array(p)]):
            return found[arrays[0]]
    elif isinstance(value, torch.Tensor) and _is_array(hint):
        return _tensor(name, value, hint, seen)
    elif _fits(value, hint):
        return None
    known = isinstance(value, float) or (_is_choice(hint) and isinstance(value, str))
    wrong = ValueError if known else TypeError
    return wrong(f"{name} must be {_words(hint)}, got {shown(value)}")


def shown(x: Any) -> str:
    """A value in one short line."""
    return " ".join(reprlib.repr(x).split())[:120]


# ---------------------------------------------------------------- tensors


def _is_array(hint: Any) -> bool:
    return hint is torch.Tensor or hasattr(hint, "dim_str")


def _dtypes(hint: Any) -> str:
    """The numbers of a tensor, in a word."""
    dtypes = getattr(hint, "dtypes", ())
    if "bool" in dtypes:
        return "truth values"
    return "float64 numbers" if dtypes == ("float64",) else "real numbers"


def _tensor(name: str, x: torch.Tensor, hint: Any, seen: Sizes) -> Exception | None:
    said = f"{name} must be {_words(hint)}"
    right = {
        "truth values": x.dtype == torch.bool,
        "float64 numbers": x.dtype == torch.float64,
        "real numbers": x.is_floating_point() and x.element_size() > 1,
    }
    if not right[_dtypes(hint)] or x.layout is not torch.strided:
        return TypeError(f"{said}, got {x.dtype} in layout {x.layout}")
    if x.is_floating_point():
        first, shared = seen.setdefault("dtype", (name, x.dtype))
        if x.dtype != shared:
            return TypeError(f"{name} must be {shared} as {first} is, got {x.dtype}")
    names = getattr(hint, "dim_str", "...").split()
    if not _shaped(tuple(x.shape), names, seen):
        known = ", ".join(f"{n} = {size}" for n, size in seen.items() if n in names)
        where = f" with {known}" if known else ""
        return ValueError(f"{said}{where}, got shape {tuple(x.shape)}")
    if x.is_cpu and not torch.compiler.is_compiling() and not _finite(x.detach()):
        return ValueError(f"{name} must be finite, it holds NaN or infinity")
    return None


def _finite(x: torch.Tensor) -> bool:
    """Whether all numbers are, in one pass that keeps nothing: NaN comes through `aminmax`."""
    if not x.numel() or not x.is_floating_point():
        return True
    return all(math.isfinite(bound.item()) for bound in torch.aminmax(x))


def _shaped(shape: tuple[int, ...], names: list[str], seen: Sizes) -> bool:
    """Whether a shape has the named sizes, "..." being any; those named first are noted."""
    if "..." in names:
        before = names.index("...")
        after = len(names) - before - 1
        if len(shape) < before + after:
            return False
        shape = shape[:before] + shape[len(shape) - after :]
        names = names[:before] + names[before + 1 :]
    if len(shape) != len(names):
        return False
    return all(seen.setdefault(name, n) == n for name, n in zip(names, shape, strict=True))


# ---------------------------------------------------------------- everything else


def _fits(value: Any, hint: Any) -> bool:
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return any(type(value) is type(part) and value == part for part in parts)
    if origin is tuple:
        return isinstance(value, tuple) and _fit(value, parts)
    if hint is float:
        return _is_number(value) and abs(value) <= sys.float_info.max
    if hint is int:
        return type(value) is int and abs(value) <= sys.maxsize
    if hint in (bool, str):
        return type(value) is hint
    if hint is NoneType:
        return value is None
    if Callable in (hint, origin):
        return callable(value)
    if origin in (Sequence, Iterable):
        return _is_row(value) if parts == (float,) else _is_sequence(value)
    if origin is Mapping:
        return isinstance(value, Mapping)
    if _is_array(hint):
        return False  # tensors were looked at before
    plain = isinstance(hint, type) and hint not in (Any, Parameter.empty)
    return isinstance(value, hint) if plain else True


def _fit(value: tuple[Any, ...], parts: tuple[Any, ...]) -> bool:
    """Whether the entries of a tuple are what its annotation says, one by one or all alike."""
    wanted = parts[:1] * len(value) if len(parts) == 2 and parts[1] is ... else parts
    return len(value) == len(wanted) and all(map(_fits, value, wanted))


def _is_number(x: Any) -> bool:
    return type(x) is int or (isinstance(x, float) and not math.isnan(x))


def _is_sequence(x: Any) -> bool:
    return isinstance(x, Iterable) and not isinstance(x, (str, bytes)) and getattr(x, "ndim", 1) > 0


def _is_row(x: Any) -> bool:
    """Numbers one after another: a list, a tuple, or an array of floats with one axis."""
    if isinstance(x, torch.Tensor):
        floats = x.is_floating_point() and x.element_size() > 1 and not x.requires_grad
        return x.ndim == 1 and floats and x.layout is torch.strided
    if type(x) is np.ndarray:
        return x.ndim == 1 and x.dtype.kind == "f"
    return isinstance(x, (list, tuple)) and all(type(t) is int or isinstance(t, float) for t in x)


def _is_choice(hint: Any) -> bool:
    return get_origin(hint) is Literal or any(_is_choice(part) for part in get_args(hint))


_WORDS = {
    int: "a whole number", float: "a finite number", bool: "True or False", str: "text",
    NoneType: "None",
}  # fmt: skip


def _words(hint: Any) -> str:
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return " or ".join(repr(part) for part in parts)
    if origin in (Union, UnionType):
        return " or ".join(_words(part) for part in parts)
    if origin is tuple:
        return f"a tuple of {len(parts)}" if ... not in parts else "a tuple"
    if _is_array(hint):
        shape = ", ".join(getattr(hint, "dim_str", "...").split())
        return f"a tensor ({shape}{'' if ',' in shape or not shape else ','}) of {_dtypes(hint)}"
    if origin in (Sequence, Iterable):
        return "a sequence of numbers" if parts == (float,) else "a sequence"
    if origin is Mapping:
        return "a mapping"
    if Callable in (hint, origin):
        return "a function"
    return _WORDS.get(hint) or str(hint.__name__)
