"""Is the noise white? Independent standard normals, unrelated to the past and to each other.

    e = noise, or (x_s − mean)/std where it was not recorded, with the mean of what sampled: v_old

Every statistic has its exact law when all is well, whatever the order of the rows: given e_i, the
projection ⟨e_i, e_j⟩/|e_i| of an independent e_j is N(0, 1). Each part errs once in 10⁹.
"""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ...statistics.distribution import band, ordered
from ...statistics.gaussian import chi_square, normal
from ...statistics.outcome import ALPHA, Part
from . import alike, consequences
from .block import Block, distinct, norms
from .finding import Finding

_COORDINATES = 1024
_TELLING = 64
"""So many coordinates of a latent and of its noise tell whether two rows are one."""

_BESIDE = 256
"""So many coordinates of a recorded noise, and of what it may have been made of, are kept."""

_VALUES = 2**18
_ROWS = 512
_FEW = 8
"""So many rows tell whether noise is one along an axis."""

_STEPS = 256
"""So many steps are told apart at most."""

_SCALED = 64
"""Of so many numbers of each step the width is known well enough to take it off them."""

_ONE, _MOST = 0.9, 0.5
"""Rows as alike as this are one; where more than half of them are, that is how it was drawn."""

_SELDOM = 1e-3
"""How often uniform numbers may not be told for such."""

_PENDING = 2**14
"""So many rows are added up at one time."""

FINE = 0.05
"""Residuals of x_s are used where its rounding is below this part of std."""

RESIDUAL = "(x_s − mean)/std"
"""What stands for noise that was not recorded."""


