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
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import sympy as sp

from derivations.engine.algebra.rational import vanishes
from derivations.engine.written import chance
from derivations.engine.written.calculus import At
from derivations.engine.written.node import Node
from derivations.engine.written.space import SPACES, Space, flat, lift


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
        fallen: nodes that sympy could only expand by evaluating.
        taken: the values of lines and the calculus that led to them, kept.
        shown: what was made of a step of calculus, kept by who makes it.
    """

    def __init__(self, d: int) -> None:
        super().__init__(d)
        self.steps: list[Step] = []
        self.fallen: list[Node] = []
        self.taken: dict[Node, tuple[list[sp.Expr], tuple[Step, ...]]] = {}
        self.shown: dict[Step, Any] = {}

    def values(self, node: Node) -> tuple[list[sp.Expr], tuple[Step, ...]]:
        """All scalars of a line, and the calculus that led to them."""
        if node not in self.taken:
            self.memory.clear()
            self.steps = []
            with self.watching(), sp.evaluate(False):
                made = flat(node.at(self))
            self.taken[node] = made, tuple(dict.fromkeys(self.steps))
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
        a, s, value = (child.at(self) for child in node.children)
        return lift(put_in, a, s, value)

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
                    self.steps.append(Step(kind, sp.sympify(inside), letter, ends, taken[key]))
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
            return note("mean", e, eps, (), lambda: mean_of(settled(e), eps))

        with (
            mock.patch.object(sp, "diff", differentiated),
            mock.patch.object(sp, "integrate", integrated),
            mock.patch.object(sp, "limit", tended),
            mock.patch.object(chance, "expectation", averaged),
        ):
            yield


def slope(e: sp.Expr, x: sp.Symbol) -> sp.Expr:
    """∂e/∂x by the rules of differentiation; exponents and roots stay as they are written."""
    if not e.has(x):
        return sp.Integer(0)
    if e.has(sp.exp, sp.log, sp.sin, sp.cos) or any(not p.exp.is_Integer for p in e.atoms(sp.Pow)):
        if isinstance(e, sp.Add):
            return sp.Add(*(slope(part, x) for part in e.args))
        if isinstance(e, sp.Mul):
            return sp.Add(
                *(
                    _product([slope(part, x), *e.args[:i], *e.args[i + 1 :]])
                    for i, part in enumerate(e.args)
                    if part.has(x)
                )
            )
        if isinstance(e, sp.Pow) and not e.exp.has(x):
            power = sp.Pow(e.base, e.exp - 1, evaluate=False) if e.exp != 2 else e.base
            return _product([e.exp, power, slope(e.base, x)])
        if isinstance(e, sp.exp):
            return _product([e, slope(e.args[0], x)])
        if isinstance(e, sp.log):
            return _product([slope(e.args[0], x), sp.Pow(e.args[0], -1, evaluate=False)])
    return settled(e).diff(x)


def _product(parts: list[sp.Expr]) -> sp.Expr:
    if any(part == 0 for part in parts):
        return sp.Integer(0)
    return sp.Mul(*(part for part in parts if part != 1), evaluate=False)


def mean_of(e: sp.Expr, eps: sp.Symbol) -> sp.Expr:
    """E[e] over ε ~ N(0, 1), each moment's coefficient factored."""
    powers, slopes = by_moments(e, eps)
    total = sum(
        (c * sp.factorial2(n - 1) for n, c in powers.items() if n % 2 == 0), start=sp.Integer(0)
    )
    return total + sum((c * sp.exp(b**2 / 2) for b, c in slopes.items()), start=sp.Integer(0))


def by_moments(e: sp.Expr, eps: sp.Symbol) -> tuple[dict[int, sp.Expr], dict[sp.Expr, sp.Expr]]:
    """e = Σ_n c_n εⁿ + Σ_b c_b exp(b ε): the coefficients by power, and by slope."""
    parts = sp.Add.make_args(e)
    rational = sp.Add(*(p for p in parts if not any(a.has(eps) for a in p.atoms(sp.exp))))
    powers: dict[int, sp.Expr] = {}
    slopes: dict[sp.Expr, sp.Expr] = {}
    n, rest = 0, rational
    while not vanishes(rest):
        powers[n] = _short(rest.subs(eps, 0) / sp.factorial(n))
        n, rest = n + 1, rest.diff(eps)
        if n > 12:
            raise ValueError(f"no polynomial of {eps}: {rational}")
    for part in sp.Add.make_args(sp.expand(e - rational, power_exp=False)):
        factor, power = sp.powsimp(part, combine="exp").as_independent(eps, as_Add=False)
        if power.func is sp.exp:
            exponent = sp.Poly(sp.expand(power.args[0]), eps)
            if exponent.degree() > 1:
                raise ValueError(f"no closed form for the mean of {power}")
            slope, offset = exponent.coeff_monomial(eps), exponent.coeff_monomial(1)
            slopes[slope] = slopes.get(slope, sp.Integer(0)) + factor * sp.exp(offset)
        else:
            for (k,), c in sp.Poly(power, eps).terms() if power.has(eps) else [((0,), power)]:
                powers[k] = powers.get(k, sp.Integer(0)) + factor * c
    return {k: c for k, c in powers.items() if c != 0}, slopes


def _short(e: sp.Expr) -> sp.Expr:
    """Factored, where that is soon done."""
    return sp.factor(e) if len(e.free_symbols) < 12 else e


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


def settled(e: Any, memory: dict[Any, Any] | None = None) -> Any:
    """The expression as sympy evaluates it: rebuilt from its leaves."""
    memory = {} if memory is None else memory
    if not isinstance(e, sp.Basic) or not e.args:
        return sp.sympify(e)
    if e not in memory:
        with sp.evaluate(True):
            if isinstance(e, (sp.Derivative, sp.Subs)):
                memory[e] = e.doit()
            else:
                memory[e] = e.func(*(settled(argument, memory) for argument in e.args))
    return memory[e]


def put_in(e: Any, letter: sp.Symbol, value: Any) -> Any:
    """e with a value for a letter, nothing else changed."""
    e, value = sp.sympify(e), sp.sympify(value)
    if e == letter:
        return value
    if not e.args or not e.has(letter):
        return e
    if isinstance(e, (sp.Derivative, sp.Subs)):
        with sp.evaluate(True):
            return settled(e).subs(letter, settled(value))
    return kept(e, tuple(put_in(argument, letter, value) for argument in e.args))


def kept(e: sp.Expr, arguments: tuple[sp.Expr, ...]) -> sp.Expr:
    """e with other arguments, and nothing evaluated."""
    return e if arguments == e.args else e.func(*arguments, evaluate=False)
