"""Why no formula gives a number: it may be right for other columns than its row's.

    the velocity without guidance     another policy's velocity     the step before, or after

Each is put in the place of what was recorded; the one under which the article's formula, or a
convention, gives the very numbers is the cause.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

import torch
from torch import Tensor

from ...equations import conversions, guidance, paths
from ..judging.block import Model, block
from ..judging.fit import EASY
from ..judging.formulas import MEANS
from ..reading.layout import Rows, Table
from ..reading.probe import Probe
from .whole import Whole, explain, read

_LEVELS = ("t", "s", "std", "g")
_MADE = ("mean", "mean_ref")
"""Columns that follow from the others, and would hide a change of them."""


def cause(
    subject: str, tables: Sequence[Table], picks: Sequence[tuple[int, int]], model: Model,
    probe: Probe, lag: int,
) -> str:  # fmt: skip
    """What else the recorded numbers are right for, in words; "" where nothing is found."""
    model = _without_means(model)
    tried = chain(alternatives(subject, tables, lag), _late_means(subject, tables, model, lag))
    for words, changed in tried:
        if _explains(subject, changed, picks, model, probe):
            return words
    return ""


def _late_means(
    subject: str, tables: Sequence[Table], model: Model, lag: int
) -> Iterator[tuple[str, list[Table]]]:
    """The tables with the mean of another step, where x_t, v and the levels are the step's own."""
    late, velocity, words = _LATE.get(subject, ("", "", ""))
    if not lag or late == "" or not {"x_t", "t", velocity} <= set(tables[0].columns):
        return
    for by, which in ((-lag, "before"), (lag, "after")):
        columns = []
        for t in tables:
            means = {name: t.columns.get(name) or _mean_by(t, v, model)
                     for name, v in (("mean", "v"), (late, velocity))}  # fmt: skip
            whole = replace(t, columns=t.columns | means)
            columns.append(means | {late: moved(whole, late, by)})
        yield f"{words} of the step {which}", _with(tables, columns, subject)


_LATE = {
    "kl": ("mean_ref", "v_ref", "it is that from the reference's mean"),
    "log_prob": ("mean", "v", "it is about the mean"),
}
"""Of what a number may be that is made of the mean of another step, and the mean's velocity."""


def another_mean(
    subject: str, tables: Sequence[Table], picks: Sequence[tuple[int, int]], model: Model,
    probe: Probe, *, right: bool,
) -> str:  # fmt: skip
    """Whether the numbers are right for a mean that another formula makes of x_t and v.

    Args:
        right: the recorded mean is; then a divergence may have the slip in its own line.
    """
    if not {"x_t", "v"} <= set(tables[0].columns):
        return ""
    own, bare = _without_means(model), _with(tables, [{} for _ in tables], subject)
    for formula in MEANS:
        other = formula != model.mean
        if other and _explains(subject, bare, picks, replace(own, mean=formula), probe):
            name = formula.name.replace("sde.transition: no score correction", "the ODE's step")
            alone = subject == "kl" and right and "mean" in probe.raw
            also = ", or has that slip in its own line" if alone else ""
            own_mean = "the one recorded" if "mean" in probe.raw else "v leads to"
            return f"it is right for another mean than {own_mean}{also}: that of {name}"
        if other and subject == "kl" and "v_ref" in tables[0].columns:
            changed = [
                {"mean": t.columns.get("mean") or _mean_by(t, "v", own),
                 "mean_ref": _mean_by(t, "v_ref", replace(own, mean=formula))}
                for t in tables
            ]  # fmt: skip
            if _explains(subject, _with(tables, changed, subject), probe.whole, own, probe):
                name = formula.name.replace("sde.transition: no score correction", "the ODE's step")
                return f"its reference's mean is that of {name}, and the policy's is not"
    return ""


def _mean_by(table: Table, velocity: str, model: Model) -> Rows:
    """The mean that a velocity leads to by the model's formula; NaN where there is none."""
    names = {n: n for n in (*_LEVELS, "x_t") if n in table.columns} | {"v": velocity}

    def made(a: int, b: int) -> Tensor:
        rows = block({n: table.columns[c].read(a, b).clone() for n, c in names.items()}, model)
        found = torch.full((b - a, table.columns["x_t"].width), torch.nan, dtype=torch.float64)
        mean = rows.mean_of("v") if rows.n else None
        if mean is not None:
            found[rows.kept] = mean
        return found

    return replace(
        table.columns[velocity], read=made, head=lambda row, k: made(row, row + 1)[0, :k],
        dtype=torch.float64,
    )  # fmt: skip


