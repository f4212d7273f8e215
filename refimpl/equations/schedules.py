"""Grids of noise levels as models are shipped with them, each by its law.

    shift     t ↦ k t/(1 + (k − 1) t)         multiplies the odds t/(1 − t) by k
    dynamic   the same with k = e^μ           μ rises linearly with the number of tokens
    stretch   1 − t ↦ c (1 − t)               so that the last level is the one asked for
    Karras    σ^(1/ρ) in equal steps          exponential: log σ in equal steps

On the linear path the odds are σ/α, and half the log of the signal-to-noise ratio is minus their
logarithm: shifts form a group, two in a row multiply, and all of them move log SNR by a constant.
"""

from typing import Annotated, TypeAlias

from .arguments import SAMPLE, Argument, Level
from .domain import (
    INNER_LEVEL,
    INNER_SHARE,
    LEVEL,
    NONNEGATIVE,
    POSITIVE,
    REAL,
    SHARE,
    nonnegative,
    positive,
)
from .elementary import Num, exp, log, log_mix
from .registry import equation

Shift: TypeAlias = Annotated[
    Num, Argument("k", "the shift, by which the odds t/(1 − t) are multiplied", POSITIVE, SAMPLE)
]
Shifted: TypeAlias = Annotated[
    Num,
    Argument(r"t'", "the level that t is to go to", INNER_SHARE, SAMPLE, between=("0.1", "0.9")),
]
Mu: TypeAlias = Annotated[Num, Argument(r"\mu", "the logarithm of the shift", REAL, SAMPLE)]
Tokens: TypeAlias = Annotated[
    Num, Argument("n", "the number of tokens of the image or video", POSITIVE, SAMPLE)
]
BaseTokens: TypeAlias = Annotated[
    Num,
    Argument(
        "n_0", "the number of tokens at which μ is μ_0", POSITIVE, SAMPLE, between=("0.1", "1")
    ),
]
MostTokens: TypeAlias = Annotated[
    Num,
    Argument("n_1", "the number of tokens at which μ is μ_1", POSITIVE, SAMPLE, between=("1", "2")),
]
BaseMu: TypeAlias = Annotated[Num, Argument(r"\mu_0", "μ at n_0 tokens", REAL, SAMPLE)]
MostMu: TypeAlias = Annotated[Num, Argument(r"\mu_1", "μ at n_1 tokens", REAL, SAMPLE)]
Lowest: TypeAlias = Annotated[
    Num,
    Argument(
        r"t_{\mathrm{last}}",
        "the lowest level of the grid before it is stretched",
        INNER_SHARE,
        SAMPLE,
        between=("0.1", "0.5"),
    ),
]
Terminal: TypeAlias = Annotated[
    Num,
    Argument(
        r"t_{\mathrm{end}}",
        "the lowest level that is wanted",
        LEVEL,
        SAMPLE,
        between=("0.01", "0.1"),
    ),
]
Share: TypeAlias = Annotated[
    Num, Argument("u", "the share of the grid that is done, 0 to 1", SHARE, SAMPLE)
]
High: TypeAlias = Annotated[
    Num, Argument(r"\sigma_{\max}", "the first level", POSITIVE, SAMPLE, between=("0.5", "1"))
]
Low: TypeAlias = Annotated[
    Num, Argument(r"\sigma_{\min}", "the last level", POSITIVE, SAMPLE, between=("0.1", "0.5"))
]
Rho: TypeAlias = Annotated[
    Num, Argument(r"\rho", "the exponent; Karras' is 7", POSITIVE, SAMPLE, between=("1", "8"))
]
NoiseScale: TypeAlias = Annotated[
    Num, Argument(r"\sigma", "the scale of the noise beside unscaled data", NONNEGATIVE, SAMPLE)
]
EULER = ("diffusers", "FlowMatchEulerDiscreteScheduler")
SHIFT = ("esser2024", "Section 5.3.2")


@equation("schedules.shift", rows=("GRID-1",), also=(SHIFT, EULER))
def shift(t: Level, by: Shift) -> Num:
    """t ↦ k t/(1 + (k − 1) t): the odds t/(1 − t) times k; k > 1 dwells near noise.

    Written so that 0 and 1 stay exactly where they are.

    Raises:
        ValueError: t outside [0, 1], k ≤ 0, NaN, or shapes that do not agree.
    """
    return t / (t + (1 - t) / by)


