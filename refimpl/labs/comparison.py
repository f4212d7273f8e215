"""The methods on a problem where every gradient is known: signal, noise, bias and cost, no sample.

    x_s = κ x + … − L b + std ε      the end carries P std ε of it, P the product of later κ

Data N(1.5, 0.25), the reward is the end itself, the policy may add a shift b_k to the velocity of
each step. All is Gaussian. One sample's gradient A ∂ log p/∂b_k has mean G_k = −L_k P_k, and its
signal, squared mean over variance, is `weights.signal` of a correlation.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import methods
from ..equations import weights
from ..methods import Method, Plan
from ..simulate import laws
from ..simulate.grids import Grid, sd35_once_shifted
from ..simulate.sde import Kernel
from ..toy import field
from . import estimators
from .chains import ONE, POINT, WIDE, ZERO, open_variance
from .contenders import ENTRIES, PLACES
from .folder import write

BACKWARD, BUDGET = 2, 1000
"""A backward pass costs as much as two forward passes; network calls of one update."""


@dataclass(frozen=True)
class Row:
    """What one method does on the exact problem.

    Attributes:
        point: the noise std at the end on data that are one point; it should be 0.
        wide: the relative error of the end's std on N(1.5, 0.25).
        reach: the explored share: of the end's variance, what all noisy steps decide.
        trained: the share that the trained steps decide: of the reward that can be bought at a
            price of KL, the part that this method can buy.
        aim: the alignment, the cosine of the expected update with the gradient of the reward in all
            T shifts.
        uneven: the largest noise of a trained step's gradient over the smallest.
        signal: of the end's movement under the update, per sample.
        calls: network calls per sample: T to roll out, three to train a step (one and a backward).
        price: calls/signal: what an update costs whose signal equals its noise.
        gain: C/(C + price), C = 1000 calls: what one update of the best size reaches, as a share of
            the optimum of reward − β KL(end), N S/(1 + N S) with N = C/calls samples.
    """

    point: float
    wide: float
    reach: float
    trained: float
    aim: float
    uneven: float
    signal: float
    calls: float
    price: float
    gain: float


@dataclass(frozen=True)
class Linear:
    """An affine chain, step by step: std, L = −∂ mean/∂v, and P, the noise that the end carries."""

    std: np.ndarray
    sensitivity: np.ndarray
    carried: np.ndarray
    variance: float

    @property
    def gradient(self) -> np.ndarray:
        """G = ∂ E[end]/∂b."""
        return -self.sensitivity * self.carried


def linear(method: Method, plan: Plan, grid: Grid) -> Linear:
    """The chain of a method on N(1.5, 0.25); sensitivities and slopes are read off its kernels."""
    made = _kernels(method, plan, grid, field(WIDE))
    raised = _kernels(method, plan, grid, lambda x, t: field(WIDE)(x, t) + 1)
    at = [kernel(ZERO[None]) for kernel in made]
    slope = [
        float(kernel(ONE[None]).mean - here.mean) for kernel, here in zip(made, at, strict=True)
    ]
    sensitivity = [float(h.mean - up(ZERO[None]).mean) for h, up in zip(at, raised, strict=True)]
    carried = [float(np.prod(slope[k + 1 :])) for k in range(grid.T)]
    law = laws.gaussian_law(made, ZERO, ONE)
    std = np.array([float(here.std) for here in at])
    return Linear(std, np.array(sensitivity), np.array(carried), float(law.variance[-1]))


def _kernels(
    method: Method, plan: Plan, grid: Grid, v: Callable[[Any, float], Any]
) -> tuple[Kernel, ...]:
    def kernel(i: int) -> Kernel:
        step = grid.steps[i]
        return lambda x: methods.kernel(method, x, v(x, step.t), step, noisy=plan.noisy[i])

    return tuple(kernel(i) for i in range(grid.T))


def row(name: str, grid: Grid) -> Row:
    """One method, all in closed form.

    Raises:
        KeyError: a method that is not compared.
    """
    entry = ENTRIES[name]
    if entry.method is None:
        return _likelihood_free(grid)
    plan = methods.plan(entry.method, grid, iteration=PLACES.get(name, 0))
    chain = linear(entry.method, plan, grid)
    on = list(plan.trained)
    w = np.zeros(grid.T)
    w[on] = plan.weights
    if entry.method.ratio == "guard":
        w = w * chain.std  # log r′ = std (log r + KL): at the old policy its gradient is std times
    score = np.divide(chain.sensitivity, chain.std, out=np.zeros(grid.T), where=chain.std > 0)
    drawn = (chain.carried * chain.std) ** 2
    told = float(drawn.sum()) if entry.shared else chain.variance  # of the advantage
    update = w * chain.gradient
    moved = float(update @ chain.gradient)
    spread = float(np.sum((update * score) ** 2) * told) ** 0.5
    signal = float(weights.signal(min(moved / spread, 1.0)))
    noise = (w * score)[on]
    before = plan.noisy.index(True) if entry.shared else 0
    calls = grid.T - before + (1 + BACKWARD) * len(on)
    point = entry.method.but(data_std=0.0)  # there is no spread to match
    at_point = laws.gaussian_law(_kernels(point, plan, grid, field(POINT)), ZERO, ONE)
    size = float(np.linalg.norm(update) * np.linalg.norm(chain.gradient))
    return Row(
        point=float(at_point.std[-1]),
        wide=chain.variance**0.5 / 0.5 - 1,
        reach=float(drawn.sum()) / chain.variance,
        trained=float(drawn[on].sum()) / chain.variance,
        aim=moved / size,
        uneven=float(noise.max() / noise.min()),
        signal=signal,
        calls=calls,
        price=calls / signal,
        gain=BUDGET / (BUDGET + calls / signal),
    )


def _likelihood_free(grid: Grid) -> Row:
    """DiffusionNFT and AWM at the old policy: the ODE rolls out, one level is drawn and trained.

    Samples have the law of the data. At level t the score's place is taken by
    (x_0 − E[x_0 | x_t])/t, whose variance is V/t², whose covariance with the advantage V/t.
    """
    ode = Plan((False,) * grid.T, (), ())
    chain = linear(Method(), ode, grid)
    t = np.array(grid.levels[:-1])
    V = np.array([open_variance(WIDE, level) for level in t])
    variance = float(WIDE.covariance)
    mean = chain.gradient * -V / t
    square = chain.gradient**2 * V / t**2 * (variance + 2 * V)
    first = float(mean.mean())
    signal = first**2 / (float(square.mean()) - first**2)
    noise = np.sqrt(V) / t
    calls = grid.T + 1 + BACKWARD
    size = float(np.linalg.norm(V / t) * np.linalg.norm(chain.gradient))
    at_point = laws.gaussian_law(_kernels(Method(), ode, grid, field(POINT)), ZERO, ONE)
    return Row(
        point=float(at_point.std[-1]),
        wide=chain.variance**0.5 / 0.5 - 1,
        reach=1.0,
        trained=1.0,
        aim=float(mean.sum()) / size,
        uneven=float(noise.max() / noise.min()),
        signal=signal,
        calls=calls,
        price=calls / signal,
        gain=BUDGET / (BUDGET + calls / signal),
    )


def run(folder: Path, T: int = 10) -> dict[str, Any]:
    """Compare all methods on SD3.5's grid, shifted once; write methods.json into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    grid = sd35_once_shifted(T)
    rows = {name: asdict(row(name, grid)) for name in ENTRIES}
    record = {
        "grid": f"SD3.5, shifted once, T = {T}",
        "methods": rows,
        "steps": by_step(grid),
        "kl": estimators.divergences(),
        "trust": estimators.trust(),
    }
    write(folder / "methods.json", record)
    return record


def by_step(grid: Grid) -> list[dict[str, float]]:
    """Flow-GRPO step by step: level, std, gradient noise L/std, signal, share of the end."""
    method = Method(skip_last=False)
    chain = linear(method, methods.plan(method, grid), grid)
    share = (chain.carried * chain.std) ** 2 / chain.variance
    return [
        {
            "t": grid.levels[i],
            "std": float(chain.std[i]),
            "noise": float(chain.sensitivity[i] / chain.std[i]),
            "share": float(share[i]),
            "signal": float(weights.signal(float(share[i]) ** 0.5)),
        }
        for i in range(grid.T)
    ]
