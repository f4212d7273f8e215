"""Mistakes about the kernels that keep the noise level.

    fresh noise on top of the old, a share for its root, η for its angle, a length for a clock

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations import Gaussian
from ...equations.elementary import cos, exp, pi, sin, sqrt
from ..mistake import CLASSIC, Mistake

_AMPLITUDE = "e^{−Λ/2} multiplies the noise, e^{−Λ} its variance"


# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "noise not reduced", "kernels.preserving",
        lambda c, data, noise, std: Gaussian(c.alpha * data + c.sigma * noise, std),
        "Fresh noise on top of all the predicted: every step adds variance.",
        "adding noise to an ODE sampler", "√(σ_s² − std²) before the predicted noise",
    ),
    Mistake(
        "stds subtracted", "kernels.preserving",
        lambda c, data, noise, std: Gaussian(c.alpha * data + (c.sigma - std) * noise, std),
        "Variances add up, standard deviations do not: too little noise is left.",
        CLASSIC, "subtract squares under a root",
    ),
    Mistake(
        "variance for std", "kernels.preserving",
        lambda c, data, noise, std: Gaussian(
            c.alpha * data + sqrt(c.sigma**2 - std**2) * noise, std**2),
        "What is drawn does not match what was taken away.", CLASSIC, "std, not its square",
    ),
    Mistake(
        "η in radians", "kernels.cps_std",
        lambda s, eta: s * sin(eta),
        "η = 1 renews 84 % of the noise's scale, not all of it.", CLASSIC, "sin(η π/2)",
    ),
    Mistake(
        "kept for fresh", "kernels.cps_std",
        lambda s, eta: s * cos(eta * pi(eta) / 2),
        "The noise that is kept: η = 0 would renew everything.", "swapping the two of CPS's roots",
        "sine is fresh, cosine is kept",
    ),
    Mistake(
        "no level", "kernels.cps_std",
        lambda s, eta: 0 * s + sin(eta * pi(eta) / 2),
        "A share of the noise, taken for the noise: at small s the root has no value.",
        CLASSIC, "multiply by s",
    ),
    Mistake(
        "root of the share", "kernels.kept_flow_grpo",
        lambda step, a: (step.s * (1 - step.t) / (step.t * (1 - step.s))) ** (a**2 / 2),
        "The share of the noise's scale, where its variance was asked for.", CLASSIC, _AMPLITUDE,
    ),
    Mistake(
        "a for a²", "kernels.kept_flow_grpo",
        lambda step, a: (step.s * (1 - step.t) / (step.t * (1 - step.s))) ** a,
        "The clock runs at g², hence at a².", CLASSIC, "square a",
    ),
    Mistake(
        "levels for odds", "kernels.kept_flow_grpo",
        lambda step, a: (step.s / step.t) ** (a**2),
        "The share under g² = a² τ: it has lost the singularity at t = 1.",
        "g taken as a √t", "odds s/(1 − s) over t/(1 − t)",
    ),
    Mistake(
        "root of the share", "kernels.kept_constant",
        lambda step, g: exp(-(g**2) * (1 / step.s - 1 / step.t) / 2),
        "The share of the noise's scale, where its variance was asked for.", CLASSIC, _AMPLITUDE,
    ),
    Mistake(
        "length for clock", "kernels.kept_constant",
        lambda step, g: exp(-(g**2) * (step.t - step.s)),
        "g² h forgets that noise is measured against the level: the clock is ∫ g²/τ² dτ.",
        "an Ornstein–Uhlenbeck step of rate 1", "1/s − 1/t for h",
    ),
    Mistake(
        "share for its root", "kernels.frozen_data",
        lambda data, noise, s, kept: Gaussian(
            (1 - s) * data + s * kept * noise, s * sqrt(1 - kept)),
        "The variance's share multiplies the noise itself.", CLASSIC, _AMPLITUDE,
    ),
    Mistake(
        "noise not reduced", "kernels.frozen_data",
        lambda data, noise, s, kept: Gaussian((1 - s) * data + s * noise, s * sqrt(1 - kept)),
        "Fresh noise on top of all the predicted: every step adds variance.",
        "adding noise to an ODE sampler", "√kept before the predicted noise",
    ),
    Mistake(
        "variance for std", "kernels.frozen_data",
        lambda data, noise, s, kept: Gaussian(
            (1 - s) * data + s * sqrt(kept) * noise, s**2 * (1 - kept)),
        "The variance of the step for its std.", CLASSIC, "take the root",
    ),
    Mistake(
        "no ½ in the score correction", "kernels.noise_variance",
        lambda variance, g, step: (
            ((step.s - g**2 * (step.t - step.s) / step.t) / step.t) ** 2 * variance
            + g**2 * (step.t - step.s)
        ),
        "g² where Fokker–Planck asks for ½ g²: the noise falls short of its level.", CLASSIC,
        "halve it",
    ),
    Mistake(
        "√h missing", "kernels.noise_variance",
        lambda variance, g, step: (
            ((step.s - g**2 * (step.t - step.s) / (2 * step.t)) / step.t) ** 2 * variance + g**2
        ),
        "g is taken for the std of the step.",
        "flow_grpo's kernel, verl-omni, UniRL before its PR 38", "g² h",
    ),
    Mistake(
        "stds added", "kernels.noise_variance",
        lambda variance, g, step: (
            (step.s - g**2 * (step.t - step.s) / (2 * step.t)) / step.t * sqrt(variance)
            + g * sqrt(step.t - step.s)
        ) ** 2,
        "Independent noises add their variances.", CLASSIC, "square each, then add",
    ),
    Mistake(
        "t for t²", "kernels.posterior_variance",
        lambda t, gap: t * gap,
        "Velocities are 1/t times as open as data, their variance 1/t² times.", CLASSIC,
        "square t",
    ),
    Mistake(
        "the loss itself", "kernels.posterior_variance",
        lambda t, gap: 0 * t + gap,
        "What is open about the velocity, which never vanishes near the data.", CLASSIC,
        "multiply by t²",
    ),
    Mistake(
        "nothing owed", "kernels.moment_matched",
        lambda data, noise, std, variance, step: Gaussian(
            (1 - step.s) * data + sqrt(step.s**2 - std**2) * noise, 0 * variance + std),
        "The spread of the data is lost at every step: samples come out too narrow.",
        "DDIM and CPS on few steps", "draw the variance that the mean left out",
    ),
    Mistake(
        "owed in full", "kernels.moment_matched",
        lambda data, noise, std, variance, step: Gaussian(
            (1 - step.s) * data + sqrt(step.s**2 - std**2) * noise,
            sqrt(std**2 + (1 - step.s) ** 2 * variance)),
        "Data and noise behind one x_t are open together and against each other: most cancels.",
        CLASSIC, "(1 − s) − k (1 − t)/t, squared",
    ),
    Mistake(
        "stds added", "kernels.moment_matched",
        lambda data, noise, std, variance, step: Gaussian(
            (1 - step.s) * data + sqrt(step.s**2 - std**2) * noise,
            std + sqrt(((1 - step.s) - sqrt(step.s**2 - std**2) * (1 - step.t) / step.t) ** 2
                       * variance)),
        "Independent noises add their variances.", CLASSIC, "square each, then add",
    ),
    Mistake(
        "η of the level's noise", "kernels.ddim_std",
        lambda step, eta: eta * step.s + 0 * step.t,
        "A share of all the noise: η = 1 renews everything, as CPS does.",
        "stochastic_sampling of FlowMatchEulerDiscreteScheduler, which is this with η = 1",
        "the posterior's share of it",
    ),
    Mistake(
        "κ for κ²", "kernels.ddim_std",
        lambda step, eta: eta * step.s * sqrt(
            1 - step.s * (1 - step.t) / (step.t * (1 - step.s))),
        "The noise of the SDE with a = 1 in the place of the memoryless one.", CLASSIC,
        "square κ: variances",
    ),
    Mistake(
        "variance-preserving", "kernels.ddim_std",
        lambda step, eta: eta * step.s / step.t * sqrt(1 - (1 - step.t)**2 / (1 - step.s)**2),
        "DDIM's formula with 1 − ᾱ read as t²: the linear path's squares do not add up to one.",
        "ports of DDIM to flow models", "the posterior variance of the linear path",
    ),
    Mistake(
        "η² for η", "kernels.ddim_std",
        lambda step, eta: eta**2 * step.s * sqrt(
            1 - (step.s * (1 - step.t) / (step.t * (1 - step.s)))**2),
        "η multiplies the standard deviation, not the variance.", CLASSIC, "η once",
    ),
    Mistake(
        "data not shrunk", "kernels.renoised",
        lambda x, step: Gaussian(x + 0 * step.t, sqrt(step.t**2 - step.s**2)),
        "EDM's churn: the noise has the variance of level t, the data the weight of level s.",
        "FlowMatchHeunDiscreteScheduler with s_churn > 0", "multiply x by (1 − t)/(1 − s)",
    ),
    Mistake(
        "noise not shrunk", "kernels.renoised",
        lambda x, step: Gaussian(
            (1 - step.t) / (1 - step.s) * x, sqrt(step.t**2 - step.s**2)),
        "The noise in x shrinks with the data, so more has to be added.", CLASSIC,
        "t² − ((1 − t) s/(1 − s))²",
    ),
    Mistake(
        "stds subtracted", "kernels.renoised",
        lambda x, step: Gaussian(
            (1 - step.t) / (1 - step.s) * x,
            step.t - (1 - step.t) / (1 - step.s) * step.s),
        "Independent noises add their variances.", CLASSIC, "the root of the difference of squares",
    ),
)
# fmt: on
