"""All rows, once: every recorded quantity against the formula that the probe found.

    for each chunk, its scalars:  levels, coefficients       for each tile, its latents:  the rest

Each number is read once. A tile is small enough to stay in the processor's cache, and what two
checks share is computed once; what follows from scalars is worked out for a whole chunk.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..judging.block import Block, Model, block
from ..judging.finding import Tally
from ..judging.fit import Gap, Linear, Match, gap
from ..judging.formulas import Formula
from ..judging.levels import Levels
from ..judging.measures import Rowwise, arithmetic, distances, joined, rowwise
from ..judging.noise import Noise
from ..judging.reduced import reduced_gap
from ..reading.fields import FIELDS
from ..reading.layout import Table
from ..reading.probe import width

CHUNK = 256
"""Rows whose scalars are read at one time."""

_NARROW = 2**19
"""Numbers of a column that is no latent that are read at one time, where a row has several."""

TILE = 2**17
"""Coordinates of a latent that are read at one time, and computed with."""

_TOGETHER = 2048
"""Rows whose numbers are compared at one time."""

_HELD = 64
"""Rows that did not fit and are looked at again."""

SILENT = "x_s without noise"
"""The subject of steps with std = 0, where x_s is the mean and no noise was recorded."""

Places = list[tuple[int, int]]
"""Table and row of some rows."""

Progress = Callable[[int], None]


@dataclass
class Seen:
    """What the pass over all rows showed.

    Attributes:
        tallies: by subject.
        failing: by subject, rows that did not fit, (table, row), a few.
        missing: by name, how many rows hold NaN or infinity.
        silent: rows without noise whose log_prob is a number.
        starts: rows before each table.
        lag: rows from a step to the next of the same sample; 0 where that is not known.
    """

    noise: Noise
    lag: int = 0
    levels: Levels = field(default_factory=Levels)
    tallies: dict[str, Tally] = field(default_factory=dict)
    failing: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    silent: int = 0
    starts: list[int] = field(default_factory=list)
    rows: int = 0


def chunks(table: Table) -> Iterator[tuple[int, int]]:
    """Ranges of rows."""
    widest = max((c.width for n, c in table.columns.items() if not _is_latent(n)), default=1)
    size = max(1, min(CHUNK, _NARROW // widest))
    for a in range(0, table.n, size):
        yield a, min(a + size, table.n)


def _is_latent(name: str) -> bool:
    return FIELDS[name].kind == "latent"


@torch.no_grad()
def stream(
    tables: Sequence[Table], model: Model, chosen: Mapping[str, Match], lag: int,
    wanted: Collection[str],
    progress: Progress = lambda rows: None,
) -> Seen:  # fmt: skip
    """Pass over all rows.

    Args:
        chosen: by subject, the formula to verify.
        lag: rows from a step to the next of the same sample; 0 where that is not known.
        wanted: the distances that the chosen formulas are asked with.
        progress: told how many rows are done.
    """
    seen, room = Seen(noise=Noise(lag), lag=lag), dict[str, Tensor]()
    numbers = _Numbers(seen, chosen, model, wanted)
    for i, table in enumerate(tables):
        seen.starts.append(seen.rows)
        for a, b in chunks(table):
            raw = {n: c.read(a, b) for n, c in table.columns.items() if not _is_latent(n)}
            rows = block(raw, model, room, b - a)
            seen.levels.add(rows)
            if rows.n:
                _add(seen, table, rows, chosen, numbers, rows.places(i, a), a)
            progress(b - a)
        seen.rows += table.n
    numbers.flush()
    return seen


def _add(
    seen: Seen, table: Table, rows: Block, chosen: Mapping[str, Match], numbers: "_Numbers",
    places: Places, start: int,
) -> None:  # fmt: skip
    gaps: dict[str, list[Gap]] = {}
    latents = {n: c for n, c in table.columns.items() if _is_latent(n)}
    sizes: dict[str, list[Tensor]] = {name: [] for name in latents}

    def read(a: int, b: int) -> dict[str, Tensor]:
        return {name: c.read(start + a, start + b) for name, c in latents.items()}

    for tile in rows.tiles(max(1, TILE // width(table)), read):
        for subject, found in _gaps(tile, chosen):
            gaps.setdefault(subject, []).append(found)
        numbers.add(tile)
        seen.noise.add(tile)
        for name, held in sizes.items():
            held.append(tile.size(name))
    for subject, parts in gaps.items():
        _note(seen, subject, Gap.joined(parts), chosen[subject], places)
    numbers.end(rows, places)
    told = {name: torch.cat(parts) for name, parts in sizes.items()}
    told |= {n: per_row(x) for n, x in rows.raw.items() if x.dtype.is_floating_point}
    _count_missing({n: told[n] for n in table.columns if n in told}, seen)
    _count_silent(rows, seen)


class _Numbers:
    """Log-probabilities and divergences: measured chunk by chunk, compared many at a time."""

    def __init__(
        self, seen: Seen, chosen: Mapping[str, Match], model: Model, wanted: Collection[str]
    ) -> None:
        names = ("log_prob", "log_prob_old", "kl")
        self.seen, self.model, self.wanted = seen, model, wanted
        self.chosen = {s: chosen[s] for s in names if s in chosen}
        self.rows: list[Rowwise] = []
        self.got: dict[str, list[Tensor]] = {s: [] for s in self.chosen}
        self.places: Places = []

    def add(self, b: Block) -> None:
        if self.chosen:
            self.rows.append(rowwise(b, self.wanted))

    def end(self, b: Block, places: Places) -> None:
        """A chunk is done: its numbers, and where its rows are."""
        if not self.chosen:
            return
        for subject, held in self.got.items():
            held.append(per_row(b.raw[subject])[b.noisy])
        self.places += [p for p, used in zip(places, b.noisy.tolist(), strict=True) if used]
        if len(self.places) >= _TOGETHER:
            self.flush()

    def flush(self) -> None:
        if not self.places:
            return
        rows = joined(self.rows)
        for subject, match in self.chosen.items():
            u = self.model.roundoff[subject]
            got = torch.cat(self.got[subject])
            try:
                near = distances(rows, arithmetic(rows, u))
                found = reduced_gap(match.formula, rows, near, got, u)
            except ValueError:  # NaN among the numbers: leave those rows out, they are counted
                found = _whole(match.formula, rows, got, u)
            _note(self.seen, subject, found, match, self.places)
            self.got[subject] = []
        self.rows, self.places = [], []


def _gaps(b: Block, chosen: Mapping[str, Match]) -> Iterator[tuple[str, Gap]]:
    if "mean" in chosen and b.mean_rule is not None and b.has("mean", "x_t", "v"):
        yield "mean", _latent_gap(b, b.mean_rule, ("x_t", "v"), "mean", chosen["mean"])
    if "x_s" in chosen:
        rule, names = b.draw_rule, ["mean", "noise"]
        if not b.has("mean") and b.mean_rule is not None:
            rule, names = rule.through(b.mean_rule, "mean"), ["x_t", "v", "noise"]
        yield "x_s", _latent_gap(b, rule, names, "x_s", chosen["x_s"])
    if SILENT in chosen and b.mean_rule is not None and not bool(b.noisy.all()):
        found = _latent_gap(b, b.mean_rule, ("x_t", "v"), "x_s", chosen[SILENT])
        nothing = torch.where(b.noisy, torch.nan, 0.0)  # rows with noise are judged by their law
        yield SILENT, Gap(found.size + nothing, found.exact, found.stored, found.half)


def _latent_gap(b: Block, rule: Linear, names: Sequence[str], target: str, match: Match) -> Gap:
    """Judged by root mean squares first, which are known; by the largest coordinates if need be."""
    latents = {name: b.latent(name) for name in names}
    u = b.model.roundoff
    rest = None
    if "noise" in names and bool((b.draw_rule.parts["mean"][0] == 1).all()):
        assert b.deviation is not None
        out = b.space("rest", b.deviation)
        c = b.draw_rule.parts["noise"][0]
        rest = torch.addcmul(b.deviation, b.latent("noise"), c, value=-1, out=out)
    found = gap(
        rule, latents, b.latent(target), u, u[target], lambda name: b.size(name)[:, 0], rest
    )
    if bool(found.fits(match.level or "stored").all()):
        return found
    return gap(rule, latents, b.latent(target), u, u[target])


def _whole(formula: Formula, rows: Rowwise, got: Tensor, u: float) -> Gap:
    """The gaps of the rows whose numbers are finite; NaN for the others."""
    every = torch.cat([*rows.sizes.values(), *rows.scalars.values(), got], dim=1)
    used = torch.isfinite(every).all(dim=1)
    made = torch.full((4, len(got)), torch.nan, dtype=torch.float64)
    if bool(used.any()):
        part = rows.take(used)
        found = reduced_gap(formula, part, distances(part, arithmetic(part, u)), got[used], u)
        made[:, used] = torch.stack([found.size, found.exact, found.stored, found.half])
    return Gap(*made)


def per_row(x: Tensor) -> Tensor:
    """One number a row: elementwise log-probabilities add up."""
    return x.double().sum(dim=1, keepdim=True)


def _note(seen: Seen, subject: str, found: Gap, match: Match, places: Places) -> None:
    tally = seen.tallies.setdefault(subject, Tally())
    allowed = getattr(found, match.level or "stored")
    tally.add(found.size, allowed, [seen.starts[table] + row for table, row in places])
    held = seen.failing.setdefault(subject, [])
    if len(held) < _HELD and bool((found.size > allowed).any()):
        outside = (found.size > allowed).nonzero()[:, 0].tolist()
        held += [places[r] for r in outside[: _HELD - len(held)]]


def _count_missing(told: Mapping[str, Tensor], seen: Seen) -> None:
    if told and not bool(torch.isfinite(torch.cat([*told.values()], dim=1)).all()):
        for name, x in told.items():
            bad = int((~torch.isfinite(x)).sum())
            if bad:
                seen.missing[name] = seen.missing.get(name, 0) + bad


def _count_silent(b: Block, seen: Seen) -> None:
    if b.has("log_prob") and not bool(b.noisy.all()):
        values = per_row(b.raw["log_prob"])[~b.noisy]
        seen.silent += int(torch.isfinite(values).sum())
