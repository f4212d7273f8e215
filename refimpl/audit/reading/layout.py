"""From a file's shapes to rows: one denoising step of one sample is a row.

    (N, ...) rows       (T, B, ...) steps first       (B, T, ...) batch first

The layout is declared or read off the shapes and the falling of t. What has one value per step, per
sample or in all is repeated for its rows.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import prod

import torch
from torch import Tensor

from .fields import FIELDS
from .files import Column, Shard
from .manifest import Manifest
from .rollouts import is_rollout, stepwise

_LEVELS = ("t", "s", "std", "g")


@dataclass(frozen=True)
class Rows:
    """A column, row by row.

    Attributes:
        width: numbers per row.
        read: rows a … b − 1, shape (b − a, width); valid until the next read.
        head: the first k numbers of one row, shape (k,).
        dtype: as stored.
    """

    width: int
    dtype: torch.dtype
    read: Callable[[int, int], Tensor]
    head: Callable[[int, int], Tensor]

    def some(self, rows: Sequence[int]) -> Tensor:
        """Some rows, (n, width), the caller's own; those of a small column are read at once."""
        if self._small(rows):
            return self._at_once(rows)
        made = torch.empty(len(rows), self.width, dtype=self.dtype)
        for k, row in enumerate(rows):
            made[k] = self.read(row, row + 1)[0]
        return made

    def heads(self, rows: Sequence[int], k: int) -> Tensor:
        """The first k numbers of some rows, (n, k), the caller's own."""
        if self._small(rows):
            return self._at_once(rows)[:, :k]
        return torch.stack([self.head(row, min(k, self.width)).clone() for row in rows])

    def _small(self, rows: Sequence[int]) -> bool:
        return not rows or (max(rows) + 1 - min(rows)) * self.width <= _AT_ONCE

    def _at_once(self, rows: Sequence[int]) -> Tensor:
        first, last = (min(rows), max(rows) + 1) if rows else (0, 0)
        return self.read(first, last)[torch.tensor(rows, dtype=torch.long) - first]


_AT_ONCE = 2**16
"""Of so many numbers it costs less to read them all than to ask for row after row."""


@dataclass(frozen=True)
class Table:
    """The rows of one shard.

    Attributes:
        n: the number of rows.
        columns: latents and row quantities by name.
        lag: rows from a step to the next step of the same sample; 0 where it is not known yet.
        layout: in words.
        steps: of each sample, where the layout or the number of samples tells.
        samples: rewards and groups of each row's sample, where they were recorded and fit the rows.
    """

    shard: Shard
    n: int
    columns: dict[str, Rows]
    lag: int
    layout: str
    samples: dict[str, Rows] = field(default_factory=dict)
    steps: int = 0


def named(shard: Shard, manifest: Manifest) -> dict[str, Column]:
    """The shard's columns by our names.

    Raises:
        ValueError: a name that the manifest promises and the file lacks.
    """
    for ours, theirs in manifest.names.items():
        if theirs not in shard.columns and shard.kind == "record":
            raise ValueError(
                f"manifest: {ours} is said to be {theirs!r}, and {shard.path.name} has "
                f"{', '.join(shard.columns)}"
            )
    found = {name: c for name, c in stepwise(shard.columns).items() if name in FIELDS}
    renamed = {
        o: shard.columns[name] for o, name in manifest.names.items() if name in shard.columns
    }
    return found | renamed


def table(shard: Shard, manifest: Manifest) -> Table | None:
    """The shard's rows, or None where it has no row quantities.

    Raises:
        ValueError: lengths that do not agree, or a layout that cannot be told.
    """
    known = named(shard, manifest)
    columns = {name: c for name, c in known.items() if FIELDS[name].kind != "sample"}
    of_samples = _per_sample(known, columns, manifest)
    if "advantages" in known and "ratio" in known:
        columns["advantages"] = of_samples["advantages"]
    if not columns or set(columns) <= {"batch", "step"}:
        return None
    counts = {c.shape for c in of_samples.values() if len(c.shape) == 1}
    many = counts.pop()[0] if len(counts) == 1 else 0
    lead, steps_first = _lead(shard, columns, manifest, many)
    made = {name: _rows(shard, name, c, lead, steps_first) for name, c in columns.items()}
    samples = dict[str, Rows]()
    for name in {"rewards", "groups"} & set(of_samples):
        with suppress(ValueError):  # of other rows than these
            samples[name] = _rows(shard, name, of_samples[name], lead, steps_first)
    if len(lead) == 1:
        steps = lead[0] // many if many > 1 and lead[0] % many == 0 else 0
        return Table(shard, lead[0], made, 0, f"rows (N,), N = {lead[0]}", samples, steps)
    p, q = lead
    words = "steps first (T, B)" if steps_first else "batch first (B, T)"
    lag, steps = (q, p) if steps_first else (1, q)
    return Table(shard, p * q, made, lag, f"{words} = ({p}, {q})", samples, steps)


def _per_sample(
    known: dict[str, Column], rows: dict[str, Column], manifest: Manifest
) -> dict[str, Column]:
    """Rewards and advantages, (B,) where they were laid out as (prompts, G)."""
    made = {name: c for name, c in known.items() if FIELDS[name].kind == "sample"}
    rewards = made["rewards"].shape if "rewards" in made else ()
    for name, c in made.items():
        matrix = len(c.shape) == 2 and min(c.shape) > 1
        grouped = matrix and (c.shape == rewards or c.shape[1] == manifest.group)
        if grouped and all(r.shape[:2] != c.shape for r in rows.values()):
            made[name] = _flat(c)
    return made


