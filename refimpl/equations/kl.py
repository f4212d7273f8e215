"""The divergence of two steps, and the quantities that the field calls by its name.

    KL(N(m, σ²) ‖ N(m′, σ′²)) = log(σ′/σ) + (σ² − σ′² + (m − m′)²)/(2σ′²)

Two steps of one SDE share their std, and the KL is (m − m′)²/(2 std²). With the means of the paper's Eq. 9 it
becomes the paper's KL. All values are per coordinate; the KL of a sample is their *sum*. A weight β chosen
for one of the variants below does not carry over to another.
"""

from typing import Annotated, TypeAlias

from .arguments import (
    SAMPLE,
    Argument,
    Diffusion,
    Length,
    Level,
    LogRatio,
    Mean,
    ReferenceMean,
    ReferenceVelocity,
    Std,
    Velocity,
    asks,
)
from .domain import DENSE, DIVIDING, NONNEGATIVE, POSITIVE_LEVEL, REAL, positive
from .elementary import Array, Num, exp_remainder, log_quotient
from .gaussian import Gaussian
from .registry import equation

Shifts: TypeAlias = Annotated[
    Array,
    Argument(
        "d", "how far a policy moves the mean of each step, shape (T, ...)", REAL, "array", axes=1
    ),
]
Widths: TypeAlias = Annotated[
    Array,
    Argument(
        r"\mathrm{std}",
        "the standard deviation of each step, shape (T, ...)",
        DENSE,
        "array",
        axes=1,
    ),
]
Carried: TypeAlias = Annotated[
    Array,
    Argument(
        "P",
        "how much of each step's end is left in the image, shape (T, ...)",
        REAL,
        "array",
        axes=1,
    ),
]
Start: TypeAlias = Annotated[
    Num,
    Argument(
        r"\mathrm{std}_0", "the image's standard deviation due to the start", NONNEGATIVE, SAMPLE
    ),
]
TOWER = "the chain rule of the divergence, for steps that share their width"


@equation(
    "kl.gaussian",
    rows=("GRPO-8",),
    also=(("kullback1951", ""),),
    remark="closed form for Gaussians",
)
def gaussian(
    p: Annotated[Gaussian, asks(mean=REAL, std=DENSE)],
    q: Annotated[Gaussian, asks(mean=REAL, std=DENSE)],
) -> Num:
    """KL(p ‖ q) = log(σ_q/σ_p) + (σ_p² − σ_q² + (m_p − m_q)²)/(2σ_q²), per coordinate.

    Computed as ½ (e^{2ρ} − 1 − 2ρ) + (m_p − m_q)²/(2σ_q²) with ρ = log(σ_p/σ_q): the same number
    as two terms of which neither is negative, so that near laws keep their digits.

    Raises:
        ValueError: a std ≤ 0, NaN, or shapes that do not agree.
    """
    rho = log_quotient(p.std, q.std)
    return exp_remainder(2 * rho) / 2 + (p.mean - q.mean) ** 2 / (2 * q.std**2)


@equation(
    "kl.of_means", rows=("GRPO-8",), paper="below Eq. 9", article="Eq. 3", remark="first form"
)
def of_means(mean: Mean, mean_ref: ReferenceMean, std: Std) -> Num:
    """(mean − mean_ref)²/(2 std²), std = g √h: the KL of two steps that share their std.

    Raises:
        ValueError: std ≤ 0, NaN, or shapes that do not agree.
    """
    return (mean - mean_ref) ** 2 / (2 * std**2)


@equation(
    "kl.flow_grpo", rows=("GRPO-8",), paper="below Eq. 9", article="Eq. 3", remark="second form"
)
def flow_grpo(
    v: Velocity,
    v_ref: ReferenceVelocity,
    g: Annotated[Diffusion, DIVIDING],
    t: Annotated[Level, POSITIVE_LEVEL],
    h: Length,
) -> Num:
    """(h/2) (g (1 − t)/(2t) + 1/g)² (v − v_ref)²: the paper's KL, from the velocities of the linear path.

    !!! warning "Three versions"
        The article has the factor h. The official code divides by 2 g² and so lacks it (its
        issue 78), and takes the mean over coordinates where the article's norm is a sum.

    Raises:
        ValueError: g ≤ 0, t = 0 or outside [0, 1], h ≤ 0, NaN, or shapes that do not agree.
    """
    return h / 2 * (g * (1 - t) / (2 * t) + 1 / g) ** 2 * (v - v_ref) ** 2


