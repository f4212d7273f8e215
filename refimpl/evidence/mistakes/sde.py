"""Mistakes about the SDE and its step.

    the lost ½, the score's sign, g for g², √h missing or twice, the sign of the step

A step that is wrong by a factor in drift and noise alike ("g × 1.01 in both") keeps every marginal:
only the transition shows it.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from collections.abc import Callable

from ...equations import Coefficients, Gaussian, Step
from ...equations.elementary import Num, sqrt
from ..mistake import CLASSIC, ONE_NAME, Mistake


def _step(
    c: Coefficients, x: Num, v: Num, g: Num, step: Step, *,
    half: int | None = 2, sign: int = 1, g_drift: Num = 1, g_noise: Num = 1, drift: Num = 1,
    root: Callable[[Num], Num] = sqrt,
) -> Gaussian:  # fmt: skip
    """A step written out from the noise behind x and v, with one place to spoil each factor."""
    h = step.t - step.s
    noise = (c.alpha * v - c.d_alpha * x) / (c.alpha * c.d_sigma - c.d_alpha * c.sigma)
    correction = 0 if half is None else (g * g_drift) ** 2 * noise / (half * c.sigma)
    return Gaussian(x - h * drift * (v + sign * correction), g * g_noise * root(h))


# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "sign of the score correction", "sde.forward_drift",
        lambda v, score, g: v - g**2 * score / 2,
        "The drift of the other direction of time.", "reading the paper's Eq. 21 for its Eq. 16",
        "plus while t rises, minus while it falls",
    ),
    Mistake(
        "no ½ in the score correction", "sde.forward_drift",
        lambda v, score, g: v + g**2 * score,
        "g² where Fokker–Planck asks for ½ g².", CLASSIC, "halve it",
    ),
    Mistake(
        "½ of the probability flow", "sde.reverse_drift",
        lambda f, score, g: f - g**2 * score / 2,
        "That is the ODE's drift; run with noise it has the wrong law.",
        "mixing Song's Eq. 6 with Song's Eq. 13", "f − g² score with noise, f − ½ g² score without",
    ),
    Mistake(
        "sign of the score correction", "sde.reverse_drift",
        lambda f, score, g: f + g**2 * score,
        "Reversal drives away from the data.", CLASSIC, "minus",
    ),
    Mistake(
        "no ½ in the score correction", "sde.drift",
        lambda v, score, g: v - g**2 * score,
        "g² where Fokker–Planck asks for ½ g²: the law is too narrow.",
        "a flow's velocity put into Song's reverse SDE", "v − ½ g² score",
    ),
    Mistake(
        "sign of the score correction", "sde.drift",
        lambda v, score, g: v + g**2 * score / 2,
        "The correction adds to the noise instead of paying for it.",
        "a public tutorial; asked in flow_grpo 19", "minus while t falls",
    ),
    Mistake(
        "no score correction", "sde.drift",
        lambda v, score, g: v,
        "Noise without its price: the samples spread.", "adding noise to an ODE sampler",
        "subtract ½ g² score",
    ),
    Mistake(
        "g for g²", "sde.drift",
        lambda v, score, g: v - g * score / 2,
        "The correction has a variance per time, not a scale.", CLASSIC, "square g",
    ),
    Mistake(
        "drift × 1.01", "sde.drift",
        lambda v, score, g: (v - g**2 * score / 2) * 101 / 100,
        "One per cent too much drift: the smallest error a step test should see.",
        "a probe of a test's power", "compare residuals with the drift's direction",
    ),
    Mistake(
        "no ½ in the score correction", "sde.probability_flow",
        lambda f, score, g: f - g**2 * score,
        "That is the reverse SDE's drift; run without noise it has the wrong law.",
        "mixing Song's Eq. 6 with Song's Eq. 13", "f − ½ g² score",
    ),
    Mistake(
        "t for 1 − t", "sde.flow_grpo_drift",
        lambda x, v, g, t: v + g**2 / (2 * t) * (x + t * v),
        "E[noise | x] is x + (1 − t) v.", CLASSIC, "1 − t before v",
    ),
    Mistake(
        "no ½ in the score correction", "sde.flow_grpo_drift",
        lambda x, v, g, t: v + g**2 / t * (x + (1 - t) * v),
        "g²/t where the paper's Eq. 8 has g²/(2t).", CLASSIC, "halve it",
    ),
    Mistake(
        "sign of the score correction", "sde.flow_grpo_drift",
        lambda x, v, g, t: v - g**2 / (2 * t) * (x + (1 - t) * v),
        "The correction adds to the noise instead of paying for it.",
        "a public tutorial; asked in flow_grpo 19", "plus: the score is −noise/t",
    ),
    Mistake(
        "no score correction", "sde.flow_grpo_drift",
        lambda x, v, g, t: v,
        "Noise without its price: the samples spread.", "adding noise to an ODE sampler",
        "add g²/(2t) (x + (1 − t) v)",
    ),
    Mistake(
        "g for g²", "sde.flow_grpo_drift",
        lambda x, v, g, t: v + g / (2 * t) * (x + (1 - t) * v),
        "The correction has a variance per time, not a scale.", CLASSIC, "square g",
    ),
    Mistake(
        "no root", "sde.flow_grpo_g",
        lambda t, a, inside: a * t / (1 - inside),
        "The square of the level's part is taken for g.", "mixing σ_t with σ_t²", "take the root",
    ),
    Mistake(
        "t for 1 − t", "sde.flow_grpo_g",
        lambda t, a, inside: a * sqrt((1 - t) / inside),
        "The noise falls where it should rise.", "data-time code",
        "a √(t/(1 − t)), t the noise level",
    ),
    Mistake(
        "g × 1.01 in both", "sde.flow_grpo_g",
        lambda t, a, inside: a * sqrt(t / (1 - inside)) * 101 / 100,
        "Drift and noise agree, so every marginal is right: only the transition shows it.",
        "a probe of a test's power", "test residuals, not marginals",
    ),
    Mistake(
        "√h missing", "sde.euler_maruyama",
        lambda x, f, g, h: Gaussian(x + h * f, g),
        "g is taken for the std of the step.", ONE_NAME, "std = g √h",
    ),
    Mistake(
        "h for √h", "sde.euler_maruyama",
        lambda x, f, g, h: Gaussian(x + h * f, g * h),
        "Noise that vanishes as steps shrink.", CLASSIC, "std = g √h",
    ),
    Mistake(
        "variance for std", "sde.euler_maruyama",
        lambda x, f, g, h: Gaussian(x + h * f, g**2 * h),
        "g² h is the variance.", CLASSIC, "take the root",
    ),
    Mistake(
        "sign of the step", "sde.euler_maruyama",
        lambda x, f, g, h: Gaussian(x - h * f, g * sqrt(h)),
        "The process runs backwards.", "signed dt in mixed conventions", "h > 0 along the process",
    ),
    Mistake(
        "sign of the step", "sde.transition",
        lambda c, x, v, g, step: _step(c, x, v, g, step, drift=-1),
        "From data towards noise.", "signed dt in mixed conventions", "x − h × drift",
    ),
    Mistake(
        "no ½ in the score correction", "sde.transition",
        lambda c, x, v, g, step: _step(c, x, v, g, step, half=1),
        "g² where Fokker–Planck asks for ½ g².", CLASSIC, "v − ½ g² score",
    ),
    Mistake(
        "sign of the score correction", "sde.transition",
        lambda c, x, v, g, step: _step(c, x, v, g, step, sign=-1),
        "The correction adds to the noise instead of paying for it.",
        "a public tutorial; asked in flow_grpo 19", "v − ½ g² score",
    ),
    Mistake(
        "no score correction", "sde.transition",
        lambda c, x, v, g, step: _step(c, x, v, g, step, half=None),
        "Noise without its price: the samples spread.", "adding noise to an ODE sampler",
        "v − ½ g² score",
    ),
    Mistake(
        "√h missing", "sde.transition",
        lambda c, x, v, g, step: _step(c, x, v, g, step, root=lambda h: 1),
        "g is taken for the std of the step.", ONE_NAME, "std = g √h",
    ),
    Mistake(
        "h for √h", "sde.transition",
        lambda c, x, v, g, step: _step(c, x, v, g, step, root=lambda h: h),
        "Noise that vanishes as steps shrink.", CLASSIC, "std = g √h",
    ),
    Mistake(
        "√h twice in the drift", "sde.transition",
        lambda c, x, v, g, step: _step(c, x, v, g, step, g_drift=sqrt(step.t - step.s)),
        "The step's std stands where the drift wants g: the correction lost a factor h.",
        ONE_NAME, "g in the drift, g √h in the noise",
    ),
    Mistake(
        "drift × 1.01", "sde.transition",
        lambda c, x, v, g, step: _step(c, x, v, g, step, drift=1.01),
        "One per cent too much drift.", "a probe of a test's power",
        "compare residuals with the drift's direction",
    ),
    Mistake(
        "noise × 1.01", "sde.transition",
        lambda c, x, v, g, step: _step(c, x, v, g, step, g_noise=1.01),
        "One per cent too much noise.", "a probe of a test's power", "test the residuals' variance",
    ),
    Mistake(
        "g × 1.01 in both", "sde.transition",
        lambda c, x, v, g, step: _step(c, x, v, g * 1.01, step),
        "Drift and noise agree, so every marginal is right: only the transition shows it.",
        "a probe of a test's power", "test residuals, not marginals",
    ),
)
# fmt: on
