"""DDPM: steps compose, Bayes gives the posterior, and the limit is the VP SDE."""

import sympy as sp

from refimpl.equations import ddpm, gaussian
from refimpl.equations.ddpm import AlphaBar, Beta, DataVariance, PreviousAlphaBar

from .engine import Display, Equality, Lines, Production, derivation
from .engine.moments import expectation, variance
from .engine.symbols import data, eps, h, of, symbol, x

beta = of(Beta, "beta_t")
a_prev = of(PreviousAlphaBar, "a_prev")
a_bar = of(AlphaBar, "a_bar")
spread = of(DataVariance, "spread")
previous = symbol("previous", r"x_{t-1}", real=True)
rate = symbol("rate", r"\beta(t)", positive=True)


@derivation("ddpm.forward", rows=("DDPM-1", "DDPM-2"))
def forward(production: Production) -> Lines:
    """A step keeps unit variance; with β = β(t)h it is, to first order, a step of the VP SDE."""
    law = production(x, beta)
    yield Display(r"\mathbb E[x_t\mid x_{t-1}]", law.mean)
    yield Display(r"\mathrm{std}[x_t\mid x_{t-1}]", law.std)
    start = production(eps, beta)
    yield Equality(
        "unit variance stays unit variance", variance(start.mean, eps) + start.std**2, sp.Integer(1)
    )
    yield Equality("the noise has variance β", law.std**2, beta)
    small = production(x, rate * h)
    drift = sp.series(small.mean, h, 0, 2).removeO()
    yield Equality("the limit's drift: −½β(t) x", drift, x - rate * h / 2 * x)
    yield Equality("the limit's noise: β(t)", small.std**2, rate * h)


@derivation("ddpm.marginal", rows=("DDPM-1",))
def marginal(production: Production) -> Lines:
    """Steps compose: from ᾱ_{t−1} one more step leads to ᾱ_t = (1 − β_t) ᾱ_{t−1}."""
    law = production(data, a_bar)
    yield Display(r"\mathbb E[x_t\mid x_0]", law.mean)
    yield Display(r"\mathrm{std}[x_t\mid x_0]", law.std)
    before = production(data, a_prev)
    stepped = ddpm.forward(before.sample(eps), beta)
    after = production(data, (1 - beta) * a_prev)
    yield Equality("means compose", expectation(stepped.mean, eps) ** 2, after.mean**2)
    yield Equality(
        "with the same sign",
        expectation(stepped.mean, eps) * after.mean,
        (1 - beta) * a_prev * data**2,
    )
    yield Equality("variances compose", variance(stepped.mean, eps) + stepped.std**2, after.std**2)
    yield Equality("a variance-preserving path", law.mean**2 / data**2 + law.std**2, sp.Integer(1))


@derivation("ddpm.posterior", rows=("DDPM-1",))
def posterior(production: Production) -> Lines:
    """Bayes: q(x_{t−1} | x_t, x_0) ∝ q(x_t | x_{t−1}) q(x_{t−1} | x_0), a Gaussian."""
    law = production(x, data, beta, a_prev)
    yield Display(r"\tilde\mu", law.mean)
    yield Display(r"\tilde\beta", law.std**2)
    step = ddpm.forward(previous, beta)
    prior = ddpm.marginal(data, a_prev)
    evidence = ddpm.marginal(data, (1 - beta) * a_prev)
    joint = step.log_prob(x) + prior.log_prob(previous) - evidence.log_prob(x)
    yield Equality(
        "log-densities agree up to a constant: the slope in x_{t−1}",
        gaussian.score(previous, law.mean, law.std),
        sp.diff(joint, previous),
    )


@derivation("ddpm.reverse_variance", rows=("DDPM-1",), assumes=("data N(0, s²)",))
def reverse_variance(production: Production) -> Lines:
    """The variance of the reverse step, exact for Gaussian data: β and β̃ are its two ends.

    The statement σ_t² = β_t is the case s = 1. The other standard choice, β̃, is the case s = 0.
    """
    yield Display(r"\mathrm{Var}(x_{t-1}\mid x_t)", production(beta, a_prev, spread))
    before = a_prev * spread + 1 - a_prev
    gain = sp.sqrt(1 - beta) * before / ((1 - beta) * before + beta)
    conditioned = before - gain * sp.sqrt(1 - beta) * before
    yield Equality("Gaussian conditioning", production(beta, a_prev, spread), conditioned)
    yield Equality("standard normal data: β", production(beta, a_prev, sp.Integer(1)), beta)
    point = production(beta, a_prev, sp.Integer(0))
    yield Equality("a single data point: β̃", point, ddpm.posterior(x, data, beta, a_prev).std ** 2)
