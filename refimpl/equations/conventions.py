"""The one place where a clock, an end or a sign flips.

    house:      t = noise level, 0 = data, 1 = noise,   v = noise − data,   a step t → s has h = t
    − s > 0 data-time:  t = progress,    0 = noise, 1 = data,   u = data − noise    (flow_matching,
    torchcfm, MIT 6.S184) network:    1000 · t
    (diffusers' timestep)

Each conversion is its own inverse, or comes with it: a round trip is the identity. The score is the
same function in both clocks at matching times.
"""

from typing import Annotated, TypeAlias

from .arguments import Argument, Length, Level, Omega, Velocity, W, Weight
from .domain import COUNT, NETWORK_TIME, NONNEGATIVE
from .elementary import Num
from .paths import Coefficients
from .registry import equation

NetworkTime: TypeAlias = Annotated[
    Num, Argument(r"\tau", "network time, 0 to 1000", NETWORK_TIME, between=("1", "999"))
]
Dimensions: TypeAlias = Annotated[Num, Argument("D", "the number of coordinates", COUNT)]


@equation(
    "conventions.flip_time",
    rows=("PATH-4",),
    paper="Section 3",
    article="Section 3",
    also=(("course", "Example 9"),),
    remark="noise time against data time",
)
def flip_time(t: Level) -> Num:
    """t ↦ 1 − t: between noise level and data-time, either way."""
    return 1 - t


@equation(
    "conventions.flip_velocity",
    rows=("PATH-4", "VF-1"),
    paper="Section 3",
    article="Section 3",
    also=(("course", "Example 9"),),
    remark="noise time against data time",
)
def flip_velocity(v: Velocity) -> Num:
    """v ↦ −v: dx/dt changes sign with the clock, either way."""
    return -v


@equation(
    "conventions.flip_path",
    rows=("PATH-2", "PATH-4"),
    paper="Section 3",
    article="Section 3",
    also=(("course", "Example 9"),),
    remark="noise time against data time",
)
def flip_path(c: Coefficients) -> Coefficients:
    """α, σ stay and their derivatives change sign: the same point of the path on the other clock."""
    return Coefficients(c.alpha, c.sigma, d_alpha=-c.d_alpha, d_sigma=-c.d_sigma)


@equation(
    "conventions.network_time",
    rows=("GRPO-6",),
    also=(("diffusers", "FlowMatchEulerDiscreteScheduler"),),
)
def network_time(t: Level) -> Num:
    """τ = 1000 t: the time that an SD3 network is given, real-valued and never truncated."""
    return 1000 * t


@equation(
    "conventions.level_of_network_time",
    rows=("GRPO-6",),
    also=(("diffusers", "FlowMatchEulerDiscreteScheduler"),),
)
def level_of_network_time(tau: NetworkTime) -> Num:
    """t = τ/1000: the noise level of a network time.

    Raises:
        ValueError: a time outside [0, 1000].
    """
    return tau / 1000


@equation(
    "conventions.w_from_omega",
    rows=("CFG-7",),
    also=(
        ("hosalimans2022", "Section 3.2"),
        ("guidance_zh", "Classifier-Free Guidance"),
        ("course_zh", "4.1.3"),
    ),
)
def w_from_omega(omega: Omega) -> Num:
    """w = 1 + ω: from Ho and Salimans' scale to the notes' and diffusers'."""
    return 1 + omega


@equation(
    "conventions.omega_from_w",
    rows=("CFG-7",),
    also=(
        ("hosalimans2022", "Section 3.2"),
        ("guidance_zh", "Classifier-Free Guidance"),
        ("course_zh", "4.1.3"),
    ),
)
def omega_from_w(w: W) -> Num:
    """ω = w − 1: from the notes' and diffusers' scale to Ho and Salimans'."""
    return w - 1


@equation(
    "conventions.beta_for_mean_without_h",
    rows=("GRPO-8",),
    paper="below Eq. 9",
    article="Eq. 3",
    also=(("flow_grpo_code", "scripts/train_sd3.py, line 895"),),
)
def beta_for_mean_without_h(
    beta: Weight, h: Annotated[Length, NONNEGATIVE], dimensions: Dimensions
) -> Num:
    """β h/D: the weight on the paper's KL, summed, that equals β on flow_grpo's averaged one without h.

    It depends on the step through h, so no single weight reproduces the other over a whole grid.

    Raises:
        ValueError: a negative value, no dimensions, or NaN.
    """
    return beta * h / dimensions
