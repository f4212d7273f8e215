"""What is measured of whole rows: root mean squares of latents and of their differences.

    distance: x_s − mean        v_gap: v − v_ref        mean_gap: mean − mean_ref        ...

What rounding may do to a difference follows from the sizes of what was subtracted.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ...equations import gaussian
from .block import Block, Model, norms
from .fit import Linear, Nudges, nudges

FLOAT32 = 2.0**-24
_SPREAD = 3**-0.5
"""The root mean square of a rounding error that is uniform within one unit."""

_SIGMAS = 8.0
"""Independent rounding errors add up to this many standard deviations at most."""

DISTANCES = {
    "distance": ("x_s", "mean"), "distance_v": ("x_s", "by v"), "distance_old": ("x_s", "by v_old"),
    "distance_ref": ("x_s", "mean_ref"), "v_gap": ("v", "v_ref"), "v_gap_old": ("v", "v_old"),
    "mean_gap": ("mean", "mean_ref"),
}  # fmt: skip
"""Each distance and what is subtracted; `by v` is the mean that follows from v."""


@dataclass(frozen=True)
class Rowwise:
    """What is measured of whole rows.

    Attributes:
        sizes: root mean squares by name: latents, and differences.
        scalars: t, s, std, g as recorded.
        rule: coefficients of the mean on x_t and v.
        dims: D.

    Everything is (n, 1).
    """

    sizes: dict[str, Tensor]
    scalars: dict[str, Tensor]
    rule: Linear | None
    dims: Tensor
    model: Model

    @cached_property
    def nudges(self) -> Nudges:
        """The scalars, and what follows from them: once for all formulas that are tried."""
        reading = self.model.reading
        return nudges(self.scalars, reading.resolve, reading.clock.data)

    def take(self, used: Tensor) -> "Rowwise":
        """Some of the rows."""
        rule = self.rule
        return Rowwise(
            {name: x[used] for name, x in self.sizes.items()},
            {name: x[used] for name, x in self.scalars.items()},
            rule.take(used) if rule else None,
            self.dims[used], self.model,
        )  # fmt: skip


def measured(b: Block, wanted: Collection[str] = tuple(DISTANCES)) -> dict[str, Tensor]:
    """Euclidean norms of a block's latents, and of the distances that are wanted, (n, 1)."""
    found = {name: b.norm(name) for name in b.latents}
    for name in wanted:
        if name == "distance" and b.deviation is not None:
            found[name] = norms(b.deviation)
        elif name != "distance":
            alone = name == "distance_ref"  # of x_s: what was recorded as the mean is not in it
            left, right = (_side(b, side, alone=alone) for side in DISTANCES[name])
            if left is not None and right is not None:
                found[name] = norms(torch.sub(left, right, out=b.space("passing", left)))
    return found


def by_width(tiles: Sequence[Mapping[str, Tensor]], width: int) -> dict[str, Tensor]:
    """Root mean squares of all rows, from the norms that were measured tile by tile."""
    return {name: torch.cat([x[name] for x in tiles]) / width**0.5 for name in tiles[0]}


def rowwise(b: Block, sizes: Mapping[str, Tensor], width: int) -> Rowwise:
    """The rows of a block that have noise, with what was measured of them.

    Args:
        width: D.
    """
    dims = torch.full((b.n, 1), float(width), dtype=torch.float64)
    rows = Rowwise(dict(sizes), b.scalars, b.mean_rule, dims, b.model)
    return rows if bool(b.noisy.all()) else rows.take(b.noisy)


def _side(b: Block, side: str, *, alone: bool = False) -> Tensor | None:
    """One side of a difference; from v_ref beside a recorded mean only where it is `alone`."""
    if b.has(side):
        return b.latent(side)
    if side == "by v" and not b.has("mean", "v_old"):
        return None  # then the mean is v's, and `distance` says the same
    if side.startswith("by ") and b.has("mean") and not b.model.led:
        return None  # no formula is known that leads from a velocity to a mean
    velocity = {"by v": "v", "by v_old": "v_old", "mean_ref": "v_ref"}.get(side)
    beside = side == "mean_ref" and b.has("mean") and not alone
    return b.mean_of(velocity) if velocity and not beside else None


