"""A quantity with another in its place, in one of the lines that use it, in some, or in all.

    it computes  −noise_hat/maximum(t, 0.2)  where  −noise_hat/t  is meant
    it computes  v − (a √(s/(1 − s)))²/2 score  where  v − g²/2 score  is meant
    it computes  maximum(h, 0.1)  where  h  is meant

The level of the other end, a step's length that is floored, an earlier line edited for one of its
readers alone: what no edit of one line makes.
"""

import ast
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations

import numpy as np

from ...edits import replaced
from ..formulas.program import Env, Line, Program, parsed
from .lines import changed_lines, nodes_of, put, renamed
from .others import CLOCKS, LIMITS, OTHERS
from .programs import Edit, shapes
from .remade import FREE, STANDARD, Remade, forms_of, template

SCALARS = frozenset(OTHERS) - {"noise", "x"}
"""Quantities of one number a sample, or a step."""

_MOST = 5
"""So many lines at most of which every choice is tried; of more, one alone or all."""


def exchanges(program: Program, known: Env, places: Sequence[int]) -> Iterator[Remade]:
    """The lines at these places with one quantity another, and what a term of theirs is held to."""
    own = {program.lines[k].name: k for k in places}
    for name in dict.fromkeys(n for k in places for n in sorted(program.lines[k].uses)):
        users = [k for k in places if name in program.lines[k].uses]
        for form in _forms(program, known, name, own.get(name)):
            if _uses(form) - {"q", FREE} <= set(known):
                for chosen in _chosen(name, users, whole=name not in own):
                    yield _exchanged(program, name, form, chosen, users)
    for name, k in own.items():
        for form in OTHERS.get(name, ()):
            if _uses(form) - {"q", FREE} <= _before(program, known, k):
                yield _defined(program, k, form)
    for k in places:
        yield from _terms_changed(program.lines[k], k, known)
    yield from _shared(program, known, places)


def _shared(program: Program, known: Env, places: Sequence[int]) -> Iterator[Remade]:
    """What several lines have in common, edited in all of them: an angle that forgets π/2."""
    terms = [{ast.unparse(node) for _, node in nodes_of(program.lines[k].expression)
              if isinstance(node, ast.BinOp)} for k in places]  # fmt: skip
    for term in sorted({x for own in terms for x in own}):
        users = [k for k, own in zip(places, terms, strict=True) if term in own]
        was = parsed("_", term)
        if len(users) < 2 or not was.uses <= set(known):
            continue
        numbers = tuple((n, np.shape(known[n])) for n in sorted(was.uses))
        for now in changed_lines(was, numbers, factors=True):
            edits = tuple(Edit(k, row, _instead(row, term, now.source))
                          for k in users for row in [program.lines[k]])  # fmt: skip
            yield Remade(edits, now.source, now, (Edit(users[0], was, now),))


@lru_cache(maxsize=16384)
def _by_term(name: str, source: str, term: str, now: str) -> Line:
    other = template(now)
    made = put(template(source), lambda node: other if ast.unparse(node) == term else None)
    return parsed(name, ast.unparse(made))


def _instead(row: Line, term: str, now: str) -> Line:
    """The line with one term another, wherever it stands in it."""
    return _by_term(row.name, row.source, term, now)


def _uses(form: str) -> frozenset[str]:
    return parsed("q", form).uses


def _before(program: Program, known: Env, k: int) -> set[str]:
    return set(known) - {row.name for row in program.lines[k:]}


def _forms(program: Program, known: Env, name: str, place: int | None) -> Iterator[str]:
    """What may stand for a quantity; for an earlier line's, that line edited."""
    if callable(known.get(name)):
        return
    yield from OTHERS.get(name, ())
    if name not in SCALARS and np.ndim(known.get(name, 0.0)) > 0:
        yield from forms_of(name, known)
    if place is not None:
        row = program.lines[place]
        for now in changed_lines(row, shapes(program, place, known), factors=True):
            yield now.source


def _chosen(name: str, users: Sequence[int], *, whole: bool) -> Iterator[tuple[int, ...]]:
    """The lines in which it is another: one; of levels some; all of them, if it is given.

    An earlier line's quantity may be right in one of its uses alone: a mean that a wrong std is in.
    """
    several = range(2, len(users)) if name in ("t", "s", "h") and len(users) <= _MOST else ()
    if len(users) > 1 or (whole and name not in SCALARS):
        yield from combinations(users, 1)
    for n in several:
        yield from combinations(users, n)
    if not whole and len(users) > 2:
        yield from combinations(users, len(users) - 1)
    if whole and name in SCALARS:
        yield tuple(users)


def _exchanged(
    program: Program, name: str, form: str, chosen: Sequence[int], users: Sequence[int]
) -> Remade:
    edits = tuple(
        Edit(k, row, _renamed(row.name, row.source, name, form))
        for k in chosen
        for row in [program.lines[k]]
    )
    told: tuple[Edit, ...] = ()
    if len(chosen) == len(users) > 1:
        told = (Edit(chosen[0], parsed(name, name), _renamed(name, name, name, form)),)
    return Remade(edits, form, _held(form, name), told)


