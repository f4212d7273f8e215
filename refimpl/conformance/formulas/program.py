"""A formula written out, line by line, as somebody implements it: text that runs and can be edited.

    drift = v - g**2 / 2 * score
    mean = x - h * drift

Each line names a number that later lines may use. The kit holds every program against the
registered equations; a wrong implementation is looked for among the programs that differ from it
in one line.
"""

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from types import CodeType
from typing import Any, TypeAlias

import numpy as np

from ..adapter import arrays
from .values import Parts

Env: TypeAlias = dict[str, Any]
"""Numbers by name."""


def _rows(x: Any) -> np.ndarray:
    return np.asarray(x).reshape(len(x), -1)


def _column(x: np.ndarray, like: Any) -> np.ndarray:
    return x.reshape((len(x),) + (1,) * (np.ndim(like) - 1))


def _in_first(a: np.ndarray, b: np.ndarray, count: int) -> np.ndarray:
    """a in so many of the places along axis 1, b in the rest."""
    return np.concatenate([a[:, :count], b[:, count:]], axis=1)


def _unbiased(x: np.ndarray, axis: int) -> np.ndarray:
    n = np.float64(x.shape[axis])
    return np.asarray(x.std(axis=axis) * np.sqrt(n / (n - 1)))


def _quantile_of_sizes(x: Any, p: float) -> np.ndarray:
    return _column(np.quantile(np.abs(_rows(x)), p, axis=1), x)


def _thresholded(x: np.ndarray, p: float) -> np.ndarray:
    """Each sample held at the quantile p of its sizes, at least 1, and divided by it."""
    top = np.maximum(_quantile_of_sizes(x, p), 1)
    return np.asarray(np.clip(x, -top, top) / top)


