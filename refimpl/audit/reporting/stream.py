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
from ..judging.fit import Gap, Linear, Match, gap, gap_by_sizes
from ..judging.formulas import Formula
from ..judging.levels import Levels
from ..judging.measures import (
    Rowwise,
    arithmetic,
    by_width,
    distances,
    joined,
    measured,
    rowwise,
)
from ..judging.noise import Noise
from ..judging.reduced import reduced_gap
from ..reading.fields import FIELDS
from ..reading.layout import Table
from ..reading.probe import shapes, width

CHUNK = 2048
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
        silent: rows without noise whose log_prob is a number other than 0.
        zeros: those where it is 0: among rows with noise, a place that was left empty.
        noisy: rows with noise.
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
    zeros: int = 0
    noisy: int = 0
    starts: list[int] = field(default_factory=list)
    rows: int = 0


def chunks(table: Table) -> Iterator[tuple[int, int]]:
    """Ranges of rows."""
    widest = max((c.width for n, c in table.columns.items() if not is_latent(n)), default=1)
    size = max(1, min(CHUNK, _NARROW // widest))
    for a in range(0, table.n, size):
        yield a, min(a + size, table.n)


def is_latent(name: str) -> bool:
    """Whether a column has D numbers a row."""
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
    noise = Noise(lag, shapes(tables[0]))
    seen, room = Seen(noise=noise, lag=lag), dict[str, Tensor]()
    numbers = _Numbers(seen, chosen, model, wanted)
    for i, table in enumerate(tables):
        seen.starts.append(seen.rows)
        for a, b in chunks(table):
            raw = {n: c.read(a, b) for n, c in table.columns.items() if not is_latent(n)}
            rows = block(raw, model, room, b - a)
            both = {"t", "s"} <= set(raw)
            seen.levels.add(rows, int((raw["t"] == raw["s"]).sum()) if both else 0)
            if rows.n:
                _add(seen, table, rows, chosen, numbers, rows.places(i, a), a)
            progress(b - a)
        seen.rows += table.n
    numbers.flush()
    return seen


class _Chunk:
    """Rows of a table whose scalars were read, and what their latents show, tile by tile.

    Attributes:
        sizes: root mean squares of latents, and of the distances that are wanted, (n, 1).
        apart: by subject, the largest difference of each row, (n,).
    """

    def __init__(self, table: Table, rows: Block, start: int) -> None:
        self.rows, self._start, self._width = rows, start, width(table)
        self._columns = {n: c for n, c in table.columns.items() if is_latent(n)}
        self.sizes: dict[str, Tensor] = {}
        self.apart: dict[str, Tensor] = {}

    @property
    def width(self) -> int:
        """D."""
        return self._width

    def read(self, a: int, b: int) -> dict[str, Tensor]:
        """The latents of rows a … b − 1 of the chunk."""
        return {n: c.read(self._start + a, self._start + b) for n, c in self._columns.items()}

    def sweep(self, asked: Sequence["_Asked"], noise: Noise, wanted: Collection[str]) -> None:
        """Go through all latents, once."""
        sizes, apart, done = list[dict[str, Tensor]](), list[list[Tensor]](), 0
        for tile in self.rows.tiles(max(1, TILE // self._width), self.read):
            rows = slice(done, done + tile.n)
            apart.append([x.apart(tile, rows) for x in asked])
            sizes.append(measured(tile, wanted))
            noise.add(tile)
            done += tile.n
        self.sizes = by_width(sizes, self._width)
        columns = zip(*apart, strict=True)
        self.apart = {x.subject: torch.cat(c) for x, c in zip(asked, columns, strict=True)}

    def gap(self, asked: "_Asked") -> Gap:
        """Judged by root mean squares first; by the largest coordinates where these do not do."""
        model, apart = self.rows.model, self.apart[asked.subject]
        u = model.roundoff[asked.target]
        found = gap_by_sizes(asked.rule, apart, self.sizes, model.roundoff, u)
        off = ~found.fits(asked.match.level or "stored")
        return found if not bool(off.any()) else self._closer(asked, found, off.nonzero()[:, 0])

    def _closer(self, asked: "_Asked", found: Gap, off: Tensor) -> Gap:
        model = self.rows.model
        looked = [
            gap(asked.rule.take(off[k : k + 1]), {n: b.latent(n) for n in asked.rule.parts},
                b.latent(asked.target), model.roundoff, model.roundoff[asked.target])
            for k, b in enumerate(self.rows.only(off).tiles(1, self.read))
        ]  # fmt: skip
        return found.but(off, Gap.joined(looked))


@dataclass(frozen=True)
class _Asked:
    """A latent that is compared coordinate by coordinate: Σ c_k y_k with what was recorded.

    Attributes:
        rule: the coefficients, for all rows of a chunk.
        plain: x_s = mean + c noise, so that x_s − mean, which others want too, will do.
    """

    subject: str
    match: Match
    rule: Linear
    target: str
    plain: bool = False

    def apart(self, b: Block, rows: slice) -> Tensor:
        """The largest |Σ c_k y_k − target| of each row of a tile, (n,)."""
        target = b.latent(self.target)
        out = b.space("passing", target)
        if self.plain and b.deviation is not None:
            c = self.rule.parts["noise"][0][rows]
            torch.addcmul(b.deviation, b.latent("noise"), c, value=-1, out=out)
        else:
            latents = {name: b.latent(name) for name in self.rule.parts}
            self.rule.take(rows).short_of(latents, target, out)
        return out.abs_().amax(dim=1)


def _asked(b: Block, table: Table, chosen: Mapping[str, Match]) -> Iterator[_Asked]:
    """What the rows of a chunk are asked, coordinate by coordinate."""
    recorded = set(table.columns)
    if "mean" in chosen and b.mean_rule is not None and {"mean", "x_t", "v"} <= recorded:
        yield _Asked("mean", chosen["mean"], b.mean_rule, "mean")
    if "x_s" in chosen:
        rule = b.draw_rule
        plain = bool((rule.parts["mean"][0] == 1).all())
        if "mean" not in recorded and b.mean_rule is not None:
            rule = rule.through(b.mean_rule, "mean")
        yield _Asked("x_s", chosen["x_s"], rule, "x_s", plain)
    if SILENT in chosen and b.mean_rule is not None and not bool(b.noisy.all()):
        yield _Asked(SILENT, chosen[SILENT], b.mean_rule, "x_s")


def _add(
    seen: Seen, table: Table, rows: Block, chosen: Mapping[str, Match], numbers: "_Numbers",
    places: Places, start: int,
) -> None:  # fmt: skip
    chunk, asked = _Chunk(table, rows, start), [*_asked(rows, table, chosen)]
    chunk.sweep(asked, seen.noise, numbers.wanted)
    for x in asked:
        found = chunk.gap(x)
        if x.subject == SILENT:  # rows with noise are judged by their law
            found = found.without(rows.noisy)
        _note(seen, x.subject, found, chosen[x.subject], places)
    numbers.add(rows, chunk.sizes, chunk.width, places)
    told = {n: x for n, x in chunk.sizes.items() if n in table.columns}
    told |= {n: per_row(x) for n, x in rows.raw.items() if x.dtype.is_floating_point}
    _count_missing({n: told[n] for n in table.columns if n in told}, seen)
    _count_silent(rows, seen)


class _Numbers:
    """Log-probabilities and divergences: measured chunk by chunk, compared many at a time."""

    def __init__(
        self, seen: Seen, chosen: Mapping[str, Match], model: Model, wanted: Collection[str]
    ) -> None:
        names = ("log_prob", "log_prob_old", "kl")
        self.seen, self.model = seen, model
        self.chosen = {s: chosen[s] for s in names if s in chosen}
        self.wanted = wanted if self.chosen else ()
        self.rows: list[Rowwise] = []
        self.got: dict[str, list[Tensor]] = {s: [] for s in self.chosen}
        self.places: Places = []

    def add(self, b: Block, sizes: Mapping[str, Tensor], width: int, places: Places) -> None:
        """The numbers of a chunk, what was measured of its rows, and where they are."""
        if not self.chosen:
            return
        self.rows.append(rowwise(b, sizes, width))
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
    seen.noisy += int(b.noisy.sum())
    if b.has("log_prob") and not bool(b.noisy.all()):
        values = per_row(b.raw["log_prob"])[~b.noisy]
        seen.silent += int((torch.isfinite(values) & (values != 0)).sum())
        seen.zeros += int((values == 0).sum())
