"""Langevin dynamics: the limit is exact, the chain is not, and by how much."""

import sympy as sp

from refimpl.equations import density, gaussian, langevin, paths
from refimpl.equations.arguments import Mean

from .engine import Display, Equality, Lines, Production, derivation
from .engine.moments import expectation, variance
from .engine.symbols import (
    alpha,
    d_alpha,
    d_sigma,
    data,
    eps,
    of,
    score,
    sigma,
    std,
    symbol,
    t,
    x,
)
from .paths import beta_max, beta_min, sigma_max, sigma_min

small = symbol("small", r"\epsilon", low="0.01", high="0.1", positive=True)
mean = of(Mean, "mean")
scale = symbol("scale", r"\sigma_i", positive=True)
scale_min = symbol("scale_min", r"\sigma_1", positive=True)


@derivation("langevin.step", rows=("LD-1",), assumes=("p smooth and positive",))
def step(production: Production) -> Lines:
    """One step moves along the score and adds noise of variance 2ε; in the limit p stays put.

    The step is Euler–Maruyama's for dx = ∇log p dt + √2 dw with h = ε, and that SDE's
    Fokker–Planck rate at p is 0: drift and diffusion cancel pointwise (detailed balance).
    """
    kernel = production(x, score, small)
    yield Display(r"\mathbb E[x_{i+1}\mid x_i]", kernel.mean)
    yield Display(r"\mathrm{std}[x_{i+1}\mid x_i]", kernel.std)
    rate = sp.Symbol("e", positive=True)
    drift = sp.diff(production(x, score, rate).mean, rate)
    diffusion = sp.sqrt(sp.diff(production(x, score, rate).std ** 2, rate))
    for d in (1, 2, 3):
        xs = sp.symbols(f"x_1:{d + 1}", real=True)
        p = sp.Function("p", positive=True)(*xs)
        slopes = [drift.subs(score, sp.diff(sp.log(p), y)) for y in xs]
        still = sum(
            density.fokker_planck(p, sp.diff(p, y), sp.diff(p, y, 2), f, sp.diff(f, y), diffusion)
            for y, f in zip(xs, slopes, strict=True)
        )
        yield Equality(f"p is stationary in the limit, {d}-D", still, sp.Integer(0))
    moved = expectation(kernel.sample(eps) - x, eps)
    yield Equality("the mean moves by ε times the score", moved, small * score)
    yield Equality("the noise is √(2ε)", variance(kernel.sample(eps), eps), 2 * small)


@derivation("langevin.stationary_variance", rows=("LD-1",), assumes=("p = N(μ, s²), ε < 2s²",))
def stationary_variance(production: Production) -> Lines:
    """The chain's own stationary law on a Gaussian: too wide, at first order in ε by ε/2.

    A step maps N(μ, V) to N(μ, (1 − ε/s²)²V + 2ε); V is its fixed point. No finite ε is exact,
    which is what a Metropolis step or a decreasing ε is for.
    """
    settled = production(std, small)
    yield Display("V", settled)
    here = mean + sp.sqrt(settled) * eps
    moved = langevin.step(here, gaussian.score(here, mean, std), small)
    after = variance(moved.mean, eps) + moved.std**2
    yield Equality("a fixed point of the step", after, settled)
    yield Equality("the mean is right", expectation(moved.mean, eps), mean)
    bias = sp.series(settled, small, 0, 2).removeO() - std**2
    yield Equality("the bias at first order", bias, small / 2)


@derivation("langevin.annealed_eps", rows=("LD-3",))
def annealed_eps(production: Production) -> Lines:
    """At every scale the same ratio of drift to noise: ε_i/σ_i² is constant."""
    yield Display(r"\epsilon_i", production(small, scale, scale_min))
    step_size = production(small, scale, scale_min)
    yield Equality("the step in units of the scale", step_size / scale**2, small / scale_min**2)
    yield Equality("at the smallest scale it is ε", production(small, scale_min, scale_min), small)
    blurred = langevin.step(scale * x, -x / scale, step_size)
    own = langevin.step(scale_min * x, -x / scale_min, small)
    yield Equality(
        "N(0, σ_i²) is contracted alike at every scale", blurred.mean / scale, own.mean / scale_min
    )


@derivation("langevin.perturbed_weight", rows=("LD-3", "LD-4"))
def perturbed_weight(production: Production) -> Lines:
    """The weight σ² makes the target's size the same at every scale."""
    yield Display(r"\lambda(\sigma)", production(scale))
    target = gaussian.score(data + scale * eps, data, scale)
    yield Equality(
        "λ E‖∇log p(x | data)‖² = 1", production(scale) * expectation(target**2, eps), sp.Integer(1)
    )


@derivation(
    "langevin.noise_rate",
    rows=("LD-4", "DDPM-2", "RFT-1"),
    assumes=("the forward SDE is linear: dx = (α̇/α) x dt + g dw",),
)
def noise_rate(production: Production) -> Lines:
    """Infinitely many noise scales are an SDE: the one whose conditional law is the path's.

    The mean α·data solves m' = (α̇/α) m, and the variance σ² solves V' = 2(α̇/α)V + g²; the second
    fixes g. So VE is the limit of NCSN's scales and VP that of DDPM's steps. On the linear path g²
    = 2t/(1 − t): Flow-GRPO's g with a = √2.
    """
    yield Display("g^2", production(alpha, sigma, d_alpha, d_sigma))
    a, b = sp.Function("alpha", positive=True)(t), sp.Function("sigma", positive=True)(t)
    g2 = production(a, b, sp.diff(a, t), sp.diff(b, t))
    yield Equality("the variance equation", sp.diff(b**2, t), 2 * sp.diff(a, t) / a * b**2 + g2)
    law = gaussian.log_prob(x, a * data, b)
    p = sp.exp(law)
    f = sp.diff(a, t) / a
    g = sp.Symbol("g", positive=True)
    rate = density.fokker_planck(p, sp.diff(p, x), sp.diff(p, x, 2), f * x, f, g)
    forward = sp.expand(rate / p).subs(g, sp.sqrt(g2))
    yield Equality(
        "the path's conditional law solves the Fokker–Planck equation", sp.diff(law, t), forward
    )
    vp = paths.vp(t, beta_min, beta_max)
    schedule = beta_min + (beta_max - beta_min) * t
    yield Equality(
        "VP: g² = β(t)", production(vp.alpha, vp.sigma, vp.d_alpha, vp.d_sigma), schedule
    )
    ve = paths.ve(t, sigma_min, sigma_max)
    yield Equality(
        "VE: g² = dσ²/dt", production(1, ve.sigma, 0, ve.d_sigma), sp.diff(ve.sigma**2, t)
    )
    line = paths.linear(t)
    yield Equality(
        "linear: g² = 2t/(1 − t)",
        production(line.alpha, line.sigma, line.d_alpha, line.d_sigma),
        2 * t / (1 - t),
    )
