"""Everything that wrong numbers may be: named mistakes, other conventions, two of them together.

    variations(operation, cases, conventions, depth)   →   Variation, Variation, ...

A named mistake is planted in the formula, a convention is changed, a slip is computed.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from ...evidence.mistake import Mistake
from ..adapter.conventions import KEYS, Conventions
from ..formulas.operations import Operation, Slip
from ..formulas.values import Formulas, Inputs, Parts, named, planted
from .evidence import Hypothesis, Variation, quietly
from .readings import Case

ALTERNATIVES: dict[str, tuple[Any, ...]] = {
    "grid": ("uniform", "shift 3", "sd35 as shipped"),
    "boundary": ("next_level", "clamp 0.99", "clamp 0.999", "clamp 0.9999", "refuse"),
    "advantage_ddof": (0, 1),
    "advantage_eps": (0.0, 1e-12, 1e-10, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1),
    "advantage_clip": ("none", 5.0),
    "a": (0.0, 0.3, 0.5, 0.7, 0.8, 1.0, 1.2, 2.0**0.5),
    "t_min": (0.001, 0.002, 0.005, 0.01, 0.02, 0.025, 0.03, 0.04, 0.05, 0.1),
    "t_max": (0.999, 0.998, 0.995, 0.99, 0.98, 0.975, 0.97, 0.96, 0.95, 0.9),
    "std_min": (0.001, 0.002, 0.005, 0.01, 0.02, 0.025, 0.04, 0.05, 0.1),
    "advantage_floor": (1e-3, 5e-3, 1e-2, 2e-2, 0.05, 0.1, 0.2, 0.5, 1.0),
}


def variations(
    op: Operation, cases: list[Case], c: Conventions, depth: int,
    moves: Callable[[Hypothesis], bool] = lambda parts: True,
) -> Iterator[Variation]:  # fmt: skip
    """Everything with a name that the numbers may be; depth 2 puts two of them together.

    Args:
        moves: whether a hypothesis changes anything that came back: of two together, both do.
    """
    if depth == 1:
        yield from _mistakes(op, cases, c)
        for changes in undeclared(op, c):
            yield _declared(op, c, changes)
        return
    singles = [one for one in undeclared(op, c) if moves(_declared(op, c, one).parts)]
    for one in singles:
        other = changed(c, one)
        if other is not None:
            for v in _mistakes(op, cases, other):
                remedy = f"{v.remedy}; and declare {spelt(one)}"
                yield Variation(v.kind, v.name, v.what, remedy, v.parts)
    yield from _pairs(op, cases, c, moves)
    for one, two in combinations(singles, 2):
        if one.keys() != two.keys():
            yield _declared(op, c, one | two)


def _pairs(
    op: Operation, cases: list[Case], c: Conventions, moves: Callable[[Hypothesis], bool]
) -> Iterator[Variation]:
    """Two named mistakes together: of two equations, or one of how they are put together."""
    known = [m for m in _of_equations(op, cases, c) if moves(_planted(op, c, m).parts)]
    slips = [v for s in op.slips if moves((v := _slipped(c, s)).parts)]
    for one, two in combinations(known, 2):
        if one.equation != two.equation:
            yield _both(one, _planted(op, c, two))
    for m in known:
        for v in slips:
            yield _both(m, v)


def _both(m: Mistake, other: Variation) -> Variation:
    def parts(i: Inputs) -> Parts:
        with planted(m):
            return other.parts(i)

    return Variation("mistake", f"{m.name}, and {other.name}", f"{m.what} {other.what}",
                     f"{m.remedy}; and {other.remedy}", parts)  # fmt: skip


def _mistakes(op: Operation, cases: list[Case], c: Conventions) -> Iterator[Variation]:
    """All that are named, and one number for the whole batch."""
    for m in _of_equations(op, cases, c):
        yield _planted(op, c, m)
    for s in (*op.slips, *_for_all(op), *_of_others(op, cases), *_on_another_clock(op, cases, c)):
        yield _slipped(c, s)


def _for_all(op: Operation) -> Iterator[Slip]:
    """The samples' mean, or their sum, for one number a sample."""
    for how in ("mean", "sum"):
        yield Slip(f"one value for the whole batch ({how})", "Every axis is reduced: a sample's "
                   "loss depends on its neighbours.", "losses that end in .mean()",
                   "name the axes; keep the batch's",
                   lambda i, c, how=how: _reduced(op, i, c, how))  # type: ignore[misc]  # fmt: skip


def _of_others(op: Operation, cases: list[Case]) -> Iterator[Slip]:
    """Numbers that belong to other samples of the batch."""
    for names in (("t",), ("s",), ("std",), ("t", "s")):
        if any(_one_each(k.inputs, names) for k in cases):
            told = " and ".join(names)
            for whose, move in _WHOSE.items():
                yield Slip(f"{told} of {whose}", "A number per sample meets another sample.",
                           "indices of the batch", f"each sample's own {told}",
                           _moving(op, names, move))  # fmt: skip


def _one_each(i: Inputs, names: Sequence[str]) -> bool:
    return all(n in i and np.ndim(i[n]) == 1 for n in names)


