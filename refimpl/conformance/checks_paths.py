"""Checks of schedules, points of a path and conversions.

    schedules, further_schedules        path_point        convert

An adapter names its schedules and gives, beside each, the house's own schedule that it should
equal; everything is on the house clock.
"""

from itertools import permutations
from typing import Any

import numpy as np
import torch

from ..equations import conversions, paths
from .calls import parts
from .checks import agree, conformance, draw

_LEVELS = torch.tensor([0.0625, 0.25, 0.5, 0.75, 0.9375], dtype=torch.float64)


@conformance("paths.linear", "paths.cosine", "paths.vp", "conventions.flip_path",
             needs="schedules")  # fmt: skip
def schedules_are_the_equations(adapter: Any) -> float:
    """α, σ and their derivatives, on the house clock."""
    worst = 0.0
    for theirs, ours in adapter.schedules().values():
        got, want = parts(theirs(_LEVELS)), parts(ours(_LEVELS))
        for part, x in want.items():
            full = np.broadcast_to(x, got[part].shape)
            worst = max(worst, agree(adapter, "schedules_are_the_equations", got[part], full))
    return worst


@conformance("conventions.flip_path", needs="further_schedules")
def derivatives_of_schedules_are_derivatives(adapter: Any) -> float:
    """α̇ and σ̇ are what automatic differentiation makes of α and σ."""
    worst = 0.0
    for theirs in adapter.further_schedules().values():
        t = _LEVELS.clone().requires_grad_()
        c = theirs(t)
        for value, claimed in ((c.alpha, c.d_alpha), (c.sigma, c.d_sigma)):
            (true,) = torch.autograd.grad(value.sum(), t, retain_graph=True)
            check = "derivatives_of_schedules_are_derivatives"
            worst = max(worst, agree(adapter, check, claimed, true))
    return worst


def _batch(shape_like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    t = torch.tensor([0.25, 0.875], dtype=torch.float64)
    return t, t.reshape(-1, 1, 1, 1).expand_as(shape_like)


@conformance("paths.interpolate", "paths.velocity", "conventions.flip_velocity", needs="path_point")
def points_of_a_path_are_the_equations(adapter: Any) -> float:
    """x_t = α data + σ noise and v = α̇ data + σ̇ noise."""
    d, worst = draw("data", "noise"), 0.0
    t, full = _batch(d["data"])
    for name, (_, ours) in adapter.schedules().items():
        x, v = adapter.path_point(name, d["data"], d["noise"], t)
        c = ours(full[:, :1, :1, :1])
        check = "points_of_a_path_are_the_equations"
        worst = max(worst, agree(adapter, check, x, paths.interpolate(c, **d)))
        worst = max(worst, agree(adapter, check, v, paths.velocity(c, **d)))
    return worst


@conformance(
    "conversions.noise_from_velocity", "conversions.data_from_velocity",
    "conversions.data_from_noise", "conversions.noise_from_data",
    "conversions.velocity_from_noise", "conversions.velocity_from_data", needs="convert",
)  # fmt: skip
def conversions_are_the_equations(adapter: Any) -> float:
    """Six conversions between velocity, data and noise."""
    worst = 0.0
    for name, (_, ours) in adapter.schedules().items():
        for source, target in permutations(("velocity", "noise", "data"), 2):
            short = {"velocity": "v", "noise": "noise", "data": "data"}[source]
            d = draw("x", short)
            _, full = _batch(d["x"])
            got = adapter.convert(name, source, target, d[short], d["x"], full)
            want = getattr(conversions, f"{target}_from_{source}")(ours(full), **d)
            worst = max(worst, agree(adapter, "conversions_are_the_equations", got, want))
    return worst
