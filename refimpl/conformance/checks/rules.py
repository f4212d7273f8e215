"""The rule of a sampler's step, written out and spoilt: the same line changed at every step.

    stepped(inputs, conventions, [rule, rule, ...])   →   {"x": the chain's end}

An edit of a line, a number before its terms, a quantity held or squashed on its way: what one step
would show at once is read off a chain's end.
"""

import ast
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, pairwise

import numpy as np

from ..adapter.conventions import Conventions
from ..adapter.inputs import field_of, levels_of
from ..diagnosis.anywhere import changed
from ..diagnosis.exchanges import exchanges, on_clocks
from ..diagnosis.factors import freed
from ..diagnosis.limits import starts
from ..diagnosis.lines import changed_lines, renamed
from ..diagnosis.printing import shown
from ..diagnosis.programs import Edit, shapes
from ..diagnosis.remade import FREE, Remade, remade
from ..diagnosis.solving import solved
from ..formulas.operations import Edited
from ..formulas.program import Env, Line, Program, line
from ..formulas.stages import stages
from ..formulas.values import Inputs, Parts
from .slopes import blur


def stepped(i: Inputs, c: Conventions, rules: Sequence[Program], free: Env | None = None) -> Parts:
    """The chain's end under rules written out, one a step; the last of them for all that follow."""
    x = i["x"]
    for known in _walked(i, c, rules, free):
        x = known["x_s"]
    return {"x": x}


def _walked(
    i: Inputs, c: Conventions, rules: Sequence[Program], free: Env | None = None
) -> Iterator[Env]:
    """All numbers of each step."""
    known: Env = {"x": i["x"], "x_start": i["x"], "field": field_of(i), "a": i.get("a", c["a"])}
    known |= free or {}
    grid = levels_of(i, c)
    for k, (t, s) in enumerate(pairwise(grid)):
        own = {"t": np.float64(t), "s": np.float64(s), "h": np.float64(t - s)}
        own |= {"k": np.float64(k), "n": np.float64(len(grid) - 1)}
        own |= {"noise": i["noise"][k]} if "noise" in i else {}
        now = rules[min(k, len(rules) - 1)].values({**known, **own})
        yield now
        known["x"] = now["x_s"]


_EVERY, _FIRST, _LAST = "", " at the first step", " at the last step"
"""At which steps a rule is another."""


def _edited(program: Program, k: int, now: Line, size: int = 1, where: str = _EVERY) -> Edited:
    """The chain with another line k."""
    return _with(program, Remade((Edit(k, program.lines[k], now),), "", now), size, where)


def _with(program: Program, r: Remade, size: int = 1, where: str = _EVERY) -> Edited:
    """The chain with other lines."""
    told = r.told or r.edits
    now, was = ("  and  ".join(shown(x.expression) for x in row)
                for row in ([e.now for e in told], [e.was for e in told]))  # fmt: skip
    other = r.of(program)
    return Edited(
        now + where, was, lambda i, c: stepped(i, c, _by_step(program, other, where, i)), size
    )


def _by_step(program: Program, other: Program, where: str, i: Inputs) -> list[Program]:
    """A rule for each step."""
    if where == _LAST:
        return [*[program] * (len(i["levels"]) - 2), other]
    return [other, program] if where == _FIRST else [other]


def edited(i: Inputs, c: Conventions) -> Iterator[Edited]:
    """Every step with one line of its rule edited, or one quantity remade or exchanged."""
    for program in stages(i, c):
        known = _shaped(program, i)
        for k, was in enumerate(program.lines):
            for now in changed_lines(was, shapes(program, k, known), factors=True):
                if not _scaled_alone(program, was, now):
                    yield _edited(program, k, now)
                    yield from (_with(program, r) for r in _twins(program, k, now))
    for program, r in _remade(i, c):
        if not r.free:
            yield _with(program, r)
    program = stages(i, c)[0]
    for where in (_LAST, _FIRST):
        for k, was in enumerate(program.lines):
            for now in changed_lines(was, shapes(program, k, known), factors=False):
                yield _edited(program, k, now, where=where)


def anywhere(i: Inputs, c: Conventions) -> Iterator[Edited]:
    """Every step with any place of its rule changed."""
    for program in stages(i, c)[:1]:
        known = _shaped(program, i)
        for k in range(len(program.lines)):
            yield from (_edited(program, k, now) for now in changed(program, k, known))


