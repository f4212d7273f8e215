"""Plant a mistake: for a while the wrong formula runs wherever the equation did.

    with planted("sde.drift", wrong): ...       every name in `refimpl` that was the equation is it

Modules hold equations under names of their own, functions keep them as defaults, and the register
hands them out: all are replaced, and all are put back. A planted formula is noted when it is
called, like the equation, and takes its arguments as they come.
"""

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FunctionType
from typing import Any

from ..equations import registry
from ..equations.watching import note
from .mistake import Mistake


@contextmanager
def planted(equation_id: str, wrong: Callable[..., Any]) -> Iterator[None]:
    """The wrong formula in place of the equation, in everything of `refimpl` that is imported.

    Raises:
        KeyError: no such equation.
    """
    right = registry.find(equation_id)

    @functools.wraps(wrong)
    def noted(*args: Any, **kwargs: Any) -> Any:
        note(equation_id)
        return wrong(*args, **kwargs)

    places = list(_places(right.function))
    registry._REGISTER[equation_id] = replace(right, function=noted)
    for place, name in places:
        place[name] = noted
    try:
        yield
    finally:
        registry._REGISTER[equation_id] = right
        for place, name in places:
            place[name] = right.function


def plant(mistake: Mistake) -> Any:
    """`planted` for a named mistake."""
    return planted(mistake.equation, mistake.wrong)


def _places(function: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Dictionaries and keys that hold the function: of modules, and of keyword defaults."""
    for module_name, module in list(sys.modules.items()):
        if module is None or module_name.partition(".")[0] != "refimpl":
            continue
        for name, value in list(vars(module).items()):
            if value is function:
                yield vars(module), name
            kept = value.__kwdefaults__ if isinstance(value, FunctionType) else None
            for key, default in (kept or {}).items():
                if default is function:
                    yield value.__kwdefaults__, key
