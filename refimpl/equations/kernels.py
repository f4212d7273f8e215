"""Other steps from t down to s: what is retained of the noise, and what is drawn afresh.

    x_s = α_s data + √(σ_s² − std²) noise + std ε       data, noise: the ends that the network predicts

Euler–Maruyama (`sde.transition`) keeps the SDE's marginals in the limit of small steps. The kernels
here keep the noise level at *every* step size: predicted noise and fresh noise add up to σ_s². They
differ in `std` alone: CPS takes an angle, DDIM a share η of the posterior's, `frozen_data` the
SDE's own decay over the step. `renoised` goes the other way, up: what churn and restarts do.
"""

from typing import Annotated, TypeAlias

from .arguments import (
    SAMPLE,
    Argument,
    Data,
    Diffusion,
    Level,
    LowerLevel,
    Noise,
    NoiseLevel,
    State,
    Std,
    asks,
)
from .domain import LEVEL, NONNEGATIVE, POSITIVE, POSITIVE_LEVEL, REAL, SHARE, nonnegative
from .elementary import Num, exp, pi, sin, sqrt
from .gaussian import Gaussian
from .paths import Coefficients
from .registry import equation
from .sde import Step

Eta: TypeAlias = Annotated[
    Num, Argument(r"\eta", "the share of fresh noise, 0 to 1", SHARE, SAMPLE, between=("0", "1"))
]
Kept: TypeAlias = Annotated[
    Num,
    Argument(
        r"e^{-\Lambda}",
        "the share of the noise variance that a step keeps",
        SHARE,
        SAMPLE,
        between=("0", "1"),
    ),
]
Variance: TypeAlias = Annotated[Num, Argument("V", "of the state's noise at level t", NONNEGATIVE)]
Gap: TypeAlias = Annotated[
    Num,
    Argument(
        r"\mathbb E(v^\star-v)^2", "the expected square of what no velocity can fit", NONNEGATIVE
    ),
]


@equation(
    "kernels.preserving",
    rows=("GRPO-6",),
    also=(
        ("cps2025", ""),
        ("ddim2021", "Eq. 12"),
    ),
)
def preserving(
    c: Annotated[Coefficients, asks(alpha=REAL, sigma=REAL)],
    data: Data,
    noise: Noise,
    std: Annotated[Std, NONNEGATIVE],
) -> Gaussian:
    """N(α_s data + √(σ_s² − std²) noise, std²): fresh noise replaces as much of the predicted.

    Args:
        c: the path at s, for instance `paths.linear(s)`.
        data: the predicted E[data | x_t], shape (B, ...).
        noise: the predicted E[noise | x_t], shaped like data.
        std: the standard deviation of the fresh noise, at most σ_s; 0 gives Euler's step of the
            flow on the linear path.

    Raises:
        ValueError: std < 0 or above σ_s, NaN, or shapes that do not agree.
    """
    nonnegative(sigma_minus_std=c.sigma - std, otherwise="std is at most sigma")
    return Gaussian(mean=c.alpha * data + sqrt(c.sigma**2 - std**2) * noise, std=std)


@equation("kernels.cps_std", rows=("GRPO-7",), also=(("cps2025", ""),))
def cps_std(s: LowerLevel, eta: Eta) -> Num:
    """s sin(η π/2): the fresh noise of CPS; η = 0 is the flow's ODE, η = 1 renews all the noise.

    Raises:
        ValueError: s or η outside [0, 1], NaN, or shapes that do not agree.
    """
    return s * sin(eta * pi(eta) / 2)


@equation(
    "kernels.ddim_std",
    rows=("DYN-10", "GRPO-7"),
    also=(("ddim2021", ""),),
    remark="its variance without the variance-preserving path: η² of the posterior's, given the data",
)
def ddim_std(step: Annotated[Step, asks(t=POSITIVE_LEVEL, s=LEVEL)], eta: Eta) -> Num:
    """η s √(1 − (s(1 − t)/(t(1 − s)))²): DDIM's fresh noise on the linear path.

    η = 0 is the flow's ODE; η = 1 is the posterior given the predicted data, the memoryless SDE's
    exact step: `frozen_data` with g = √(2t/(1 − t)), also known as SDE-DPM-Solver++ of order 1.

    Raises:
        ValueError: t = 0, η outside [0, 1], no step down, NaN, or shapes that do not agree.
    """
    kept = step.s * (1 - step.t) / (step.t * (1 - step.s))
    return eta * step.s * sqrt(1 - kept**2)


@equation(
    "kernels.renoised",
    rows=("DYN-10",),
    also=(("restart2023", ""), ("karras2022", "Algorithm 2")),
    remark="on the linear path, where the data shrink as the noise grows",
)
def renoised(
    x: Annotated[State, "the state at the lower level s"],
    step: Annotated[Step, asks(t=LEVEL, s=LEVEL)],
) -> Gaussian:
    """N((1 − t)/(1 − s) x_s, t² − ((1 − t)/(1 − s) s)²): from s *up* to t, by adding noise.

    If x_s has the law of level s, the result has that of level t, whatever the data. Churn goes up
    by a factor 1 + γ in the odds, t = `schedules.shift(s, 1 + γ)`, and restarts by a long way.

    !!! warning "The data have to shrink"
        EDM's paths add noise to unscaled data, so its churn is x + √(t² − s²) ε. On the linear path
        that is the law of no level: the data keep the weight 1 − s.

    Raises:
        ValueError: no step between levels, NaN, or shapes that do not agree.
    """
    shrinks = (1 - step.t) / (1 - step.s)
    return Gaussian(mean=shrinks * x, std=sqrt(step.t**2 - (shrinks * step.s) ** 2))