@equation(
    "kl.without_h",
    rows=("GRPO-8",),
    also=(("flow_grpo_code", "scripts/train_sd3.py, line 895"),),
    remark="also mm_grpo and verl-omni",
)
def without_h(mean: Mean, mean_ref: ReferenceMean, g: Annotated[Diffusion, DIVIDING]) -> Num:
    """(mean − mean_ref)²/(2 g²): the field's variant, h times the KL of the steps.

    Raises:
        ValueError: g ≤ 0, NaN, or shapes that do not agree.
    """
    return (mean - mean_ref) ** 2 / (2 * g**2)


@equation(
    "kl.velocity", rows=("GRPO-8",), remark="Flow-Factory; proposed in flow_grpo's discussions"
)
def velocity(v: Velocity, v_ref: ReferenceVelocity) -> Num:
    """(v − v_ref)²: not a divergence of steps, but even over t; also called velocity KL."""
    return (v - v_ref) ** 2


@equation("kl.k1", rows=("GRPO-8",), also=(("schulman2020", "k1"),))
def k1(log_ratio: LogRatio) -> Num:
    """−log r, with r = p_ref/p_θ on a draw from p_θ: unbiased for KL(p_θ ‖ p_ref), of either sign."""
    return -log_ratio


@equation("kl.k2", rows=("GRPO-8",), also=(("schulman2020", "k2"),))
def k2(log_ratio: LogRatio) -> Num:
    """½ (log r)²: biased, never negative, low in variance."""
    return log_ratio**2 / 2


@equation(
    "kl.k3",
    rows=("GRPO-8",),
    also=(
        ("schulman2020", "k3"),
        ("shao2024", "Eq. 4"),
    ),
)
def k3(log_ratio: LogRatio) -> Num:
    """r − 1 − log r: unbiased and never negative; GRPO's estimator for language models."""
    return exp_remainder(log_ratio)


@equation("kl.trajectory", rows=("GRPO-13",), also=(("kullback1951", ""),), remark=TOWER)
def trajectory(shift: Shifts, std: Widths) -> Num:
    """Σ_k d_k²/(2 std_k²): the KL of two chains as laws of whole trajectories, per coordinate.

    Args:
        shift: d_k, the difference of the two policies' means at step k, where it does not depend
            on the state; where it does, its root mean square under the new policy.
        std: of each step.

    Raises:
        ValueError: no steps, a std ≤ 0, NaN, or shapes that do not agree.
    """
    _steps(shift)
    return (shift**2 / (2 * std**2)).sum(axis=0)


@equation("kl.images", rows=("GRPO-13",), remark="the end of a linear chain is Gaussian")
def images(shift: Shifts, std: Widths, carried: Carried, start: Start) -> Num:
    """(Σ_k P_k d_k)²/(2 (std_0² + Σ_k P_k² std_k²)): the KL of the images that two chains end in.

    Args:
        shift: as in `trajectory`.
        std: of each step.
        carried: P_k, the product of the slopes of all later steps.
        start: the standard deviation that the chain's start gives to the image.

    Raises:
        ValueError: no steps, a std ≤ 0, an image without spread, NaN, or shapes that do not agree.
    """
    _steps(shift)
    variance = start**2 + (carried**2 * std**2).sum(axis=0)
    positive(variance_of_image=variance, otherwise="nothing of the noise reaches the image")
    return (carried * shift).sum(axis=0) ** 2 / (2 * variance)


@equation("kl.seen", rows=("GRPO-13",), remark="Cauchy and Schwarz")
def seen(std: Widths, carried: Carried, start: Start) -> Num:
    """Σ P² std²/(std_0² + Σ P² std²): the largest share of a trajectory's KL that images can show.

    It is the explored share of the chain: what its steps decide of the image's variance.

    Raises:
        ValueError: no steps, a std ≤ 0, an image without spread, NaN, or shapes that do not agree.
    """
    _steps(std)
    decided = (carried**2 * std**2).sum(axis=0)
    positive(variance_of_image=start**2 + decided, otherwise="no noise reaches the image")
    return decided / (start**2 + decided)


def _steps(values: Array) -> None:
    """Refuse a chain without steps."""
    if len(values) == 0:
        raise ValueError(f"a chain has one step or more, got shape {tuple(values.shape)}")
