"""Wrong formulas with names, a file a topic; this package finds them."""

import pkgutil
from importlib import import_module

from ...equations.registry import equations
from ..mistake import Mistake

_TOPICS = [import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
_ORDER = {equation_id: place for place, equation_id in enumerate(equations())}
_EVERY: tuple[Mistake, ...] = tuple(
    sorted((m for topic in _TOPICS for m in topic.MISTAKES), key=lambda m: _ORDER[m.equation])
)


def mistakes(equation_id: str | None = None) -> tuple[Mistake, ...]:
    """All named mistakes in the order of the equations, or those of one equation."""
    return tuple(m for m in _EVERY if equation_id in (None, m.equation))
