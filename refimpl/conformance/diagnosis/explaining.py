"""What a wrong number looks like: named mistakes, other conventions, the formula's neighbours.

    explain(operation, cases, answers, conventions)   →   [Explanation(...), ...]

A reading must give the very numbers at every input that was tried, and no other part of the same
answer may refute it. The smallest is looked for first: one fault that explains everything, then one
for each part, then two. Readings that cannot be told apart on these inputs are all named.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from ..adapter.conventions import Conventions
from ..adapter.patience import Patience
from ..adapter.results import Answer
from ..formulas.apart import NAMED
from ..formulas.operations import ROUNDINGS, Edited, Operation, Slip
from ..formulas.values import trusting
from .anywhere import anywhere
from .apart import Apart, Reader
from .arguments import exchanged_arguments, rounded_arguments, rounded_lines
from .beside import beside
from .compound import Finder, compounds, firsts, spoilt
from .constants import named
from .evidence import Evidence, Variation, quietly
from .factors import factors
from .instead import substitutes
from .limits import remakings
from .neighbours import neighbours
from .pairs import pairs
from .powers import powers
from .printing import number, shown
from .programs import COARSEST, Neighbour, crooked, distinct, explains, right_programs
from .readings import Case, Explanation, factor
from .roundings import rounding
from .variations import variations


def explain(
    op: Operation,
    cases: list[Case],
    answers: list[Answer],
    c: Conventions,
    patience: Patience | None = None,
    *,
    deep: bool = True,
    quick: bool = False,
) -> list[Explanation]:
    """All readings of the answers, the closest first; or none.

    Args:
        op, cases, answers, c: what was asked, and what came back.
        patience: how many programs may be tried.
        deep: whether two edits are looked for.
        quick: whether names alone are looked for: a longer search was in vain before.
    """
    e = Evidence(op, cases, answers, c)
    if not e.off:
        return []
    patience = patience or Patience()
    deep = deep and patience.deep > 0
    with trusting():
        search = _Search(e, patience, deep)
        for found in search.names() if quick else search.readings():
            if found:
                return found
    patience.deep -= deep and not quick
    return []


def again(e: Evidence, before: Sequence[Explanation]) -> list[Explanation]:
    """What was read off other answers of a function, where it holds here too."""
    whole = [x for x in before if not x.part and x.says is not None]
    found = [x for x in whole if x.says is not None and e.holds(x.says)]
    for edits in [x.edits for x in whole if x.edits and not found]:
        for program in right_programs(e, set(e.off)):
            other = spoilt(program, edits)
            if other is not None and explains(n := Neighbour(other, edits), e, set(e.off)):
                return [_told(e, n)]
    names = {x.name for x in whole}
    return found or beside(e, lambda moved: [x for x in _one_named(moved, moved.off)
                                             if x.name in names], ("boundary",))  # fmt: skip


class _Search:
    """Readings, from the simplest to the least simple."""

    def __init__(self, e: Evidence, patience: Patience, deep: bool) -> None:
        self._e, self._patience, self._deep = e, patience, deep
        self._apart = Apart(e)

    def readings(self) -> Iterator[list[Explanation]]:
        """All searches, one after the other."""
        e, by_parts = self._e, self._apart.readings
        one: tuple[Reader, ...] = (_one_named,)
        yield self._or_edit(_one_named(e, e.off))
        yield by_parts(one := (*one, _constant))
        yield self._one_edit(e, e.off)
        alone = firsts(e, self._finders)
        yield by_parts(one := (*one, self._one_edit))
        yield _one_factor(e, e.off)
        yield [_told(e, n) for n in compounds(e, alone, self._finders)]
        yield by_parts(one := (*one, _one_factor))
        yield _one_place(e, e.off)
        yield by_parts(one := (*one, _one_place))
        if self._deep:
            yield _two_named(e, e.off)
            yield by_parts(one := (*one, _two_named))
            yield beside(e, self._one_fault)
            yield self._edited(e, e.off, 2)
            yield by_parts(one := (*one, self._two_edits))
        yield factor(e.op, e.cases, e.answers, e.c)
        yield rounding(e.op, e.cases, e.answers, e.c)
        if self._deep and self._patience.slips:
            yield [_told(e, n) for n in pairs(e, e.off)]
        shallow = _one_named, _constant, self._one_edit, _one_factor, _factor
        yield by_parts(shallow, whole=False)

    def names(self) -> Iterator[list[Explanation]]:
        """The searches for what has a name, of the whole or of a part."""
        yield _one_named(self._e, self._e.off)
        yield self._apart.readings((_one_named, _constant), whole=False)

    def _or_edit(self, found: list[Explanation]) -> list[Explanation]:
        """Where another clock, sign or rule alone would explain it, a slip of the pen may too; and
        where a divergence is written by velocities, mistakes of means have none of its lines."""
        if found and self._e.op.capability == "kl" and "v" in self._e.cases[0].inputs:
            return [*self._one_edit(self._e, self._e.off), *found]
        wide = [
            x for x in found
            if x.what.startswith(_ANOTHER_RULE)
            or (x.kind == "convention" and x.name.startswith(_CLOCKS))
        ]  # fmt: skip
        if not found or len(wide) < len(found):
            return found
        return [*found, *self._one_edit(self._e, self._e.off)]

    def _edited(self, e: Evidence, parts: Sequence[str], depth: int) -> list[Explanation]:
        return [_told(e, n) for n in neighbours(e, parts, depth, self._patience)]

    def _one_edit(self, e: Evidence, parts: Sequence[str]) -> list[Explanation]:
        return (
            self._at_every_a(e, parts, neighbours(e, parts, 1, self._patience))
            or _kept_edits(e, parts, -3, lambda: _looped(e))
            or _remade(e, parts, free=False)
        )

    def _at_every_a(
        self, e: Evidence, parts: Sequence[str], found: list[Neighbour]
    ) -> list[Explanation]:
        """Edits; those that one declared a allows stand beside what else it does, the plainest.

        sin(a π/3) and a are one number at a = 0.5, and nothing else was asked; so are √g and √2 g
        where g is 0.5 throughout.
        """
        fixed = {"a"} if not any("a" in k.inputs for k in e.cases) else set[str]()
        fixed |= {"g"} if fixed and e.c["g"] == "constant" else set()
        other = list[Neighbour]()
        if found and all(fixed & x.was.uses for n in found for x in n.edits):
            found = found + remakings(e, parts, free=False)
            other = factors(e, parts) if "g" in fixed else other
        return [_told(e, n) for n in (*distinct(found, e), *other)]

    def _one_fault(self, e: Evidence) -> list[Explanation]:
        """The simplest searches; of a whole step the quick ones alone."""
        if "v" not in e.cases[0].inputs:
            return self._one_edit(e, e.off) or _one_factor(e, e.off)
        quick = partial(substitutes, free=False), factors, partial(substitutes, free=True)
        found = next((n for finder in quick if (n := finder(e, e.off))), [])
        return [_told(e, n) for n in found]

    @property
    def _finders(self) -> tuple[Finder, ...]:
        """The searches for each of two faults, of which one part shows the first alone."""
        return (
            lambda e, parts: neighbours(e, parts, 1, self._patience),
            partial(remakings, free=False),
            factors,
            partial(remakings, free=True),
        )

    def _two_edits(self, e: Evidence, parts: Sequence[str]) -> list[Explanation]:
        return self._edited(e, parts, 2)


def _blind(e: Evidence, x: Explanation) -> bool:
    """Whether a reading by another clock does not show t in half precision: t/1000 beside 1."""
    if e.unit <= COARSEST or "time = " not in x.name + x.remedy or x.says is None:
        return False
    for k in e.cases:
        t = k.inputs.get("t")
        if t is None or len(t) < 2:
            continue
        one, other = (quietly(x.says, {**k.inputs, "t": y}) for y in (t, np.flip(t)))
        if one is None or other is None:
            return False
        for part, y in one.items():
            bound = 2 * ROUNDINGS * e.unit * np.abs(y).max(initial=0.0)
            if np.any(np.abs(y - other[part]) > bound):
                return False
    return True


# ---------------------------------------------------------------- readers of some parts


def _one_named(e: Evidence, parts: Sequence[str]) -> list[Explanation]:
    return (
        _kept(e, parts, 1, lambda: variations(e.op, e.cases, e.c, 1))
        or _kept(e, parts, -5, lambda: _fitted(e, Slip))
        or _kept(e, parts, -1, lambda: rounded_arguments(e.op, e.cases, e.c))
        or _kept(e, parts, -2, lambda: rounded_lines(e.op, e.cases, e.c))
        or _kept(e, parts, -7, lambda: exchanged_arguments(e.op, e.cases, e.c))
    )


def _looped(e: Evidence) -> Iterator[Variation]:
    yield from (_as_edit(e, x) for x in e.op.edited(e.cases[0].inputs, e.c))


_CLOCKS = ("time = ", "velocity = ", "a = ")

_ANOTHER_RULE = "Another Runge–Kutta rule"

_WRITE = "write the line as it is meant"


def _two_named(e: Evidence, parts: Sequence[str]) -> list[Explanation]:
    found = _kept(e, parts, 2, lambda: variations(e.op, e.cases, e.c, 2, e.moves))
    mistakes = [x for x in found if x.kind == "mistake"]
    kept = e.distinct(mistakes, lambda x: x.says or (lambda i: {}), lambda x: len(x.name))
    return [x for x in found if x in kept or x not in mistakes]


def _kept(
    e: Evidence, parts: Sequence[str], key: int, tried: Callable[[], Iterator[Variation]]
) -> list[Explanation]:
    """The variations that meet these parts and are silent on, or meet, all others."""
    found = {(v.kind, v.name): (v, gap) for v, gap in _meeting(e, parts, key, tried)}
    told = (_explained(v, gap) for v, gap in sorted(found.values(), key=lambda x: x[1]))
    return [x for x in told if not _blind(e, x)]


def _kept_edits(
    e: Evidence, parts: Sequence[str], key: int, tried: Callable[[], Iterator[Variation]]
) -> list[Explanation]:
    """The same of edits, of which many are one: each once, in its shortest spelling."""
    found = _meeting(e, parts, key, tried)
    once = e.distinct(found, lambda x: x[0].parts, lambda x: len(x[0].name))
    return [_explained(v, gap) for v, gap in once]


def _meeting(
    e: Evidence, parts: Sequence[str], key: int, tried: Callable[[], Iterator[Variation]]
) -> Iterator[tuple[Variation, float]]:
    """The smallest of them, with their gaps."""
    fewest = 99
    for v, seen in e.possible(key, tried):
        if v.size > fewest:
            break
        if not all(seen[p].met for p in parts) or not any(seen[p].tells for p in parts):
            continue
        if all(s.met or s.silent for p, s in seen.items() if p not in parts):
            fewest = v.size
            yield v, max(seen[p].gap for p in parts)


def _explained(v: Variation, gap: float) -> Explanation:
    return Explanation(v.kind, v.name, gap, v.what, v.remedy, says=v.parts)


def _told(e: Evidence, n: Neighbour) -> Explanation:
    what = _here(n)
    if n.beside:
        others = "; ".join(_spelt(e, m) for m in n.beside)
        what = f"{what} (In another form: {others}.)".strip()
    return Explanation("edit", _spelt(e, n), 0.0, what, _WRITE, says=n.says(e), edits=n.edits)


def _spelt(e: Evidence, n: Neighbour) -> str:
    it = "  and  ".join(shown(named(edit.now.expression, e)) for edit in n.edits)
    meant = "  and  ".join(shown(edit.was.expression) for edit in n.edits)
    return f"{it}  where  {meant}"


def _here(n: Neighbour) -> str:
    """What the names in edited lines stand for, and which prediction an edited line is."""
    used = {name for edit in n.edits for name in edit.was.uses | edit.now.uses}
    own = {edit.now.name for edit in n.edits}
    rows = [row for row in n.program.lines if row.name in (used & NAMED) - own]
    told = ", ".join(f"{row.name} = {shown(row.expression)}" for row in rows)
    hats = [name for name in sorted(own) if name.endswith("_hat") and name not in _answers(n)]
    told = ", ".join(filter(None, (told, *(f"this is {name}" for name in hats))))
    return f"(Here {told}.)" if told else ""


def _answers(n: Neighbour) -> set[str]:
    return set(n.program.parts.values())


_WITH_NUMBERS = (partial(remakings, free=True), partial(substitutes, free=True))


def _one_factor(e: Evidence, parts: Sequence[str]) -> list[Explanation]:
    found = list[Neighbour]()
    for finder in (factors, *_WITH_NUMBERS, powers):
        if all(map(crooked, found)) and (e.in_shape or finder is not powers):
            found += finder(e, parts)
    best = [n for n in found if not crooked(n)] or found
    told = [_told(e, n) for n in distinct(best, e)]
    return told or _kept_edits(e, parts, -4, lambda: _fitted(e, Edited))


def _one_place(e: Evidence, parts: Sequence[str]) -> list[Explanation]:
    i = e.cases[0].inputs
    return [_told(e, n) for n in anywhere(e, parts)] or _kept_edits(
        e, parts, -6, lambda: (_as_edit(e, x) for x in e.op.anywhere(i, e.c))
    )


def _remade(e: Evidence, parts: Sequence[str], *, free: bool) -> list[Explanation]:
    found = remakings(e, parts, free=free) + substitutes(e, parts, free=free)
    return [_told(e, n) for n in distinct(found, e)]


def _fitted(e: Evidence, kind: type) -> Iterator[Variation]:
    """Hypotheses whose numbers were read off the answers: slips, or edited lines."""
    yield from (_as_edit(e, x) if isinstance(x, Edited) else _as_mistake(e, x)
                for x in e.fitted if isinstance(x, kind))  # fmt: skip


def _as_edit(e: Evidence, x: Edited) -> Variation:
    told = f"{x.now}  where  {x.meant}"
    return Variation("edit", told, "", _WRITE, lambda i: x.parts(i, e.c), x.size)


def _as_mistake(e: Evidence, x: Slip) -> Variation:
    return Variation("mistake", x.name, x.what, x.remedy, lambda i: x.parts(i, e.c))


def _constant(e: Evidence, parts: Sequence[str]) -> list[Explanation]:
    """A part that is one and the same number wherever asked."""
    every = np.concatenate([np.ravel(r.got) for r in e.rows if r.part == parts[0]])
    if len(every) < 2 or not (every == every[0]).all():
        return []
    return [Explanation("constant", f"{number(every[0])} everywhere", 0.0, "It depends on nothing.",
                        "compute it, or leave it out")]  # fmt: skip


def _factor(e: Evidence, parts: Sequence[str]) -> list[Explanation]:
    only = e.without(set(e.parts) - set(parts))
    return factor(only.op, only.cases, only.answers, only.c)
