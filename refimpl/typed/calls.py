"""A call held to the annotations of its function: kinds of arguments, shapes, finite numbers.

    @held
    def mean(x: Float[Tensor, "n d"], mean: Float[Tensor, " d"], *, detects: float) -> Outcome: ...

    mean(x, 0.0, detects=1.0)    →   TypeError: mean must be a tensor (d,) of real numbers, got 0.0

Equations have domains of their own; this is for the functions that call them. A size that is named
twice, d here, is the same in every argument, and so is the dtype of all tensors.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

from .problems import Sizes, problem

F = TypeVar("F", bound=Callable[..., Any])


def held(function: F) -> F:
    """The function, which refuses by name an argument that is not what its annotation says.

    Raises:
        TypeError: a value of another kind, a truth value for a number among them.
        ValueError: NaN, infinity, a fraction for a count, a shape that does not fit.
    """
    signature = inspect.signature(function)
    hints = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if not isinstance(parameter.annotation, str) and parameter.kind is not parameter.VAR_KEYWORD
    }

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        try:
            given = signature.bind(*args, **kwargs).arguments
        except TypeError:
            return function(*args, **kwargs)  # refused in Python's own words
        seen = Sizes()
        for name, value in given.items():
            if name in hints and (wrong := problem(name, value, hints[name], seen)):
                raise wrong
        return function(*args, **kwargs)

    return cast(F, checked)
