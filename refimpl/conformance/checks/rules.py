"""The rule of a sampler's step, written out and spoilt: the same line changed at every step.

    stepped(inputs, conventions, [rule, rule, ...])   →   {"x": the chain's end}

An edit of a line, a number before its terms, a quantity held or squashed on its way: what one step
would show at once is read off a chain's end.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from ..adapter.conventions import Conventions
from ..adapter.inputs import field_of
from ..diagnosis.factors import freed
from ..diagnosis.lines import changed_lines
from ..diagnosis.neighbours import shapes
from ..diagnosis.printing import shown
from ..diagnosis.remade import FREE, Remade, held, remade, starts
from ..diagnosis.solving import solved
from ..formulas.operations import Edited
from ..formulas.program import Env, Line, Program
from ..formulas.values import Inputs, Parts
from ..formulas.written import stages


def stepped(i: Inputs, c: Conventions, rules: Sequence[Program], free: Env | None = None) -> Parts:
    """The chain's end under rules written out, one a step; the last of them for all that follow."""
    x = i["x"]
    for known in _walked(i, c, rules, free):
        x = known["x_s"]
    return {"x": x + 0 * i["x"]}


def _walked(
    i: Inputs, c: Conventions, rules: Sequence[Program], free: Env | None = None
) -> Iterator[Env]:
    """All numbers of each step."""
    known: Env = {"x": i["x"], "field": field_of(i), "a": c["a"], **(free or {})}
    grid = [float(t) for t in np.asarray(c.level(i["levels"]))]
    for k, (t, s) in enumerate(pairwise(grid)):
        own = {"t": np.float64(t), "s": np.float64(s), "h": np.float64(t - s)}
        own |= {"noise": i["noise"][k]} if "noise" in i else {}
        now = rules[min(k, len(rules) - 1)].values({**known, **own})
        yield now
        known["x"] = now["x_s"]


def _edited(program: Program, k: int, now: Line, size: int = 1) -> Edited:
    """The chain with another line k at every step."""
    rules, was = [program.changed(k, now)], program.lines[k]
    return Edited(shown(now.expression), shown(was.expression),
                  lambda i, c: stepped(i, c, rules), size)  # fmt: skip


def edited(i: Inputs, c: Conventions) -> Iterator[Edited]:
    """Every step with one line of its rule edited, or one quantity remade."""
    for program in stages(i, c):
        known = _shaped(program, i)
        for k, was in enumerate(program.lines):
            for now in changed_lines(was, shapes(program, k, known), factors=False):
                yield _edited(program, k, now)
    for program, r in _remade(i, c):
        if not r.numbers:
            yield _edited(program, r.place, r.now)


def _shaped(program: Program, i: Inputs) -> Env:
    """Numbers of the shapes that the rule's have."""
    known: Env = dict.fromkeys(("x", "v", *(row.name for row in program.lines)), i["x"])
    return known | {n: np.float64(0.5) for n in ("t", "s", "h", "g", "std", "inside", "a")}


def _remade(i: Inputs, c: Conventions) -> Iterator[tuple[Program, Remade]]:
    """The velocity and the state remade at every step."""
    program = stages(i, c)[0]
    places = [k for k, row in enumerate(program.lines) if row.name in ("v", "k1", "x_s")]
    for r in remade(program, _shaped(program, i), places):
        yield program, r


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
        numbers = solved(_ends(program, k, f.line, f.names, i, c), got, f.neutral)
        now = f.at(numbers) if numbers is not None else None
        if now is not None:
            yield _edited(program, k, now, len(f.places))


def _limited(i: Inputs, got: np.ndarray, c: Conventions) -> Iterator[Edited]:
    """A quantity with a limit; the search begins among the values that it has in a right chain."""
    for program, r in _remade(i, c):
        if r.numbers == [FREE]:
            ends = _ends(program, r.place, r.now, [FREE], i, c)
            for start in starts(r.form, _values(program, r, i, c)):
                number = solved(ends, got, [start])
                if number is not None:
                    yield _edited(program, r.place, r.at(number[0]))
                    break


def _ends(
    program: Program, k: int, now: Line, names: Sequence[str], i: Inputs, c: Conventions
) -> Callable[[Sequence[float]], np.ndarray]:
    rules = [program.changed(k, now)]
    return lambda numbers: stepped(i, c, rules, dict(zip(names, numbers, strict=True)))["x"]


def _values(program: Program, r: Remade, i: Inputs, c: Conventions) -> np.ndarray:
    """What the limit holds, at all steps of a right chain."""
    return np.concatenate([held(r, known) for known in _walked(i, c, [program])])
