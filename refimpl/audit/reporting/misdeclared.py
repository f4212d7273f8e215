"""Steps that fit once two columns are exchanged, or one declaration is taken back.

    x_t ↔ x_s      time = "data" on noise levels      time_scale of another clock      std = "g"

Asked where nothing gives the steps as they were declared; the rest is then judged as mended.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ...statistics.gaussian import chi_square
from ...statistics.outcome import ALPHA
from ..judging import elsewhere, levels
from ..judging.block import SCALARS, block
from ..judging.finding import Finding
from ..judging.identify import Identified, identify
from ..reading.clocks import clock_of
from ..reading.layout import Table
from ..reading.manifest import Manifest
from ..reading.precision import HALF, logged
from ..reading.probe import Probe, take, width
from .causes import moved
from .crossed import exchanged, fits, follows, of_draws, of_policies, scored, sure
from .late import of_another_step
from .short import Mended, other, recorded_short, std_short, stepped_short
from .whole import window

_CLOCKS = (("time",), ("time_scale",), ("time", "time_scale"), ("std",))
"""Declarations that say how numbers are told; without them that is read off."""


def mended(
    tables: Sequence[Table], probe: Probe, known: Identified | None, manifest: Manifest, lag: int,
    *, stepped: bool,
) -> Mended | None:  # fmt: skip
    """What to judge instead, and the finding that says so; None where nothing has to be mended.

    Args:
        stepped: x_s follows from the rest, without the recorded mean: then its steps are right.
        known: what the record showed as declared; None where no step could be judged.
        lag: rows from a step to the next of the same sample, 0 where it is not known.
    """
    if (empty := _unfilled(tables, probe, manifest)) is not None:
        return empty
    if (kept := _one_buffer(tables, probe, lag)) is not None:
        name, detail = kept
        return _but(tables, name), manifest, Finding(name, "differs", detail=detail)
    unled = known is not None and known.target == "mean" and not sure(known)
    if unled and (turned := of_policies(tables, manifest)) is not None:
        return turned
    if known is not None and (turned := of_draws(tables, probe, known, manifest)) is not None:
        return turned
    if stepped:
        return None
    if _turned(tables[0], lag):
        gone = _off_chain(tables, manifest, lag)
        other = "the next x_t" if gone == "x_s" else "the x_s before"
        detail = (
            f"{gone} holds the numbers of {other} in another order: are axes exchanged?; the rest "
            f"is judged without {gone}"
        )
        return _but(tables, gone), manifest, Finding(gone, "differs", detail=detail)
    if (told := _one_state(probe) or _dealt(tables[0], lag)) != "":
        without = {gone: _but(tables, gone) for gone in ("x_s", "x_t")}
        blamed = "mean" in probe.raw and not follows(without["x_s"], manifest)
        gone = "x_t" if blamed else "x_s"
        detail = f"{told}; {gone} is not what it is named for, and the rest is judged without it"
        return without[gone], manifest, Finding(gone, "differs", detail=detail)
    if (scaled := _scaled_noise(tables, probe, manifest)) is not None:
        return scaled
    if known is not None and (own := of_another_step(tables, probe, known, manifest, lag)):
        return own
    if known is not None and (sure(known) or not known.target):
        by_law = known.target in ("", "residuals")
        return (_by_schedule if by_law else _by_rounding)(tables, known, manifest)
    for finding, changed, declared in _tried(tables, manifest):
        try:
            closer = take(changed)
            found = identify(closer, declared, mistakes=False)
        except ValueError:
            continue
        if sure(found) and (
            found.target != "residuals"  # a width in which any noise may lie by chance
            or levels.named(block(closer.raw, found.model), declared)
            or scored(changed, declared)
        ):
            return changed, declared, finding
    return None


def _by_rounding(tables: Sequence[Table], known: Identified, manifest: Manifest) -> Mended | None:
    """Levels that were rounded when they were recorded, where what half-precision latents allow of
    them hides it: the steps fit the full ones as closely as the rest was computed, and not these.
    """
    if not {"t", "s"} <= set(tables[0].columns) or not _half(known.model.roundoff):
        return None
    if _exact(tables, manifest):
        return None
    for changed, declared, finding in recorded_short(tables, manifest):
        if _exact(changed, declared):
            return changed, declared, finding
    return None


def _exact(tables: Sequence[Table], manifest: Manifest) -> bool:
    """Whether a formula gives the steps to the rounding of the arithmetic, its levels being as they
    are stored."""
    probe = take(tables)
    found = identify(replace(probe, roundoff=_as_stored(probe)), manifest, mistakes=False)
    return sure(found) and any(m.level == "exact" for m in found.means)


def _half(roundoff: Mapping[str, float]) -> bool:
    """Whether levels are taken to be known to half precision."""
    return any(roundoff.get(n, 0.0) >= HALF for n in ("t", "s"))


def _as_stored(probe: Probe) -> dict[str, float]:
    """Roundoffs with levels that are known as they are stored."""
    return probe.roundoff | {n: logged(probe.raw[n]) for n in ("t", "s")}


def _by_schedule(tables: Sequence[Table], known: Identified, manifest: Manifest) -> Mended | None:
    """Levels that are exchanged, or were cut when they were recorded, where their stds alone show
    it: they follow a schedule then, and none before."""
    names = set(tables[0].columns)
    if not {"t", "s"} <= names or not {"std", "g"} & names:
        return None
    scalars = [
        replace(x, columns={n: c for n, c in x.columns.items() if n in SCALARS}) for x in tables
    ]

    def lawful(found: Sequence[Table]) -> bool:
        raw = take(found).raw
        clock = clock_of(raw["t"], raw["s"], manifest.time, manifest.time_scale)
        reading = replace(known.model.reading, clock=clock)
        roundoff = dict(known.model.roundoff)
        if _half(roundoff):  # latents are in half precision: that says nothing of these
            roundoff |= {n: logged(raw[n]) for n in ("t", "s")}
        model = replace(known.model, reading=reading, roundoff=roundoff, known={}, names={})
        return levels.named(block(raw, model), manifest)

    if lawful(scalars):
        return None
    if not manifest.time and lawful(exchanged(scalars, "t", "s")):
        detail = _TURNED
        return exchanged(tables, "t", "s"), manifest, Finding("t", "differs", detail=detail)
    for changed, _, finding in [*recorded_short(scalars, manifest), *std_short(scalars, manifest)]:
        if lawful(changed):
            own = [{n: c.columns[n] for n in ("t", "s", "std") if n in c.columns} for c in changed]
            made = [replace(x, columns=x.columns | c) for x, c in zip(tables, own, strict=True)]
            return made, manifest, finding
    return None


_TURNED = "t and s are exchanged; the rest is judged with both put right"


def without_mean(
    tables: Sequence[Table], known: Identified | None, manifest: Manifest
) -> Sequence[Table] | None:
    """The tables without their means, where x_s was drawn about the right ones and these are
    others."""
    names = set(tables[0].columns)
    if known is None or known.target != "mean" or sure(known) or "x_s" not in names:
        return None
    plain = _but(tables, "mean")
    try:
        found = identify(take(plain), manifest, mistakes=False)
    except ValueError:
        return None
    return plain if sure(found) else None


LEFT_OUT = "zeros, a place that was never filled; the rest is judged without them"


def _unfilled(tables: Sequence[Table], probe: Probe, manifest: Manifest) -> Mended | None:
    """Rows of a state or a mean that hold zeros throughout, where others do not."""
    for name in (n for n in _FILLED if n in probe.raw):
        empty = (probe.raw[name] == 0).all(dim=1)
        if not 1 < int(empty.sum()) <= len(empty) - _FEWEST:
            continue
        changed = [other(x, name, _without_zeros) for x in tables]
        detail = f"{_among(probe, empty)} {name} holds {LEFT_OUT}"
        return changed, manifest, Finding(name, "differs", detail=detail)
    return None


_FILLED = ("x_t", "x_s", "mean", "mean_ref")
"""What is never 0 in all coordinates; a velocity may be, where a step is left out on purpose."""


def _without_zeros(x: Tensor) -> Tensor:
    return torch.where((x == 0).all(dim=-1, keepdim=True), torch.nan, x)


def _among(probe: Probe, used: Tensor) -> str:
    """Which of the probed rows these are, in words: those of some levels, or so many."""
    if "t" in probe.raw:
        t = probe.raw["t"][:, 0]
        levels = torch.unique(t[used])
        if len(levels) <= _SOME and not bool(torch.isin(t[~used], levels).any()):
            some = ", ".join(f"{x:.4g}" for x in reversed(levels.tolist()))
            return f"in all rows at t = {some}"
    return f"in {int(used.sum())} of {len(used)} rows that were looked at"


_SOME = 4
"""So many levels are told one by one."""


def _but(tables: Sequence[Table], gone: str) -> list[Table]:
    """The tables without a column."""
    kept = [{n: c for n, c in t.columns.items() if n != gone} for t in tables]
    return [replace(t, columns=c) for t, c in zip(tables, kept, strict=True)]


def _one_state(probe: Probe) -> str:
    """Whether x_t and x_s are the same, in words."""
    raw = probe.raw
    if not {"x_t", "x_s"} <= set(raw) or not bool((raw["x_t"] != 0).any()):
        return ""
    same = bool((raw["x_t"] == raw["x_s"]).all())
    return "x_t and x_s hold the same numbers" if same else ""


def _pairs(table: Table, lag: int) -> tuple[list[int], int]:
    """Rows that a step of the same sample follows, and how many numbers of a state are looked
    at."""
    c = table.columns
    if not lag or not {"x_t", "x_s", "t", "s"} <= set(c):
        return [], 0
    n = max(0, min(window(table, lag), table.n - lag))
    ends, starts = c["s"].heads(range(n), 1), c["t"].heads(range(lag, n + lag), 1)
    return (ends == starts)[:, 0].nonzero()[:, 0].tolist(), min(64, width(table))


def _one_buffer(tables: Sequence[Table], probe: Probe, lag: int) -> tuple[str, str] | None:
    """The column that holds the same numbers at every step, and what to say of it."""
    for name in ("x_s", "x_t", "mean"):
        if name not in probe.raw or bool((probe.raw[name] == probe.raw[name][:1]).all()):
            continue  # one number everywhere is no state of a sample
        if _held(tables[0], name, lag) or _shared(probe, name):
            return name, (
                f"{name} holds the same numbers at every step of a sample: a view of one buffer, "
                "which every step wrote to; the rest is judged without it"
            )
    return None


def _held(table: Table, name: str, lag: int) -> bool:
    """Whether each row holds what the row of the sample's next step holds."""
    c, k = table.columns, min(64, width(table))
    if "t" not in c or not lag:
        return False
    n = min(window(table, lag), table.n - lag)
    t = c["t"].read(0, n + lag)[:, 0].clone() if n > 0 else torch.zeros(0)
    by = t[lag:] - t[:-lag]
    rows = (by.sign() == by.sign().mode().values).nonzero()[:, 0].tolist() if n > 0 else []
    own, moves = c[name], bool(by.any())
    return moves and len(rows) >= _FEWEST and all(
        torch.equal(own.head(r, k).clone(), own.head(r + lag, k)) for r in rows
    )  # fmt: skip


