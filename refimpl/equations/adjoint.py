"""Adjoint Matching: reward fine-tuning as a regression, with a sampler that forgets its start.

    ã_0 = −∇r/β        ã_t = ã_s − h (∂f/∂x)ᵀ ã_s        ½ (u + std ã_s)² over the steps

A sample is drawn by the tuned sampler; the reward's gradient is carried back along it through the
*reference's* drift f, and the tuned policy's control u is fitted to what arrives. No likelihood, no
group, no baseline: but the reward must have a gradient. At the optimum the trajectories are the
reference's, tilted by e^{r/β}, and their ends follow p* if start and end are independent.
"""

from typing import Annotated, TypeAlias

from .arguments import (
    SAMPLE,
    Argument,
    Length,
    Lever,
    ReferenceVelocity,
    State,
    Std,
    Velocity,
    asks,
)
from .domain import DENSE, NONNEGATIVE, NONZERO, POSITIVE, REAL, positive
from .elementary import Num, sqrt
from .gaussian import Gaussian
from .paths import Coefficients
from .registry import equation
from .tilting import Goal, Temperature

Share: TypeAlias = Annotated[
    Num, Argument(r"\kappa", "g² of the sampler over the memoryless g²", POSITIVE, SAMPLE)
]
RewardSlope: TypeAlias = Annotated[Num, Argument(r"\nabla r", "the reward's gradient at the end")]
Adjoint: TypeAlias = Annotated[
    Num, Argument(r"\tilde a_s", "the lean adjoint at the level after the step")
]
Pullback: TypeAlias = Annotated[
    Num,
    Argument(
        r"(\partial_x f)^{\top}\tilde a_s",
        "the lean adjoint times the slope of the reference's drift: a vector-Jacobian product",
    ),
]
Control: TypeAlias = Annotated[
    Num, Argument("u", "the control of the step: what its mean is moved by, in units of std")
]
DataStd: TypeAlias = Annotated[Std, "the standard deviation of the data"]
PAPER = ("domingo2025", "Section 5.2")


def _spread(variance: Num) -> None:
    """Refuse a state that is one point."""
    positive(variance_of_state=variance, otherwise="at α = σ = 0 the state is a point")


@equation(
    "adjoint.memory",
    rows=("RFT-2", "RFT-1"),
    also=(("domingo2025", "Proposition 1"),),
    remark="on Gaussian data, for any multiple of the memoryless noise",
)
def memory(
    c: Annotated[Coefficients, asks(alpha=NONNEGATIVE, sigma=NONNEGATIVE)],
    std: DataStd,
    kappa: Share,
) -> Num:
    """ρ_t = (α s/√(α² s² + σ²))^κ: how x_t correlates with the end, where g² is κ times memoryless.

    At the start α = 0, so that start and end are independent, for every κ > 0 and in continuous time.
    κ = 1 is the noising process run backwards; on the linear path κ = a²/2 for Flow-GRPO's a.

    Raises:
        ValueError: α < 0, σ < 0, both zero, s ≤ 0, κ ≤ 0, NaN, or shapes that do not agree.
    """
    variance = c.alpha**2 * std**2 + c.sigma**2
    _spread(variance)
    return (c.alpha * std / sqrt(variance)) ** kappa


@equation("adjoint.end", rows=("RFT-2",), also=(PAPER,))
def end(slope: RewardSlope, beta: Temperature) -> Num:
    """ã_0 = −∇r(x_0)/β: where the lean adjoint begins, the gradient of the cost −r/β.

    Raises:
        ValueError: β ≤ 0, NaN, or shapes that do not agree.
    """
    return -slope / beta


@equation("adjoint.lean", rows=("RFT-2",), also=(PAPER,), remark="by Euler's step")
def lean(adjoint: Adjoint, pullback: Pullback, h: Length) -> Num:
    """ã_t = ã_s − h (∂f/∂x)ᵀ ã_s: one step back, from s up to t, through the reference's drift.

    f is the drift of sampling, x_s = x_t − h f + g √h ε, and the slope is taken at (x_t, t): so it is
    the transposed Jacobian of the step's mean, times ã_s. Lean, because the control is left out.

    Raises:
        ValueError: h ≤ 0, NaN, or shapes that do not agree.
    """
    return adjoint - h * pullback


