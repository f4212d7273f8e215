"""Guidance: Bayes for scores, one weight moved between two fields, three scales for one thing."""

import sympy as sp

from refimpl.equations import Coefficients, conversions, guidance
from refimpl.equations.arguments import ClassifierScore
from refimpl.equations.guidance import Conditional, ScoreWeight, Unconditional, UnconditionalStd

from .engine import Display, Equality, Lines, Production, derivation
from .engine.symbols import alpha, d_alpha, d_sigma, of, omega, score, sigma, symbol, t, v, w, x

C = Coefficients(alpha, sigma, d_alpha, d_sigma)
classifier_score = of(ClassifierScore, "classifier_score")
a_t = of(ScoreWeight, "a_t")
v_uncond = of(Unconditional, "v_uncond")
v_cond = of(Conditional, "v_cond")
GAUSSIAN = "a Gaussian path, so that v = a_t score + b_t x"


@derivation(
    "guidance.bayes_score", rows=("CFG-2",), assumes=("p(x), p(y | x) positive and differentiable",)
)
def bayes_score(production: Production) -> Lines:
    """The conditional score is the marginal score plus the classifier's."""
    prior = sp.Function("p", positive=True)(x)
    label = sp.Function("P_y", positive=True)(x)
    evidence = sp.Symbol("p_y", positive=True)
    yield Display(r"\nabla\log p_t(x\mid y)", production(score, classifier_score))
    posterior_score = sp.diff(sp.log(prior * label / evidence), x)
    parts = production(sp.diff(sp.log(prior), x), sp.diff(sp.log(label), x))
    yield Equality("differentiate Bayes' rule; p(y) drops out", parts, posterior_score)


@derivation("guidance.classifier", rows=("CFG-2",), assumes=(GAUSSIAN,))
def classifier(production: Production) -> Lines:
    """Classifier guidance tilts the score inside the field; w = 1 is the conditional field."""
    yield Display(r"\tilde v", production(v, a_t, classifier_score, w))
    weight = sp.diff(conversions.velocity_from_score(C, x, score), score)
    plain = conversions.velocity_from_score(C, x, score)
    tilted = conversions.velocity_from_score(C, x, score + w * classifier_score)
    yield Equality(
        "the field of the tilted score", production(plain, weight, classifier_score, w), tilted
    )
    conditional = conversions.velocity_from_score(
        C, x, guidance.bayes_score(score, classifier_score)
    )
    yield Equality(
        "w = 1 is the conditional field",
        production(plain, weight, classifier_score, 1),
        conditional,
    )
    yield Equality(
        "w = 0 is the unguided field", production(plain, weight, classifier_score, 0), plain
    )


@derivation(
    "guidance.classifier_free", rows=("CFG-3",), assumes=(GAUSSIAN + " (first claim only)",)
)
def classifier_free(production: Production) -> Lines:
    """The classifier disappears: its score is a difference of two scores, hence of two fields."""
    yield Display(r"\tilde v", production(v_uncond, v_cond, w))
    score_cond = sp.Symbol("score_cond", real=True)
    weight = sp.diff(conversions.velocity_from_score(C, x, score), score)
    plain = conversions.velocity_from_score(C, x, score)
    conditional = conversions.velocity_from_score(C, x, score_cond)
    by_classifier = guidance.classifier(plain, weight, score_cond - score, w)
    yield Equality(
        "substitute Bayes into classifier guidance",
        production(plain, conditional, w),
        by_classifier,
    )
    yield Equality("w = 1 is the conditional field", production(v_uncond, v_cond, 1), v_cond)
    yield Equality("w = 0 is the unguided field", production(v_uncond, v_cond, 0), v_uncond)
    slope = sp.diff(production(v_uncond, v_cond, w), w)
    yield Equality("linear in w, on any path", slope, v_cond - v_uncond)


@derivation("guidance.ho_salimans", rows=("CFG-7",))
def ho_salimans(production: Production) -> Lines:
    """Ho and Salimans count from the conditional field: ω = w − 1."""
    yield Display(r"\tilde v", production(v_uncond, v_cond, omega))
    same = guidance.classifier_free(v_uncond, v_cond, 1 + omega)
    yield Equality("the same line, from another origin", production(v_uncond, v_cond, omega), same)


@derivation("guidance.diffusers", rows=("CFG-7",))
def diffusers(production: Production) -> Lines:
    """diffusers' guidance_scale is w."""
    yield Display(r"\tilde v", production(v_uncond, v_cond, w))
    same = guidance.classifier_free(v_uncond, v_cond, w)
    yield Equality("the same weights", production(v_uncond, v_cond, w), same)


s_u = of(UnconditionalStd, "s_u")
s_y = symbol("s_y", "s_y", positive=True)


@derivation(
    "guidance.gaussian_std", rows=("CFG-6",), assumes=("p(x) = N(0, s²), p(x | y) = N(0, s_y²)",)
)
def gaussian_std(production: Production) -> Lines:
    """What guidance samples, exactly: the widths' geometric mean, on any path.

    Both fields are linear, v = (V̇/2V) x with V = α²s² + σ², so the guided flow scales x by a
    factor whose logarithm integrates to (1 − w) log s + w log s_y between noise (V = 1) and data
    (V = s²).
    """
    yield Display(r"\mathrm{std}", production(s_u, s_y, w))
    a, b = sp.Function("alpha", positive=True)(t), sp.Function("sigma", positive=True)(t)
    widths = [sp.sqrt(a**2 * s**2 + b**2) for s in (s_u, s_y)]
    slopes = [sp.diff(width, t) / width for width in widths]
    for width, slope, s in zip(widths, slopes, (s_u, s_y), strict=True):
        moved = conversions.velocity_from_score(
            Coefficients(a, b, sp.diff(a, t), sp.diff(b, t)), x, -x / width**2
        )
        yield Equality(f"the field of N(0, {s}²) is linear", moved, slope * x)
    along = production(*widths, w)
    guided = guidance.classifier_free(slopes[0] * along, slopes[1] * along, w)
    yield Equality("the guided flow carries this width along", sp.diff(along, t), guided)
    yield Equality(
        "it starts at the noise", production(sp.Integer(1), sp.Integer(1), w), sp.Integer(1)
    )


@derivation(
    "guidance.tilted_std", rows=("CFG-6",), assumes=("p(x) = N(0, s²), p(x | y) = N(0, s_y²)",)
)
def tilted_std(production: Production) -> Lines:
    """What guidance is often said to sample: p(x) p(y | x)^w; precisions are weighed and added."""
    yield Display(r"\mathrm{std}", production(s_u, s_y, w))
    logs = [-(x**2) / (2 * s**2) for s in (s_u, s_y)]
    tilted = logs[0] + w * (logs[1] - logs[0])
    width = production(s_u, s_y, w)
    yield Equality("log p(x) + w log p(y | x)", -(x**2) / (2 * width**2), tilted)
    yield Equality("w = 1 is p(x | y)", production(s_u, s_y, 1), s_y)
