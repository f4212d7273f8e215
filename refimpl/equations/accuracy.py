"""How far a chain of Euler–Maruyama steps ends from the data's law, to first order in its steps.

    V_end − s² = Σ_k h_k² c(t_k) + …        c = (k² V − V̈/2) · s²/V · (α² s²/V)^κ

Gaussian data of variance s², the linear path, g² κ times the memoryless one: κ = a²/2. A step errs in
the variance alone, by an amount that is known exactly; the rest of the chain forgets a part of it.
With κ > ½, equal steps and T of them the error is C/T, C the integral of c: and for the
memoryless noise C = 0.
"""

from typing import Annotated, TypeAlias

from .arguments import SAMPLE, Argument, Level, Std, asks
from .domain import DENSE, LEVEL_BELOW_ONE, NONNEGATIVE, POSITIVE, REAL, positive
from .elementary import Num, sqrt
from .paths import Coefficients
from .registry import equation

Slope: TypeAlias = Annotated[Num, Argument("k", "the slope of the drift", REAL, SAMPLE)]
Variance: TypeAlias = Annotated[
    Num, Argument("V", "the variance at the level", NONNEGATIVE, SAMPLE)
]
Bend: TypeAlias = Annotated[
    Num, Argument(r"\ddot V", "the second derivative of the variance in t", REAL, SAMPLE)
]
Noise: TypeAlias = Annotated[
    Num, Argument(r"\kappa", "g² over the memoryless one; 0 is the flow", NONNEGATIVE, SAMPLE)
]
DataStd: TypeAlias = Annotated[Std, DENSE, "the standard deviation of the data"]
Rate: TypeAlias = Annotated[
    Num, Argument("c", "the size of the error's rate at the level", POSITIVE, SAMPLE)
]
Root: TypeAlias = Annotated[
    Num, Argument(r"\int\sqrt c", "the integral of √c over the levels", POSITIVE, SAMPLE)
]
Steps: TypeAlias = Annotated[Num, Argument("T", "the number of steps", POSITIVE, SAMPLE)]
TALAY = ("talay1990", "")


@equation("accuracy.defect", rows=("GRPO-15",), also=(TALAY,), remark="for variances")
def defect(slope: Slope, variance: Variance, bend: Bend) -> Num:
    """k² V − V̈/2: what one Euler–Maruyama step adds to the exact variance, over h².

    On the linear path with Gaussian data V is a parabola in t, and this is all there is.

    Raises:
        ValueError: V < 0, NaN, or shapes that do not agree.
    """
    return slope**2 * variance - bend / 2


@equation("accuracy.left", rows=("GRPO-15",), remark="the transition of a linear SDE")
def left(
    c: Annotated[Coefficients, asks(alpha=NONNEGATIVE, sigma=NONNEGATIVE)],
    std: DataStd,
    kappa: Noise,
) -> Num:
    """(s²/V)(α² s²/V)^κ: the share of a variance added at level t that is left at the end.

    Raises:
        ValueError: α < 0, σ < 0, both zero, s ≤ 0, κ < 0, NaN, or shapes that do not agree.
    """
    variance = c.alpha**2 * std**2 + c.sigma**2
    positive(variance_of_state=variance, otherwise="at α = σ = 0 the state is a point")
    return std**2 / variance * (c.alpha**2 * std**2 / variance) ** kappa


@equation("accuracy.rate", rows=("GRPO-15", "GRID-3"), also=(TALAY,), remark="on Gaussian data")
def rate(t: Annotated[Level, LEVEL_BELOW_ONE], std: DataStd, kappa: Noise) -> Num:
    """c(t): what a step of length h at level t adds to the variance of the end, over h².

    Raises:
        ValueError: t = 1 or outside [0, 1], s ≤ 0, κ < 0, NaN, or shapes that do not agree.
    """
    variance = (1 - t) ** 2 * std**2 + t**2
    slope = (t - (1 - t) * std**2 + kappa * t / (1 - t)) / variance
    here = slope**2 * variance - (1 + std**2)
    return here * std**2 / variance * ((1 - t) ** 2 * std**2 / variance) ** kappa


@equation("accuracy.best_step", rows=("GRID-3",), remark="Cauchy and Schwarz")
def best_step(rate: Rate, root: Root, steps: Steps) -> Num:
    """h = ∫√c/(T √c): the length at a level of the grid that makes Σ h² c least, T steps in all.

    The least value is (∫√c)²/T; equal steps leave ∫c/T. It is the best of all grids where c has one
    sign; where the sign changes, errors can be made to cancel instead.

    Args:
        rate: c at the level.
        root: the integral of √c from the last to the first level.
        steps: T.

    Raises:
        ValueError: c ≤ 0, an integral ≤ 0, T ≤ 0, NaN, or shapes that do not agree.
    """
    return root / (steps * sqrt(rate))
