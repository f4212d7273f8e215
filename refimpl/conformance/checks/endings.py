"""What becomes of a chain's end after its last step: held, squashed, normalised.

    it computes  clamp(end, −1, 1)  where  end  is meant

A limit is read off the first chain, and must hold for all of them.
"""

import ast
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from ..adapter.conventions import Conventions
from ..diagnosis.limits import starts
from ..diagnosis.lines import renamed
from ..diagnosis.printing import shown
from ..diagnosis.remade import FREE, forms_of, template
from ..diagnosis.solving import solved
from ..formulas.operations import Edited
from ..formulas.program import Env, parsed
from ..formulas.stages import stages
from ..formulas.values import Inputs, Parts
from .rules import stepped
from .slopes import blur


def ended(cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions) -> Iterator[Edited]:
    """The chain's end held, squashed or normalised, after the last step."""
    i, got = cases[0], told[0].get("x")
    if got is None:
        return
    right = stepped(i, c, stages(i, c)[:1])["x"]
    for form in forms_of("x", {"x": right}):
        if FREE not in parsed("q", form).uses:
            yield _ending(form)
            continue
        numbers = partial(_remade, form, right)
        found = (solved(numbers, got, [start], blur(got, c)) for start in starts(form, right))
        yield from (_ending(form, free[0]) for free in found if free is not None)


def _remade(form: str, x: np.ndarray, limit: Sequence[float]) -> np.ndarray:
    known: Env = {"q": x, FREE: limit[0]}
    return np.asarray(parsed("q", form).value(known))


def _ending(form: str, limit: float = 0.0) -> Edited:
    def parts(i: Inputs, c: Conventions) -> Parts:
        return {"x": _remade(form, stepped(i, c, stages(i, c)[:1])["x"], [limit])}

    held = renamed(renamed(template(form), "q", template("end")), FREE, ast.Constant(limit))
    return Edited(shown(held), "end", parts)