def _without_means(model: Model) -> Model:
    roundoff = {n: u for n, u in model.roundoff.items() if n not in _MADE}
    return replace(model, roundoff=roundoff, known={}, names={})


def _explains(
    subject: str, tables: Sequence[Table], picks: Sequence[tuple[int, int]], model: Model,
    probe: Probe,
) -> bool:  # fmt: skip
    """Whether a formula that is no mistake gives the numbers of these columns, and would not give
    zeros as well."""
    put = {n for n in _MADE if n in tables[0].columns} - set(model.roundoff)
    coarsest = max(probe.roundoff.get(n, 0.0) for n in ("x_t", "x_s", "v", "mean", "mean_ref"))
    model = replace(model, roundoff={**model.roundoff, **dict.fromkeys(put, coarsest)})
    try:
        rows = read(tables, picks, model)
        found = explain(subject, rows, probe, mistakes=False)
        told = {m.formula.name for m in found if m.level == "exact" and m.strain <= EASY}
        silent = explain(subject, _blank(rows), probe, mistakes=False) if told else []
    except ValueError:  # the changed rows have no such number
        return False
    return bool(told - {m.formula.name for m in silent})


def _blank(rows: Whole | None) -> Whole | None:
    """The rows with zeros recorded: a formula that gives these too is hidden by rounding."""
    return rows and replace(rows, got={name: 0 * x for name, x in rows.got.items()})


_VELOCITIES = {
    "v_cond": "the velocity without guidance (v_cond): guide in training too",
    "v_uncond": "the velocity without a prompt (v_uncond)",
    "v": "another policy's velocity, v", "v_old": "another policy's velocity, v_old",
    "v_ref": "another policy's velocity, v_ref",
}  # fmt: skip


def alternatives(
    subject: str, tables: Sequence[Table], lag: int, w: float | None = None
) -> Iterator[tuple[str, list[Table]]]:
    """What a quantity may be right for, in words, and the tables with that in its place.

    Args:
        w: the scale of guidance, where it was declared.
    """
    names, own = set(tables[0].columns), "v_old" if subject == "log_prob_old" else "v"
    for other, words in _VELOCITIES.items():
        silent = (subject, other) == ("kl", "v_ref")  # of the reference from itself
        if other != own and {own, other} <= names and not silent:
            columns = [{own: t.columns[other]} for t in tables]
            yield f"it is that of {words}", _with(tables, columns, subject)
    if w is not None and {own, "v_cond", "v_uncond"} <= names:
        columns = [{own: _guided(t, own, w)} for t in tables]
        words = f"it is that of the velocity guided by the declared {w:g}, {NOT_GUIDED.format(own)}"
        yield words, _with(tables, columns, subject)
    if subject.startswith("log_prob") and {"x_s", "x_t"} <= names:
        columns = [{"x_s": t.columns["x_t"]} for t in tables]
        yield "it is that of x_t, the state before the step", _with(tables, columns, "mean")
    if subject == "kl" and "x_s" in names:
        columns = [{"mean": t.columns["x_s"]} | _reference(t) for t in tables]
        yield "it is that of x_s, in place of the mean", _with(tables, columns, subject)
    if subject == "mean" and {"x_s", "x_t"} <= names:
        columns = [{"x_t": t.columns["x_s"]} for t in tables]
        yield "it is that of x_s, the state after the step", _with(tables, columns, "mean")
    for words, columns in _predictions(tables, own) if subject == "mean" else ():
        yield words, _with(tables, columns, subject)
    for by, which in ((lag, "after"), (-lag, "before")) if lag and "t" in names else ():
        for levels, words in _INDEXED.items():
            told = [n for n in levels if n in names]
            whole = levels == _LEVELS or len(told) < len(set(_LEVELS) & names)
            if told and whole:
                columns = [{n: moved(t, n, by) for n in told} for t in tables]
                yield words.format(which), _with(tables, columns, subject)
        for name in (own, "v_ref") if subject == "kl" else (own,):
            if name in names:
                columns = [{name: moved(t, name, by)} for t in tables]
                called = OF_ANOTHER_STEP if name == own else "the reference's velocity of the step"
                yield f"it is that of {called} {which}", _with(tables, columns, subject)


NOT_GUIDED = "which {} is not"
"""Of a recorded velocity that is not the one with which the mean was made."""

OF_ANOTHER_STEP = "the velocity of the step"
"""What a mean is made of where the recorded velocity is a step late or early."""


def _reference(table: Table) -> dict[str, Rows]:
    """The reference's mean, if it was recorded."""
    return {n: c for n, c in table.columns.items() if n == "mean_ref"}


