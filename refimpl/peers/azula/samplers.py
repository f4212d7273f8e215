"""azula's samplers as a whole: their law at the end, with the options they accept.

    Sampler(denoiser, steps = T)(x)        the denoiser is the exact one, on the rectified schedule

The library's schedule stops short of both ends, at σ = 1e-3 and α = 1e-3: the start is the path's
law at the noisy end, and what σ leaves at the other is below what counts as a gap.
"""

from typing import Any

import torch

from ..samplers.chain import Law, Noises, drawing
from ..samplers.sampler import Sampler, each, register
from ..samplers.target import DATA, denoised

OPTIONS: dict[str, tuple[tuple[str, Any], ...]] = {
    "EulerSampler": (), "HeunSampler": (), "DDPMSampler": (),
    "DDIMSampler": (("eta", 0.5), ("eta", 1.0), ("eta", 2.0)),
    "ItoSampler": (("eta", 0.0), ("eta", 0.5)),
    "zABSampler": (("order", 1), ("order", 3)), "vABSampler": (("order", 1), ("order", 3)),
    "zEABSampler": (("order", 1), ("order", 3)), "xEABSampler": (("order", 1), ("order", 3)),
    "REABSampler": (("order", 1), ("order", 3)),
    "PCSampler": (("corrections", 2), ("delta", 0.1)),
}  # fmt: skip
"""Every sampler, and what it is asked for beside its defaults."""

NOT_ASKED: dict[str, str] = {
    "temperature": "a temperature other than 1 is meant to have another law",
    **dict.fromkeys(("denoiser", "kwargs", "start", "stop", "steps", "silent", "dtype",
                     "device"), "no option of the law"),
}  # fmt: skip
"""Options that are not varied, and why."""


def exact(its: Any, schedule: Any) -> Any:
    """The denoiser E[data | x_t] in the library's own classes."""

    class Exact(its.denoise.Denoiser):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.schedule = schedule

        def forward(self, x_t: Any, t: Any, **extras: Any) -> Any:
            return its.denoise.DiracPosterior(mean=denoised(x_t, *schedule(t)))

    return Exact()


def sampler(its: Any, name: str, settings: dict[str, Any]) -> Sampler:
    """One of them, on the rectified schedule."""
    schedule = its.noise.RectifiedSchedule()

    def run(x: Any, steps: int, noises: Noises) -> Any:
        made = getattr(its.sample, name)(exact(its, schedule), steps=steps, silent=True,
                                         dtype=torch.float64, **settings)  # fmt: skip
        with drawing(noises):
            return made(x)

    alpha, sigma = (float(c) for c in schedule(torch.tensor(1.0, dtype=torch.float64)))
    start = Law(alpha * DATA.mean, (alpha**2 * DATA.std**2 + sigma**2) ** 0.5)
    plain = sampler(its, name, {}) if settings else None
    return Sampler(name, run, settings, start=start, plain=plain)


def samplers(its: Any) -> list[Sampler]:
    """Every sampler, at its defaults and with each of its options."""
    return [sampler(its, name, settings) for name, settings in each(OPTIONS)]


register("azula", each(OPTIONS), sampler)