def _shared(probe: Probe, name: str) -> bool:
    """Whether most probed rows share their numbers with rows of other levels, in whatever order."""
    if "t" not in probe.raw:
        return False
    _, index, size = torch.unique(probe.raw[name], dim=0, return_inverse=True, return_counts=True)
    both = torch.stack([index.double(), probe.raw["t"][:, 0].double()], dim=1)
    apart = len(torch.unique(both, dim=0)) == len(both)
    return apart and float((size[index] > 1).double().mean()) > _JOINED


def _turned(table: Table, lag: int) -> bool:
    """Whether each x_s goes on as the next x_t with its numbers in another order."""
    rows, _ = _pairs(table, lag)
    wide = width(table)
    if len(rows) < _FEWEST or wide * len(rows) > _NUMBERS:
        return False
    for row in rows:
        ends, starts = (
            table.columns[name].read(row + by, row + by + 1)[0].clone()
            for name, by in (("x_s", 0), ("x_t", lag))
        )
        if torch.equal(ends, starts) or not torch.equal(ends.sort().values, starts.sort().values):
            return False
    return True


def _off_chain(tables: Sequence[Table], manifest: Manifest, lag: int) -> str:
    """Which of x_t and x_s the steps fit without, where both say one thing: with the next x_t in
    the place of x_s, or with the x_s before in that of x_t."""
    before = [{"x_t": moved(t, "x_s", -lag)} for t in tables]
    changed = [replace(t, columns=t.columns | c) for t, c in zip(tables, before, strict=True)]
    after = [{"x_s": moved(t, "x_t", lag)} for t in tables]
    right = [replace(t, columns=t.columns | c) for t, c in zip(tables, after, strict=True)]
    return "x_t" if not fits(right, manifest) and fits(changed, manifest) else "x_s"


