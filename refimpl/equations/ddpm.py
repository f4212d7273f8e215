"""DDPM: a Gaussian path walked in finitely many steps.

    q(x_t | x_{t−1}) = N(√(1 − β_t) x_{t−1}, β_t)          q(x_t | x_0) = N(√ᾱ_t x_0, 1 − ᾱ_t)

ᾱ_t is the product of the 1 − β up to t. Given x_0 the reverse step is Gaussian with known mean and
variance β̃; without x_0, β and β̃ are the two standard choices, exact for two extreme data laws.
"""

from typing import Annotated, TypeAlias

from .arguments import SAMPLE, Argument, Data, State
from .domain import INNER_SHARE, NONNEGATIVE
from .elementary import Num, sqrt
from .gaussian import Gaussian
from .registry import equation

Beta: TypeAlias = Annotated[
    Num,
    Argument(
        r"\beta_t",
        "the variance that one step adds",
        INNER_SHARE,
        SAMPLE,
        between=("0.05", "0.9"),
        own=True,
    ),
]
AlphaBar: TypeAlias = Annotated[
    Num,
    Argument(
        r"\bar\alpha_t",
        "ᾱ, the share of the data's variance that is left",
        INNER_SHARE,
        SAMPLE,
        between=("0.05", "0.95"),
    ),
]
PreviousAlphaBar: TypeAlias = Annotated[
    Num,
    Argument(
        r"\bar\alpha_{t-1}", "ᾱ of the step before", INNER_SHARE, SAMPLE, between=("0.05", "0.95")
    ),
]
DataVariance: TypeAlias = Annotated[
    Num, Argument("s^2", "the variance of the data", NONNEGATIVE, SAMPLE)
]


@equation(
    "ddpm.forward",
    rows=("DDPM-1", "DDPM-2"),
    also=(
        ("ho2020", "Eq. 2"),
        ("ddpm_zh", ""),
    ),
)
def forward(x: State, beta: Beta) -> Gaussian:
    """q(x_t | x_{t−1}) = N(√(1 − β) x_{t−1}, β).

    Raises:
        ValueError: β outside (0, 1), NaN, or shapes that do not agree.
    """
    return Gaussian(mean=sqrt(1 - beta) * x, std=sqrt(beta))


@equation("ddpm.marginal", rows=("DDPM-1",), also=(("ho2020", "Eq. 4"),))
def marginal(data: Data, alpha_bar: AlphaBar) -> Gaussian:
    """q(x_t | x_0) = N(√ᾱ x_0, 1 − ᾱ): a Gaussian path with α = √ᾱ, σ = √(1 − ᾱ).

    Raises:
        ValueError: ᾱ outside (0, 1), NaN, or shapes that do not agree.
    """
    return Gaussian(mean=sqrt(alpha_bar) * data, std=sqrt(1 - alpha_bar))


@equation("ddpm.posterior", rows=("DDPM-1",), also=(("ho2020", "Eq. 6; Eq. 7"),))
def posterior(x: State, data: Data, beta: Beta, alpha_bar_prev: PreviousAlphaBar) -> Gaussian:
    """q(x_{t−1} | x_t, x_0): mean (√ᾱ' β x_0 + √(1 − β)(1 − ᾱ') x_t)/(1 − ᾱ), variance β(1 − ᾱ')/(1 − ᾱ).

    Args:
        x: x_t.
        data: x_0, or a prediction of it.
        beta: β_t.
        alpha_bar_prev: ᾱ' = ᾱ_{t−1}; ᾱ_t = (1 − β_t) ᾱ_{t−1}.

    Raises:
        ValueError: β or ᾱ' outside (0, 1), NaN, or shapes that do not agree.
    """
    remaining = 1 - (1 - beta) * alpha_bar_prev
    mean = (
        sqrt(alpha_bar_prev) * beta * data + sqrt(1 - beta) * (1 - alpha_bar_prev) * x
    ) / remaining
    return Gaussian(mean=mean, std=sqrt(beta * (1 - alpha_bar_prev) / remaining))


@equation(
    "ddpm.reverse_variance",
    rows=("DDPM-1",),
    also=(
        ("ho2020", "Section 3.2"),
        ("ddpm_zh", ""),
    ),
    remark="exact for data N(0, s²)",
)
def reverse_variance(
    beta: Beta, alpha_bar_prev: PreviousAlphaBar, data_variance: DataVariance
) -> Num:
    """Var(x_{t−1} | x_t) for data N(0, s²): β for s = 1, β̃ for s = 0, between the two in between.

    !!! warning "One of two choices"
        Stated as *the* reverse variance, σ_t² = β_t is exact only for data that are standard normal
        already; for a single data point it is β̃_t.

    Raises:
        ValueError: β or ᾱ' outside (0, 1), s² < 0, NaN, or shapes that do not agree.
    """
    before = alpha_bar_prev * data_variance + 1 - alpha_bar_prev
    return before * beta / ((1 - beta) * before + beta)
