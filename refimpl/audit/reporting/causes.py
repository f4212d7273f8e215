"""Why no formula gives a number: it may be right for other columns than its row's.

    the velocity without guidance     another policy's velocity     the step before, or after

Each is put in the place of what was recorded; the one under which the article's formula, or a
convention, gives the very numbers is the cause.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..judging.block import Model
from ..judging.fit import EASY
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
    roundoff = {n: u for n, u in model.roundoff.items() if n not in _MADE}
    model = replace(model, roundoff=roundoff, known={}, names={})
    for words, changed in alternatives(subject, tables, lag):
        try:
            rows = read(changed, picks, model)
            found = explain(subject, rows, probe)
            silent = {m.formula.name for m in explain(subject, _blank(rows), probe)}
        except ValueError:  # the changed rows have no such number
            continue
        told = (m for m in found if m.formula.standing != "mistake")
        told = (m for m in told if m.formula.name not in silent)
        if any(m.level == "exact" and m.strain <= EASY for m in told):
            return words
    return ""


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
    subject: str, tables: Sequence[Table], lag: int
) -> Iterator[tuple[str, list[Table]]]:
    """What a quantity may be right for, in words, and the tables with that in its place."""
    names, own = set(tables[0].columns), "v_old" if subject == "log_prob_old" else "v"
    for other, words in _VELOCITIES.items():
        silent = (subject, other) == ("kl", "v_ref")  # of the reference from itself
        if other != own and {own, other} <= names and not silent:
            columns = [{own: t.columns[other]} for t in tables]
            yield f"it is that of {words}", _with(tables, columns, subject)
    if subject.startswith("log_prob") and {"x_s", "x_t"} <= names:
        columns = [{"x_s": t.columns["x_t"]} for t in tables]
        yield "it is that of x_t, the state before the step", _with(tables, columns, "mean")
    told = [n for n in _LEVELS if n in names]
    for by, which in ((lag, "after"), (-lag, "before")) if lag and "t" in names else ():
        words = f"it is that of the levels of the step {which}: the grid is indexed one off"
        yield words, _with(tables, [{n: _moved(t, n, by) for n in told} for t in tables], subject)
        if own in names:
            columns = [{own: _moved(t, own, by)} for t in tables]
            yield f"it is that of the velocity of the step {which}", _with(tables, columns, subject)


def _with(tables: Sequence[Table], columns: Sequence[dict[str, Rows]], subject: str) -> list[Table]:
    """The tables with other columns; means follow from them and go, unless they are asked for."""
    gone = () if subject == "mean" else _MADE
    kept = [{n: c for n, c in t.columns.items() if n not in gone} for t in tables]
    return [replace(t, columns=k | c) for t, k, c in zip(tables, kept, columns, strict=True)]


def _moved(table: Table, name: str, by: int) -> Rows:
    """A column of the row that is `by` further; NaN where that is no step of the same sample."""
    own, t = table.columns[name], table.columns["t"]

    def one(row: int) -> Tensor:
        here, there = t.read(row, row + 1).clone(), row + by
        nothing = torch.full((1, own.width), torch.nan, dtype=own.dtype)
        if not 0 <= there < table.n:
            return nothing
        after = t.read(there, there + 1).clone()
        falls = bool((after != here).all()) and bool((after < here).all()) == (by > 0)
        return own.read(there, there + 1).clone() if falls else nothing

    def read_rows(a: int, b: int) -> Tensor:
        return torch.cat([one(row) for row in range(a, b)])

    return replace(own, read=read_rows, head=lambda row, k: one(row)[0, :k])
