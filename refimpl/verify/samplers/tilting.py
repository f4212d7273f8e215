"""How much of its start the end of a chain remembers, by the rule at t = 1."""

import math

import torch

from ...equations import sde, tilting
from ...equations.gaussian import Gaussian
from ...simulate import diffusion, grids, laws
from ...simulate import sde as chains
from ...toy import field, gaussian_1d
from ..check import Evidence, check

_ONE = torch.ones(1, dtype=torch.float64)


_REMEDIES = {
    "next_level": sde.next_level,
    "clamp(0.99)": sde.clamp(0.99),
    "clamp(0.9)": sde.clamp(0.9),
}


@check("samplers", covers=("tilting.fixed_start", "sde.flow_grpo_g"), rows=("RFT-1",))
def remedies_bring_memory_back(seed: int) -> Evidence:
    """Correlation of start and end, by remedy, a and T; the share of a reward's shift lost."""
    figures, target = {}, tilting.linear(Gaussian(1.5, 0.5), 1.0, 1.0)
    for T in (10, 40):
        for name, remedy in _REMEDIES.items():
            found = []
            for a in (0.7, 1.0, math.sqrt(2)):
                rho = _memory(T, a, remedy)
                reached = tilting.fixed_start(Gaussian(1.5, 0.5), 1.0, 1.0, rho)
                lost = 1 - (reached.mean - 1.5) / (target.mean - 1.5)
                if not abs(lost - rho**2) < 1e-12:  # Var(E[end | start]) is ρ² of the end's
                    raise AssertionError(f"a memory of {rho:.4f} costs {lost:.4f}, not its square")
                figures[f"T={T}, {name}, a={a:.3g}: correlation"] = rho
                figures[f"T={T}, {name}, a={a:.3g}: share of the shift lost"] = lost
                found.append(rho)
            if name == "next_level" and not 1 > found[0] > found[1] > found[2] > 0:
                raise AssertionError(f"memory must fall as a grows, got {found} (T={T})")
    overshoot = figures["T=10, clamp(0.99), a=0.7: correlation"]
    if not overshoot < 0:  # its first step, h g²/2 = 2.5 times the noise, flips the sign
        raise AssertionError(f"clamp(0.99) at T = 10 overshoots its start, got ρ = {overshoot}")
    lost = figures["T=10, next_level, a=0.7: share of the shift lost"]
    flow = _memory(10, 0.0, sde.next_level)
    if abs(flow - 1) > 1e-12:  # a flow on Gaussian data is an affine map of its start
        raise AssertionError(f"without noise the end is a function of the start, got ρ = {flow}")
    summary = f"at T = 10, a = 0.7: next_level loses {lost:.1%} of the shift, "
    return Evidence(f"{summary}clamp(0.99) overshoots (ρ = {overshoot:.2f})", figures)


def _memory(T: int, a: float, remedy: sde.Boundary) -> float:
    kernels = chains.denoising(
        field(gaussian_1d()), grids.uniform(T), diffusion=diffusion.flow_grpo(a, remedy)
    )
    law = laws.gaussian_law(kernels, 0 * _ONE, _ONE)
    return float(law.correlation_with_start[-1])
