"""Kernels that keep the noise level at every step size, and the exact step they belong to."""

import sympy as sp

from refimpl.equations import Step, conversions, kernels, ode, paths, sde
from refimpl.equations.kernels import Eta, Gap, Kept, Variance

from .engine import Display, Equality, Lines, Production, derivation
from .engine.moments import variance
from .engine.symbols import a, alpha, data, eps, g, h, noise, of, s, sigma, symbol, t, v, x

level_s = paths.linear(s)
share = symbol("share", r"\varrho", low=0, high=1, positive=True)
"""A std as a share of what there is: between 0 and 1."""
eta = of(Eta, "eta_cps")
kept = of(Kept, "kept")
V = of(Variance, "V")
LINEAR = "the linear path, E[data | x_t] held constant over the step"


@derivation("kernels.preserving", rows=("GRPO-6",), assumes=("std ≤ σ_s",))
def preserving(production: Production) -> Lines:
    """Predicted and fresh noise always add up to the level's own variance.

    On data that are one point the chain has the marginals of the path exactly, in however few
    steps. In the limit of small steps with std = g √h it is Flow-GRPO's SDE: the weight of the
    noise is s − g² h/(2t) + O(h²), as in `sde.transition`.
    """
    std = symbol("std_s", r"\mathrm{std}", low=0, high="0.25", positive=True)
    path = paths.Coefficients(alpha, sigma, 0, 0)
    step = production(path, data, noise, share * sigma)
    yield Display(r"\mathbb E[x_s\mid x_t]", production(path, data, noise, std).mean)
    total = variance(step.mean, noise) + step.std**2
    yield Equality("noise variance σ_s², whatever std", total, sigma**2)
    yield Equality("the data's weight is α_s", sp.diff(step.mean, data), alpha)
    line = production(level_s, data, noise, sp.Integer(0))
    euler = ode.euler(lambda y, level: noise - data, (1 - t) * data + t * noise, Step(t, s))
    yield Equality("without fresh noise, Euler's step of the flow", line.mean, euler)
    small = production(paths.linear(t - h), data, noise, g * sp.sqrt(h))
    slope = sp.diff(small.mean, h).subs(h, 0)
    maruyama = sde.transition(
        paths.linear(t), (1 - t) * data + t * noise, noise - data, g, Step(t, t - h)
    )
    yield Equality("the SDE's drift as h → 0", slope, sp.diff(maruyama.mean, h))
    yield Equality("and its noise", small.std, maruyama.std)


@derivation("kernels.cps_std", rows=("GRPO-7",))
def cps_std(production: Production) -> Lines:
    """An angle splits the noise: s cos(ηπ/2) is kept, s sin(ηπ/2) is new."""
    yield Display(r"\mathrm{std}", production(s, eta))
    angle = eta * sp.pi / 2
    fresh = production(s, eta)
    yield Equality("new noise", fresh, s * sp.sin(angle))
    left = sp.trigsimp(s**2 - fresh**2)
    yield Equality("kept noise", left, s**2 * sp.cos(angle) ** 2)
    yield Equality("η = 0 is deterministic", production(s, sp.Integer(0)), sp.Integer(0))
    yield Equality("η = 1 renews all of it", production(s, sp.Integer(1)), s)


