"""Energies trained by contrastive divergence: exact on a Gaussian, bias included.

    p_θ(x) ∝ e^{−θ x²/2}      V ← (1 − εθ)² V + 2ε      ĝ = (V_k − s²)/2,  for k steps from the data

The likelihood's gradient needs samples of the model. Contrastive divergence takes k steps of Langevin
dynamics, from the data instead. It comes to rest where those steps change nothing: at the model whose
*chain* has the data's law, not at the data's law. Dividing the energy by a temperature widens the model.
"""

from typing import Annotated, TypeAlias

from .arguments import SAMPLE, Argument, Score, Std
from .domain import DENSE, NONNEGATIVE, POSITIVE, nonnegative
from .elementary import Num, sqrt
from .langevin import StepSize
from .registry import equation

Precision: TypeAlias = Annotated[
    Num, Argument(r"\theta", "the model's precision: its energy is θ x²/2", POSITIVE, SAMPLE)
]
Spread: TypeAlias = Annotated[
    Num, Argument("V", "the variance of the samples before the step", NONNEGATIVE, SAMPLE)
]
Moved: TypeAlias = Annotated[
    Num, Argument("V_k", "the variance of the samples after k steps", NONNEGATIVE, SAMPLE)
]
DataStd: TypeAlias = Annotated[Std, DENSE, "the standard deviation of the data"]
Heat: TypeAlias = Annotated[Num, Argument("T", "the temperature, kT", POSITIVE, SAMPLE)]
CD = ("hinton2002", "")


@equation("energy.after", rows=("SM-5",), also=(CD,), remark="a step of Langevin dynamics")
def after(precision: Precision, variance: Spread, eps: StepSize) -> Num:
    """(1 − εθ)² V + 2ε: the variance after a Langevin step on the energy θ x²/2.

    Raises:
        ValueError: θ ≤ 0, V < 0, ε ≤ 0, NaN, or shapes that do not agree.
    """
    return (1 - eps * precision) ** 2 * variance + 2 * eps


@equation("energy.contrastive", rows=("SM-5",), also=(CD,), remark="the energy θ x²/2")
def contrastive(moved: Moved, std: DataStd) -> Num:
    """(V_k − s²)/2: the expected CD-k gradient in θ; the likelihood's has 1/θ for V_k.

    Raises:
        ValueError: V_k < 0, s ≤ 0, NaN, or shapes that do not agree.
    """
    return (moved - std**2) / 2


@equation("energy.resting", rows=("SM-5",), remark="the fixed point of a step")
def resting(std: DataStd, step_size: StepSize) -> Num:
    """θ_CD = 2/(s² (1 + √(1 − 2ε/s²))): where CD comes to rest, for every k; above the right 1/s².

    The bias is ε/(2 s⁴) to first order, and does not fall with k: it is that of unadjusted steps.

    Raises:
        ValueError: ε above s²/2, where it never rests; s ≤ 0, ε ≤ 0, NaN, or shapes that do not
            agree.
    """
    nonnegative(stability=1 - 2 * step_size / std**2, otherwise="step_size is at most std²/2")
    return 2 / (std**2 * (1 + sqrt(1 - 2 * step_size / std**2)))


@equation("energy.tempered", rows=("SM-5",), also=(("ddpm_zh", ""),), remark="p = e^{−E/kT}/Z")
def tempered(score: Score, temperature: Heat) -> Num:
    """∇log p_T = ∇log p/T, for p_T ∝ p^{1/T} = e^{−E/T}/Z: warm models are flat, cold ones sharp.

    Dividing by T and keeping Langevin's noise is the same as keeping the score and drawing √T as much
    noise, in steps of length ε/T.

    Raises:
        ValueError: T ≤ 0, NaN, or shapes that do not agree.
    """
    return score / temperature