_INDEXED = {
    _LEVELS: "it is that of the levels of the step {}: the grid is indexed one off",
    ("std", "g"): "it is that of the std of the step {}",
    ("t", "s"): "it is that of t and s of the step {}",
    ("t",): "it is that of t of the step {}", ("s",): "it is that of s of the step {}",
}  # fmt: skip
"""What may have been taken from the step after or before, all at once or in part."""


def beside(tables: Sequence[Table], lag: int) -> Iterator[tuple[str, list[Table]]]:
    """Velocities that a step may have been made of besides its own, by name, in v's place."""
    names = set(tables[0].columns)
    for other in ("v_old", "v_ref", "v_cond", "v_uncond"):
        if {"v", other} <= names:
            yield other, _with(tables, [{"v": t.columns[other]} for t in tables], "mean")
    for by, which in ((-lag, "before"), (lag, "after")) if lag and {"v", "t"} <= names else ():
        columns = [{"v": moved(t, "v", by)} for t in tables]
        yield f"that of the step {which}", _with(tables, columns, "mean")


def _predictions(tables: Sequence[Table], own: str) -> Iterator[tuple[str, list[dict[str, Rows]]]]:
    """The velocities that a column stands for if it holds what a network predicts instead."""
    if not {own, "x_t", "t"} <= set(tables[0].columns):
        return
    for rule, what in (
        (conversions.velocity_from_noise, "noise"), (conversions.velocity_from_data, "data"),
    ):  # fmt: skip
        words = f"{own} holds the prediction of {what}, and no velocity"
        yield words, [{own: _converted(t, own, rule)} for t in tables]


def _converted(table: Table, own: str, rule: Callable[..., Tensor]) -> Rows:
    """Velocities from another prediction; NaN where its level says nothing of one."""
    column, x, t = table.columns[own], table.columns["x_t"], table.columns["t"]

    def made(read: Callable[[Rows], Tensor], level: Tensor) -> Tensor:
        inside = (level > 0) & (level < 1)
        at = paths.linear(torch.where(inside, level, 0.5))
        found = _wherever(lambda y, z: rule(at, y, z), read(x), read(column))
        return torch.where(inside, found, torch.nan)

    return replace(
        column, read=lambda a, b: made(lambda c: c.read(a, b), t.read(a, b).double()),
        head=lambda row, k: made(lambda c: c.head(row, k), t.head(row, 1).double()),
        dtype=torch.float64,
    )  # fmt: skip


def _wherever(rule: Callable[..., Tensor], *latents: Tensor) -> Tensor:
    """What an equation makes of latents, number by number; NaN where one of them is no number."""
    wide = [x.double() for x in latents]
    known = torch.stack([torch.isfinite(x) for x in wide]).all(dim=0)
    return torch.where(known, rule(*(torch.where(known, x, 0.0) for x in wide)), torch.nan)


def _guided(table: Table, own: str, w: float) -> Rows:
    """The guided velocity of each row."""
    cond, uncond = table.columns["v_cond"], table.columns["v_uncond"]

    def made(read: Callable[[Rows], Tensor]) -> Tensor:
        return _wherever(lambda u, c: guidance.classifier_free(u, c, w), read(uncond), read(cond))

    return replace(
        table.columns[own], read=lambda a, b: made(lambda c: c.read(a, b)),
        head=lambda row, k: made(lambda c: c.head(row, k)), dtype=torch.float64,
    )  # fmt: skip


def _with(tables: Sequence[Table], columns: Sequence[dict[str, Rows]], subject: str) -> list[Table]:
    """The tables with other columns; means follow from them and go, unless they are asked for."""
    gone = () if subject == "mean" else _MADE
    kept = [{n: c for n, c in t.columns.items() if n not in gone} for t in tables]
    return [replace(t, columns=k | c) for t, k, c in zip(tables, kept, columns, strict=True)]


def moved(table: Table, name: str, by: int) -> Rows:
    """A column of the row that is `by` further; NaN where that is no step of the same sample."""
    own, t = table.columns[name], table.columns["t"]

    def read_rows(a: int, b: int) -> Tensor:
        made = torch.full((b - a, own.width), torch.nan, dtype=own.dtype)
        first, last = max(a + by, 0), min(b + by, table.n)
        if first < last:
            here = t.read(first - by, last - by).clone()
            after = t.read(first, last)
            of_one = (after != here) & ((after < here) == (by > 0))
            there = own.read(first, last)
            made[first - by - a : last - by - a] = torch.where(of_one, there, torch.nan)
        return made

    return replace(own, read=read_rows, head=lambda row, k: read_rows(row, row + 1)[0, :k])