class Noise:
    """Statistics of the noise, gathered as rows go by.

    Args:
        lag: rows from a step to the next of the same sample; 0 where it is not known.
        shapes: that a latent has.

    Attributes:
        dependent: it failed, and not because the mean was made with another velocity.
        moving: it goes with x_t or a velocity, which nothing else explains.
        recorded: it is the noise that was recorded, and not what is left of x_s.
    """

    def __init__(self, lag: int, shapes: Sequence[Sequence[int]] = ()) -> None:
        self.shapes = shapes
        self.sums: list[Tensor] = []
        self.sizes: list[Tensor] = []
        self.axis = ("", 0)
        self.wide = 0
        self.lags = {1: "the row before"} | (
            {lag: "the step before, of the same sample"} if lag > 1 else {}
        )
        self.rows = self.left_out = self.count = self.taken = self.met = 0
        self.total = self.squares = self.slack = 0.0
        self.roundoff = 0.0
        self.projections: dict[str, list[float]] = {}
        self.values: list[Tensor] = []
        self.times: list[Tensor] = []
        self.steps: dict[tuple[float, float], list[float]] = {}
        self.pending: list[tuple[list[Tensor], Tensor, int]] = []
        self.held = 0
        self.kept: list[Tensor] = []
        self.places: list[Tensor] = []
        self.starts: list[Tensor] = []
        self.beside: dict[str, list[Tensor]] = {}
        self.largest = 0.0
        self.dependent = self.moving = self.recorded = False

    def add(self, b: Block) -> None:
        """Add a block's rows."""
        found = self._noise(b)
        first, self.met = self.met, self.met + b.n
        if found is None or not found[0].shape[0]:
            return
        e, squares, total = found
        places = torch.arange(first, self.met)[self._used]
        self.rows += e.shape[0]
        self.count += e.numel()
        self.total += float(e.sum())
        self.squares += total
        self._by_step(b, squares, e.shape[1])
        self._whole(e, squares)
        self.largest = max(self.largest, *(abs(float(x)) for x in e.aminmax()))
        head = e[:, :_COORDINATES]
        beside = ("v_old" if b.has("v_old") else "v", "x_t")
        for name in beside if not self.recorded or self.rows <= _ROWS else ():
            if b.has(name):
                self._project(name, b.latent(name)[self._used][:, :_COORDINATES], head)
        if self.taken < _VALUES:
            self.values.append(e[:, :64].clone().flatten())
            known = "t" in b.resolved
            t = b.resolved["t"][self._used] if known else e.new_zeros(len(e), 1)
            self.times.append(t.expand(-1, min(64, e.shape[1])).flatten())
            self.taken += self.values[-1].numel()
        self._reused(b, head, places)

    def _whole(self, e: Tensor, squares: Tensor) -> None:
        """Keep the sums of the first rows, and see whether one of them is one along an axis."""
        if not self.sums:
            self.wide = e.shape[1]
            laid = [x for x in self.shapes if math.prod(x) == self.wide]
            self.axis = alike.shared(e[:_FEW], laid)
        if self.rows - len(e) < _ROWS and e.shape[1] == self.wide:
            room = _ROWS - (self.rows - len(e))
            self.sums.append(e[:room].sum(dim=1))
            self.sizes.append(squares[:room].clone())

    def _by_step(self, b: Block, squares: Tensor, wide: int) -> None:
        """Put Σ e² of each row with its step; rows are added up many at a time."""
        if {"t", "h"} <= set(b.resolved) and len(self.steps) < _STEPS:
            levels = [b.resolved[name][self._used] for name in ("t", "h")]
            self.pending.append((levels, squares, wide))
            self.held += squares.shape[0]
            if self.held >= _PENDING:
                self._add_up()

    def _add_up(self) -> None:
        """Add the rows that were put by to the sums of their steps."""
        if not self.pending:
            return
        t, h = (torch.cat(x) for x in zip(*(x for x, _, _ in self.pending), strict=True))
        squares = torch.cat([e for _, e, _ in self.pending])
        counts = torch.cat([torch.full((len(e),), float(w)) for _, e, w in self.pending]).double()
        each, which = distinct(torch.cat([t, h], dim=1))
        sums = torch.zeros(len(each), 2, dtype=torch.float64)
        sums.index_add_(0, which, torch.stack([squares, counts], dim=1))
        for (t, h), (size, count) in zip(each.tolist(), sums.tolist(), strict=True):
            held = self.steps.setdefault((t, h), [0.0, 0.0])
            held[0] += size
            held[1] += count
        self.pending, self.held = [], 0

    def _noise(self, b: Block) -> tuple[Tensor, Tensor, float] | None:
        """The rows' noise, Σ e² of each, (n,), and of all."""
        u = b.model.roundoff
        if b.has("noise"):
            self.recorded = True
            self._used: slice | Tensor = slice(None)
            e, size = b.latent("noise"), b.norm("noise")[:, 0]
            self.roundoff = u["noise"]
            self.slack += 2 * u["noise"] ** 2 * e.numel()
            squares = size**2
            total = float(squares.sum())
            if math.isfinite(total) and float(size.min()) > 0:
                return e, squares, total
            told = b.noisy | (size > 0)  # a step without noise need not have drawn any
            self._used = torch.isfinite(size) & told
            return e[self._used], squares[self._used], float(squares[self._used].sum())
        drawn = None if "std" not in b.resolved else b.drawn
        if drawn is None:
            return None
        std = b.resolved["std"][:, 0]
        size = b.norm("x_s")[:, 0] / b.width**0.5
        rounding = u["x_s"] * size / std.clamp_min(1e-300)
        finite = torch.isfinite(drawn.sum(dim=1))
        used = (rounding < FINE) & finite
        self.left_out += int((~used & finite & (std > 0)).sum())
        self._used = used
        e = drawn[used] / std[used, None]
        loose = 16 * u.get("std", u.get("g", 0.0))
        self.slack += float((rounding[used] ** 2).sum() + loose * len(e)) * e.shape[1]
        self.roundoff = max(self.roundoff, float(rounding[used].max()) if len(e) else 0.0)
        squares = norms(e)[:, 0] ** 2
        return e, squares, float(squares.sum())

    def _project(self, name: str, on: Tensor, e: Tensor) -> None:
        size = torch.linalg.vector_norm(on, dim=1)
        used = size > 0
        z = (on * e).sum(dim=1)[used] / size[used]
        held = self.projections.setdefault(name, [0.0, 0.0])
        held[0] += float(z.sum())
        held[1] += len(z)

    def _reused(self, b: Block, head: Tensor, places: Tensor) -> None:
        """Compare with the rows kept so far, then keep these, up to a bound."""
        if self.kept and self.rows - head.shape[0] >= _ROWS:
            return
        narrow = head[: _ROWS - (self.rows - len(head))].clone()
        self.kept.append(narrow)
        self.places.append(places[: len(narrow)])
        for name in ("v_old" if b.has("v_old") else "v", "x_t"):
            if b.has(name):
                wide = _BESIDE if self.recorded else _COORDINATES
                on = b.latent(name)[self._used][: len(narrow), :wide]
                self.beside.setdefault(name, []).append(on.clone())
        if b.has("x_t"):
            states = [b.latent(n)[self._used] for n in ("x_t", "x_s") if b.has(n)]
            told = [*states, narrow] if len(states) < 2 else states
            self.starts.append(
                torch.cat([x[: len(narrow), :_TELLING] for x in told], dim=1).clone()
            )

    def parts(self) -> Iterator[tuple[str, Part, str]]:
        """Each statistic by a key, with its bound, and what it means when it breaks."""
        self._add_up()
        spread, _ = chi_square("Σ e²", self.squares, self.count, ALPHA)
        scale = alike.scaled({step: tuple(x) for step, x in self.steps.items()})
        yield "variance", _eased(spread, self.slack), (
            "the noise has another variance than std says" + (f": {scale}" if scale else "")
        )  # fmt: skip
        wide = spread.statistic > spread.bound + self.slack
        size = (self.squares / self.count) ** 0.5 if wide else 1.0
        mean = normal("|z| of the mean", self.total / self.count**0.5 / size, ALPHA)
        middle = f"{self.total / self.count:.3g}".replace("-", "−")
        yield "mean", mean, f"it has a mean, {middle}"
        values = torch.cat(self.values)
        shape = self._shape(values)
        if wide or mean.statistic > mean.bound:
            shape = self._shape(self._plain(values))  # normals, of another width or middle
        yield "shape", shape, "it is not normal"
        cut = f"no number lies beyond ±{self.largest:.4g}: it was cut there, or has another law"
        yield "cut", self._cut(), self._uniform(values) or cut
        for name, (z, n) in self.projections.items():
            if n:
                why = (
                    f"{name} was used for it, or comes from the same draw" if self.recorded else
                    "the mean was made with another velocity (guidance in one place and not in the "
                    "other?), or by another formula"
                )  # fmt: skip
                z_of = normal(f"|z| on {name}", z / n**0.5 / size, ALPHA)
                yield name, z_of, f"it moves with {name}: {why}"
        rows = _together(self.kept)
        # of another width than std says, each row is held against others in its own
        level = rows / _size(rows) if wide else rows
        for lag, words in self.lags.items():
            before, now = (level[k] for k in self._apart(lag))
            if len(now):
                z = torch.linalg.vecdot(before, now) / torch.linalg.vector_norm(before, dim=1)
                part = normal(f"|z| on {words}", float(z.sum()) / len(z) ** 0.5, ALPHA)
                why = f"it is that of {words} again, in part or whole"
                beside = lag == 1 and len(self.lags) > 1  # then rows side by side are of one step
                if beside and part.statistic > part.bound and _alike(before, now):
                    why = "it is one for many rows: drawn once and expanded over the batch"
                yield words, part, why
        if rows.shape[1] >= 128 and len(rows) > 1:
            part, sign = self._pairs(level)
            how = "drawn once and used again" if sign > 0 else "used again with the other sign"
            yield "pairs", part, f"two rows share their noise: it was {how}"
            part, many, same = alike.within(level)
            axis = f"along {self.axis[0]}" if self.axis[0] else "over channels for instance"
            yield "expanded" if same else "within", part, (
                f"{many} numbers of a row come again in the same row: they were drawn once and "
                f"expanded, {axis}" if same
                else f"each {many} numbers of a row go with the next {many}"
            )  # fmt: skip
        if rows.shape[1] < 128 and len(rows) > 1:
            yield "copies", *alike.copies(rows, self.roundoff)
        if self.axis[0]:
            told = Part("copies along it", float(self.axis[1]), 1.0, 0.0)
            yield "shared", told, f"it is the same along {self.axis[0]}: drawn once for all of it"
        if len(rows) > 1 and self.wide > 2:
            yield self._standardised(rows)
        if len(rows) > 1:
            part, far, share = alike.near(level[:, :_BESIDE])
            yield "near", part, (
                f"numbers of a row that are {far} apart go together, with a correlation of "
                f"{share:.2g}: drawn coarser and enlarged, smoothed, or with an offset of its own "
                "for each channel"
            )  # fmt: skip
            none = alike.still(rows)
            yield "still", none, (
                f"{none.statistic:.0f} of {rows.shape[1]} coordinates have none: there x_s is the "
                "mean" + ("" if not self.recorded else ", or their noise was left out")
            )  # fmt: skip

    def _apart(self, lag: int) -> consequences.Pairs:
        """The rows, of those that are kept, that lie so far apart, and not as many as are kept."""
        places = torch.cat(self.places)
        if len(places) == places[-1] + 1 - places[0]:  # none was left out: views will do
            return slice(0, max(0, len(places) - lag)), slice(lag, None)
        at = torch.searchsorted(places, places + lag).clamp_max(len(places) - 1)
        earlier = (places[at] == places + lag).nonzero()[:, 0]
        return earlier, at[earlier]

    def _shape(self, values: Tensor) -> Part:
        uniform = torch.special.ndtr(ordered(values[:_VALUES]))
        return band("the Kolmogorov distance", uniform, ALPHA, 0.5 * self.roundoff)

    def _plain(self, values: Tensor) -> Tensor:
        """The values of each step less their mean, over their standard deviation."""
        _, step, n = torch.unique(torch.cat(self.times), return_inverse=True, return_counts=True)
        if int(n.min()) < _SCALED:
            step, n = torch.zeros_like(step), torch.tensor([len(step)])
        zero = torch.zeros(len(n), dtype=values.dtype)
        off = values - (zero.index_add(0, step, values) / n)[step]
        return off / (zero.index_add(0, step, off**2) / n).sqrt().clamp_min(1e-300)[step]

    def _standardised(self, rows: Tensor) -> tuple[str, Part, str]:
        """The test of whole rows; those that share a draw count once."""
        sums, sizes = torch.cat(self.sums), torch.cat(self.sizes)
        part, words = alike.standardised(sums, sizes, self.wide, len(sums))
        if part.statistic > part.bound:
            once = len(rows) - int(consequences.shared(rows, before=True).sum())
            part, words = alike.standardised(sums, sizes, self.wide, min(once, len(sums)))
        return "standardised", part, (
            f"it was standardised in each row, whose numbers {words}: of independent normals these "
            "vary from row to row"
        )  # fmt: skip

    def _cut(self) -> Part:
        """How unlikely it is that the largest number is as small as it is, in units of their own
        root mean square: −log of that."""
        largest = self.largest / max(self.squares / self.count, 1e-300) ** 0.5
        beyond = torch.special.ndtr(torch.tensor(-largest, dtype=torch.float64))
        surprise = -self.count * float(torch.log1p(-2 * beyond.clamp_max(0.5 - 1e-9)))
        return Part("−log of its chance", surprise, -math.log(ALPHA), math.exp(-surprise))

    def _uniform(self, values: Tensor) -> str:
        """Whether numbers lie as uniform ones do between their ends, in words."""
        low, high = float(values.min()), float(values.max())
        length = (high - low) or 1.0
        part = band("", ordered((values[:_VALUES] - low) / length).clamp(0, 1), _SELDOM)
        ends = f"{low:.4g} and {high:.4g}".replace("-", "−")
        return f"it is uniform, between {ends}" if part.statistic <= part.bound else ""

    def _pairs(self, rows: Tensor) -> tuple[Part, float]:
        z = (rows @ rows.T) / torch.linalg.vector_norm(rows, dim=1, keepdim=True)
        z.fill_diagonal_(0.0)
        upper = torch.triu(z, 1).abs()
        count = len(rows) * (len(rows) - 1) // 2
        part = normal("the largest |z| of two rows", float(upper.max()), ALPHA / count)
        at = int(upper.argmax())
        self.pair = divmod(at, len(rows))
        return part, float(z[self.pair])

    def repeated(self) -> bool:
        """Rows that are there twice: the same latents, before the step and after it."""
        if not self.starts:
            return False
        together = _together(self.starts)
        return len(torch.unique(together, dim=0)) < len(together)

    def finding(
        self, recorded: bool, *, mean: bool = True, misplaced: bool = False, stale: bool = False
    ) -> Finding:
        """The verdict.

        Args:
            recorded: the noise was.
            mean: the mean was recorded; else it is the one that v leads to.
            misplaced: it was recorded in the wrong rows, which is told elsewhere: what it has to do
                with its row's v and x_t, and with other rows, follows from that.
            stale: v is that of another step, which is told elsewhere: it may have seen the noise.
        """
        what = "noise" if recorded else RESIDUAL
        if not self.count:
            why = (
                f"the rounding of x_s hides it in all {self.left_out} rows"
                if self.left_out
                else ("it takes noise, or x_s, a mean or velocity, and std")
            )
            return Finding("noise", "not checked", detail=why)
        if not self.largest:
            why = "it is 0 throughout: x_s is the mean, before its noise or without any"
            return Finding("noise", "differs", what, rows=self.rows, detail=why)
        if self.repeated():
            return Finding("noise", "not checked", rows=self.rows, detail="rows are there twice")
        broken, words, most = dict[str, float](), dict[str, str](), ("", 0.0)
        follow = (
            {*self.projections, *self.lags.values(), "pairs", "copies"} if misplaced else set[str]()
        )
        follow |= {"v"} if stale else set()
        for key, part, meaning in self.parts():
            if key in follow:
                continue
            strain = part.statistic / part.bound
            size = f"{part.statistic:.3g}, bound {part.bound:.3g}"
            if strain > most[1]:
                most = (f"{part.name} {size}", strain)
            if not part.statistic <= part.bound:
                broken[key], words[key] = strain, f"{meaning} ({part.name} is {size})"
        left = f"; {self.left_out} rows left out, x_s is rounded too much" if self.left_out else ""
        if broken:
            lags = {name: self._apart(lag) for lag, name in self.lags.items()}
            on = {name: _together(x) for name, x in self.beside.items()}
            rows = _together(self.kept)
            rows = rows[:, : min([rows.shape[1], *(x.shape[1] for x in on.values())])]
            if same := consequences.state(broken, rows, on):
                broken = {k: x for k, x in broken.items() if k not in on} | {"state": 1.0}
                words["state"] = (
                    f"in {same} of {len(rows)} rows it is x_t itself, and elsewhere it does not "
                    "move with it: the state that sampling starts from was drawn from the same seed"
                )
            alone = consequences.told(broken, rows, on, lags)
            self.moving = any(k in on for k in alone)
            if self.moving and not recorded and not mean:  # what is left is no noise, then
                alone = [k for k in alone if k in on]
            self.dependent = not self.moving
            detail = "; ".join(words[k] for k in alone) + left
            return Finding("noise", "differs", what, rows=self.rows, detail=detail)
        return Finding(
            "noise", "consistent", what, rows=self.rows,
            detail=f"white, each test erring once in 1e9; most strained: {most[0]}{left}",
        )  # fmt: skip


def _together(rows: list[Tensor]) -> Tensor:
    """Rows of several widths, cut to the smallest."""
    least = min(x.shape[1] for x in rows)
    return torch.cat([x[:, :least] for x in rows])


def _alike(rows: Tensor, others: Tensor) -> bool:
    """Whether most rows are nearly the others."""
    alike = torch.nn.functional.cosine_similarity(rows, others, dim=1) > _ONE
    return float(alike.double().mean()) > _MOST


def _size(rows: Tensor) -> Tensor:
    """The root mean square of each row, (n, 1)."""
    return rows.pow(2).mean(dim=1, keepdim=True).sqrt().clamp_min(1e-300)


def _eased(part: Part, slack: float) -> Part:
    return Part(part.name, part.statistic, part.bound + slack, part.p_value)
