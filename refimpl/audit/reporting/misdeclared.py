"""Steps that fit once two columns are exchanged, or one declaration is taken back.

    x_t ↔ x_s      time = "data" on noise levels      time_scale of another clock      std = "g"

Asked where nothing gives the steps as they were declared; the rest is then judged as mended.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch

from ..judging import elsewhere
from ..judging.finding import Finding
from ..judging.fit import EASY
from ..judging.identify import Identified, identify
from ..reading.layout import Rows, Table
from ..reading.manifest import Manifest
from ..reading.probe import Probe, take, width
from .whole import window

_CLOCKS = (("time",), ("time_scale",), ("time", "time_scale"), ("std",))
"""Declarations that say how numbers are told; without them that is read off."""

Mended = tuple[Sequence[Table], Manifest, Finding]


def mended(
    tables: Sequence[Table], probe: Probe, known: Identified | None, manifest: Manifest, lag: int
) -> Mended | None:  # fmt: skip
    """What to judge instead, and the finding that says so; None where nothing has to be mended.

    Args:
        known: what the record showed as declared; None where no step could be judged.
        lag: rows from a step to the next of the same sample, 0 where it is not known.
    """
    if (told := _one_state(probe) or _dealt(tables[0], lag)) != "":
        without = {gone: _but(tables, gone) for gone in ("x_s", "x_t")}
        blamed = "mean" in probe.raw and not _follows(without["x_s"], manifest)
        gone = "x_t" if blamed else "x_s"
        detail = f"{told}; {gone} is not what it is named for, and the rest is judged without it"
        return without[gone], manifest, Finding(gone, "differs", detail=detail)
    if known is not None and (_sure(known) or not known.target):
        return None
    for finding, changed, declared in _tried(tables, manifest):
        try:
            found = identify(take(changed), declared, mistakes=False)
        except ValueError:
            continue
        if _sure(found):
            return changed, declared, finding
    return None


def _but(tables: Sequence[Table], gone: str) -> list[Table]:
    """The tables without a column."""
    kept = [{n: c for n, c in t.columns.items() if n != gone} for t in tables]
    return [replace(t, columns=c) for t, c in zip(tables, kept, strict=True)]


def _follows(tables: Sequence[Table], manifest: Manifest) -> bool:
    """Whether a mean follows from what is left, number by number."""
    try:
        known = identify(take(tables), manifest, mistakes=False)
    except ValueError:
        return False
    return _sure(known) and known.target == "mean"


def _one_state(probe: Probe) -> str:
    """Whether x_t and x_s are the same, in words."""
    raw = probe.raw
    if not {"x_t", "x_s"} <= set(raw) or not bool((raw["x_t"] != 0).any()):
        return ""
    same = bool((raw["x_t"] == raw["x_s"]).all())
    return "x_t and x_s hold the same numbers" if same else ""


def _dealt(table: Table, lag: int) -> str:
    """Whether each x_s goes on as the x_t of another sample, in words."""
    if not lag or not {"x_t", "x_s", "t", "s"} <= set(table.columns):
        return ""
    c, k = table.columns, min(64, width(table))
    rows = [
        row for row in range(min(window(table, lag), table.n - lag))
        if torch.equal(c["s"].head(row, 1), c["t"].head(row + lag, 1))
    ]  # fmt: skip
    if not rows:
        return ""
    ends, starts, levels = (
        torch.stack([c[name].head(row + by, wide).clone() for row in rows]).double()
        for name, by, wide in (("x_s", 0, k), ("x_t", lag, k), ("t", 0, 1))
    )
    goes_on = float((ends == starts).all(dim=1).double().mean())
    if goes_on > 1 - _JOINED:
        return ""
    at = elsewhere.places(ends, starts, torch.zeros(len(rows)), _JOINED)
    if at is None:
        return ""
    found = (at >= 0).nonzero()[:, 0]
    beside = (levels[at[found]] == levels[found])[:, 0] & (at[found] != found)
    if float(beside.double().mean()) < _JOINED:  # the same sample's, some steps off, or anything
        return ""
    row = int(found[int(beside.double().argmax())])
    return (
        f"x_s goes on as the x_t of other samples: that of row {rows[row]} in row "
        f"{rows[int(at[row])] + lag}, and not in row {rows[row] + lag}"
    )


_JOINED = 0.7
"""Bits that agree are no accident, and a shuffle takes some rows past the last step."""


def _sure(known: Identified) -> bool:
    """Whether a formula that is no mistake gives the steps, number by number."""
    if known.target == "residuals":
        return any(m.level == "exact" for m in known.means)
    return any(
        m.level in ("exact", "stored") and m.formula.standing != "mistake"
        and (m.level == "stored" or m.strain <= EASY) for m in known.means
    )  # fmt: skip


def _root(own: Rows) -> Rows:
    return replace(
        own, read=lambda a, b: own.read(a, b).sqrt(), head=lambda row, k: own.head(row, k).sqrt()
    )


def _tried(
    tables: Sequence[Table], manifest: Manifest
) -> Iterator[tuple[Finding, Sequence[Table], Manifest]]:
    for keys in _CLOCKS:
        if set(keys) <= set(manifest.declared):
            told = ", ".join(f"{k} = {manifest.declared[k]!r}" for k in keys)
            detail = f"declared {told}, and the steps fit without it; the rest is judged so"
            finding = Finding("std" if "std" in keys else "clock", "differs", detail=detail)
            yield finding, tables, replace(manifest, **dict[str, Any](dict.fromkeys(keys)))
    if "std" in tables[0].columns:
        rooted = [replace(t, columns=t.columns | {"std": _root(t.columns["std"])}) for t in tables]
        detail = "the field std holds the step's variance; the rest is judged with its root"
        yield Finding("std", "differs", detail=detail), rooted, manifest
    if {"x_t", "x_s"} <= set(tables[0].columns):
        turned = [
            replace(t, columns=t.columns | {"x_t": t.columns["x_s"], "x_s": t.columns["x_t"]})
            for t in tables
        ]
        detail = (
            "x_t and x_s are exchanged: each holds what the other is to hold; the rest is judged "
            "with both put right"
        )
        yield Finding("x_t", "differs", detail=detail), turned, manifest
