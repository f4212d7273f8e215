"""DDPM: steps compose, Bayes gives the posterior, and the limit is the VP SDE."""

from refimpl.equations.ddpm import AlphaBar, Beta, DataVariance, PreviousAlphaBar

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of, symbol
from .engine.written import Writing, number

beta = of(Beta, "beta_t")
a_prev = of(PreviousAlphaBar, "a_prev")
a_bar = of(AlphaBar, "a_bar")
spread = of(DataVariance, "spread")
previous = symbol("previous", r"x_{t-1}", real=True)
rate = symbol("rate", r"\beta(t)", positive=True)


@derivation("ddpm.forward", rows=("DDPM-1", "DDPM-2"), assumes=("0 < β_t < 1",))
def forward(production: Production) -> Lines:
    """A step keeps unit variance; with β_t = β(t)h it is, to first order, a step of the VP SDE."""
    w = Writing()
    w.let("y", "sqrt(1 - beta_t)*x + sqrt(beta_t)*eps", "x_t")
    yield w.chain(
        "N(E(eps, y), Var(eps, y))",
        ("ddpm.forward(x, beta_t)", "E[ε] = 0 and E[ε²] = 1"),
        states="One step of noising, from x.",
    )
    yield w.chain(
        "Var(eps, ddpm.forward(eps, beta_t).mean) + ddpm.forward(eps, beta_t).std**2",
        ("(1 - beta_t) + beta_t", "E[ε²] = 1, and the square of each root"),
        ("1", "β_t cancels"),
        states="From a standard normal draw ε: unit variance stays unit variance.",
    )
    yield w.chain(
        "limit((ddpm.forward(x, rate*h).mean - x)/h, h, 0)",
        (
            "limit(-rate*x/(sqrt(1 - rate*h) + 1), h, 0)",
            "√a − 1 = (a − 1)/(√a + 1), and h cancels",
        ),
        ("-rate/2*x", "h → 0"),
        states="A step of length h with β_t = β(t) h: the drift per unit of time, ...",
    )
    yield w.chain(
        "ddpm.forward(x, rate*h).std**2/h",
        ("rate", "the square of the root; h cancels"),
        states="... and the variance per unit of time.",
        so="The limit is $\\mathrm dx=-\\tfrac12\\beta(t)\\,x\\,\\mathrm dt+\\sqrt{\\beta(t)}\\,"
        "\\mathrm dw$, the VP SDE.",
    )


@derivation("ddpm.marginal", rows=("DDPM-1",), assumes=("0 < β_t < 1", "0 < ᾱ < 1"))
def marginal(production: Production) -> Lines:
    """Steps compose: from ᾱ_{t−1} one more step leads to ᾱ_t = (1 − β_t) ᾱ_{t−1}."""
    w = Writing()
    w.let("x_t", "sqrt(a_bar)*data + sqrt(1 - a_bar)*eps")
    yield w.chain(
        "N(E(eps, x_t), Var(eps, x_t))",
        ("ddpm.marginal(data, a_bar)", "E[ε] = 0 and E[ε²] = 1"),
        states="The law of x_t given the data.",
        so="A variance-preserving path: $\\alpha^2+\\sigma^2=\\bar\\alpha_t+1-\\bar\\alpha_t=1$.",
    )
    w.let("y", "ddpm.marginal(data, a_prev).mean + ddpm.marginal(data, a_prev).std*eps", "x_{t-1}")
    yield w.chain(
        "E(eps, ddpm.forward(y, beta_t).mean)",
        ("sqrt(1 - beta_t) * (sqrt(a_prev)*data)", "E[ε] = 0"),
        ("ddpm.marginal(data, (1 - beta_t)*a_prev).mean", "a product of roots"),
        states="One more step, from a draw of the law at t − 1: the mean, ...",
    )
    yield w.chain(
        "Var(eps, ddpm.forward(y, beta_t).mean) + ddpm.forward(y, beta_t).std**2",
        ("(1 - beta_t)*(1 - a_prev) + beta_t", "the variance shrinks, and β_t is added"),
        ("1 - (1 - beta_t)*a_prev", "multiply out; β_t cancels"),
        ("ddpm.marginal(data, (1 - beta_t)*a_prev).std**2", "the square of the root"),
        states="... and the variance.",
        so="With $\\bar\\alpha_t=(1-\\beta_t)\\bar\\alpha_{t-1}$ this is the law at t: by "
        "induction $\\bar\\alpha_t=\\prod_{i\\le t}(1-\\beta_i)$.",
    )


