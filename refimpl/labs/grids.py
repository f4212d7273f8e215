"""The error of a chain to first order, and the grid that makes it least: refimpl study grids.

    V_end − s² ≈ C/T        W₂ ≈ |C|/(2 s T)        KL ≈ C²/(4 s⁴ T²)        C = ∫ `accuracy.rate`

Grids of ten steps are compared at one explored share, that of Flow-GRPO at a = 0.7 on the uniform
grid, on Gaussian data of twelve widths, and on three modes that the search has not seen. Chains are
of the production kernels; nothing is sampled.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from scipy import integrate, optimize

from .. import methods
from ..equations import accuracy, coupling, kl
from ..equations.gaussian import Gaussian
from ..methods import Method
from ..simulate.grids import Grid, sd35_once_shifted, uniform
from .chains import MODES, SAMPLERS, transport
from .folder import Progress, write

WIDTHS, T, A = (0.1, 0.5, 1.0), 10, 0.7
"""Standard deviations of data that are reported; steps; the noise that sets the exploration."""

SEARCHED = tuple(0.05 * 40 ** (i / 11) for i in range(12))
"""Standard deviations that the search looks at, 0.05 to 2: with three, ten steps can be exact."""

NOISES = (1.2, math.sqrt(2), 1.6, 2.0)


def constant(a: float, std: float) -> float:
    """C of V_end − s² = C/T + …: the integral of the rate over the levels, for a > 1.

    Raises:
        ValueError: a ≤ 1, where the integral diverges at t = 1.
    """
    if not a > 1:
        raise ValueError(f"the error is of first order in 1/T for a > 1 alone, got a={a!r}")

    kappa, end = a**2 / 2, 1e-7
    # from there to noise c is κ² s² (s (1 − t))^(2κ)/(1 − t)², to a relative 1e-7
    tail = kappa**2 * std ** (2 + 2 * kappa) * end ** (2 * kappa - 1) / (2 * kappa - 1)

    def at(u: float) -> float:
        left = math.exp(u)
        return float(accuracy.rate(1 - left, std, kappa)) * left

    found = integrate.quad(at, math.log(end), 0, epsabs=1e-12, epsrel=1e-11, limit=400)
    return tail + float(found[0])


def end(grid: Grid, a: float, std: float) -> tuple[float, float]:
    """Variance of the chain's end on N(1.5, s²), and the share that its steps explore.

    The mean is exact on every grid: it moves on a line.
    """
    variance, carried = 1.0, 1.0
    for step, law in zip(grid.steps, methods.affine(Method(noise=a), grid), strict=True):
        t = step.t
        rise = (t - (1 - t) * std**2) / ((1 - t) ** 2 * std**2 + t**2)
        slope = law.of_x + law.of_v * rise
        variance = slope**2 * variance + float(law.std) ** 2
        carried *= slope
    return variance, 1 - carried**2 / variance


def noise_for(grid: Grid, explored: float) -> float:
    """The least a whose chain explores this share of N(1.5, 0.25).

    Raises:
        ValueError: none up to 2 does.
    """
    tried = [0.2 * i for i in range(1, 11)]
    for low, high in pairwise(tried):
        if end(grid, high, 0.5)[1] >= explored:
            return float(
                optimize.brentq(lambda a: end(grid, float(a), 0.5)[1] - explored, low, high)
            )
    raise ValueError(f"no a up to 2 explores {explored!r} on this grid")


def loss(grid: Grid, explored: float) -> float:
    """The mean over widths of KL(end ‖ data), at the noise that explores as much."""
    a = noise_for(grid, explored)
    return sum(_kl(end(grid, a, std)[0], std) for std in SEARCHED) / len(SEARCHED)


def _kl(variance: float, std: float) -> float:
    return float(kl.gaussian(Gaussian(0.0, math.sqrt(variance)), Gaussian(0.0, std)))


def best(explored: float, starts: Sequence[Grid], tries: int = 4, calls: int = 1500) -> Grid:
    """The grid with the least `loss`: its step lengths, by Nelder and Mead from each start.

    Args:
        tries: times that the search is begun anew, where it has come to.
        calls: of `loss`, each time.
    """

    def grid_of(logits: np.ndarray) -> Grid:
        lengths = np.exp(logits - logits.max())
        levels = 1 - np.cumsum(lengths / lengths.sum())
        return Grid((1.0, *(float(t) for t in levels[:-1]), 0.0))

    def value(logits: np.ndarray) -> float:
        try:
            return math.log(loss(grid_of(logits), explored))
        except ValueError:  # lengths that no noise explores with
            return 10.0

    found = []
    for start in starts:
        at = np.log([step.h for step in start.steps])
        for _ in range(tries):
            options = {"maxiter": calls, "maxfev": calls, "xatol": 1e-3, "fatol": 1e-4}
            at = optimize.minimize(value, at, method="Nelder-Mead", options=options).x
        found.append((value(at), at))
    return grid_of(min(found, key=lambda pair: pair[0])[1])


def row(grid: Grid, explored: float) -> dict[str, Any]:
    """A grid at an explored share: its noise, KL, W₁ on the modes, W₂ by width of the data."""
    a = noise_for(grid, explored)
    made: dict[str, Any] = {"a": a, "KL": loss(grid, explored), "levels": list(grid.levels)}
    made["modes"] = transport(SAMPLERS["flow_grpo"], a, MODES, grid)
    for std in WIDTHS:
        reached = Gaussian(0.0, math.sqrt(end(grid, a, std)[0]))
        made[f"W2, s = {std}"] = float(coupling.gaussian_cost(Gaussian(0.0, std), reached)) ** 0.5
        made[f"std, s = {std}"] = reached.std / std - 1
    return made


def orders() -> list[dict[str, float]]:
    """C for several noises and widths, and T (V_end − s²) of the chain at T = 40 and 640."""
    return [
        {
            "a": a,
            "s": std,
            "C": constant(a, std),
            **{f"T = {n}": n * (end(uniform(n), a, std)[0] - std**2) for n in (40, 640)},
        }
        for a in NOISES
        for std in WIDTHS[1:]
    ]


def run(
    folder: Path, on_progress: Progress | None = None, *, quick: bool = False
) -> dict[str, Any]:
    """Compute the study; write grids.json into the folder, made if absent.

    Args:
        quick: search for the best grid briefly, from the uniform one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plain = uniform(T)
    explored = end(plain, A, 0.5)[1]
    grids = {"uniform": plain, "shifted once, by 3": sd35_once_shifted(T)}
    if on_progress is not None:
        on_progress(0.1, "the best grid")
    starts = list(grids.values())
    grids["best"] = best(explored, starts[:1], 1, 60) if quick else best(explored, starts)
    rows = {name: row(grid, explored) for name, grid in grids.items()}
    record = {"explored": explored, "grids": rows, "orders": orders()}
    write(folder / "grids.json", record)
    return record