def _flat(c: Column) -> Column:
    return replace(
        c, shape=(prod(c.shape),), read=lambda a, b, lead=1: c.all().reshape(-1)[a:b]
    )  # fmt: skip


def _trimmed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without its trailing ones."""
    while len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _lead(
    shard: Shard, columns: dict[str, Column], manifest: Manifest, samples: int
) -> tuple[tuple[int, ...], bool]:
    """The leading dimensions that count rows, and whether the first of two counts steps.

    Args:
        samples: how many there are, by what is recorded of each; 0 where that does not tell.
    """
    latents = [c for name, c in columns.items() if FIELDS[name].kind == "latent" and c.shape]
    scalars = {n: _trimmed(c.shape) for n, c in columns.items() if FIELDS[n].kind != "latent"}
    if not latents and not any(scalars.values()):
        return (1,), True
    longest = max(latents or [columns[n] for n in scalars], key=lambda c: prod(c.shape))
    deep = len(longest.shape) > 2  # (N, D) has no room for two leading dimensions and a latent
    pairs = [
        s for n, s in scalars.items()
        if len(s) == 2 and s == longest.shape[:2] and (deep or not latents or n in _LEVELS)
    ]  # fmt: skip
    crossed = [
        s for s in scalars.values()
        if deep and len(s) == 1 and s[0] not in (1, longest.shape[0]) and longest.shape[1:2] == s
    ]  # fmt: skip
    declared = manifest.layout or ("steps first" if is_rollout(shard.columns) else None)
    if declared == "rows" or not (pairs or crossed or declared):
        return longest.shape[:1], True
    if len(longest.shape) < 2:
        raise ValueError(
            f"{shard.path.name}: layout {declared!r} needs two leading dimensions, and "
            f"{longest.name} has the shape {longest.shape}"
        )
    lead = longest.shape[:2]
    if declared:
        return lead, declared == "steps first"
    return lead, _steps_first(shard, columns, scalars, lead, samples)


def _steps_first(
    shard: Shard, columns: dict[str, Column], scalars: dict[str, tuple[int, ...]],
    lead: tuple[int, ...], samples: int,
) -> bool:  # fmt: skip
    for name in _LEVELS:
        shape = scalars.get(name, ())
        if len(shape) == 1 and lead[0] != lead[1] and shape[0] in lead:
            return shape[0] == lead[0]
        if shape == lead:
            x = columns[name].all().reshape(lead).double()
            down, across = bool((x[:1] == x).all()), bool((x[:, :1] == x).all())
            if down or across:
                return across
    if not set(scalars) & set(_LEVELS):
        return not samples == lead[0] != lead[1]
    raise ValueError(
        f"{shard.path.name}: cannot tell steps from samples in {lead}; declare layout = "
        "'steps first' or 'batch first' in a manifest"
    )


def _rows(
    shard: Shard, name: str, c: Column, lead: tuple[int, ...], steps_first: bool
) -> Rows:  # fmt: skip
    latent, of_sample = (FIELDS[name].kind == kind for kind in ("latent", "sample"))
    shape = c.shape if latent else _trimmed(c.shape)
    n = len(lead)
    if shape[:n] == lead:
        width = prod(shape[n:])
        return Rows(
            width,
            c.dtype,
            lambda a, b: c.read(a, b, n).reshape(b - a, width),
            lambda row, k: c.read(row * width, row * width + k, max(1, len(c.shape))).reshape(k),
        )
    if shape in ((), (1,)) and not latent:
        return _repeated(c, torch.zeros_like)
    if n == 2 and len(shape) == 1 and shape[0] in lead:
        first = shape[0] == lead[0] and (lead[0] != lead[1] or steps_first != of_sample)
        q = lead[1]
        return _repeated(c, (lambda r: r // q) if first else (lambda r: r % q))
    if n == 1 and of_sample and len(shape) == 1 and lead[0] % shape[0] == 0:
        return _repeated(c, _of_samples(shard, lead[0], shape[0]))
    raise ValueError(
        f"{shard.path.name}: {c.name} has the shape {c.shape}, which does not fit rows of {lead}; "
        "store one value per row (B,), or expand it: an outer product (B, B) is a broadcast mistake"
    )


def _of_samples(shard: Shard, rows: int, samples: int) -> Callable[[Tensor], Tensor]:
    """Which sample a row is of, where samples have one number and rows are several steps of them.

    The rows of one step follow each other, unless the recorded steps or levels say otherwise.
    """
    told = (shard.columns[n] for n in ("step", "t", "s") if n in shard.columns)
    order = next((c.all().reshape(-1) for c in told if prod(c.shape) == rows), None)
    if order is not None and rows > samples > 1 and bool(order[0] != order[1]):
        return lambda r: r // (rows // samples)
    return lambda r: r % samples


def _repeated(c: Column, index: Callable[[Tensor], Tensor]) -> Rows:
    values = c.all().reshape(-1, 1)
    return Rows(
        1, c.dtype,
        lambda a, b: values[index(torch.arange(a, b))],
        lambda row, k: values[index(torch.tensor([row]))].reshape(1),
    )  # fmt: skip