@derivation("ddpm.posterior", rows=("DDPM-1",), assumes=("0 < β_t < 1", "0 < ᾱ_{t−1} < 1"))
def posterior(production: Production) -> Lines:
    """Bayes: q(x_{t−1} | x_t, x_0) ∝ q(x_t | x_{t−1}) q(x_{t−1} | x_0), a Gaussian."""
    w = Writing(y=previous, x=number("x_t"), data=number("x_0"))
    w.let("V", "beta_t*(1 - a_prev)/(1 - (1 - beta_t)*a_prev)", r"\tilde\beta_t")
    w.let(
        "m",
        "V * (sqrt(1 - beta_t)*x/beta_t + sqrt(a_prev)*data/(1 - a_prev))",
        r"\tilde\mu_t",
    )
    yield w.chain(
        "1/V",
        (
            "(1 - beta_t)/beta_t + 1/(1 - a_prev)",
            "1 − (1 − β_t) ᾱ_{t−1} = (1 − β_t)(1 − ᾱ_{t−1}) + β_t",
        ),
        states="The precision of the product of two Gaussians is the sum of theirs.",
    )
    yield w.chain(
        "d(log_density(x, ddpm.forward(y, beta_t))"
        " + log_density(y, ddpm.marginal(data, a_prev)), y)",
        (
            "sqrt(1 - beta_t)*(x - sqrt(1 - beta_t)*y)/beta_t"
            " - (y - sqrt(a_prev)*data)/(1 - a_prev)",
            "only the exponents depend on x_{t−1}",
        ),
        ("m/V - y/V", "collect x_{t−1}, with the sum of the precisions"),
        ("-(y - m)/V", "one denominator"),
        (
            "gaussian.score(y, ddpm.posterior(x, data, beta_t, a_prev).mean,"
            " ddpm.posterior(x, data, beta_t, a_prev).std)",
            "1 − ᾱ_{t−1} and β_t cancel in the mean",
        ),
        states="The slope in x_{t−1} of the logarithm of the product.",
        so="Two densities whose logarithms have the same slope everywhere are one.",
    )


@derivation("ddpm.reverse_variance", rows=("DDPM-1",), assumes=("data N(0, s²)", "0 < β_t < 1"))
def reverse_variance(production: Production) -> Lines:
    """The variance of the reverse step, exact for Gaussian data: β and β̃ are its two ends.

    The statement σ_t² = β_t is the case s = 1. The other standard choice, β̃, is the case s = 0.
    """
    w = Writing(eta=number())
    w.let("B", "a_prev*spread + 1 - a_prev")
    w.let("y", "sqrt(B)*eps", "x_{t-1}")
    w.let("z", "sqrt(1 - beta_t)*y + sqrt(beta_t)*eta", "x_t")
    yield w.chain(
        "E(eta, E(eps, y*z))",
        ("sqrt(1 - beta_t)*B", "E[ε²] = 1 and E[ε η] = 0"),
        states="The covariance of two neighbours; B is the variance of x_{t−1}.",
    )
    yield w.chain(
        "E(eta, E(eps, z**2))",
        ("(1 - beta_t)*B + beta_t", "independent noises"),
        states="The variance of the later one.",
    )
    yield w.chain(
        "B - (sqrt(1 - beta_t)*B)**2/((1 - beta_t)*B + beta_t)",
        (
            "(B*((1 - beta_t)*B + beta_t) - (1 - beta_t)*B**2)/((1 - beta_t)*B + beta_t)",
            "bring to one denominator",
        ),
        ("ddpm.reverse_variance(beta_t, a_prev, spread)", "(1 − β_t) B² cancels"),
        states="Gaussian conditioning: variance less covariance squared over variance.",
    )
    yield w.chain(
        "ddpm.reverse_variance(beta_t, a_prev, 1)",
        ("beta_t/((1 - beta_t) + beta_t)", "ᾱ_{t−1} + 1 − ᾱ_{t−1} = 1"),
        ("beta_t", "the denominator is 1"),
        states="Standard normal data, s = 1.",
    )
    yield w.chain(
        "ddpm.reverse_variance(beta_t, a_prev, 0)",
        (
            "(1 - a_prev)*beta_t/(1 - (1 - beta_t)*a_prev)",
            "(1 − β_t)(1 − ᾱ_{t−1}) + β_t = 1 − (1 − β_t) ᾱ_{t−1}",
        ),
        ("ddpm.posterior(x, data, beta_t, a_prev).std**2", "the square of the root"),
        states="A single data point, s = 0.",
    )
