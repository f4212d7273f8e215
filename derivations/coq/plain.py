"""Lines in coordinates as they are written, nothing simplified, and the calculus on the way.

    plain = Plain(2);  plain.values(node)        [v_1 + g²/2 * (∂_1 p / p), ...]  unevaluated

The engine lets sympy collect, cancel and reorder while a line is expanded. Here the same node calls
the same production functions and sympy evaluates nothing, so that what Coq is asked about is the
line itself. Derivatives, means over ε, integrals and limits are the exception: sympy works them
out, each is recorded, and each becomes a lemma of its own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import sympy as sp
from sympy.core.parameters import global_parameters
from sympy.matrices import dotprodsimp

from derivations.engine.written import chance
from derivations.engine.written.calculus import At, Derivative
from derivations.engine.written.node import Bracket, Named, Node
from derivations.engine.written.space import SPACES, Space, flat, lift

from .branches import branch
from .moments import mean_of
from .raw import exact, kept, put_in, settled, slope

COMPARISONS = ("__lt__", "__le__", "__gt__", "__ge__")


@dataclass(frozen=True)
class Step:
    """A step of calculus that sympy took.

    Attributes:
        kind: "derivative", "mean", "integral" or "limit".
        inside: what it was taken of, unevaluated.
        letter: by which letter.
        ends: the ends of an integral, or where a limit is taken.
        result: what sympy found.
    """

    kind: str
    inside: sp.Expr
    letter: sp.Symbol
    ends: tuple[sp.Expr, ...]
    result: sp.Expr


class Plain(Space):
    """d coordinates in which nothing is simplified.

    Attributes:
        steps: the calculus that the last line took.
        fallen: parts of the last line that sympy could only expand by evaluating.
        fell: the same, kept for each line.
        taken: the values of lines and the calculus that led to them, kept.
        shown: what was made of a step of calculus, kept by who makes it.
    """

    def __init__(self, d: int) -> None:
        super().__init__(d)
        self.steps: list[Step] = []
        self.fallen: list[Node] = []
        self.fell: dict[Node, tuple[Node, ...]] = {}
        self.taken: dict[Node, tuple[list[sp.Expr], tuple[Step, ...]]] = {}
        self.shown: dict[Step, Any] = {}

    def values(self, node: Node) -> tuple[list[sp.Expr], tuple[Step, ...]]:
        """All scalars of a line, and the calculus that led to them."""
        if node not in self.taken:
            self.memory.clear()
            self.steps, self.fallen = [], []
            with self.watching(), sp.evaluate(False):
                made = [exact(e) for e in flat(node.at(self))]
            self.taken[node] = made, tuple(dict.fromkeys(self.steps))
            self.fell[node] = tuple(self.fallen)
        return self.taken[node]

    def expand(self, node: Node) -> Any:
        """What a node is here; where that fails, what it is when sympy evaluates."""
        try:
            if isinstance(node, At):
                return self._substituted(node)
            return node.expand(self)
        except (TypeError, AttributeError, NotImplementedError, RecursionError):
            self.fallen.append(node)
            with sp.evaluate(True):
                return node.at(SPACES[self.d])

    def _substituted(self, node: At) -> Any:
        s, value = (child.at(self) for child in node.children[1:])
        inner = _unwrapped(node.children[0])
        if (
            isinstance(inner, Derivative)
            and inner.parts[2] == 1
            and inner.children[1].at(self) == s
        ):
            work = functools.partial(self._slope_at, letter=s, at=value)
            return lift(work, inner.children[0].at(self))
        return lift(put_in, node.children[0].at(self), s, value)

    def _slope_at(self, e: sp.Expr, letter: sp.Symbol, at: sp.Expr) -> sp.Expr:
        """The derivative at a point, where it has none by the rules of differentiation."""
        e, at = sp.sympify(e), sp.sympify(at)
        kind, smooth = "derivative", e
        if e.has(sp.Min, sp.Max):
            with sp.evaluate(True):
                smooth, _ = branch(e, letter, at)
        else:
            with sp.evaluate(True):
                value = settled(put_in(slope(e, letter), letter, at))
            if not value.has(sp.nan, sp.zoo, sp.oo):
                return put_in(sp.diff(e, letter), letter, at)
            kind, smooth = "right derivative", settled(e)
        with sp.evaluate(True):
            result = put_in(slope(smooth, letter), letter, at)
        self.steps.append(Step(kind, exact(e), letter, (at,), result))
        return result

    @contextmanager
    def watching(self) -> Iterator[None]:
        """While it lasts, every step of calculus is taken by evaluating, and noted."""
        taken: dict[Any, sp.Expr] = {}
        integrate, limit = sp.integrate, sp.limit

        def note(kind: str, inside: Any, letter: Any, ends: Any, work: Callable[[], Any]) -> Any:
            key = (kind, inside, letter, ends)
            if key not in taken:
                with sp.evaluate(True):
                    taken[key] = work()
                if sp.sympify(inside).has(letter):
                    self.steps.append(
                        Step(kind, exact(sp.sympify(inside)), letter, ends, taken[key])
                    )
            return taken[key]

        def differentiated(e: Any, *by: Any) -> Any:
            made = sp.sympify(e)
            for letter, times in _letters(by):
                for _ in range(times):
                    inside = made
                    made = note(
                        "derivative", inside, letter, (),
                        functools.partial(slope, inside, letter),
                    )  # fmt: skip
            return made

        def integrated(e: Any, bounds: Any) -> Any:
            letter, *ends = bounds
            e = whole_powers(sp.sympify(e))
            return note(
                "integral", e, letter, tuple(ends),
                lambda: integrate(sp.expand(settled(e)), (letter, *map(settled, ends))),
            )  # fmt: skip

        def tended(e: Any, letter: Any, to: Any, *rest: Any) -> Any:
            return note(
                "limit", e, letter, (to,),
                lambda: limit(sp.cancel(sp.together(settled(e))), letter, settled(to), *rest),
            )  # fmt: skip

        def averaged(e: Any, eps: Any) -> Any:
            return note("mean", e, eps, (), lambda: mean_of(sp.sympify(e), eps))

        with ExitStack() as stack:
            comparisons = [(sp.Expr, name, _told(name)) for name in COMPARISONS]
            patches: list[tuple[Any, str, Callable[..., Any]]] = [
                (sp, "diff", differentiated),
                (sp, "expand", lambda e, *_, **__: e),
                (sp, "integrate", integrated),
                (sp, "limit", tended),
                (chance, "expectation", averaged),
                *comparisons,
            ]
            stack.enter_context(dotprodsimp(False))
            for place, name, work in patches:
                stack.enter_context(mock.patch.object(place, name, work))
            yield


def whole_powers(e: sp.Expr) -> sp.Expr:
    """e with t² for t^(3 − 1): a real power has no value at 0, where integrals begin."""
    if not e.args:
        return e
    arguments = tuple(whole_powers(argument) for argument in e.args)
    if isinstance(e, sp.Pow) and isinstance(settled(e.exp), sp.Integer):
        arguments = (arguments[0], settled(e.exp))
    return kept(e, arguments)


def _unwrapped(node: Node) -> Node:
    """What a letter stands for, without brackets."""
    while isinstance(node, (Named, Bracket)):
        node = node.parts[1] if isinstance(node, Named) else node.children[0]
    return node


def _told(name: str) -> Callable[[Any, Any], Any]:
    """A comparison of expressions that is answered, also while nothing else is evaluated."""
    compare = getattr(sp.Expr, name)

    def answered(a: Any, b: Any) -> Any:
        if global_parameters.evaluate:
            return compare(a, b)
        with sp.evaluate(True):
            return bool(compare(settled(a), settled(b)))

    return answered


def _letters(by: tuple[Any, ...]) -> list[tuple[Any, int]]:
    """(x, y) or (x, 2) or ((x, 2),) as letters with how often."""
    found: list[tuple[Any, int]] = []
    for one in by:
        if isinstance(one, (tuple, sp.Tuple)):
            found.append((one[0], int(one[1])))
        elif isinstance(one, (int, sp.Integer)):
            found[-1] = (found[-1][0], int(one))
        else:
            found.append((one, 1))
    return found
