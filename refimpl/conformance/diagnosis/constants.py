"""Numbers of many digits by what they are made of: 1/a for 1.42857, √2 for 1.41421.

A number is renamed where it is that of a name to the rounding of the answers.
"""

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache

from ..formulas.program import parsed
from .evidence import Evidence
from .lines import put
from .printing import number

_PLAIN = ("sqrt(2)", "1 / sqrt(2)", "sqrt(3)", "1 / sqrt(3)", "1 / 3", "2 / 3", "4 / 3", "1 / 6",
          "pi", "pi / 2", "2 / pi", "2 * pi", "1 / pi", "sqrt(pi)", "sqrt(2 * pi)", "log(2)",
          "log(2 * pi)", "log(10)")  # fmt: skip

_DECLARED = ("1 / a", "a**2", "1 / a**2", "sqrt(a)", "1 / sqrt(a)", "1 / (2 * a)", "a**3",
             "1 - a**2", "sqrt(1 - a**2)", "sqrt(2) * a", "a / sqrt(2)", "a * pi / 2",
             "sin(a * pi / 2)", "cos(a * pi / 2)", "sin(a * pi / 2)**2",
             "tan(a * pi / 2)")  # fmt: skip
"""Of an a that is the same wherever asked."""

_SLACK = 16
"""How many roundings of an answer a number may be off that was read off it."""


def named(expression: ast.expr, e: Evidence) -> ast.expr:
    """The expression with names for its long numbers, where they have one."""
    known = {"a": float(e.c["a"])} if not any("a" in k.inputs for k in e.cases) else {}

    def other(node: ast.AST) -> ast.expr | None:
        if not isinstance(node, ast.Constant) or not isinstance(node.value, float):
            return None
        if len(number(node.value).lstrip("−0.").replace(".", "")) < _LONG:
            return None
        return next(_of(node.value, known, max(_SLACK * e.unit, _SOLVED)), None)

    made: ast.expr = put(expression, other)
    return made


_LONG = 5
_SOLVED = 1e-9
"""How near a number is found that was solved for."""


def _of(x: float, known: Mapping[str, float], slack: float) -> Iterator[ast.expr]:
    for source in (*_PLAIN, *(_DECLARED if known else ())):
        value = _value(source, known.get("a", 0.0))
        if abs(value - x) <= slack * abs(x):
            yield parsed("_", source).expression


@lru_cache(maxsize=1024)
def _value(source: str, a: float) -> float:
    row = parsed("_", source)
    if row.uses and not 0 < a < 1:
        return float("nan")
    return float(row.value({"a": a}))
