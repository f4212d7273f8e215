"""Validation on entry: every value of a call is tested as the declaration of its argument says.

    validated(drift)(v, score, -1.0)   →   ValueError: g must be zero or positive, got -1.0

It is a thin wrapper that reads the signature once. The function behind it is what is proved, and
what torch.compile, vmap, func.grad and jit see: nothing in the wrapper depends on values that a
transform does not have yet.
"""

import functools
import numbers
import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast

from .arguments import Place, declared
from .domain import CHOICE, FINITE, FUNCTION, UNUSED, Test, agree, judge
from .kinds import Kind, is_array, kind, shown
from .watching import WATCHERS, note

F = TypeVar("F", bound=Callable[..., Any])


def validated(function: F, equation_id: str = "") -> F:
    """The function, its arguments validated on entry as its own declarations say.

    Raises:
        TypeError: an argument without a declaration.
    """
    places = declared(function)
    options = tuple(p for p in places if p.argument.domain in (CHOICE, FUNCTION))
    values = in_meeting_order(
        tuple(p for p in places if p.argument.domain not in (CHOICE, FUNCTION, UNUSED))
    )
    several = sum(p.meets for p in values) > 1
    plan = tuple(
        (
            p,
            p.position,
            p.structure,
            p.shown,
            p.meets,
            p.argument.axes,
            p.judged,
            p.argument.domain,
            _tests(p, several),
        )
        for p in values
    )

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if WATCHERS:
            note(equation_id)
        for place in options:
            _option(place, args, kwargs)
        given, meeting = len(args), []
        for place, position, structure, name, meets, axes, judged, domain, tests in plan:
            x = args[position] if position < given else kwargs.get(place.parameter, MISSING)
            if x is MISSING:
                continue  # the call below says so
            if structure is not None:
                x = _field(place, x)
            of = kind(name, x)
            if axes or not meets:
                _array(place, of, x)
            if of != "number" and (meets or not axes):
                meeting.append((name, of, x))
            if not judged:
                judge(name, x, of, domain, tests)
        if len(meeting) > 1:
            agree(meeting)
        return function(*args, **kwargs)

    return cast(F, checked)


MISSING = object()


def _field(place: Place, x: Any) -> Any:
    if not isinstance(x, cast(type, place.structure)):
        raise TypeError(
            f"{place.parameter} must be a {cast(type, place.structure).__name__}, got {shown(x)}"
        )
    return getattr(x, place.field)


def _tests(place: Place, several: bool) -> tuple[Test, ...]:
    """Arrays that are reduced and values that meet are asked to be finite before anything else."""
    own = place.argument.domain.tests
    first = (place.meets and several) or place.argument.per == "array"
    return (FINITE, *own) if first and own[:1] != (FINITE,) else own


def _option(place: Place, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    x = args[place.position] if place.position < len(args) else kwargs.get(place.parameter, "")
    if place.argument.domain is FUNCTION:
        if not callable(x):
            raise TypeError(f"{place.shown} must be a function, got {shown(x)}")
    elif not isinstance(x, str) and not _is_count(x):
        raise TypeError(f"{place.shown} must be a word or a count, got {shown(x)}")


def _is_count(x: Any) -> bool:
    return (
        isinstance(x, numbers.Integral) and not isinstance(x, bool) and abs(int(x)) <= sys.maxsize
    )


def _array(place: Place, of: Kind, x: Any) -> None:
    got = f"shape {tuple(x.shape)}" if is_array(of) else shown(x)
    if place.argument.axes and (not is_array(of) or x.ndim < place.argument.axes):
        raise ValueError(
            f"{place.shown} must be an array with {place.argument.axes} or more axes, got {got}"
        )
    if not place.argument.axes and is_array(of) and x.ndim:
        raise ValueError(f"{place.shown} must be one number, got {got}")


def in_meeting_order(places: tuple[Place, ...]) -> tuple[Place, ...]:
    """Values of coordinates first: means before stds, a path's coefficients and a step last."""
    first_law = min((p.position for p in places if p.law), default=0)

    def rank(i: int) -> tuple[int, ...]:
        p = places[i]
        if p.law:
            return 0, first_law, p.rank, p.position
        return int(p.structure is not None), p.position, i, 0

    return tuple(places[i] for i in sorted(range(len(places)), key=rank))
