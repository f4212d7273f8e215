"""torchsde's methods as samplers of the reverse SDE of the flow, with g constant.

    dx = (−v + g²/2 score) dτ + g dW,   τ = 1 − t from 0 to 1        sdeint(sde, x, ts, dt = 1/T)

The noise is additive, so that Itô's and Stratonovich's integrals are one, and every method that the
library has must approach the same law. The Brownian path is scripted: an increment √h ε, and where
a method asks for it the space-time area U = h/2 W + h H, H = √(h/12) ε'.
"""

from typing import Any

import torch

from ..samplers.chain import Noises
from ..samplers.sampler import Sampler, register
from ..samplers.target import score, velocity

V = velocity()
G = 0.7

METHODS: dict[str, tuple[str, ...]] = {
    "ito": ("euler", "milstein", "srk"),
    "stratonovich": ("euler_heun", "heun", "midpoint", "milstein", "reversible_heun", "log_ode"),
}
"""What `sdeint` takes for either integral."""


def reverse_sde(kind: str) -> Any:
    """The object that sdeint asks: drift f and diffusion g."""

    class Reverse(torch.nn.Module):
        sde_type, noise_type = kind, "diagonal"

        def f(self, tau: Any, x: Any) -> Any:
            t = 1 - float(tau)
            return -V(x, t) + G**2 / 2 * score(x, t)

        def g(self, tau: Any, x: Any) -> Any:
            return torch.full_like(x, G)

    return Reverse()


def scripted(its: Any, x: Any, noises: Noises, area: str) -> Any:
    """A Brownian path whose increments are the given noises, the same for the same interval."""
    kept: dict[tuple[float, float], tuple[Any, Any]] = {}

    class Scripted(its.module.BaseBrownian):  # type: ignore[misc]
        dtype, device, shape = x.dtype, x.device, x.shape
        levy_area_approximation = area

        def __call__(
            self, ta: Any, tb: Any = None, return_U: bool = False, return_A: bool = False
        ) -> Any:
            at, h = (float(ta), float(tb)), float(tb) - float(ta)
            if at not in kept:
                w = h**0.5 * noises.like(x)
                u = h / 2 * w + h * (h / 12) ** 0.5 * noises.like(x) if return_U else None
                kept[at] = (w, u)
            w, u = kept[at]
            if return_A:  # additive noise of one coordinate each has no area between coordinates
                area = torch.zeros(*w.shape, w.shape[-1], dtype=w.dtype)
                return (w, u, area) if return_U else (w, area)
            return (w, u) if return_U else w

        def __repr__(self) -> str:
            return "scripted increments"

    return Scripted()


def sampler(its: Any, method: str, settings: dict[str, Any]) -> Sampler:
    """One method."""
    kind = settings["sde_type"]

    def run(x: Any, steps: int, noises: Noises) -> Any:
        area = {"srk": "space-time", "log_ode": "foster"}.get(method, "none")
        sde = reverse_sde(kind)
        times = torch.tensor([0.0, 1.0], dtype=x.dtype)
        with torch.no_grad():
            return its.module.sdeint(sde, x, times, bm=scripted(its, x, noises, area),
                                     method=method, dt=1 / steps)[-1]  # fmt: skip

    return Sampler(method, run, settings)


def samplers(its: Any) -> list[Sampler]:
    """Every method."""
    return [sampler(its, method, settings) for method, settings in ASKED]


ASKED = [(m, {"sde_type": kind}) for kind, methods in METHODS.items() for m in methods]


register("torchsde", ASKED, sampler)