def _twins(program: Program, k: int, now: Line) -> Iterator[Remade]:
    """The same edit in the line of the next slope, where that is the same line: of Runge-Kutta."""
    rows = program.lines[k : k + 2]
    if len(rows) < 2 or not rows[0].name.startswith("k"):
        return
    before = next((n for n in rows[0].uses if n.startswith("k")), "")
    other = ast.Name(rows[0].name, ast.Load())
    if not before or ast.unparse(renamed(rows[0].expression, before, other)) != rows[1].source:
        return
    then = line(rows[1].name, renamed(now.expression, before, other))
    yield Remade((Edit(k, rows[0], now), Edit(k + 1, rows[1], then)), "", now)


def _scaled_alone(program: Program, was: Line, now: Line) -> bool:
    """Whether a slope that one line uses is scaled: another length of that line's."""
    users = [row for row in program.lines if was.name in row.uses]
    whole = isinstance(now.expression, ast.BinOp) and was.source in (
        ast.unparse(now.expression.left), ast.unparse(now.expression.right))  # fmt: skip
    return whole and was.name.startswith("k") and len(users) == 1 and users[0].name != "x_s"


def _shaped(program: Program, i: Inputs) -> Env:
    """Numbers of the shapes that the rule's have."""
    arrays = (
        "x",
        "x_start",
        "v",
        *(["noise"] if "noise" in i else []),
        *(row.name for row in program.lines),
    )
    known: Env = dict.fromkeys(arrays, i["x"])
    return known | dict.fromkeys(_SCALARS, np.float64(0.5))


_SCALARS = ("t", "s", "h", "g", "std", "inside", "a", "k", "n")


def _remade(i: Inputs, c: Conventions) -> Iterator[tuple[Program, Remade]]:
    """The velocity and the state remade at every step, and any quantity in some of its uses."""
    program = stages(i, c)[0]
    known = _shaped(program, i)
    places = [k for k, row in enumerate(program.lines) if row.name in ("v", "k1", "x_s")]
    for r in chain(remade(program, known, places),
                   exchanges(program, known, range(len(program.lines)))):  # fmt: skip
        yield program, r
    opened, clocked = on_clocks(program)
    yield from ((opened, r) for r in clocked)


# ---------------------------------------------------------------- numbers read off a chain's end


def with_numbers(
    cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions
) -> Iterator[Edited]:
    """Edited rules with numbers that nobody can guess, read off a chain's end.

    A weight shows on a curved field alone; a limit, where it holds the most.
    """
    ends = [(i, parts["x"]) for i, parts in zip(cases, told, strict=True) if "x" in parts]
    for i, got in [row for row in ends if row[0]["bend"]][:1]:
        yield from _weighted(i, got, c)
    if ends:
        i, got = max(ends, key=lambda row: _off(row[0], row[1], c))
        yield from _limited(i, got, c)


def _off(i: Inputs, got: np.ndarray, c: Conventions) -> int:
    """How many numbers are not those of a right chain."""
    right = stepped(i, c, stages(i, c)[:1])["x"]
    return int((~np.isclose(got, right, 1e-6, 0)).sum()) if got.shape == right.shape else 0


def _weighted(i: Inputs, got: np.ndarray, c: Conventions) -> Iterator[Edited]:
    """A number before a term of the rule, or before two."""
    lines = [(p, k, f) for p in stages(i, c) for k, was in enumerate(p.lines) for f in freed(was)]
    for program, k, f in sorted(lines, key=lambda row: len(row[2].places)):
        for where in (_EVERY, _LAST, _FIRST) if len(f.places) == 1 else (_EVERY,):
            ends = _ends(program, program.changed(k, f.line), f.names, i, c, where)
            numbers = solved(ends, got, f.neutral, blur(got, c))
            now = f.at(numbers) if numbers is not None else None
            if now is not None:
                yield _edited(program, k, now, len(f.places), where)


def _limited(i: Inputs, got: np.ndarray, c: Conventions) -> Iterator[Edited]:
    """A quantity with a limit; the search begins among the values that it has in a right chain."""
    for program, r in _remade(i, c):
        if r.free:
            ends = _ends(program, r.of(program), [FREE], i, c)
            for start in starts(r.form, _values(program, r, i, c)):
                number = solved(ends, got, [start], blur(got, c))
                if number is not None:
                    yield _with(program, r.at(number[0]))
                    break


def _ends(
    program: Program, other: Program, names: Sequence[str], i: Inputs, c: Conventions,
    where: str = _EVERY,
) -> Callable[[Sequence[float]], np.ndarray]:  # fmt: skip
    rules = _by_step(program, other, where, i)
    return lambda numbers: stepped(i, c, rules, dict(zip(names, numbers, strict=True)))["x"]


def _values(program: Program, r: Remade, i: Inputs, c: Conventions) -> np.ndarray:
    """What the limit holds, at all steps of a right chain."""
    every = [np.atleast_1d(r.held.value(known)) for known in _walked(i, c, [program])]
    return np.concatenate(every)