FUNCTIONS: dict[str, Any] = {
    **{name: getattr(np, name) for name in (
        "sqrt", "exp", "log", "sin", "cos", "tan", "arctan", "cosh", "tanh", "sign", "abs", "where",
        "floor", "ceil", "rint")},
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "log_gamma": np.vectorize(math.lgamma),
    "huber": lambda x, c: np.where(np.abs(x) <= c, x**2 / 2, c * (np.abs(x) - c / 2)),
    "expm1": np.expm1, "log1p": np.log1p,
    "minimum": np.minimum, "maximum": np.maximum, "pi": np.pi,
    "clamp": lambda x, low, high: np.minimum(np.maximum(x, low), high),
    "total": lambda x: _rows(x).sum(axis=1), "average": lambda x: _rows(x).mean(axis=1),
    "count": lambda x: float(_rows(x).shape[1]),
    "norm": lambda x: np.sqrt(_column((_rows(x) ** 2).sum(axis=1), x)),
    "rms": lambda x: np.sqrt(_column((_rows(x) ** 2).mean(axis=1), x)),
    "average_of": lambda x: _column(_rows(x).mean(axis=1), x),
    "std_of": lambda x: _column(_rows(x).std(axis=1), x),
    "unbiased_std_of": lambda x: _column(_unbiased(_rows(x), 1), x),
    "mean_of_all": lambda x: np.mean(x) + 0 * x, "std_of_all": lambda x: np.std(x) + 0 * x,
    "unbiased_std_of_all": lambda x: _unbiased(np.ravel(x), 0),
    "mean_over_samples": lambda x: x.mean(axis=0, keepdims=True),
    "thresholded": _thresholded,
    "mirrored": lambda x: np.concatenate([x[: len(x) - len(x) // 2], -x[: len(x) // 2]]),
    "group_mean": lambda r: r.mean(axis=1, keepdims=True),
    "group_sum": lambda r: r.sum(axis=1, keepdims=True),
    "batch_mean": lambda r: r.mean() + 0 * r[:, :1], "batch_sum": lambda r: r.sum() + 0 * r[:, :1],
    "quantile_of_abs": _quantile_of_sizes,
    "in_first_half": lambda a, b: _in_first(a, b, (a.shape[1] + 1) // 2),
    "in_first_three": lambda a, b: _in_first(a, b, 3),
    "mean_of_last": lambda x: x.mean(axis=-1, keepdims=True) + 0 * x,
    "norm_of_last": lambda x: np.sqrt((x**2).sum(axis=-1, keepdims=True)),
    "largest_of_all": lambda x: np.max(x) + 0 * x, "smallest_of_all": lambda x: np.min(x) + 0 * x,
    "previous_of_batch": lambda x: np.roll(x, 1, axis=0),  # round the batch
    "next_of_batch": lambda x: np.roll(x, -1, axis=0),
    "next_or_last_of_batch": lambda x: np.concatenate([x[1:], x[-1:]]),
    "previous_or_first_of_batch": lambda x: np.concatenate([x[:1], x[:-1]]),
    "reversed_batch": lambda x: x[::-1], "first_of_batch": lambda x: x[:1] + 0 * x,
    "largest": lambda x: _rows(x).max(axis=1), "smallest": lambda x: _rows(x).min(axis=1),
    "middle": lambda x: np.median(_rows(x), axis=1),
    "first_of": lambda x: _rows(x)[:, 0], "last_of": lambda x: _rows(x)[:, -1],
    **{kind: partial(arrays.rounded_to, dtype=kind)
       for kind in ("bfloat16", "float16", "float32")},
    "inner": lambda a, b: _column((_rows(a) * _rows(b)).sum(axis=1), a),
}  # fmt: skip
"""What a line may call."""

_GLOBALS = {"__builtins__": {}, **FUNCTIONS}


@dataclass(frozen=True)
class Line:
    """A name, and the expression that it stands for.

    Attributes:
        name: unlike any other line's.
        expression: its source, parsed.
        uses: the names of numbers in it.
    """

    name: str
    expression: ast.expr
    uses: frozenset[str]

    @cached_property
    def code(self) -> CodeType:
        """The expression, compiled."""
        return compile(ast.Expression(self.expression), "<line>", "eval")

    @cached_property
    def source(self) -> str:
        """The expression as text."""
        return ast.unparse(self.expression)

    def value(self, known: Mapping[str, Any]) -> Any:
        """The value of the expression."""
        return eval(self.code, _GLOBALS, known)


def line(name: str, expression: ast.expr) -> Line:
    """A line, ready to be compiled."""
    used = set[str]()
    _prepare(expression, used)
    return Line(name, expression, frozenset(used - FUNCTIONS.keys()))


@lru_cache(maxsize=4096)
def parsed(name: str, source: str) -> Line:
    """A line from its source."""
    return line(name, ast.parse(source, mode="eval").body)


def _prepare(node: ast.AST, used: set[str]) -> None:
    """Notes the names, and gives every node a place in the source, as the compiler wants it."""
    if isinstance(node, ast.expr):
        node.lineno, node.col_offset, node.end_lineno, node.end_col_offset = 1, 0, 1, 0
    if isinstance(node, ast.Name):
        used.add(node.id)
    elif isinstance(node, ast.BinOp):  # most are
        _prepare(node.left, used)
        _prepare(node.right, used)
    else:
        for one in ast.iter_child_nodes(node):
            _prepare(one, used)


@dataclass(frozen=True)
class Program:
    """Lines, and the names under which the parts of a result are found.

    Attributes:
        lines: in order.
        parts: the name that holds a part, by part.
        finish: to the adapter's own conventions.
    """

    lines: tuple[Line, ...]
    parts: Mapping[str, str]
    finish: Callable[[Parts], Parts] = lambda parts: parts

    def run(self, env: Mapping[str, Any]) -> Parts:
        """The parts of the result, for the values that the lines begin with."""
        return self.told(self.values(env))

    def values(self, env: Mapping[str, Any]) -> Env:
        """All numbers: those to begin with, and every line's."""
        known = dict(env)
        for row in self.lines:
            known[row.name] = row.value(known)
        return known

    def after(self, known: Mapping[str, Any], k: int, changed: Line) -> Env:
        """All numbers once line k is another: those that depend on it are computed again."""
        now = {**known, changed.name: changed.value(known)}
        moved = {changed.name}
        for row in self.lines[k + 1 :]:
            if row.uses & moved:
                now[row.name] = row.value(now)
                moved.add(row.name)
        return now

    def again(self, changed: Mapping[int, Line], part: str) -> list[Line]:
        """What to compute again for a part, in order, once several lines are others."""
        moved, rows = set[str](), list[Line]()
        for k, row in enumerate(self.lines):
            if k in changed or row.uses & moved:
                moved.add(row.name)
                rows.append(changed.get(k, row))
        needed, kept = {self.parts[part]}, list[Line]()
        for row in reversed(rows):
            if row.name in needed:
                needed |= row.uses
                kept.append(row)
        return kept[::-1]

    def told(self, known: Mapping[str, Any]) -> Parts:
        """The parts among the values of all lines."""
        return self.finish({part: np.asarray(known[name]) for part, name in self.parts.items()})

    def changed(self, k: int, made: Line) -> "Program":
        """The same with another line k."""
        return replace(self, lines=(*self.lines[:k], made, *self.lines[k + 1 :]))


def written(text: str, finish: Callable[[Parts], Parts] | None = None, **parts: str) -> Program:
    """A program from its text, a line an assignment; the result is `value` unless it is named."""
    lines = []
    for row in filter(None, (row.strip() for row in text.strip().splitlines())):
        name, _, expression = row.partition(" = ")
        lines.append(parsed(name, expression))
    made = Program(tuple(lines), parts or {"value": "value"})
    return made if finish is None else replace(made, finish=finish)
