"""Steps that remember: exact in x, an interpolation of the predicted data through levels passed.

    x_s = (s/t) x_t + (1 − s) ∫ e^{−(λ_s − λ)} data(λ) dλ,      λ = log((1 − t)/t), from λ_t to λ_s

The linear path and its flow. What is linear in x is solved, and only the predicted data are
approximated: by a constant (Euler's step), by a line through the last two (DPM-Solver++(2M), which
is also UniPC's predictor), by a parabola through these and the next (UniPC's corrector). No step
may begin at t = 1, where λ is −∞; the last one, to s = 0, takes the data as constant.
"""

from typing import Annotated, TypeAlias

from .arguments import SAMPLE, Argument, Data, State, asks
from .domain import INNER_LEVEL, LEVEL, POSITIVE, POSITIVE_LEVEL
from .elementary import Num, log
from .registry import equation
from .sde import Step

DataBefore: TypeAlias = Annotated[
    Num, Argument(r"\mathrm{data}_u", "the data predicted at the level before, u > t")
]
DataAfter: TypeAlias = Annotated[
    Num, Argument(r"\mathrm{data}_s", "the data predicted at s, from a first guess of x_s")
]
Reach: TypeAlias = Annotated[
    Num, Argument("H", "the length of the step in λ", POSITIVE, SAMPLE, between=("0.2", "1"))
]
Relative: TypeAlias = Annotated[
    Num,
    Argument(
        "r",
        "the length in λ of the step before, over that of this one",
        POSITIVE,
        SAMPLE,
        between=("0.5", "2"),
    ),
]
DPMPP = ("dpmpp2022", "")
UNIPC = ("unipc2023", "")


@equation(
    "multistep.reach",
    rows=("DYN-10",),
    also=(("diffusers", "DPMSolverMultistepScheduler"),),
)
def reach(step: Annotated[Step, asks(t=INNER_LEVEL, s=INNER_LEVEL)]) -> Num:
    """H = log(t(1 − s)/(s(1 − t))) = λ_s − λ_t: the length of a step in λ.

    Raises:
        ValueError: a level at 0 or 1, where λ is infinite, or NaN.
    """
    return log(step.t * (1 - step.s) / (step.s * (1 - step.t)))


@equation(
    "multistep.first",
    rows=("DYN-10",),
    also=(DPMPP, ("ddim2021", "Eq. 12")),
    remark="without fresh noise, on the linear path",
)
def first(x: State, data: Data, step: Annotated[Step, asks(t=POSITIVE_LEVEL, s=LEVEL)]) -> Num:
    """x_s = (s/t) x_t + (1 − s/t) data: exact while the predicted data do not change.

    One step with three names: Euler's for the flow, DPM-Solver++ of order 1, DDIM with η = 0.

    Raises:
        ValueError: t = 0, no step down, NaN, or shapes that do not agree.
    """
    return step.s / step.t * x + (1 - step.s / step.t) * data


@equation(
    "multistep.dpmpp_2m",
    rows=("DYN-10",),
    also=(DPMPP, UNIPC, ("diffusers", "multistep_dpm_solver_second_order_update")),
    remark="solver_type midpoint; UniPC's predictor of order 2 with B(h) = e^h − 1 is the same step",
)
def dpmpp_2m(
    x: State,
    data: Data,
    data_before: DataBefore,
    ratio: Relative,
    step: Annotated[Step, asks(t=POSITIVE_LEVEL, s=LEVEL)],
) -> Num:
    """x_s = (s/t) x_t + (1 − s/t)(data + (data − data_u)/(2r)): the data half a step ahead.

    Args:
        x: x_t, shape (B, ...).
        data: predicted from x_t.
        data_before: predicted at the level before.
        ratio: r, a quotient of two `reach`.
        step: from t down to s.

    Raises:
        ValueError: t = 0, r ≤ 0, NaN, or shapes that do not agree.
    """
    ahead = data + (data - data_before) / (2 * ratio)
    return step.s / step.t * x + (1 - step.s / step.t) * ahead


@equation(
    "multistep.unic_1",
    rows=("DYN-10",),
    also=(UNIPC, ("diffusers", "multistep_uni_c_bh_update")),
    remark="order 1, the corrector of the first step",
)
def unic_1(
    x: State,
    data: Data,
    data_after: DataAfter,
    step: Annotated[Step, asks(t=POSITIVE_LEVEL, s=LEVEL)],
) -> Num:
    """x_s = (s/t) x_t + (1 − s/t)(data + data_s)/2: the first step again, with data at both ends.

    Raises:
        ValueError: t = 0, no step down, NaN, or shapes that do not agree.
    """
    return step.s / step.t * x + (1 - step.s / step.t) * (data + data_after) / 2


@equation(
    "multistep.unic_2",
    rows=("DYN-10",),
    also=(UNIPC, ("diffusers", "multistep_uni_c_bh_update")),
    remark="order 2 with B(h) = e^h − 1, the two linear equations for its weights solved",
)
def unic_2(
    x: State,
    data: Data,
    data_before: DataBefore,
    data_after: DataAfter,
    ratio: Relative,
    reach: Reach,
    step: Annotated[Step, asks(t=POSITIVE_LEVEL, s=LEVEL)],
) -> Num:
    """x_s = (s/t) x_t + (1 − s/t)(data + w_u (data − data_u)/r + w_s (data_s − data)): UniPC's corrector.

    Exact for data that are a parabola in λ: with 1/E = t(1 − s)/(t − s), where E = 1 − e^{−H},
    w_s = (r (1/E − 1/H) + 1/E − 2/(EH) + 2/H²)/(1 + r) and w_u = 1/E − 1/H − w_s.

    Args:
        x: x_t, shape (B, ...): the state that the step began with, corrected itself.
        data: predicted from x_t.
        data_before: predicted at the level before.
        data_after: predicted at s, from where `dpmpp_2m` led.
        ratio: r, a quotient of two `reach`.
        reach: H, `reach(step)`.
        step: from t down to s.

    Raises:
        ValueError: t = 0, r ≤ 0, H ≤ 0, NaN, or shapes that do not agree.
    """
    per_share = step.t * (1 - step.s) / step.h
    line = per_share - 1 / reach
    parabola = per_share - 2 * per_share / reach + 2 / reach**2
    ahead = (ratio * line + parabola) / (1 + ratio)
    behind = line - ahead
    seen = data + behind * (data - data_before) / ratio + ahead * (data_after - data)
    return step.s / step.t * x + (1 - step.s / step.t) * seen