def _moving(
    op: Operation, names: Sequence[str], move: Callable[[np.ndarray], np.ndarray]
) -> Callable[[Inputs, Conventions], Parts]:
    return lambda i, c: op.evaluate(Formulas(), {**i, **{n: move(i[n]) for n in names}}, c)


class _Undivided(Conventions):
    """A clock to 1000 whose times are taken for levels as they are."""

    def level(self, t: Any) -> Any:
        return 1 - t if self["time"].startswith("data") else t


def _on_another_clock(op: Operation, cases: list[Case], c: Conventions) -> Iterator[Slip]:
    """Times of a network's clock where a level is meant."""
    if c["time"].endswith("1000") and any("t" in k.inputs for k in cases):
        yield Slip("t is not divided by 1000", "A time between 0 and 1000 stands where a level is "
                   "meant.", "network times", "t/1000",
                   lambda i, c: op.evaluate(Formulas(), i, _Undivided(c.declared)))  # fmt: skip


_WHOSE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "the first sample": lambda x: x[:1] + 0 * x,
    "the last sample": lambda x: x[-1:] + 0 * x,
    "the sample before": lambda x: np.roll(x, 1),
    "the sample after": lambda x: np.roll(x, -1),
    "the sample at the batch's other end": lambda x: x[::-1],
    "the batch's mean": lambda x: x.mean() + 0 * x,
    "the batch's largest": lambda x: x.max() + 0 * x,
}


def _reduced(op: Operation, i: Inputs, c: Conventions, how: str) -> Parts:
    value = op.evaluate(Formulas(), i, c)["value"]
    return {"value": np.asarray(getattr(np, how)(value))}


def _of_equations(op: Operation, cases: list[Case], c: Conventions) -> tuple[Mistake, ...]:
    """The named mistakes of the equations that are used."""
    f = Formulas()
    for case in cases[:2]:
        quietly(lambda i: op.evaluate(f, i, c), case.inputs)
    ids = set(f.used)
    if "sde.transition" in ids:
        ids |= {"conversions.score_from_velocity", "sde.drift", "sde.euler_maruyama"}
    if "kl" not in op.keys:  # a density's square is computed as a divergence is, and is none
        ids = {id for id in ids if not id.startswith("kl.")}
    if "kl_reduction" in op.keys:  # of a divergence other words tell it without their stories
        ids -= {"policy.total", "policy.average", "policy.log_ratio"}
    return named(ids)


def _planted(op: Operation, c: Conventions, m: Mistake) -> Variation:
    inside = m.equation.startswith(("conversions.", "paths.")) and op.capability in _OF_SEVERAL
    where = f", in {m.equation} alone" if inside else ""
    if c["sign"] == "loss" and m.equation == "grpo.surrogate":
        where = ", of the objective: a loss has the max of the negatives"
    name, what = (m.name, m.what) if c["time"].startswith("noise") else _turned(m)
    return Variation(
        "mistake", name, what, f"{m.remedy}{where}",
        lambda i: op.evaluate(Formulas(m, quick=True), i, c),
    )  # fmt: skip


def _turned(m: Mistake) -> tuple[str, str]:
    """The name of a mistake, and what it is, where the declared clock is the other one."""
    what = m.what.replace("at t = 0 it is noise", "at t = 0 it is data")
    return m.name.replace("data-time", "noise-time"), what


_OF_SEVERAL = ("sde_step", "replay", "sde_sampler", "kl")
"""Capabilities that convert on the way, where a conversion or its weights alone may be wrong."""


def _slipped(c: Conventions, s: Slip) -> Variation:
    return Variation("mistake", s.name, s.what, s.remedy, lambda i: s.parts(i, c))


def undeclared(op: Operation, c: Conventions) -> Iterator[dict[str, Any]]:
    """Every convention on which the numbers depend, with every other value."""
    for key in op.keys:
        if key == "boundary" and c["g"] != "flow_grpo":
            continue  # no other g is singular at t = 1
        for value in ALTERNATIVES.get(key, KEYS[key].words):
            if value != c[key] and (key, value) not in _UNDECIDED:
                yield {key: value}


_UNDECIDED = {("boundary", "finite"), ("boundary", "none")}
"""Values that say what is not checked: they are no reading of numbers."""


def changed(c: Conventions, changes: dict[str, Any]) -> Conventions | None:
    """The conventions with these changes."""
    if "time" in changes and "velocity" not in c.declared:
        changes = changes | {"velocity": c["velocity"]}
    return c.but(**changes)


def _declared(op: Operation, c: Conventions, changes: dict[str, Any]) -> Variation:
    other = changed(c, changes)
    assert other is not None
    held = "time" in changes and "velocity" not in c.declared
    told = spelt(changes | ({"velocity": c["velocity"]} if held else {}))
    was = ", ".join(
        f"{key} = {c[key]!r} is " + ("declared" if key in c.declared else "the default")
        for key in changes
    )
    return Variation("convention", told, f"(Here {was}.)", f"declare {told}, if it is meant",
                     lambda i: op.evaluate(Formulas(quick=True), i, other))  # fmt: skip


def spelt(changes: dict[str, Any]) -> str:
    """The changes as one declares them."""
    return ", ".join(f"{key} = {value!r}" for key, value in changes.items())
