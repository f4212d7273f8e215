"""Tables of exact numbers: the law of the discrete chain on Gaussian data, without a sample.

Data is N(1.5, 0.25), the grid is uniform from 1 to 0, and the chain is Flow-GRPO's.
"""

import math

import torch

from refimpl.equations import sde
from refimpl.equations.sde import Boundary
from refimpl.simulate import diffusion, grids, laws
from refimpl.simulate.sde import denoising
from refimpl.toy import field, gaussian_1d

LEVELS = (("0", 0.0), ("0.7", 0.7), ("1", 1.0), ("√2", math.sqrt(2)))


def end(T: int, a: float, boundary: Boundary) -> tuple[float, float, float]:
    """Mean and variance at the end, and the correlation with the initial noise."""
    kernels = denoising(
        field(gaussian_1d()), grids.uniform(T), diffusion=diffusion.flow_grpo(a, boundary)
    )
    zero, one = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    law = laws.gaussian_law(kernels, zero, one)
    last = (law.mean[-1], law.variance[-1], law.correlation_with_start[-1])
    mean, variance, correlation = (float(x) for x in last)
    return mean, variance, correlation


def memory() -> str:
    """How much of the initial noise the end remembers, by noise level, remedy and grid."""
    remedies = (("next_level", sde.next_level), ("clamp(0.99)", sde.clamp(0.99)))
    rows = [
        "| $a$ | remedy | $T$ | variance | correlation with the start | $1 - \\rho^2$ |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for name, a in LEVELS:
        for remedy, boundary in remedies if a else remedies[:1]:
            for T in (10, 40):
                _, variance, rho = end(T, a, boundary)
                shown = f"`{remedy}`" if a else "–"
                rows.append(
                    f"| {name} | {shown} | {T} | {_fixed(variance)} | {_fixed(rho)} "
                    f"| {_fixed(1 - rho**2)} |"
                )
    return "\n".join(rows)


def reduction() -> str:
    """The variance at the end by number of steps; the data's is 0.25."""
    counts = (10, 20, 40, 80, 160)
    rows = [
        "| $a$ | " + " | ".join(f"$T = {T}$" for T in counts) + " |",
        "| --- |" + " ---: |" * len(counts),
    ]
    for name, a in LEVELS:
        errors = (end(T, a, sde.next_level)[1] - 0.25 for T in counts)
        rows.append(f"| {name} | " + " | ".join(_signed(e) for e in errors) + " |")
    return "Error of the final variance, `next_level` at $t = 1$:\n\n" + "\n".join(rows)


def _fixed(x: float) -> str:
    return f"{x:.4f}".replace("-0.0000", "0.0000").replace("-", "−")


def _signed(x: float) -> str:
    return f"{x:+.4f}".replace("-0.0000", "0.0000").replace("+0.0000", "0.0000").replace("-", "−")
