"""Odd arguments: what callers hand in beside floats, with the number that it stands for, if any.

`EQUIVALENT` makes something that stands for a number: the result must be right, or the argument be
refused. `NO_NUMBER` stands for none that a closed form takes: it must be refused.
"""

import datetime
import decimal
import fractions
import tempfile
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import sympy
import torch


def memmap(x: Any) -> np.ndarray:
    """The number in a file."""
    with tempfile.TemporaryFile() as file:
        made = np.memmap(file, dtype=np.float64, shape=np.shape(x) or (1,), mode="w+")
    made[...] = x
    return made


def read_only(x: Any) -> np.ndarray:
    """An array that nobody may write to."""
    made = np.array(x, dtype=np.float64)
    made.flags.writeable = False
    return made


def entries(convert: Callable[[float], Any]) -> Callable[[Any], np.ndarray]:
    """An object array whose entries are numbers of another library."""
    return lambda x: np.frompyfunc(lambda y: convert(float(y)), 1, 1)(np.atleast_1d(x))


def each(convert: Callable[[float], Any]) -> Callable[[Any], Any]:
    """Of a number alone; an array stays an array, entry by entry."""
    return lambda x: convert(float(x)) if np.ndim(x) == 0 else entries(convert)(x)


EQUIVALENT: dict[str, Callable[[Any], Any]] = {
    "numpy float64": np.float64,
    "numpy float32": np.float32,
    "numpy float16": np.float16,
    "numpy longdouble": np.longdouble,
    "zero-dimensional array": lambda x: np.array(x, dtype=np.float64),
    "array of one": lambda x: np.atleast_1d(np.array(x, dtype=np.float64)),
    "four axes": lambda x: np.array(x, dtype=np.float64).reshape(np.shape(x) or (1, 1, 1, 1)),
    "view from behind": lambda x: np.flip(np.flip(np.atleast_1d(x), -1).copy(), -1),
    "Fortran order": lambda x: np.asfortranarray(np.atleast_1d(x)),
    "broadcast": lambda x: np.broadcast_to(x, np.shape(x) or (3,)),
    "read-only": read_only,
    "memory map": memmap,
    "big-endian": lambda x: np.array(x, dtype=">f8"),
    "tensor": lambda x: torch.tensor(np.asarray(x), dtype=torch.float64),
    "float32 tensor": lambda x: torch.tensor(np.asarray(x), dtype=torch.float32),
    "bfloat16 tensor": lambda x: torch.tensor(np.asarray(x), dtype=torch.bfloat16),
    "float16 tensor": lambda x: torch.tensor(np.asarray(x), dtype=torch.float16),
    "tensor with gradient": lambda x: torch.tensor(
        np.asarray(x), dtype=torch.float64, requires_grad=True
    ),
    "parameter": lambda x: torch.nn.Parameter(torch.tensor(np.asarray(x), dtype=torch.float64)),
    "expanded tensor": lambda x: torch.tensor(np.asarray(x), dtype=torch.float64).expand(
        np.shape(x) or (3,)
    ),
    "rational": each(sympy.Rational),
    "sympy float": each(sympy.Float),
    "mpmath number": each(mpmath.mpf),
    "objects: rationals": entries(sympy.Rational),
    "objects: mpmath": entries(mpmath.mpf),
    "objects: floats": entries(float),
    "fraction": each(fractions.Fraction),
    "decimal": each(decimal.Decimal),
}


class Subclass(np.ndarray):
    """An array that may mean something else by its operators."""


NO_NUMBER: dict[str, Any] = {
    "nan": float("nan"),
    "inf": float("inf"),
    "-inf": float("-inf"),
    "numpy nan": np.float32("nan"),
    "array with nan": np.array([1.0, np.nan]),
    "array with inf": np.array([[1.0], [-np.inf]]),
    "tensor with nan": torch.tensor([1.0, float("nan")]),
    "objects with nan": np.array([1.0, float("nan")], dtype=object),
    "objects with None": np.array([1.0, None], dtype=object),
    "objects with text": np.array([1.0, "x"], dtype=object),
    "objects with complex": np.array([1.0, 1j], dtype=object),
    "objects with arrays": np.array([np.ones(2), None], dtype=object)[:1],
    "objects with truth": np.array([True, 1.0], dtype=object),
    "complex": 1 + 0j,
    "numpy complex": np.complex128(1),
    "complex array": np.ones(2, dtype=complex),
    "complex tensor": torch.ones(2, dtype=torch.complex64),
    "masked array": np.ma.array([1.0, 2.0], mask=[True, False]),
    "masked number": np.ma.masked,
    "matrix": np.matrix([[1.0, 2.0], [3.0, 4.0]]),
    "subclass": np.ones(2).view(Subclass),
    "structured": np.zeros(2, dtype=[("a", float)]),
    "text": "1.0",
    "no text": "",
    "bytes": b"1",
    "array of text": np.array(["1.0"]),
    "numpy text": np.str_("1.0"),
    "None": None,
    "True": True,
    "numpy True": np.True_,
    "array of truths": np.array([True, False]),
    "tensor of truths": torch.tensor([True]),
    "list": [1.0, 2.0],
    "tuple": (1.0, 2.0),
    "set": {1.0},
    "dictionary": {"value": 1.0},
    "range": range(1, 3),
    "generator": (x for x in (1.0,)),
    "function": np.sqrt,
    "class": float,
    "object": object(),
    "ellipsis": ...,
    "slice": slice(None),
    "date": datetime.timedelta(1),
    "datetime array": np.array(["2020-01-01"], dtype="datetime64[D]"),
    "uint8 array": np.array([200], dtype=np.uint8),
    "int64 array": np.array([1, 2]),
    "int8 number": np.int8(1),
    "uint8 tensor": torch.tensor([200], dtype=torch.uint8),
    "int64 tensor": torch.tensor([1, 2]),
    "float8 tensor": torch.ones(2).to(torch.float8_e4m3fn),
    "sparse tensor": torch.eye(2).to_sparse(),
    "huge integer": 10**400,
    "sympy nan": sympy.nan,
    "sympy oo": sympy.oo,
    "sympy.zoo": sympy.zoo,
    "sympy I": sympy.I,
    "sympy truth": sympy.true,
    "sympy matrix": sympy.eye(2),
    "mpmath complex": mpmath.mpc(1, 0),
    "mpmath nan": mpmath.nan,
    "mpmath inf": mpmath.inf,
}