@equation(
    "kernels.kept_flow_grpo",
    rows=("GRPO-6", "GRPO-7"),
    paper="below Eq. 9",
    article="below Eq. 2",
    remark="the integral of g²/τ² over a step",
)
def kept_flow_grpo(step: Step, a: Annotated[NoiseLevel, POSITIVE]) -> Num:
    """e^{−Λ} = (s (1 − t)/(t (1 − s)))^{a²}: the share of the noise variance that a step keeps.

    Λ = ∫ g²/τ² dτ from s to t for g = a √(τ/(1 − τ)). It is finite at both ends, with no rule for
    t = 1: from there nothing is retained, whatever a > 0.

    Raises:
        ValueError: a = 0, whose 0^0 at the ends has no limit (use the ODE), NaN.
    """
    return (step.s * (1 - step.t) / (step.t * (1 - step.s))) ** (a**2)


@equation(
    "kernels.kept_constant",
    rows=("GRPO-6", "GRPO-7"),
    also=(("dance2025", ""),),
    remark="the integral of a constant g²/τ² over a step",
)
def kept_constant(step: Annotated[Step, asks(t=LEVEL, s=POSITIVE)], g: Diffusion) -> Num:
    """e^{−Λ} = exp(−g² (1/s − 1/t)): the share of the noise variance kept under a constant g.

    Raises:
        ValueError: s = 0 (nothing is retained there: write 0), g < 0, NaN.
    """
    return exp(-(g**2) * (1 / step.s - 1 / step.t))


@equation(
    "kernels.frozen_data",
    rows=("GRPO-6", "SC-9"),
    paper="Eq. 8",
    article="Eq. 1",
    remark="solved exactly for a constant E[data | x_t]",
)
def frozen_data(data: Data, noise: Noise, s: LowerLevel, kept: Kept) -> Gaussian:
    """N((1 − s) data + s √kept noise, s² (1 − kept)): the SDE's exact step, its data prediction frozen.

    The linear path. Euler–Maruyama freezes the whole drift; here only the predicted data is frozen,
    and the linear SDE that is left is solved. Its std is s √(1 − kept): a CPS step.

    Args:
        data: the predicted E[data | x_t], shape (B, ...).
        noise: the predicted E[noise | x_t], shaped like data.
        s: the level the step leads to.
        kept: `kept_flow_grpo`, `kept_constant`, or e^{−Λ} of another g.

    Raises:
        ValueError: s or kept outside [0, 1], NaN, or shapes that do not agree.
    """
    return Gaussian(mean=(1 - s) * data + s * sqrt(kept) * noise, std=s * sqrt(1 - kept))


@equation(
    "kernels.noise_variance",
    rows=("GRPO-6",),
    paper="Eq. 9",
    article="Eq. 2",
    remark="on data that are one point",
)
def noise_variance(variance: Variance, g: Diffusion, step: Step) -> Num:
    """V_s = ((s − g² h/(2t))/t)² V_t + g² h: the noise that Euler–Maruyama carries from t to s.

    For data that are one point everything else is noise, and its variance should be s². From the
    exact V_t = t² a step leaves s² + (g² h²/t)(1 + g²/(4t)).

    Raises:
        ValueError: a negative variance, g < 0, NaN, or shapes that do not agree.
    """
    return ((step.s - g**2 * step.h / (2 * step.t)) / step.t) ** 2 * variance + g**2 * step.h


@equation(
    "kernels.posterior_variance",
    rows=("GRPO-6",),
    also=(("lipman2023", "Theorem 2"),),
    remark="the constant of the theorem, on Gaussian data",
)
def posterior_variance(t: Level, gap: Gap) -> Num:
    """V = t² E(v* − v)²: what x_t leaves open about the data is what no velocity can fit.

    The linear path, where data = x_t − t v. A network's validation loss at level t, per coordinate,
    estimates the gap from above.

    Raises:
        ValueError: t outside [0, 1], a negative gap, NaN, or shapes that do not agree.
    """
    return t**2 * gap


@equation(
    "kernels.moment_matched",
    rows=("GRPO-6",),
    also=(("bao2022", "Theorem 1"),),
    remark="on the linear path",
)
def moment_matched(
    data: Data, noise: Noise, std: Annotated[Std, NONNEGATIVE], variance: Variance, step: Step
) -> Gaussian:
    """N((1 − s) data + k noise, std² + [(1 − s) − k (1 − t)/t]² V): `preserving`, and what its mean lacks.

    k = √(s² − std²). The predicted data vary less than data do, by V = E Var[data | x_t]. Drawing
    that too, a step from the exact marginal keeps mean and variance, at any step size and for any
    data; on Gaussian data the whole chain is exact.

    Args:
        data: the predicted E[data | x_t], shape (B, ...).
        noise: the predicted E[noise | x_t], shaped like data.
        std: of the noise that is drawn to explore, at most s.
        variance: V, per coordinate; 0 gives `preserving`.
        step: from t down to s.

    Raises:
        ValueError: std < 0 or above s, V < 0, NaN, or shapes that do not agree.
    """
    nonnegative(s_minus_std=step.s - std, otherwise="std is at most s")
    retained = sqrt(step.s**2 - std**2)
    missing = (1 - step.s) - retained * (1 - step.t) / step.t
    return Gaussian(
        mean=(1 - step.s) * data + retained * noise, std=sqrt(std**2 + missing**2 * variance)
    )