_NUMBERS = 2**22
"""So many numbers of states are put in order."""


def _dealt(table: Table, lag: int) -> str:
    """Whether each x_s goes on as the x_t of another sample, in words."""
    (rows, k), c = _pairs(table, lag), table.columns
    if not rows:
        return ""
    ends, starts, levels = (
        c[name].heads([row + by for row in rows], wide).double()
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


_HELD: dict[str, tuple[str, Callable[..., Tensor], tuple[str, ...], str]] = {
    "the step's variance": ("std", lambda x: x.sqrt(), (), "its root"),
    "the logarithm of the step's std": ("std", lambda x: x.exp(), (), "its exponential"),
    "the logarithm of the step's variance": ("std", lambda x: (x / 2).exp(), (),
                                             "the root of its exponential"),
    "g h, which has no root of h": ("std", lambda x, t, s: x / (t - s).abs().sqrt(), ("t", "s"),
                                    "that/√h"),
    "g √h, the step's std": ("g", lambda x, t, s: x / (t - s).abs().sqrt(), ("t", "s"), "that/√h"),
}  # fmt: skip
"""What a field may hold, and what it is to be judged as."""


def _scaled_noise(tables: Sequence[Table], probe: Probe, manifest: Manifest) -> Mended | None:
    """Noise that holds what was added, std times a draw."""
    raw = probe.raw
    if not {"noise", "std"} <= set(raw):
        return None
    used = (raw["std"] > 0)[:, 0] & torch.isfinite(raw["noise"]).all(dim=1)
    held, std = raw["noise"][used].double(), raw["std"][used].double()
    if len(held) < _FEWEST or not _unit(held / std) or _unit(held):
        return None
    changed = [other(t, "noise", lambda x, std: x / std, "std") for t in tables]
    detail = "the field noise holds std times the draw; the rest is judged with that/std"
    return changed, manifest, Finding("noise", "differs", detail=detail)


def _unit(e: Tensor) -> bool:
    """Whether numbers have variance 1."""
    part, _ = chi_square("", float((e**2).sum()), e.numel(), ALPHA)
    return part.statistic <= part.bound


_FEWEST = 8


def _tried(
    tables: Sequence[Table], manifest: Manifest
) -> Iterator[tuple[Finding, Sequence[Table], Manifest]]:
    for keys in _CLOCKS:
        if set(keys) <= set(manifest.declared):
            told = ", ".join(f"{k} = {manifest.declared[k]!r}" for k in keys)
            detail = f"declared {told}, and the steps fit without it; the rest is judged so"
            finding = Finding("std" if "std" in keys else "clock", "differs", detail=detail)
            yield finding, tables, replace(manifest, **dict[str, Any](dict.fromkeys(keys)))
    for what, (name, change, beside, instead) in _HELD.items():
        if {name, *beside} <= set(tables[0].columns):
            changed = [other(t, name, change, *beside) for t in tables]
            detail = f"the field {name} holds {what}; the rest is judged with {instead}"
            yield Finding(name, "differs", detail=detail), changed, manifest
    for made, declared, finding in std_short(tables, manifest):
        if _drawn(made, declared):
            yield finding, made, declared
    if {"t", "s"} <= set(tables[0].columns):
        yield Finding("t", "differs", detail=_TURNED), exchanged(tables, "t", "s"), manifest
    if {"t", "s"} <= set(tables[0].columns):
        for made, declared, finding in recorded_short(tables, manifest):
            yield finding, made, declared
        for made, declared, finding in stepped_short(tables, manifest):
            yield finding, made, declared
    if {"x_t", "x_s"} <= set(tables[0].columns):
        turned = exchanged(tables, "x_t", "x_s")
        detail = (
            "x_t and x_s are exchanged: each holds what the other is to hold; the rest is judged "
            "with both put right"
        )
        yield Finding("x_t", "differs", detail=detail), turned, manifest


def _drawn(tables: Sequence[Table], manifest: Manifest) -> bool:
    """Whether x_s follows from its mean and noise, where all three were recorded."""
    if not {"x_s", "mean", "noise"} <= set(tables[0].columns):
        return True
    draws = identify(take(tables), manifest, mistakes=False).draws
    return any(m.level in ("exact", "stored") for m in draws)
