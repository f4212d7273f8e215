"""The functions in a derivative: which of their arguments move, and what their slopes are called.

    p(x)                      (p : R -> R)           is_derive p x p_x
    v(x − h u, t − h) by h    (v : R -> R -> R)      filterdiff, with the partials v_x and v_t

Arguments that stay are left out: the function is that of those that move.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy as sp

from derivations.engine.algebra.jets import _as_jet, _same

from .raw import NotInCoq, settled, slope
from .terms import ATOM, Names, term

ALONG = {2: "along_two", 3: "along_three"}
"""The chain rule in Coq, by how many arguments move."""

PLACES = {2: ("fst {0}", "snd {0}"), 3: ("fst (fst {0})", "snd (fst {0})", "snd {0}")}
"""The coordinates of a point."""


@dataclass
class Moving:
    """What a lemma says of the functions in it.

    Attributes:
        binders: each with its type: `p_of : R -> R`.
        hypotheses: what their slopes are.
        several: values of functions of which several arguments move, as letters, each with the
            name of the function, the arguments and their slopes.
    """

    binders: dict[str, str] = field(default_factory=dict)
    hypotheses: list[str] = field(default_factory=list)
    several: list[tuple[sp.Symbol, str, list[sp.Expr], list[sp.Symbol]]] = field(default_factory=list)


def functions(
    names: Names, letter: sp.Symbol, at: sp.Expr, sides: tuple[sp.Expr, ...], result: sp.Expr
) -> Moving:
    """Names the functions of the letter, and says what their derivatives are called."""
    made = Moving()
    called: dict[tuple[object, ...], str] = {}
    slopes = []
    for symbol in _nested_first(names, letter, sides):
        function, orders, arguments = _jet(names, symbol)
        moving = [i for i, a in enumerate(arguments) if a.has(letter)]
        if len(moving) > max(ALONG):
            raise NotInCoq("it differentiates a function of which more than three arguments move")
        fixed = tuple(a for i, a in enumerate(arguments) if i not in moving)
        key = (function, orders, tuple(moving), fixed)
        if key not in called:
            order = sum(orders)
            called[key] = name = names.fresh(f"{function.__name__}{order or ''}_of")
            names.of[sp.Dummy()] = f"{name} "  # taken, and no letter
            made.binders[name] = f"{name} : " + "R -> " * len(moving) + "R"
        name = called[key]
        names.of[symbol] = _value(names, name, [arguments[i] for i in moving])
        here = tuple(a.subs(letter, at) for a in arguments)
        places = [here[i] for i in moving]
        same = _known(names, function, orders, here)
        if same is not None and same != symbol:
            names.of[same] = _value(names, name, places)
        ups = [_up(orders, i) for i in moving]
        partials = [_known(names, function, up, here) for up in ups]
        slopes.append((symbol, name, [arguments[i] for i in moving], places, partials))
    for symbol, name, moved, places, partials in slopes:
        letters = [_named(names, partial) for partial in partials]
        made.hypotheses.append(_slope(names, name, places, letters))
        if len(moved) > 1:
            made.several.append((symbol, name, moved, letters))
    others = [
        s for s, e in names.stands_for.items()
        if result.has(s) and e.has(letter) and s not in names.of
    ]  # fmt: skip
    if others:
        raise NotInCoq("its derivative holds one that is not known from that of its parts")
    return made


def _nested_first(
    names: Names, letter: sp.Symbol, sides: tuple[sp.Expr, ...]
) -> list[sp.Symbol]:
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


def _value(names: Names, function: str, places: list[sp.Expr]) -> str:
    return f"({function} {' '.join(term(names.letters(a), names, ATOM) for a in places)})"


def _slope(names: Names, f: str, places: list[sp.Expr], letters: list[sp.Symbol]) -> str:
    """What the derivative of a function is at a point."""
    partials = [names.name(letter) for letter in letters]
    if len(places) == 1:
        return f"is_derive {f} {term(names.letters(places[0]), names, ATOM)} {partials[0]}"
    n = len(places)
    space, point = " * ".join("R" * n), ", ".join(term(names.letters(a), names) for a in places)
    inputs = " ".join(f"({place.format('z')})" for place in PLACES[n])
    rows = zip(partials, PLACES[n], strict=True)
    linear = " + ".join(f"{partial} * {place.format('d')}" for partial, place in rows)
    return (
        f"filterdiff (fun z : {space} => {f} {inputs}) (locally ({point})) "
        f"(fun d : {space} => {linear})"
    )


def by_chain(names: Names, letter: sp.Symbol, made: Moving, e: sp.Expr, result: sp.Expr) -> str:
    """Each value of which several arguments move as a function w of the letter, and its slope."""
    s, before, called = names.name(letter), dict(names.of), []
    script, steps = [], []
    for symbol, _, _, _ in made.several:
        called.append(names.fresh("w"))
        names.of[sp.Dummy()] = f"{called[-1]} "
        script.append(f"pose ({called[-1]} := fun {s} : R => {before[symbol]})")
    for w, (symbol, _, _, _) in zip(called, made.several, strict=True):
        names.of[symbol] = f"({w} {s})"
    for w, (_, f, moved, partials) in zip(called, made.several, strict=True):
        inner = [f"(fun {s} : R => {term(names.letters(a), names, ATOM)})" for a in moved]
        slopes = [term(names.letters(slope(a, letter)), names, ATOM) for a in moved]
        rows = zip(partials, slopes, strict=True)
        whole = " + ".join(f"{names.name(partial)} * {moves}" for partial, moves in rows)
        ways = " | ".join(["derivative"] * len(moved))
        steps.append(
            f"assert (is_derive {w} {s} ({whole})) by (eapply ({ALONG[len(moved)]} {f} "
            f"{' '.join(inner)}); [ eassumption | {ways} | subst {' '.join(called)}; algebra ])"
        )
    changed = (
        f"change (is_derive (fun {s} : R => {term(e, names, ATOM)}) {s} "
        f"{term(result, names, ATOM)}); clearbody {' '.join(called)}"
    )
    names.of = before
    return "; ".join([*script, *steps, changed]) + "; "
