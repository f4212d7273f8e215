"""The Gaussian: sampling has the stated law, the density mass one, the score is its slope."""

import sympy as sp

from refimpl.equations.arguments import Mean

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of
from .engine.written import Writing, number, point, vector
from .engine.written.node import Constant

mean = of(Mean, "mean")


@derivation("gaussian.sample", rows=("PATH-1",))
def sample(production: Production) -> Lines:
    """Scaling and shifting a standard normal gives N(mean, std²)."""
    w = Writing(b=number())
    w.let("x", "gaussian.sample(mean, std, eps)")
    yield w.chain(
        "E(eps, exp(b*x))",
        ("exp(b*mean) * E(eps, exp(b*std*eps))", "the mean is no random number"),
        ("exp(b*mean) * exp((b*std)**2/2)", "E[exp(c ε)] = exp(c²/2)"),
        states="The moment-generating function of a sample, for any b.",
        so=r"It is that of $\mathcal N(\mu,\mathrm{std}^2)$, and it determines the law.",
    )
    yield w.chain(
        "N(E(eps, x), Var(eps, x))",
        ("N(mean, std**2)", "E[ε] = 0 and E[ε²] = 1"),
        states="Its mean and its variance.",
    )
    yield w.chain(
        "E(eps, (x - mean)*eps)",
        ("std * E(eps, eps**2)", "x − μ = std ε"),
        ("std", "E[ε²] = 1"),
        states="Its covariance with the noise is positive: a larger ε gives a larger x.",
    )


@derivation("gaussian.log_prob", rows=("GRPO-5",), assumes=("std > 0",))
def log_prob(production: Production) -> Lines:
    """The log-density of N(mean, std²): right slope, and total mass one.

    The slope fixes a log-density up to a constant and the mass fixes the constant, so the two
    claims together leave no other function.
    """
    w = Writing(z=number(), oo=Constant(r"\infty", sp.oo))
    yield w.chain(
        "d(gaussian.log_prob(x, mean, std), x)",
        ("-(2*(x - mean)/(2*std**2))", "only the first term depends on x"),
        ("(mean - x)/std**2", "2 cancels"),
        states="The slope is linear in x and vanishes at the mean.",
    )
    yield w.chain(
        "std * exp(gaussian.log_prob(mean + std*z, mean, std))",
        ("std * exp(-z**2/2) / (std*sqrt(2*pi))", "x − μ = std z; the exponential of a sum"),
        ("exp(-z**2/2)/sqrt(2*pi)", "std cancels"),
        states="The density in z = (x − μ)/std, with dx = std dz.",
    )
    yield w.chain(
        "integral(exp(-z**2/2)/sqrt(2*pi), z, -oo, oo)",
        ("sqrt(2*pi)/sqrt(2*pi)", "the Gaussian integral"),
        ("1", "numerator and denominator are equal"),
        states="Its total mass.",
    )


@derivation("gaussian.score", rows=("SC-1",), assumes=("std > 0",))
def score(production: Production) -> Lines:
    """The score of a Gaussian is the gradient of its log-density.

    With mean α·data and std σ it is −(x − α data)/σ², and at x = α data + σ noise it is −noise/σ.
    """
    w = Writing(x=point(), m=vector(r"\mu"))
    yield w.chain(
        "grad(over_coordinates(gaussian.log_prob(comp(x), comp(m), std)))",
        ("-(2*(x - m)/(2*std**2))", "only the first term depends on x, each on one coordinate"),
        ("gaussian.score(x, m, std)", "2 cancels"),
        states="Differentiate the log-density, the sum over independent coordinates.",
    )
    w = Writing()
    yield w.chain(
        "gaussian.score(gaussian.sample(mean, std, eps), mean, std)",
        ("-std*eps/std**2", "the mean cancels"),
        ("-eps/std", "std cancels"),
        states="At a sample it is the noise over the scale, negated.",
    )
    w.let("x_t", "alpha*data + sigma*noise")
    yield w.chain(
        "gaussian.score(x_t, alpha*data, sigma)",
        ("-sigma*noise/sigma**2", "x_t − α data = σ noise"),
        ("conversions.score_from_noise(C, noise)", "σ cancels"),
        states="At a point of a path it is minus the noise, over its scale.",
    )
