"""sbi's reverse SDE as a whole: its law at the end, with the noise that it may have.

θ ← predictor(θ, t, s) from t = 1 to 0        θ starts at N(0, 1)
"""

from types import SimpleNamespace
from typing import Any

import torch

from ..samplers.chain import Noises, drawing
from ..samplers.sampler import Sampler, each, register
from ..samplers.target import velocity

OPTIONS: dict[str, tuple[tuple[str, Any], ...]] = {"EulerMaruyama": (("eta", 0.5),)}
"""The predictor, and what it is asked for beside its default, η = 1."""


def levels(steps: int) -> list[float]:
    """Even ones, as the estimator's own schedule has them."""
    return [1 - k / steps for k in range(steps + 1)]


def sampler(its: Any, name: str, settings: dict[str, Any]) -> Sampler:
    """The predictor with its settings, step after step."""

    def run(x: Any, steps: int, noises: Noises) -> Any:
        made, none = its.of_field(velocity(), x), torch.zeros(1, 1).to(x)
        potential = SimpleNamespace(device=x.device, vector_field_estimator=made,
                                    gradient=lambda x, t: made.score(x, none, t))  # fmt: skip
        predictor = its.predictor(potential, **settings)
        grid = torch.tensor(levels(steps), dtype=x.dtype)
        with drawing(noises):
            for k in range(steps):
                x = predictor(x, grid[k], grid[k + 1])
        return x

    plain = sampler(its, name, {}) if settings else None
    return Sampler(name, run, settings, levels, plain=plain)


def samplers(its: Any) -> list[Sampler]:
    """The predictor at its default, and with its option."""
    return [sampler(its, name, settings) for name, settings in each(OPTIONS)]


register("sbi", each(OPTIONS), sampler)
