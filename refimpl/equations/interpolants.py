"""Paths from any start law: x_t = α z + σ y with y ~ p_init, Gaussian or not.

    p_t(x | z) = p_init((x − α z)/σ)/σ        ∇log p_t(x) = E[∇log p_init(y) | x_t = x]/σ

The velocity is E[α̇ z + σ̇ y | x_t] as ever, and still follows from E[z | x_t]. But the score follows from
it no more: −E[y | x]/σ was the Gaussian's. A network for an SDE needs two answers, or a Gaussian.
"""

from typing import Annotated, TypeAlias

from .arguments import SAMPLE, Argument, Level, Sigma, State
from .domain import NOISED, POSITIVE_LEVEL, REAL
from .elementary import Num, log
from .registry import equation

StartScore: TypeAlias = Annotated[
    Num, Argument(r"\nabla\log p_{\mathrm{init}}", "of the start's law, at y or averaged given x_t")
]
StartDensity: TypeAlias = Annotated[
    Num, Argument(r"\log p_{\mathrm{init}}", "of the start's law, at y = (x − α z)/σ")
]
Turned: TypeAlias = Annotated[
    Num, Argument(r"x^{\perp}", "the same coordinate of the state after a quarter turn")
]
Turn: TypeAlias = Annotated[
    Num, Argument(r"\tau", "1 or −1: which way the data are turned to make the start", REAL, SAMPLE)
]
PAPER = ("albergo2023", "")


@equation("interpolants.log_density", rows=("PATH-6",), also=(PAPER,), remark="a change of scale")
def log_density(start_log_density: StartDensity, sigma: Annotated[Sigma, NOISED]) -> Num:
    """log p_t(x | z) = log p_init((x − α z)/σ) − log σ, per coordinate.

    Raises:
        ValueError: σ ≤ 0, NaN, or shapes that do not agree.
    """
    return start_log_density - log(sigma)


@equation("interpolants.score", rows=("PATH-6", "SC-11"), also=(PAPER,), remark="any start law")
def score(start_score: StartScore, sigma: Annotated[Sigma, NOISED]) -> Num:
    """∇log p_t = E[∇log p_init(y) | x_t]/σ; with y for the mean, the target of a score network.

    For N(0, I) the start's score is −y, and this is −E[noise | x_t]/σ.

    Raises:
        ValueError: σ ≤ 0, NaN, or shapes that do not agree.
    """
    return start_score / sigma


@equation("interpolants.from_point", rows=("SC-11",), remark="data that are the point 0")
def from_point(x: State, t: Annotated[Level, POSITIVE_LEVEL]) -> Num:
    """v = x/t: the velocity of the linear path from the data 0, for *every* start law.

    The score is ∇log p_init(x/t)/t, as different as start laws are: it cannot follow from v.

    Raises:
        ValueError: t = 0 or outside [0, 1], NaN, or shapes that do not agree.
    """
    return x / t


@equation("interpolants.turning", rows=("SC-11",), remark="data N(0, I), the start turned by 90°")
def turning(x: State, turned: Turned, t: Level, turn: Turn) -> Num:
    """v = ((2t − 1) x + τ x^⊥)/((1 − t)² + t²): two velocities, by the sign of τ, with one score.

    In the plane the start y is the datum z, turned by a quarter to either side. Then p_t =
    N(0, (1 − t)² + t²) whichever side it is: the velocity cannot follow from the score.

    Raises:
        ValueError: t outside [0, 1], NaN, or shapes that do not agree.
    """
    return ((2 * t - 1) * x + turn * turned) / ((1 - t) ** 2 + t**2)
