"""Guidance: steering a flow towards a label y by a weight w.

    ũ = u + w a_t ∇log p_t(y | x)  =  (1 − w) u(x) + w u(x | y)

The first form needs a classifier, the second needs none. w = 0 is unguided, w = 1 the conditional
field. On the house clock v = −u, and both forms hold for v as they stand.
"""

from typing import Annotated, TypeAlias

from .arguments import SAMPLE, Argument, ClassifierScore, Level, Omega, Score, State, Velocity, W
from .domain import LEVEL, POSITIVE, REAL, SHARE, positive
from .elementary import Num, sqrt, where
from .registry import equation
from .sde import Step

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

Along: TypeAlias = Annotated[
    Num,
    Argument(
        r"\langle v(x\mid y), v(x)\rangle", "the inner product of both velocities", REAL, SAMPLE
    ),
]
Squared: TypeAlias = Annotated[
    Num, Argument(r"\Vert v(x)\Vert^2", "the unconditional velocity's square", POSITIVE, SAMPLE)
]
Projection: TypeAlias = Annotated[
    Num, Argument("s", "what the unconditional velocity is multiplied with", REAL, SAMPLE)
]
Guided: TypeAlias = Annotated[Num, Argument(r"\tilde v", "the guided velocity")]
StdOfConditional: TypeAlias = Annotated[
    Num,
    Argument(
        r"\mathrm{std}_y", "of the conditional velocity, over its coordinates", POSITIVE, SAMPLE
    ),
]
StdOfGuided: TypeAlias = Annotated[
    Num,
    Argument(
        r"\widetilde{\mathrm{std}}",
        "of the guided velocity, over its coordinates",
        POSITIVE,
        SAMPLE,
    ),
]
Rescaled: TypeAlias = Annotated[
    Num, Argument(r"\varphi", "how much of the rescaling is applied, 0 to 1", SHARE, SAMPLE)
]
Lowest: TypeAlias = Annotated[
    Num, Argument(r"t_{\mathrm{low}}", "the level at which guidance ends", LEVEL, SAMPLE)
]
Highest: TypeAlias = Annotated[
    Num, Argument(r"t_{\mathrm{high}}", "the level at which guidance begins", LEVEL, SAMPLE)
]
Strength: TypeAlias = Annotated[
    Num, Argument(r"\lambda", "CFG++'s scale; 0 is unconditional, 1 conditional", REAL, SAMPLE)
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


@equation("guidance.projection", rows=("CFG-8",), also=(("zerostar2025", ""),))
def projection(along: Along, squared: Squared) -> Num:
    """s = ⟨v(x|y), v(x)⟩/‖v(x)‖²: the multiple of v(x) that comes nearest to v(x|y).

    Args:
        along: summed over the coordinates of a sample, see `policy.total`.
        squared: summed likewise.

    Raises:
        ValueError: an unconditional velocity of zero, NaN, or shapes that do not agree.
    """
    return along / squared


@equation(
    "guidance.zero_star",
    rows=("CFG-8",),
    also=(("zerostar2025", ""), ("diffusers", "ClassifierFreeZeroStarGuidance")),
)
def zero_star(v_uncond: Unconditional, v_cond: Conditional, w: W, projection: Projection) -> Num:
    """ṽ = (1 − w) s v(x) + w v(x|y): CFG-Zero*, with s from `projection`.

    Raises:
        ValueError: NaN, or shapes that do not agree.
    """
    return (1 - w) * projection * v_uncond + w * v_cond


@equation(
    "guidance.rescale",
    rows=("CFG-8",),
    also=(("lin2023", "Section 3.4"), ("diffusers", "rescale_noise_cfg")),
)
def rescale(
    v_guided: Guided, std_cond: StdOfConditional, std_guided: StdOfGuided, share: Rescaled
) -> Num:
    """ṽ (φ std_y/std + 1 − φ): at φ = 1 the guided velocity spreads as much as the conditional one.

    Raises:
        ValueError: a std ≤ 0, φ outside [0, 1], NaN, or shapes that do not agree.
    """
    return v_guided * (share * std_cond / std_guided + 1 - share)


@equation("guidance.interval", rows=("CFG-8",), also=(("kynkaanniemi2024", ""),))
def interval(
    v_uncond: Unconditional, v_cond: Conditional, w: W, t: Level, low: Lowest, high: Highest
) -> Num:
    """(1 − w) v(x) + w v(x|y) for t_low < t ≤ t_high, v(x|y) elsewhere: guidance in the middle alone.

    Raises:
        ValueError: a level outside [0, 1], NaN, or shapes that do not agree.
    """
    guided = (1 - w) * v_uncond + w * v_cond
    return where(t > high, v_cond, where(t > low, guided, v_cond))


@equation("guidance.plus_plus", rows=("CFG-8",), also=(("chung2024", ""),))
def plus_plus(
    x: State, v_uncond: Unconditional, v_cond: Conditional, strength: Strength, step: Step
) -> Num:
    """(1 − s)(x − t ṽ) + s (x + (1 − t) v(x)): CFG++, a guided datum and the unconditional noise.

    ṽ = v(x) + λ (v(x|y) − v(x)), with λ between 0 and 1 where other guidance has 3 to 8.

    Raises:
        ValueError: a level outside [0, 1], no step down, NaN, or shapes that do not agree.
    """
    guided = v_uncond + strength * (v_cond - v_uncond)
    return (1 - step.s) * (x - step.t * guided) + step.s * (x + (1 - step.t) * v_uncond)
