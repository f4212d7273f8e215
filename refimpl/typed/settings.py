"""Settings hold what their annotations say, from birth: whole numbers, finite numbers, known words.

Plan(steps=2.5)   →   ValueError: steps must be a whole number, got 2.5
"""

from dataclasses import fields
from typing import Any, get_type_hints

from .problems import Sizes, problem


def typed(settings: Any) -> None:
    """Hold every field of a dataclass to its annotation; for `__post_init__`, before all else.

    Raises:
        TypeError: a value of another type, a truth value for a number among them.
        ValueError: a word that is not among the choices, NaN, infinity, a fraction for a count.
    """
    hints, seen = get_type_hints(type(settings)), Sizes()
    for field in fields(settings):
        if field.init and (wrong := problem(field.name, getattr(settings, field.name),
                                            hints[field.name], seen)):  # fmt: skip
            raise wrong