def joined(parts: Sequence[Rowwise]) -> Rowwise:
    """Rows put together."""
    first = parts[0]
    rule = first.rule and Linear(
        {
            k: (
                torch.cat([p.rule.parts[k][0] for p in parts if p.rule]),
                torch.cat([p.rule.parts[k][1] for p in parts if p.rule]),
            )
            for k in first.rule.parts
        }
    )
    return Rowwise(
        {name: torch.cat([p.sizes[name] for p in parts]) for name in first.sizes},
        {name: torch.cat([p.scalars[name] for p in parts]) for name in first.scalars},
        rule, torch.cat([p.dims for p in parts]), first.model,
    )  # fmt: skip


@dataclass(frozen=True)
class Distance:
    """A root mean square of a difference.

    Attributes:
        value: (n, 1).
        exact, stored: what rounding may do to it, at the arithmetic's precision and at that of the
            values that were stored.
    """

    value: Tensor
    exact: Tensor
    stored: Tensor


def arithmetic(rows: Rowwise, u: float) -> float:
    """The roundoff of the arithmetic behind a number: the finest of its latents', or its own."""
    used = [rows.model.roundoff[n] for n in ("x_s", "mean", "x_t", "v") if n in rows.model.roundoff]
    return min(min(used, default=FLOAT32), max(u, FLOAT32))


def distances(rows: Rowwise, u: float) -> dict[str, Distance]:
    """Every distance with its rounding errors, by the names that formulas use.

    Args:
        u: the roundoff of the arithmetic.
    """
    made = {}
    for name, pair in DISTANCES.items():
        if name in rows.sizes:
            parts = [_parts(side, rows) for side in pair]
            known = sum((known for _, known in parts), torch.zeros_like(rows.dims))
            made[name] = _distance(
                rows.sizes[name], {k: x for p, _ in parts for k, x in p.items()}, known, rows, u
            )
    if "noise" in rows.sizes and (std := _std(rows)) is not None:
        drawn = gaussian.sample(0 * std, std, rows.sizes["noise"])
        tiny = drawn * (rows.model.roundoff["noise"] + u)
        made["distance_drawn"] = Distance(drawn, tiny, tiny)
    if rows.rule is not None:
        c, error = rows.rule.parts["v"]
        for gap in ("gap", "gap_old"):
            if f"v_{gap}" in made and f"mean_{gap}" not in made:
                d = made[f"v_{gap}"]
                known = error * d.value
                made[f"mean_{gap}"] = Distance(
                    c.abs() * d.value, c.abs() * d.exact + known, c.abs() * d.stored + known
                )
    return made


def _std(rows: Rowwise) -> Tensor | None:
    return rows.nudges.at.get("std")


def _parts(side: str, rows: Rowwise) -> tuple[dict[str, Tensor], Tensor]:
    """The sizes of what makes up one side of a difference, and its error besides rounding."""
    velocity = {"by v": "v", "by v_old": "v_old", "mean": "v", "mean_ref": "v_ref"}.get(side)
    if side in rows.model.roundoff or velocity is None or rows.rule is None:
        return {side: rows.sizes[side]}, torch.zeros_like(rows.dims)
    (c_x, e_x), (c_v, e_v) = rows.rule.parts["x_t"], rows.rule.parts["v"]
    x, v = rows.sizes["x_t"], rows.sizes[velocity]
    return {"x_t": c_x.abs() * x, velocity: c_v.abs() * v}, e_x * x + e_v * v


def _distance(
    value: Tensor, parts: Mapping[str, Tensor], known: Tensor, rows: Rowwise, u: float
) -> Distance:
    exact, spread = known.clone(), torch.zeros_like(value)
    for name, part in parts.items():
        exact += u * part
        spread += (rows.model.roundoff[name] * _SPREAD * part) ** 2
    error = _SIGMAS * spread**0.5
    stored = torch.minimum(error / rows.dims**0.5 + spread / value.clamp_min(1e-300), error)
    return Distance(value, exact, stored)