@equation(
    "adjoint.carried",
    rows=("RFT-2",),
    also=(PAPER,),
    remark="the lean adjoint's equation, solved on Gaussian data",
)
def carried(
    c: Annotated[Coefficients, asks(alpha=NONNEGATIVE, sigma=NONNEGATIVE)], std: DataStd
) -> Num:
    """ã_t/ã_0 = α s²/(α² s² + σ²): what the memoryless sampler carries back, ∂E[data | x_t]/∂x.

    Raises:
        ValueError: α < 0, σ < 0, both zero, s ≤ 0, NaN, or shapes that do not agree.
    """
    variance = c.alpha**2 * std**2 + c.sigma**2
    _spread(variance)
    return c.alpha * std**2 / variance


@equation(
    "adjoint.control",
    rows=("RFT-2",),
    also=(("domingo2025", "Eq. 27"),),
    remark="solved for the control, times √h, for any sensitivity",
)
def control(v: Velocity, v_ref: ReferenceVelocity, lever: Lever, std: Annotated[Std, DENSE]) -> Num:
    """u = L (v_ref − v)/std: what a step's mean is moved by, in units of its std; its KL is u²/2.

    Args:
        v: of the tuned policy.
        v_ref: of the reference.
        lever: L = −∂ mean/∂v of the step; 2h where the noise is memoryless.
        std: of the step.

    Raises:
        ValueError: std ≤ 0, NaN, or shapes that do not agree.
    """
    return lever * (v_ref - v) / std


@equation("adjoint.loss", rows=("RFT-2",), also=(PAPER,), remark="one step")
def loss(control: Control, adjoint: Adjoint, std: Annotated[Std, DENSE]) -> Num:
    """½ (u + std ã_s)²: the regression of the control on the lean adjoint, per step and coordinate.

    Summed over steps and coordinates, averaged over samples of the tuned sampler; no gradient flows
    through the samples or through ã.

    Raises:
        ValueError: std ≤ 0, NaN, or shapes that do not agree.
    """
    return (control + std * adjoint) ** 2 / 2


@equation("adjoint.target", rows=("RFT-2",), also=(PAPER,), remark="solved for the velocity")
def target(
    v_ref: ReferenceVelocity,
    adjoint: Adjoint,
    lever: Annotated[Lever, NONZERO],
    std: Annotated[Std, DENSE],
) -> Num:
    """v* = v_ref + std² ã_s/L: the velocity at which a sample's loss is zero; g² ã/2 where memoryless.

    Raises:
        ValueError: L = 0, std ≤ 0, NaN, or shapes that do not agree.
    """
    return v_ref + std**2 * adjoint / lever


@equation(
    "adjoint.quadratic",
    rows=("RFT-2",),
    also=(("domingo2025", "Eq. 1"),),
    remark="Doob's transform of the memoryless sampler, on Gaussian data",
)
def quadratic(
    c: Annotated[Coefficients, asks(alpha=NONNEGATIVE, sigma=NONNEGATIVE)],
    x: State,
    p: Annotated[Gaussian, asks(mean=REAL, std=DENSE)],
    goal: Goal,
    beta: Temperature,
) -> Num:
    """E[ã | x_t] = k (μ − c)/(β + w): the adjoint of the optimum, for the reward −(x − c)²/2.

    k = α s²/V is `carried`, μ = E[data | x_t] and w = s² σ²/V the reference's posterior. The optimal
    velocity lies where `target` puts it, and the optimal sampler's marginals are those of the path
    from the tilted law.

    Args:
        c: the path at t.
        x: x_t.
        p: the law of the data.
        goal: the maximiser of the reward.
        beta: the weight of the KL.

    Raises:
        ValueError: α < 0, σ < 0, both zero, s ≤ 0, β ≤ 0, NaN, or shapes that do not agree.
    """
    variance = c.alpha**2 * p.std**2 + c.sigma**2
    _spread(variance)
    slope = c.alpha * p.std**2 / variance
    data = p.mean + slope * (x - c.alpha * p.mean)
    left = p.std**2 * c.sigma**2 / variance
    return slope * (data - goal) / (beta + left)
