"""One fault beside a convention that is not the declared one.

    it computes  with log_prob = 'mean':  huber(residual/std, 1)  where  z²/2  is meant

The same searches once more, in the conventions that an adapter might have declared. A reading then
names both.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from ..adapter.conventions import Conventions
from ..formulas.values import Formulas
from .evidence import Evidence, quietly
from .readings import Explanation
from .variations import changed, spelt, undeclared

Reader: TypeAlias = Callable[[Evidence], list[Explanation]]

_WORDS = ("log_prob", "log_prob_terms", "kl_reduction", "kl", "sign", "guidance", "ratio",
          "advantage_ddof")  # fmt: skip
"""Conventions that a fault is looked for beside; those with numbers are too many."""


def beside(e: Evidence, reader: Reader, words: Sequence[str] = _WORDS) -> list[Explanation]:
    """The faults that explain everything once one convention, of these, is another."""
    found = list[Explanation]()
    for change in undeclared(e.op, e.c) if len(e.parts) == 1 else ():
        other = changed(e.c, change)
        if set(change) <= set(words) and other is not None and _has_values(e, other):
            moved = Evidence(e.op, e.cases, e.answers, other)
            found += [_also(x, spelt(change)) for x in reader(moved) if x.says is not None]
    return e.distinct(found, lambda x: x.says or (lambda i: {}), lambda x: len(x.name))


def _has_values(e: Evidence, c: Conventions) -> bool:
    """Whether the formula can be asked so: other conventions may want other arguments."""
    return all(quietly(lambda i: e.op.evaluate(Formulas(), i, c), k.inputs) for k in e.cases)


def _also(x: Explanation, declared: str) -> Explanation:
    remedy = f"{x.remedy}; and declare {declared}, if it is meant"
    return replace(x, name=f"with {declared}:  {x.name}", remedy=remedy)
