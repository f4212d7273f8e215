"""Settings hold what their annotations say, from birth: whole numbers, finite numbers, known words.

Plan(steps=2.5)   →   ValueError: steps must be a whole number, got 2.5
"""

import math
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def typed(settings: Any) -> None:
    """Hold every field of a dataclass to its annotation; for `__post_init__`, before all else.

    Raises:
        TypeError: a value of another type, a truth value for a number among them.
        ValueError: a word that is not among the choices, NaN, infinity, a fraction for a count.
    """
    hints = get_type_hints(type(settings))
    for field in fields(settings):
        if not field.init:
            continue
        value, hint = getattr(settings, field.name), hints[field.name]
        if not _fits(value, hint):
            word = _is_choice(hint) and isinstance(value, str)
            wrong = ValueError if word or isinstance(value, float) else TypeError
            raise wrong(f"{field.name} must be {_words(hint)}, got {value!r}")


def _fits(value: Any, hint: Any) -> bool:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is Literal:
        return any(type(value) is type(part) and value == part for part in parts)
    if origin is tuple:
        every = len(parts) == 2 and parts[1] is ...
        wanted = parts[:1] * len(value) if every and isinstance(value, tuple) else parts
        return (
            isinstance(value, tuple)
            and len(value) == len(wanted)
            and all(map(_fits, value, wanted))
        )
    if hint is float:
        return type(value) in (int, float) and math.isfinite(value)
    if hint in (int, bool, str):
        return type(value) is hint
    return hint is Any or not isinstance(hint, type) or isinstance(value, hint)


def _is_choice(hint: Any) -> bool:
    return get_origin(hint) is Literal or any(_is_choice(part) for part in get_args(hint))


_WORDS = {int: "a whole number", float: "a finite number", bool: "True or False", str: "text"}


def _words(hint: Any) -> str:
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return " or ".join(repr(part) for part in parts)
    if origin in (Union, UnionType):
        return " or ".join(_words(part) for part in parts)
    if origin is tuple:
        return f"a tuple of {len(parts)}" if ... not in parts else "a tuple"
    return "None" if hint is NoneType else _WORDS.get(hint) or str(hint.__name__)
