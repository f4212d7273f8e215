"""Guidance: steering a flow towards a label y by a weight w.

    ũ = u + w a_t ∇log p_t(y | x)  =  (1 − w) u(x) + w u(x | y)

The first form needs a classifier, the second needs none. w = 0 is unguided, w = 1 the conditional
field. On the house clock v = −u, and both forms hold for v as they stand.
"""

from typing import Annotated, TypeAlias

from .arguments import SAMPLE, Argument, ClassifierScore, Omega, Score, Velocity, W
from .domain import POSITIVE, REAL, positive
from .elementary import Num, sqrt
from .registry import equation

ScoreWeight: TypeAlias = Annotated[
    Num, Argument("a_t", "the weight of the score in the velocity", REAL, SAMPLE)
]
Unconditional: TypeAlias = Annotated[Num, Argument("v(x)", "the unconditional velocity")]
Conditional: TypeAlias = Annotated[Num, Argument(r"v(x\mid y)", "the conditional velocity")]
GuidanceScale: TypeAlias = Annotated[
    Num, Argument("w", "diffusers' guidance scale; 0 is unconditional, 1 conditional", REAL, SAMPLE)
]
UnconditionalStd: TypeAlias = Annotated[
    Num, Argument("s", "the standard deviation of the unconditional law", POSITIVE)
]
ConditionalStd: TypeAlias = Annotated[
    Num, Argument("s_y", "the standard deviation of the conditional law", POSITIVE)
]


@equation(
    "guidance.bayes_score",
    rows=("CFG-2",),
    also=(
        ("dhariwal2021", "Eq. 12"),
        ("guidance_zh", "Classifier Guidance"),
    ),
)
def bayes_score(score: Score, classifier_score: ClassifierScore) -> Num:
    """∇log p(x | y) = ∇log p(x) + ∇log p(y | x): p(y) does not depend on x."""
    return score + classifier_score


@equation(
    "guidance.classifier",
    rows=("CFG-2",),
    also=(
        ("guidance_zh", "Classifier Guidance"),
        ("dhariwal2021", "Section 4.3"),
    ),
)
def classifier(v: Velocity, a: ScoreWeight, classifier_score: ClassifierScore, w: W) -> Num:
    """ṽ = v + w a_t ∇log p_t(y | x), where v = a_t ∇log p_t + b_t x on the path in use."""
    return v + w * a * classifier_score


@equation(
    "guidance.classifier_free",
    rows=("CFG-3",),
    also=(
        ("hosalimans2022", "Section 3.2"),
        ("guidance_zh", "Classifier-Free Guidance"),
        ("course_zh", "4.1.3"),
    ),
)
def classifier_free(v_uncond: Unconditional, v_cond: Conditional, w: W) -> Num:
    """ṽ = (1 − w) v(x) + w v(x | y); w = 1 is the conditional field."""
    return (1 - w) * v_uncond + w * v_cond


@equation("guidance.ho_salimans", rows=("CFG-7",), also=(("hosalimans2022", "Section 3.2; Eq. 6"),))
def ho_salimans(v_uncond: Unconditional, v_cond: Conditional, omega: Omega) -> Num:
    """ṽ = (1 + ω) v(x | y) − ω v(x): the paper's scale, where ω = 0 is the conditional field."""
    return (1 + omega) * v_cond - omega * v_uncond


@equation("guidance.diffusers", rows=("CFG-7",), also=(("diffusers", "StableDiffusion3Pipeline"),))
def diffusers(v_uncond: Unconditional, v_cond: Conditional, guidance_scale: GuidanceScale) -> Num:
    """ṽ = v(x) + guidance_scale (v(x | y) − v(x)): diffusers' scale, equal to w."""
    return v_uncond + guidance_scale * (v_cond - v_uncond)


@equation(
    "guidance.gaussian_std",
    rows=("CFG-6",),
    remark="the exact flow of two centred Gaussians",
)
def gaussian_std(std_uncond: UnconditionalStd, std_cond: ConditionalStd, w: W) -> Num:
    """s^(1−w) s_y^w: what the guided flow makes of p = N(0, s²) and p(x | y) = N(0, s_y²), at t = 0.

    The geometric mean of the two, on any path that starts at the same noise. Neither law asked for.

    Raises:
        ValueError: a std ≤ 0, NaN, or shapes that do not agree.
    """
    return std_uncond ** (1 - w) * std_cond**w


@equation(
    "guidance.tilted_std",
    rows=("CFG-6",),
    also=(("dhariwal2021", "Section 4.3"),),
    remark="p(x) p(y | x)^w for centred Gaussians",
)
def tilted_std(std_uncond: UnconditionalStd, std_cond: ConditionalStd, w: W) -> Num:
    """1/√((1 − w)/s² + w/s_y²): the std of p(x) p(y | x)^w, what guidance is often said to sample.

    Raises:
        ValueError: no such law: the precision (1 − w)/s² + w/s_y² is not positive.
    """
    precision = (1 - w) / std_uncond**2 + w / std_cond**2
    positive(
        precision=precision, otherwise="no such law: take a smaller w, or std_cond below std_uncond"
    )
    return 1 / sqrt(precision)