def _decays(share_kept: sp.Expr, g_squared: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """d/ds log of the share, and what it must be: g(s)²/s²."""
    return sp.diff(sp.log(share_kept), s), g_squared / s**2


@derivation("kernels.kept_flow_grpo", rows=("GRPO-6", "GRPO-7"))
def kept_flow_grpo(production: Production) -> Lines:
    """Λ = ∫ g²/τ² dτ for Flow-GRPO's g: a power of the ratio of odds.

    Derivative and start determine it: d log(kept)/ds = g(s)²/s², and kept = 1 for a step of no
    length. a² = 2 gives the memoryless schedule's share; consecutive steps multiply.
    """
    got = production(Step(t, s), a)
    yield Display(r"e^{-\Lambda}", got)
    slope, rate = _decays(sp.expand_log(got, force=True), sde.flow_grpo_g(s, a, s) ** 2)
    yield Equality("it decays at g²/τ²", slope, rate)
    yield Equality("a step of no length keeps all", got.subs(s, t), sp.Integer(1))
    middle = symbol("middle", r"m", low="0.5", high="0.6", positive=True)
    high = symbol("high", r"t_0", low="0.7", high=1, positive=True)
    first, second, whole = (
        sp.expand_log(sp.log(production(step, a)), force=True)
        for step in (Step(high, middle), Step(middle, s), Step(high, s))
    )
    yield Equality("steps multiply: their logarithms add", first + second, whole)
    from_one = production(Step(sp.Integer(1), s), a)
    yield Equality("from t = 1 nothing is kept", from_one, sp.Integer(0))


@derivation("kernels.kept_constant", rows=("GRPO-6", "GRPO-7"))
def kept_constant(production: Production) -> Lines:
    """The same for a constant g: all of the forgetting happens near the data."""
    got = production(Step(t, s), g)
    yield Display(r"e^{-\Lambda}", got)
    slope, rate = _decays(sp.expand_log(got, force=True), g**2)
    yield Equality("it decays at g²/τ²", slope, rate)
    yield Equality("a step of no length keeps all", got.subs(s, t), sp.Integer(1))
    yield Equality("nothing is left at s = 0", sp.limit(got, s, 0), sp.Integer(0))


@derivation("kernels.frozen_data", rows=("GRPO-6", "SC-9"), assumes=(LINEAR,))
def frozen_data(production: Production) -> Lines:
    """The SDE, solved: its mean and variance obey the rates that drift and noise prescribe.

    With the data prediction held, v(y, τ) = (y − data)/τ: the drift is linear in y, the law of x_τ
    Gaussian. Its mean must move at the drift, and V' = 2 (∂ drift/∂y) V − g² as τ falls.
    """
    got = production(data, noise, s, kept)
    yield Display(r"\mathbb E[x_s\mid x_t]", got.mean)
    yield Display(r"\mathrm{std}[x_s\mid x_t]", got.std)
    decay = sp.Function("K", positive=True)(s)
    g_s = s * sp.sqrt(sp.diff(decay, s) / decay)  # what K' = K g²/s² says g is
    law = production(data, noise, s, decay)
    held = conversions.velocity_from_data(level_s, x, data)
    fall = sde.flow_grpo_drift(x, held, g, s)
    at_mean = fall.subs({g: g_s, x: law.mean})
    yield Equality("the mean moves at the drift", sp.diff(law.mean, s), at_mean)
    widening = 2 * sp.diff(fall, x) * law.std**2 - g**2
    yield Equality("the variance obeys its equation", sp.diff(law.std**2, s), widening.subs(g, g_s))
    start = production(data, noise, t, sp.Integer(1))
    yield Equality("it starts at x_t", start.mean, (1 - t) * data + t * noise)
    yield Equality("without spread", start.std, sp.Integer(0))
    cps = kernels.preserving(level_s, data, noise, got.std)
    yield Equality("it is a preserving step: mean", got.mean, cps.mean)
    yield Equality("with std s √(1 − kept)", got.std, cps.std)
    angle = sp.asin(sp.sqrt(1 - kept)) * 2 / sp.pi
    yield Equality("a CPS step, sin(ηπ/2) = √(1 − kept)", kernels.cps_std(s, angle), got.std)


@derivation("kernels.noise_variance", rows=("GRPO-6",), assumes=("data that are one point",))
def noise_variance(production: Production) -> Lines:
    """Euler–Maruyama's own noise level: what is left of the old, and g² h of the new.

    The excess over s² is of second order in h: no finite grid ends noise-free.
    """
    step = Step(t, s)
    got = production(V, g, step)
    yield Display("V_s", got)
    at = (1 - t) * data + sp.sqrt(V) * eps
    velocity = (at - data) / t
    kernel = sde.transition(paths.linear(t), at, velocity, g, step)
    yield Equality("one step, data known", got, variance(kernel.mean, eps) + kernel.std**2)
    excess = g**2 * (t - s) ** 2 / t * (1 + g**2 / (4 * t))
    yield Equality("from the exact level", production(t**2, g, step), s**2 + excess)
    yield Equality("without noise the level is kept", production(t**2, sp.Integer(0), step), s**2)


@derivation("kernels.posterior_variance", rows=("GRPO-6",), assumes=("the linear path",))
def posterior_variance(production: Production) -> Lines:
    """data = x_t − t v*, so what is open about one is open about the other, t times as wide."""
    gap = of(Gap, "gap")
    yield Display("V", production(t, gap))
    target = v + sp.sqrt(gap) * eps  # given x_t: mean v, and this variance
    datum = conversions.data_from_velocity(paths.linear(t), x, target)
    yield Equality("the variance of data given x_t", production(t, gap), variance(datum, eps))
    at_noise = production(sp.Integer(1), gap)
    yield Equality("at t = 1 all of it is open", at_noise, gap)


@derivation(
    "kernels.moment_matched",
    rows=("GRPO-6",),
    assumes=("std ≤ s", "the linear path", "v is the conditional mean"),
)
def moment_matched(production: Production) -> Lines:
    """Law of total variance: what the mean's variance lacks is drawn.

    The joint law x_s = (1 − s) data + k noise + std ε has the marginal of level s. Given x_t its
    mean is the step's; its variance is std² plus what is open about the data. For Gaussian data
    that is the whole law: the chain is exact in however few steps, whatever std explores with.
    """
    std = share * s
    got = production(data, noise, std, V, Step(t, s))
    plain = kernels.preserving(level_s, data, noise, std)
    yield Display(r"\mathbb E[x_s\mid x_t]", got.mean)
    yield Display(r"\mathrm{std}^2[x_s\mid x_t]", got.std**2)
    yield Equality("the mean of a preserving step", got.mean, plain.mean)
    datum = data + sp.sqrt(V) * eps  # given x_t
    other = conversions.noise_from_data(paths.linear(t), (1 - t) * data + t * noise, datum)
    joint = kernels.preserving(level_s, datum, other, std)
    open_ = variance(joint.mean, eps) + joint.std**2
    yield Equality("its variance given x_t, data open by V", got.std**2, open_)
    closed = production(data, noise, std, sp.Integer(0), Step(t, s))
    yield Equality("with V = 0 its std is preserving's", closed.std, plain.std)
    yield from _gaussian_chain(production, std)


def _gaussian_chain(production: Production, std: sp.Expr) -> Lines:
    """Data N(m, C): one step takes N((1 − t) m, (1 − t)² C + t²) to the same at s."""
    m, C = symbol("m", real=True), symbol("C", positive=True)
    total = (1 - t) ** 2 * C + t**2
    mean_data = m + (1 - t) * C / total * (x - (1 - t) * m)
    mean_noise = conversions.noise_from_data(paths.linear(t), x, mean_data)
    V_t = C - (1 - t) ** 2 * C**2 / total
    step = production(mean_data, mean_noise, std, V_t, Step(t, s))
    here = step.mean.subs(x, (1 - t) * m)
    yield Equality("Gaussian data: the mean arrives at (1 − s) m", here, (1 - s) * m)
    spread = sp.diff(step.mean, x) ** 2 * total + step.std**2
    yield Equality("and the variance at (1 − s)² C + s²", spread, (1 - s) ** 2 * C + s**2)
