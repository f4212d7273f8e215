"""The register of second routes: every equation a second time, by another way, with 50 digits.

    score: differentiate a log-density        KL: integrate        step: the paper's, dt < 0

No line is shared with `refimpl.equations`, and where mathematics allows no formula either: a
quantity is obtained from what it *means*. A route takes the flat names of `calls.flat_names` as
mpmath numbers and returns a number, or a dictionary of the result's parts. The routes are in the
folder `routes`, a file a topic.
"""

from collections.abc import Callable
from typing import Any

DIGITS = 50
"""Working precision; derivatives and quadratures keep more than 35 of them."""

Route = Callable[..., Any]

ROUTES: dict[str, Route] = {}
"""The second route of each equation, by id, once the folder `routes` has been imported."""

WHOLE: set[str] = set()
"""Equations whose route takes arrays of mpmath numbers, not one coordinate at a time."""


def route(equation_id: str, *, whole: bool = False) -> Callable[[Route], Route]:
    """Note a function as the second route of an equation.

    Args:
        equation_id: the equation.
        whole: give it arrays of mpmath numbers, not one coordinate at a time.
    """

    def note(function: Route) -> Route:
        ROUTES[equation_id] = function
        if whole:
            WHOLE.add(equation_id)
        return function

    return note
