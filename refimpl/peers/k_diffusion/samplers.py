"""k_diffusion's samplers as a whole: their law at the end, with the options they accept.

    x = sample_heun(model, x, sigmas, s_churn = …)        x starts at N(0, σ₁²)

The levels are Karras', from 80 to .002 and then 0, as the repository's own training sets them.
"""

from typing import Any

import torch

from ..samplers.chain import Law, Noises, drawing
from ..samplers.sampler import Sampler, each, register
from ..samplers.target import DATA, denoised

HIGHEST, LOWEST = 80.0, 2e-3

_CHURN = (("s_churn", 1.0), ("s_churn", 10.0))
_ANCESTRAL = (("eta", 0.0), ("eta", 0.5))

OPTIONS: dict[str, tuple[tuple[str, Any], ...]] = {
    "sample_euler": _CHURN, "sample_heun": _CHURN, "sample_dpm_2": _CHURN,
    "sample_euler_ancestral": _ANCESTRAL, "sample_dpm_2_ancestral": _ANCESTRAL,
    "sample_lms": (("order", 1), ("order", 2)),
    "sample_dpmpp_2s_ancestral": _ANCESTRAL, "sample_dpmpp_2m": (),
    "sample_dpmpp_sde": (*_ANCESTRAL, ("r", 0.25)),
    "sample_dpmpp_2m_sde": (*_ANCESTRAL, ("solver_type", "heun")),
    "sample_dpmpp_3m_sde": _ANCESTRAL,
}  # fmt: skip
"""Every sampler over a list of levels, and what it is asked for beside its defaults."""

NOT_ASKED: dict[str, str] = {
    "s_noise": "noise wider than the path's is meant to have another law",
    **dict.fromkeys(("s_tmin", "s_tmax"), "they say where there is churn"),
    **dict.fromkeys(("model", "x", "sigmas", "extra_args", "callback", "disable",
                     "noise_sampler"), "no option of the law"),
}  # fmt: skip
"""Options that are not varied, and why."""

_TAKES_NOISE = ("ancestral", "sde")


def levels(steps: int) -> list[float]:
    """Karras' levels, even in σ^(1/7), then 0."""
    ends = torch.tensor([HIGHEST, LOWEST], dtype=torch.float64) ** (1 / 7)
    line = torch.linspace(0, 1, steps, dtype=torch.float64)
    return [*((ends[0] + line * (ends[1] - ends[0])) ** 7).tolist(), 0.0]


def sampler(its: Any, name: str, settings: dict[str, Any]) -> Sampler:
    """One of them."""
    function = its.function(name)

    def run(x: Any, steps: int, noises: Noises) -> Any:
        sigmas = torch.tensor(levels(steps), dtype=torch.float64)

        def model(x: Any, sigma: Any) -> Any:
            at = torch.as_tensor(sigma).reshape(-1)[0]
            return denoised(x, 1.0, at)

        more: dict[str, Any] = {}
        if any(part in name for part in _TAKES_NOISE):
            more["noise_sampler"] = lambda a, b: noises.like(x)
        with drawing(noises):
            return function(model, x, sigmas, disable=True, **more, **settings)

    plain = sampler(its, name, {}) if settings else None
    return Sampler(name, run, settings, levels, start=Law(0.0, HIGHEST), exact=_exact,
                   highest=HIGHEST, plain=plain)  # fmt: skip


def _exact(sigma: float) -> Law:
    """The law of the path at a level."""
    return Law(DATA.mean, (DATA.std**2 + sigma**2) ** 0.5)


def samplers(its: Any) -> list[Sampler]:
    """Every sampler, at its defaults and with each of its options."""
    return [sampler(its, name, settings) for name, settings in each(OPTIONS)]


register("k_diffusion", each(OPTIONS), sampler)
