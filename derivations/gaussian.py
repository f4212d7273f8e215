"""The Gaussian: sampling has the stated moments, the density mass one, the score is its slope."""

import sympy as sp

from refimpl.equations import gaussian
from refimpl.equations.arguments import Mean

from .engine import Display, Equality, Lines, Production, derivation
from .engine.moments import expectation, variance
from .engine.symbols import eps, of, std, x

mean = of(Mean, "mean")


@derivation("gaussian.sample", rows=("PATH-1",))
def sample(production: Production) -> Lines:
    """Scaling and shifting a standard normal gives N(mean, std²)."""
    drawn = production(mean, std, eps)
    yield Display("x", drawn)
    yield Equality("the noise has mean zero", expectation(drawn, eps), mean)
    yield Equality("the noise has variance one", variance(drawn, eps), std**2)
    covariance = expectation((drawn - mean) * eps, eps)
    yield Equality("a larger noise gives a larger x", covariance, std)


@derivation("gaussian.log_prob", rows=("GRPO-5",))
def log_prob(production: Production) -> Lines:
    """The log-density of N(mean, std²): right slope, and total mass one.

    The slope fixes a log-density up to a constant and the mass fixes the constant, so the two
    claims together leave no other function.
    """
    z = sp.Symbol("z", real=True)
    lp = production(x, mean, std)
    yield Display(r"\log \mathcal N(x;\mu,\mathrm{std}^2)", lp)
    yield Equality(
        "the slope is linear in x, zero at the mean", sp.diff(lp, x), (mean - x) / std**2
    )
    density = sp.exp(sp.expand_log(lp.subs(x, mean + std * z)))
    mass = sp.integrate(sp.expand(density * std), (z, -sp.oo, sp.oo))
    yield Equality("substituting x = mean + std z, the mass is one", mass, sp.Integer(1))


@derivation("gaussian.score", rows=("SC-1",))
def score(production: Production) -> Lines:
    """The score of a Gaussian is the gradient of its log-density.

    With mean α·data and std σ it is −(x − α data)/σ², and at x = α data + σ noise it is −noise/σ.
    """
    slope = production(x, mean, std)
    yield Display(r"\nabla_x\log \mathcal N(x;\mu,\mathrm{std}^2)", slope)
    yield Equality(
        "differentiate the log-density", slope, sp.diff(gaussian.log_prob(x, mean, std), x)
    )
    at_sample = production(gaussian.sample(mean, std, eps), mean, std)
    yield Equality("at a sample it is the noise over the scale, negated", at_sample, -eps / std)