@equation("schedules.shift_between", rows=("GRID-1",), also=(SHIFT,), remark="solved for the shift")
def shift_between(t: Annotated[Level, INNER_LEVEL], to: Shifted) -> Num:
    """k = t′(1 − t)/(t (1 − t′)): the one shift that takes t to t′, a quotient of odds.

    Raises:
        ValueError: a level at 0 or 1, which every shift leaves alone, NaN, or shapes that do not
            agree.
    """
    return to * (1 - t) / (t * (1 - to))


@equation(
    "schedules.dynamic", rows=("GRID-1",), also=(EULER,), remark='time_shift_type "exponential"'
)
def dynamic(t: Level, mu: Mu) -> Num:
    """t ↦ e^μ t/(1 + (e^μ − 1) t): the shift by k = e^μ; two in a row add their μ.

    Raises:
        ValueError: t outside [0, 1], NaN, or shapes that do not agree.
    """
    return t / (t + (1 - t) * exp(-mu))


@equation("schedules.mu", rows=("GRID-1",), also=(("diffusers", "calculate_shift"),))
def mu(
    tokens: Tokens, base_tokens: BaseTokens, max_tokens: MostTokens, base_mu: BaseMu, max_mu: MostMu
) -> Num:
    """μ = μ_0 + (μ_1 − μ_0)(n − n_0)/(n_1 − n_0): a line in the number of tokens, not cut at n_1.

    Raises:
        ValueError: a number of tokens ≤ 0, n_1 ≤ n_0, NaN, or shapes that do not agree.
    """
    positive(
        max_tokens_minus_base_tokens=max_tokens - base_tokens,
        otherwise="max_tokens must lie above base_tokens",
    )
    return base_mu + (max_mu - base_mu) * (tokens - base_tokens) / (max_tokens - base_tokens)


@equation(
    "schedules.stretch",
    rows=("GRID-2",),
    also=(("diffusers", "stretch_shift_to_terminal"),),
)
def stretch(t: Level, last: Lowest, terminal: Terminal) -> Num:
    """1 − t ↦ (1 − t)(1 − t_end)/(1 − t_last): noise stays noise, the lowest level becomes t_end.

    Raises:
        ValueError: a level outside [0, 1], t < t_last, t_last = 1, NaN, or shapes that do not
            agree.
    """
    nonnegative(t_minus_last=t - last, otherwise="last is the lowest level of the grid")
    return 1 - (1 - t) * (1 - terminal) / (1 - last)


@equation("schedules.karras", rows=("GRID-2",), also=(("karras2022", "Eq. 5"), EULER))
def karras(u: Share, low: Low, high: High, rho: Rho) -> Num:
    """σ = (σ_max^(1/ρ) + u (σ_min^(1/ρ) − σ_max^(1/ρ)))^ρ: equal steps in σ^(1/ρ).

    ρ = 1 is the even grid, and as ρ grows it becomes the exponential one. Computed through the
    logarithm of σ/σ_max, whose digits a large power does not use up.

    Raises:
        ValueError: u outside [0, 1], a level or ρ ≤ 0, NaN, or shapes that do not agree.
    """
    return high * exp(rho * log_mix(u, log(low / high) / rho))


@equation("schedules.exponential", rows=("GRID-2",), also=(EULER,))
def exponential(u: Share, low: Low, high: High) -> Num:
    """σ = σ_max (σ_min/σ_max)^u: equal steps in log σ, each level the same share of the one before.

    Raises:
        ValueError: u outside [0, 1], a level ≤ 0, NaN, or shapes that do not agree.
    """
    return high * (low / high) ** u


@equation(
    "schedules.log_snr", rows=("GRID-2",), also=(("diffusers", "DPMSolverMultistepScheduler"),)
)
def log_snr(t: Annotated[Level, INNER_LEVEL]) -> Num:
    """λ = log((1 − t)/t): log α − log σ on the linear path, the clock of DPM++ and UniPC.

    It is infinite at both ends: the solvers that step in λ cannot start at t = 1.

    Raises:
        ValueError: t = 0, t = 1, outside [0, 1], or NaN.
    """
    return log((1 - t) / t)


@equation(
    "schedules.level_of_sigma", rows=("GRID-2",), also=(("diffusers", "UniPCMultistepScheduler"),)
)
def level_of_sigma(sigma: NoiseScale) -> Num:
    """t = σ/(1 + σ): data + σ noise is (1 + σ) times the point of the linear path at this level.

    Raises:
        ValueError: σ < 0, or NaN.
    """
    return sigma / (1 + sigma)
