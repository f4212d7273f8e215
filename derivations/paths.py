"""Paths: the schedules' ends and derivatives, the conditional law and the field that moves it."""

import sympy as sp

from refimpl.equations import Coefficients, density, gaussian, paths
from refimpl.equations.arguments import SigmaMin
from refimpl.equations.paths import BetaMax, BetaMin, SigmaMax

from .engine import Display, Equality, Lines, Production, derivation
from .engine.moments import expectation, variance
from .engine.symbols import data, noise, of, t, x

beta_min = of(BetaMin, "beta_min")
beta_max = of(BetaMax, "beta_max")
sigma_min = of(SigmaMin, "sigma_min")
sigma_max = of(SigmaMax, "sigma_max")

ALPHA = sp.Function("alpha", positive=True)(t)
SIGMA = sp.Function("sigma", positive=True)(t)
GENERAL = Coefficients(ALPHA, SIGMA, sp.diff(ALPHA, t), sp.diff(SIGMA, t))
"""Any path whatever: α and σ are arbitrary positive functions of t."""


def _derivatives(c: Coefficients) -> Lines:
    yield Display(r"\alpha_t", c.alpha)
    yield Display(r"\sigma_t", c.sigma)
    yield Equality("α̇ is the derivative of α", c.d_alpha, sp.diff(c.alpha, t))
    yield Equality("σ̇ is the derivative of σ", c.d_sigma, sp.diff(c.sigma, t))


def _ends(c: Coefficients) -> Lines:
    for reason, value, want in (
        ("at t = 0 all data is there", c.alpha.subs(t, 0), 1),
        ("at t = 0 no noise is there", c.sigma.subs(t, 0), 0),
        ("at t = 1 no data is left", c.alpha.subs(t, 1), 0),
        ("at t = 1 the noise is standard", c.sigma.subs(t, 1), 1),
    ):
        yield Equality(reason, sp.sympify(value), sp.Integer(want))


@derivation("paths.linear", rows=("PATH-2", "PATH-4"))
def linear(production: Production) -> Lines:
    """Rectified flow: straight lines between data and noise.

    The linear path meets all four end conditions. α falls with slope −1 and σ rises with slope 1,
    so both are monotone. In data-time, where t counts the other way, it is CondOT: α = t, β = 1 −
    t.
    """
    c = production(t)
    yield from _derivatives(c)
    yield from _ends(c)
    other_clock = production(1 - t)
    yield Equality("in data-time: α = t", other_clock.alpha, t)
    yield Equality("in data-time: β = 1 − t", other_clock.sigma, 1 - t)
    point = paths.interpolate(c, data, noise)
    yield Equality("the article's path", point, (1 - t) * data + t * noise)
    yield Equality("the path is straight: no acceleration", sp.diff(point, t, 2), sp.Integer(0))


@derivation("paths.cosine", rows=("PATH-2", "PATH-5"))
def cosine(production: Production) -> Lines:
    """The quarter circle: variance preserving, all four ends exact, and curved.

    α̇ is −π/2 times a sine and σ̇ is π/2 times a cosine, both of an angle in (0, π/2): α falls, σ
    rises.
    """
    c = production(t)
    yield from _derivatives(c)
    yield from _ends(c)
    yield Equality("the variance is preserved", c.alpha**2 + c.sigma**2, sp.Integer(1))
    bend = sp.diff(paths.interpolate(c, data, noise), t, 2)
    yield Equality(
        "the path bends towards the origin",
        bend,
        -(sp.pi**2) / 4 * paths.interpolate(c, data, noise),
    )


@derivation("paths.vp", rows=("PATH-2", "PATH-5"))
def vp(production: Production) -> Lines:
    """Variance preserving: exact at the data end, short of it by a known factor at the noise end.

    It solves α̇ = −½β(t)α with β(t) = β_min + (β_max − β_min)t. At t = 1 a factor exp(−(β_min +
    β_max)/4) of the data is left, so the fourth end condition holds only approximately: the page
    gives its size.
    """
    c = production(t, beta_min, beta_max)
    yield from _derivatives(c)
    yield Equality("the variance is preserved", c.alpha**2 + c.sigma**2, sp.Integer(1))
    rate = beta_min + (beta_max - beta_min) * t
    yield Equality("data fades at the rate β/2", sp.diff(c.alpha, t), -rate / 2 * c.alpha)
    yield Equality("at t = 0 all data is there", c.alpha.subs(t, 0), sp.Integer(1))
    yield Equality("at t = 0 no noise is there", c.sigma.subs(t, 0), sp.Integer(0))
    left_over = sp.exp(-(beta_min + beta_max) / 4)
    yield Equality("at t = 1 this much data is left", c.alpha.subs(t, 1), left_over)


