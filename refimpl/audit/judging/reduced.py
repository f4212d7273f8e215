"""Numbers per row: sums over a latent's coordinates, however many, from a few root mean squares.

    Σ log N(x_i; m_i, std²) = D log N(r; 0, std²),      r² = (1/D) Σ (x_i − m_i)²

and so for every divergence of Gaussians with one std: a formula, and a mistake in it, is asked once
a row.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from ...equations.kinds import unread
from ...evidence.rounding import ROUNDINGS
from .fit import Gap, nudged
from .formulas import Formula
from .measures import DISTANCES, FLOAT32, Distance, Rowwise, arithmetic, distances

_HALF = 2.0**-8
_KEPT = 2.0**-8
"""What rounding may take of an estimate that is compared."""


class _Asked(dict[str, Tensor]):
    """Numbers that remember which of them were asked for."""

    def __init__(self, numbers: Mapping[str, Tensor]) -> None:
        super().__init__(numbers)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> Tensor:
        self.names.add(name)
        return super().__getitem__(name)


def distances_of(formula: Formula, rows: Rowwise) -> set[str]:
    """The distances that must be measured for a formula."""
    seen = {name: d.value for name, d in distances(rows, FLOAT32).items()}
    p = _Asked({**rows.nudges.at, **seen, "D": rows.dims})
    formula.value(p)
    gaps = {"mean_gap": "v_gap", "mean_gap_old": "v_gap_old"}
    return {x if x in rows.sizes else gaps.get(x, x) for x in p.names} & set(DISTANCES)


def value_of(formula: Formula, rows: Rowwise, seen: Mapping[str, Distance]) -> Tensor:
    """What a formula gives, (n, 1).

    Raises:
        KeyError, ValueError: as below.
    """
    fixed = {name: distance.value for name, distance in seen.items()} | {"D": rows.dims}
    return formula.value({**rows.nudges.at, **fixed})


def reduced_gap(
    formula: Formula, rows: Rowwise, seen: Mapping[str, Distance], got: Tensor, u: float
) -> Gap:
    """Compare a formula of distances and scalars with one recorded number per row.

    Args:
        seen: from `distances`.
        got: (n, 1).
        u: the unit roundoff of `got`.

    Raises:
        KeyError: a distance that the rows do not allow.
        ValueError: the formula refuses the numbers.
    """
    fixed = {name: distance.value for name, distance in seen.items()} | {"D": rows.dims}
    asked = _Asked({**rows.nudges.at, **fixed})
    formula.value(asked)
    at, error = nudged(
        lambda scalars: formula.value({**scalars, **fixed}), rows.nudges, rows.model.roundoff
    )
    scale = at.abs()
    exact, stored, half = error, torch.zeros_like(error), torch.zeros_like(error)
    for name, distance in seen.items():
        if name not in asked.names:
            continue
        moved = {**rows.nudges.at, **fixed, name: distance.value * (1 + 2.0**-24)}
        with unread():
            slope = (formula.value(moved) - at).abs() * 2.0**24
        relative = 1 / distance.value.clamp_min(1e-300)
        scale = scale + slope
        exact = exact + slope * distance.exact * relative
        stored = stored + slope * distance.stored * relative
        half = half + slope * _HALF
    adding = arithmetic(rows, u) * (8 + rows.dims**0.5) * scale
    cancelled = 2 * arithmetic(rows, u) if ".k3" in formula.name else 0.0  # exp(l) − 1 − l
    if not cancelled < _KEPT * float(at.abs().median()):
        cancelled = 0.0  # nothing is left to compare
    exact = ROUNDINGS * (exact + u * got.abs() + cancelled) + adding
    return Gap((at - got).abs()[:, 0], exact[:, 0], (exact + stored)[:, 0], (exact + half)[:, 0])
