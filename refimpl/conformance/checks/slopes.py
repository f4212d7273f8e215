"""A rule of two slopes whose four numbers are nobody's to guess: read off a step, or a chain's end.

    x − h (0.25 k1 + 0.75 k2) with k2 = field(x − 0.666667 h k1, t − 0.666667 h)

Newton's search begins at Heun's rule, at the midpoint's, and between the two.
"""

from collections.abc import Callable, Iterator

import numpy as np

from ..adapter import arrays
from ..adapter.conventions import Conventions
from ..diagnosis.solving import solved
from ..formulas.operations import Edited
from ..formulas.program import Env, Program
from ..formulas.tableaux import FREED, OF_TWO_SLOPES, TWO_SLOPES, Freed, told
from ..formulas.values import Inputs, Parts

_HEUN = (1.0, 1.0, 0.5, 0.5)
_STARTS = (_HEUN, (0.5, 1.0, 0.5, 0.5), (0.5, 0.5, 0.0, 1.0), (1.0, 0.5, 0.5, 0.5))
"""Where the search begins: at Heun's rule, at the midpoint's, and between the two."""


def blur(got: np.ndarray, c: Conventions) -> float:
    """How far a chain's rounding may carry its end."""
    return 64 * arrays.UNIT[c["dtype"]] * float(np.abs(got).max(initial=0.0))


def two_slopes(
    i: Inputs,
    got: np.ndarray,
    c: Conventions,
    parts: Callable[[Program, Inputs, Conventions, Env], Parts],
    meant: str = told(_HEUN),
) -> Iterator[Edited]:
    """The rule whose numbers give what came back.

    Args:
        i, got: one answer, on a curved field.
        c: the conventions.
        parts: what a rule gives for its free numbers by name.
        meant: the rule that is meant.
    """

    def numbers(free: object) -> np.ndarray:
        return next(iter(parts(TWO_SLOPES, i, c, _named(free)).values()))

    tries = (solved(numbers, got, start, blur(got, c)) for start in _STARTS)
    found = next((x for x in tries if x is not None), None)
    if found is not None:
        free = _named(found)
        yield Edited(told(found), meant, lambda i, c: parts(TWO_SLOPES, i, c, free), 4)


def four_slopes(
    i: Inputs, got: np.ndarray, c: Conventions, parts: Callable[[Program, Inputs, Conventions, Env],
                                                                Parts],
) -> Iterator[Edited]:  # fmt: skip
    """The classical rule whose weights, or whose stages' lengths, give what came back."""
    for free in FREED:

        def numbers(some: object, free: Freed = free) -> np.ndarray:
            return next(
                iter(parts(free.rule, i, c, free.named(np.asarray(some).tolist())).values())
            )

        tries = (solved(numbers, got, start, blur(got, c)) for start in free.starts)
        found = next((x for x in tries if x is not None), None)
        if found is not None:
            env = free.named(found)
            yield Edited(free.told(found), free.told(free.meant),
                         lambda i, c, free=free, env=env: parts(free.rule, i, c, env),  # type: ignore[misc]
                         len(found))  # fmt: skip


def _named(free: object) -> Env:
    return dict(zip(OF_TWO_SLOPES, np.asarray(free), strict=True))