def _held(form: str, name: str) -> Line:
    low = form == "clamp(q, c, 1 - c)"
    return parsed(name, f"minimum({name}, 1 - {name})" if low else name)


@lru_cache(maxsize=16384)
def _renamed(line_name: str, source: str, name: str, form: str) -> Line:
    """A line with a form in a name's place."""
    other = renamed(template(form), "q", ast.Name(name, ast.Load()))
    return parsed(line_name, ast.unparse(renamed(template(source), name, other)))


def _defined(program: Program, k: int, form: str) -> Remade:
    """A line that is another quantity from the start."""
    row = program.lines[k]
    now = renamed(template(form), "q", row.expression)
    edit = Edit(k, row, parsed(row.name, ast.unparse(now)))
    return Remade((edit,), form, _held(form, row.name))


# ---------------------------------------------------------------- both ends of a step


def on_clocks(
    program: Program, names: Sequence[str] = ("t", "s")
) -> tuple[Program, Iterator[Remade]]:
    """The program with its levels in front, and all of them another function of themselves."""
    front = tuple(parsed(n, n) for n in names)
    front += (parsed("h", "t - s"),) if "s" in names else ()
    opened = Program((*front, *program.lines), program.parts, program.finish)
    return opened, (_clocked(front[: len(names)], form) for form in CLOCKS)


def _clocked(front: Sequence[Line], form: str) -> Remade:
    edits = tuple(Edit(k, row, _renamed(row.name, row.name, row.name, form))
                  for k, row in enumerate(front))  # fmt: skip
    return Remade(edits, form, _held(form, "t"))


PAIRS = (("log_prob", "log_prob_old"), ("log_prob", "log_prob_ref"), ("mean", "mean_ref"),
         ("v", "v_ref"), ("v_uncond", "v_cond"), ("data", "noise"), ("x_s", "mean"))  # fmt: skip
"""Arguments of one kind, to both of which the same thing may be done."""

_DONE = ("clamp(q, -c, c)", "maximum(q, c)", "minimum(q, c)", "c * tanh(q / c)", "exp(q)",
         "tanh(q)", "sign(q)", "abs(q)")  # fmt: skip
"""What may be done to both."""

_DONE_TO_SAMPLES = ("q / norm(q)", "q / rms(q)", "q - average_of(q)", *STANDARD)


def on_pairs(program: Program, known: Env) -> tuple[Program, Iterator[Remade]]:
    """The program with its arguments in front, and the same done to both of a pair."""
    used = {name for row in program.lines for name in row.uses}
    pairs = [p for p in PAIRS if set(p) <= used & set(known)]
    front = tuple(parsed(n, n) for n in dict.fromkeys(n for p in pairs for n in p))
    opened = Program((*front, *program.lines), program.parts, program.finish)
    return opened, (
        _paired(front, pair, form)
        for pair in pairs
        for form in (*_DONE, *(_DONE_TO_SAMPLES if np.ndim(known[pair[0]]) > 1 else ()))
    )


def _paired(front: Sequence[Line], pair: tuple[str, str], form: str) -> Remade:
    edits = tuple(Edit(k, row, _renamed(row.name, row.name, row.name, form))
                  for k, row in enumerate(front) if row.name in pair)  # fmt: skip
    held = _OF_BOTH.get(form, "abs({})").format(*pair)
    return Remade(edits, form, parsed(pair[0], held))


_OF_BOTH = {"clamp(q, -c, c)": "maximum(abs({}), abs({}))", "minimum(q, c)": "maximum({}, {})",
            "maximum(q, c)": "minimum({}, {})"}  # fmt: skip
"""Of a pair what a limit meets first."""


# ---------------------------------------------------------------- terms


def _terms_changed(row: Line, k: int, known: Env) -> Iterator[Remade]:
    """A term of a line with a limit, or a level in one of its places: 1 − t at least .05."""
    for source, term, form in _cached(row.source):
        if _uses(form) - {"q", FREE} <= set(known):
            yield Remade((Edit(k, row, parsed(row.name, source)),), form, _held(form, term))


@lru_cache(maxsize=1024)
def _cached(source: str) -> tuple[tuple[str, str, str], ...]:
    """A line's source with one term changed, that term, and the form."""
    root, found = template(source), []
    nodes = [(path, node) for path, node in nodes_of(root) if isinstance(node, ast.expr)]
    names = [node.id for _, node in nodes if isinstance(node, ast.Name)]
    for path, node in nodes[1:]:
        forms: tuple[str, ...] = ()
        if isinstance(node, ast.Name) and names.count(node.id) > 1 and node.id != "u":
            forms = OTHERS.get(node.id, ())
        elif isinstance(node, ast.Constant):
            forms = ("c",)
        elif isinstance(node, (ast.BinOp, ast.Call)):
            forms = ("clamp(q, -c, c)", *LIMITS) if parsed("q", ast.unparse(node)).uses else ("c",)
        for form in forms:
            now = replaced(ast.Expression(root), path, renamed(template(form), "q", node)).body
            found.append((ast.unparse(now), ast.unparse(node), form))
    return tuple(found)