@derivation("paths.ve", rows=("PATH-2", "PATH-5"))
def ve(production: Production) -> Lines:
    """Variance exploding: data never fades; the noise grows until it drowns the data.

    Two of the four end conditions do not hold, by design: α_1 = 1, and σ_1² = σ_max² − σ_min².
    """
    c = production(t, sigma_min, sigma_max)
    yield Display(r"\sigma_t", c.sigma)
    yield Equality("α̇ is the derivative of α", sp.sympify(c.d_alpha), sp.diff(c.alpha, t))
    yield Equality("data does not fade", sp.sympify(c.alpha), sp.Integer(1))
    yield Equality(
        "σ̇ σ is half the derivative of σ²", c.d_sigma * c.sigma, sp.diff(c.sigma**2, t) / 2
    )
    growth = 2 * sp.log(sigma_max / sigma_min)
    yield Equality(
        "σ² + σ_min² grows geometrically",
        sp.diff(c.sigma**2, t),
        growth * (c.sigma**2 + sigma_min**2),
    )
    yield Equality("at t = 0 no noise is there", c.sigma.subs(t, 0), sp.Integer(0))
    at_end = sp.exp(sp.expand_log(sp.log(c.sigma.subs(t, 1) ** 2 + sigma_min**2)))
    yield Equality("at t = 1 the variance is σ_max² − σ_min²", at_end, sigma_max**2)


@derivation("paths.interpolate", rows=("PATH-1", "PATH-4"))
def interpolate(production: Production) -> Lines:
    """A point of the path weighs data and noise, and its two ends are data and noise."""
    point = production(GENERAL, data, noise)
    yield Display("x_t", point)
    yield Equality("the weight of data is α", sp.diff(point, data), ALPHA)
    yield Equality("the weight of noise is σ", sp.diff(point, noise), SIGMA)
    yield Equality("nothing is added", point.subs({data: 0, noise: 0}), sp.Integer(0))
    on_line = production(paths.linear(t), data, noise)
    yield Equality("it starts at the data", on_line.subs(t, 0), data)
    yield Equality("it ends at the noise", on_line.subs(t, 1), noise)


@derivation("paths.conditional", rows=("PATH-1", "PATH-2"))
def conditional(production: Production) -> Lines:
    """Given the data, a point of the path is N(α data, σ² I): from a point mass to p_init."""
    law = production(GENERAL, data)
    point = paths.interpolate(GENERAL, data, noise)
    yield Display(r"\mathbb E[x_t\mid\mathrm{data}]", law.mean)
    yield Display(r"\mathrm{std}[x_t\mid\mathrm{data}]", law.std)
    yield Equality("the mean over the noise", law.mean, expectation(point, noise))
    yield Equality("the variance over the noise", law.std**2, variance(point, noise))
    line = production(paths.linear(t), data)
    yield Equality("at t = 0 it is the point mass: mean", line.mean.subs(t, 0), data)
    yield Equality("at t = 0 it is the point mass: width", line.std.subs(t, 0), sp.Integer(0))
    yield Equality("at t = 1 it forgets the data: mean", line.mean.subs(t, 1), sp.Integer(0))
    yield Equality("at t = 1 it forgets the data: width", line.std.subs(t, 1), sp.Integer(1))


@derivation("paths.velocity", rows=("VF-1",))
def velocity(production: Production) -> Lines:
    """The velocity is the time derivative of the path, for any schedule."""
    moved = production(GENERAL, data, noise)
    yield Display(r"\dot x_t", moved)
    yield Equality(
        "differentiate the path", moved, sp.diff(paths.interpolate(GENERAL, data, noise), t)
    )
    yield Equality(
        "rectified flow: v = x_1 − x_0", production(paths.linear(t), data, noise), noise - data
    )


@derivation(
    "paths.conditional_velocity", rows=("VF-1", "VF-2"), assumes=("α, σ differentiable, σ > 0",)
)
def conditional_velocity(production: Production) -> Lines:
    """The conditional Gaussian field: its flow is the path, and it moves the conditional density.

    Any schedule, one coordinate; coordinates of the conditional Gaussian are independent and the
    field acts on each alone, so the same identity holds in every dimension.
    """
    field = production(GENERAL, data, x)
    yield Display(r"v_t(x\mid\mathrm{data})", field)
    trajectory = paths.interpolate(GENERAL, data, noise)
    yield Equality(
        "its flow is the path: the derivative along it is the field",
        sp.diff(trajectory, t),
        production(GENERAL, data, trajectory),
    )
    law = paths.conditional(GENERAL, data)
    p = sp.exp(gaussian.log_prob(x, law.mean, law.std))
    rate = density.continuity(p, sp.diff(p, x), field, sp.diff(field, x))
    yield Equality(
        "the conditional density obeys the continuity equation", sp.diff(p, t) / p, rate / p
    )
