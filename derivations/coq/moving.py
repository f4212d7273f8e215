"""The functions in a derivative: which of their arguments move, and what their slopes are called.

    p(x)                      (p : R -> R)           is_derive p x p_x
    v(x − h u, t − h) by h    (v : R -> R -> R)      filterdiff, with the partials v_x and v_t

Arguments that stay are left out: the function is that of those that move.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from derivations.engine.algebra.jets import _as_jet, _same

from .raw import NotInCoq, settled, slope
from .terms import ATOM, Names, term

ALONG = {2: "along_two", 3: "along_three"}
"""The chain rule in Coq, by how many arguments move."""

PLACES = {2: ("fst {0}", "snd {0}"), 3: ("fst (fst {0})", "snd (fst {0})", "snd {0}")}
"""The coordinates of a point."""


@dataclass(frozen=True)
class Value:
    """A value of a function, some of whose arguments move.

    Attributes:
        letter: what stands for it.
        function: its name in the lemma.
        moved: the arguments that move.
        places: where they are.
        slopes: the letters for its partial derivatives there.
    """

    letter: sp.Symbol
    function: str
    moved: tuple[sp.Expr, ...]
    places: tuple[sp.Expr, ...]
    slopes: tuple[sp.Symbol, ...]

    @property
    def binder(self) -> str:
        """The function with its type: `p_of : R -> R`."""
        return f"{self.function} : " + "R -> " * len(self.moved) + "R"


def functions(
    names: Names, letter: sp.Symbol, at: sp.Expr, sides: tuple[sp.Expr, ...], result: sp.Expr
) -> list[Value]:
    """Names the functions of the letter, and the letters for their slopes."""
    called: dict[tuple[object, ...], str] = {}
    found = []
    for symbol in _nested_first(names, letter, sides):
        function, orders, arguments = _jet(names, symbol)
        moving = [i for i, a in enumerate(arguments) if a.has(letter)]
        if len(moving) > max(ALONG):
            raise NotInCoq("it differentiates a function of which more than three arguments move")
        fixed = tuple(a for i, a in enumerate(arguments) if i not in moving)
        key = (function, orders, tuple(moving), fixed)
        if key not in called:
            order = sum(orders)
            called[key] = names.fresh(f"{function.__name__}{order or ''}_of")
            names.of[sp.Dummy()] = f"{called[key]} "  # taken, and no letter
        moved = tuple(arguments[i] for i in moving)
        names.of[symbol] = _applied(names, called[key], moved)
        here = tuple(a.subs(letter, at) for a in arguments)
        places = tuple(here[i] for i in moving)
        same = _known(names, function, orders, here)
        if same is not None and same != symbol:
            names.of[same] = _applied(names, called[key], places)
        slopes = [_known(names, function, _up(orders, i), here) for i in moving]
        found.append((symbol, called[key], moved, places, slopes))
    made = [
        Value(symbol, f, moved, places, tuple(_named(names, slope) for slope in slopes))
        for symbol, f, moved, places, slopes in found
    ]
    for s, e in names.stands_for.items():
        if result.has(s) and e.has(letter) and s not in names.of:
            raise NotInCoq("its derivative holds one that is not known from that of its parts")
    return made


def _nested_first(names: Names, letter: sp.Symbol, sides: tuple[sp.Expr, ...]) -> list[sp.Symbol]:
    """The letters for values that move, those in the arguments of others before them."""
    found: dict[sp.Symbol, None] = {}

    def visit(e: sp.Expr) -> None:
        here = names.letters(e)
        for symbol in [s for s in names.stands_for if here.has(s)]:
            if symbol not in found and names.stands_for[symbol].has(letter):
                for argument in _jet(names, symbol)[2]:
                    visit(argument)
                found[symbol] = None

    for side in sides:
        visit(side)
    return list(found)


def _jet(names: Names, symbol: sp.Symbol) -> tuple[type, tuple[int, ...], tuple[sp.Expr, ...]]:
    found = _as_jet(names.stands_for[symbol])
    if found is None:
        raise NotInCoq("it differentiates what is no function of its arguments")
    return found


def _up(orders: tuple[int, ...], i: int) -> tuple[int, ...]:
    return tuple(n + (k == i) for k, n in enumerate(orders))


def _known(
    names: Names, function: type, orders: tuple[int, ...], arguments: tuple[sp.Expr, ...]
) -> sp.Symbol | None:
    """The letter for a value or derivative of a function at a point, if the lemma holds it."""
    point = tuple(names.letters(settled(a)) for a in arguments)
    for others, symbol in names.jets.table.get((function, orders), ()):
        if symbol in names.stands_for and all(map(_same, point, others)):
            return symbol
    return None


def _named(names: Names, symbol: sp.Symbol | None) -> sp.Symbol:
    """The letter for a slope, a new one if the lemma has none."""
    if symbol is None:
        symbol = sp.Dummy()
        names.of[symbol] = names.fresh("slope")
    names.name(symbol)
    return symbol


def _applied(names: Names, function: str, places: tuple[sp.Expr, ...]) -> str:
    return f"({function} {' '.join(term(names.letters(a), names, ATOM) for a in places)})"


def known_slope(names: Names, value: Value) -> str:
    """What the derivative of a function is at a point, as a hypothesis."""
    f, n = value.function, len(value.places)
    partials = [names.name(slope) for slope in value.slopes]
    if n == 1:
        return f"is_derive {f} {term(names.letters(value.places[0]), names, ATOM)} {partials[0]}"
    space = " * ".join("R" * n)
    point = ", ".join(term(names.letters(a), names) for a in value.places)
    inputs = " ".join(f"({place.format('z')})" for place in PLACES[n])
    rows = zip(partials, PLACES[n], strict=True)
    linear = " + ".join(f"{partial} * {place.format('d')}" for partial, place in rows)
    return (
        f"filterdiff (fun z : {space} => {f} {inputs}) (locally ({point})) "
        f"(fun d : {space} => {linear})"
    )


def by_chain(
    names: Names, letter: sp.Symbol, values: list[Value], e: sp.Expr, result: sp.Expr
) -> str:
    """The tactic that makes each value a function w of the letter, whose slope is then known."""
    s, before = names.name(letter), dict(names.of)
    called, script = [], []
    for value in values:
        called.append(names.fresh("w"))
        names.of[sp.Dummy()] = f"{called[-1]} "
        script.append(f"pose ({called[-1]} := fun {s} : R => {before[value.letter]})")
    for w, value in zip(called, values, strict=True):
        names.of[value.letter] = f"({w} {s})"
    for w, value in zip(called, values, strict=True):
        script.append(_along(names, letter, w, value, called))
    script.append(
        f"change (is_derive (fun {s} : R => {term(e, names, ATOM)}) {s} "
        f"{term(result, names, ATOM)}); clearbody {' '.join(called)}; "
    )
    names.of = before
    return "; ".join(script)


def _along(names: Names, letter: sp.Symbol, w: str, value: Value, called: list[str]) -> str:
    """The slope of w by the chain rule."""
    s, count = names.name(letter), len(value.moved)
    inner = [f"(fun {s} : R => {term(names.letters(a), names, ATOM)})" for a in value.moved]
    rises = [term(names.letters(slope(a, letter)), names, ATOM) for a in value.moved]
    rows = zip(value.slopes, rises, strict=True)
    whole = " + ".join(f"{names.name(partial)} * {rise}" for partial, rise in rows)
    ways = " | ".join(["derivative"] * count)
    return (
        f"assert (is_derive {w} {s} ({whole})) by (eapply ({ALONG[count]} {value.function} "
        f"{' '.join(inner)}); [ eassumption | {ways} | subst {' '.join(called)}; algebra ])"
    )
