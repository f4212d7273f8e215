"""Schedules: shifts are a group that acts on odds; spacings are even in a power or a logarithm."""

from refimpl.equations import schedules

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of, symbol
from .engine.written import Writing, vector

by = of(schedules.Shift, "by")
more = symbol("by_2", "k_2", positive=True)
goal = of(schedules.Shifted, "to")
mu = of(schedules.Mu, "mu")
mu_2 = symbol("mu_2", r"\nu", real=True)
tokens = of(schedules.Tokens, "tokens")
base_tokens = of(schedules.BaseTokens, "base_tokens")
max_tokens = of(schedules.MostTokens, "max_tokens")
base_mu = of(schedules.BaseMu, "base_mu")
max_mu = of(schedules.MostMu, "max_mu")
last = of(schedules.Lowest, "last")
terminal = of(schedules.Terminal, "terminal")
further = symbol("further", r"t'_{\mathrm{end}}", low="0.01", high="0.1", positive=True)
u = of(schedules.Share, "u")
low = of(schedules.Low, "low")
high = of(schedules.High, "high")
rho = of(schedules.Rho, "rho_k")
scale = of(schedules.NoiseScale, "scale_edm")
piece = symbol("piece", r"\delta", low="0.01", high="0.1", positive=True)


@derivation("schedules.shift", rows=("GRID-1",))
def shift(production: Production) -> Lines:
    """Shifts multiply the odds: they form a group, keep both ends, and never change the order.

    What is shifted twice by k is shifted once by k². A boundary between two networks at level b,
    drawn on the grid before its shift, lies at the shifted b on the grid that is run.
    """
    w = Writing(k=by, k_2=more)
    w.let("r", "schedules.shift(t, k)", "t'")
    yield w.chain(
        "r",
        ("k*t/(k*t + 1 - t)", "above and below times k"),
        ("k*t/(1 + (k - 1)*t)", "collect t"),
        states="The form in which the shift is usually written.",
    )
    yield w.chain(
        "r/(1 - r)",
        ("k*t/(1 + (k - 1)*t) / ((1 - t)/(1 + (k - 1)*t))", "1 − t′ over the same denominator"),
        ("k * (t/(1 - t))", "the denominators cancel"),
        states="The odds are multiplied by k.",
    )
    yield w.chain(
        "schedules.shift(r, k_2)",
        ("k_2*k*t/(1 + (k_2*k - 1)*t)", "the odds are multiplied by k, then by k₂"),
        ("schedules.shift(t, k*k_2)", "as the code writes it"),
        states="Two shifts are one: their factors multiply.",
        so="So a grid that is shifted twice by 3 is one shifted by 9.",
    )
    yield w.chain(
        "schedules.shift(r, 1/k)",
        ("schedules.shift(t, k/k)", "two shifts are one"),
        ("t", "a shift by 1 changes nothing"),
        states="The inverse is the shift by 1/k.",
        so="A boundary b of the shifted levels lies, before the shift, where 1/k takes it.",
    )
    yield w.chain("schedules.shift(0, k)", ("0", "nothing above"), states="Data stays, ...")
    yield w.chain(
        "schedules.shift(1, k)", ("1", "the second term vanishes"), states="... and so does noise."
    )
    yield w.chain(
        "d(r, t)",
        ("k/(1 + (k - 1)*t)**2", "the quotient rule"),
        ("1/(k*(t + (1 - t)/k)**2)", "k into the square"),
        states="Its slope is positive: levels keep their order.",
    )
    yield w.chain(
        "1 - r",
        ("schedules.shift(1 - t, 1/k)", "the odds of 1 − t are one over those of t"),
        states="On the other clock the same shift is the one by 1/k.",
    )


@derivation("schedules.shift_between", rows=("GRID-1",))
def shift_between(production: Production) -> Lines:
    """Two levels inside determine a shift: the quotient of their odds."""
    w = Writing(k=by, to=goal)
    yield w.chain(
        "schedules.shift(t, schedules.shift_between(t, to))",
        ("1/(1 + (1 - to)/to)", "divide by t; (1 − t)/t cancels"),
        ("to", "times t′"),
        states="It takes t to t′.",
    )
    yield w.chain(
        "schedules.shift_between(t, schedules.shift(t, k))",
        ("k", "the odds were multiplied by k"),
        states="From a level and its shifted one k is had back.",
    )


@derivation("schedules.dynamic", rows=("GRID-1",))
def dynamic(production: Production) -> Lines:
    """μ is the logarithm of the shift: logits move by μ, and μ adds up."""
    w = Writing(mu=mu, nu=mu_2, k=by)
    w.let("r", "schedules.dynamic(t, mu)", "t'")
    yield w.chain(
        "r",
        ("schedules.shift(t, exp(mu))", "one over e^μ is e^(−μ)"),
        states="The shift by e^μ.",
    )
    yield w.chain(
        "r",
        ("exp(mu)/(exp(mu) + 1/t - 1)", "above and below times e^μ, over t"),
        states="The form that diffusers writes.",
        so="Its `linear` kind has μ in the place of e^μ: the shift by μ.",
    )
    yield w.chain(
        "schedules.dynamic(r, nu)",
        ("schedules.shift(t, exp(mu)*exp(nu))", "two shifts are one"),
        ("schedules.dynamic(t, mu + nu)", "exponents add up"),
        states="Two in a row.",
    )


@derivation("schedules.mu", rows=("GRID-1",), assumes=("n_1 > n_0",))
def mu_of_tokens(production: Production) -> Lines:
    """A straight line through (n_0, μ_0) and (n_1, μ_1): it is not cut beyond either."""
    w = Writing(n=tokens, n_0=base_tokens, n_1=max_tokens, mu_0=base_mu, mu_1=max_mu)
    w.let("m", "schedules.mu(n, n_0, n_1, mu_0, mu_1)", r"\mu")
    yield w.chain(
        "schedules.mu(n, n_0, n_1, mu_0, mu_1)",
        ("((n_1 - n)*mu_0 + (n - n_0)*mu_1)/(n_1 - n_0)", "collect both ends"),
        states="A mean of both ends, weighed by the distance to the other: μ_0 at n_0, μ_1 at n_1.",
    )
    yield w.chain(
        "d(m, n)",
        ("(mu_1 - mu_0)/(n_1 - n_0)", "n occurs once, to the first power"),
        states="Between them and beyond it has one slope.",
    )


@derivation("schedules.stretch", rows=("GRID-2",), assumes=("t_last < 1",))
def stretch(production: Production) -> Lines:
    """The terminal stretch: 1 − t times a constant, the one that takes the last level home.

    It is no shift: it is affine in t, and a shift is not.
    """
    w = Writing(last=last, end=terminal, further=further)
    w.let("r", "schedules.stretch(t, last, end)", "t'")
    yield w.chain(
        "1 - r",
        ("(1 - end)/(1 - last) * (1 - t)", "1 − 1 cancels"),
        states="What is left of the data is multiplied by a constant.",
    )
    yield w.chain("at(r, t, 1)", ("1", "the product vanishes"), states="Noise stays noise, ...")
    yield w.chain(
        "at(r, t, last)",
        ("1 - (1 - end)", "1 − t_last cancels"),
        ("end", "minus times minus"),
        states="... the lowest level goes where it is asked to, ...",
    )
    yield w.chain(
        "schedules.stretch(t, last, last)",
        ("1 - (1 - t)", "the constant is one"),
        ("t", "minus times minus"),
        states="... and stays where it is already right.",
    )
    yield w.chain(
        "schedules.stretch(r, end, further)",
        ("1 - (1 - further)/(1 - last) * (1 - t)", "1 − t_end cancels"),
        ("schedules.stretch(t, last, further)", "as the code writes it"),
        states="Of two stretches the last one counts.",
    )


@derivation("schedules.karras", rows=("GRID-2",))
def karras(production: Production) -> Lines:
    """Karras' spacing: even in σ^(1/ρ), with both ends as given."""
    w = Writing(u=u, low=low, high=high, rho=rho)
    w.let("z", "schedules.karras(u, low, high, rho)", r"\sigma")
    yield w.chain(
        "z",
        ("((1 - u)*high**(1/rho) + u*low**(1/rho))**rho", "collect the first end"),
        states="Between the ends, ...",
        so="$\\sigma^{1/\\rho}$ is a straight line in u.",
    )
    yield w.chain(
        "at(z, u, 0)",
        ("(high**(1/rho))**rho", "the second term vanishes"),
        ("high", "the exponents multiply to one"),
        states="... it starts at σ_max ...",
    )
    yield w.chain(
        "at(z, u, 1)",
        ("(low**(1/rho))**rho", "σ_max cancels"),
        ("low", "the exponents multiply to one"),
        states="... and ends at σ_min.",
    )
    yield w.chain(
        "schedules.karras(u, low, high, 1)",
        ("(1 - u)*high + u*low", "the exponents are one"),
        states="With ρ = 1 it is the even grid.",
    )


@derivation("schedules.exponential", rows=("GRID-2",))
def exponential(production: Production) -> Lines:
    """Equal steps in log σ: each level is the same share of the one before."""
    w = Writing(u=u, low=low, high=high, delta=piece)
    w.let("z", "schedules.exponential(u, low, high)", r"\sigma")
    yield w.chain("at(z, u, 0)", ("high", "anything to the power 0"), states="From σ_max ...")
    yield w.chain("at(z, u, 1)", ("low", "σ_max cancels"), states="... to σ_min.")
    yield w.chain(
        "at(z, u, u + delta)/z",
        ("(low/high)**delta", "σ_max cancels, and exponents add up"),
        states="A step of length δ keeps a share that does not depend on where it begins.",
    )


@derivation("schedules.log_snr", rows=("GRID-2",), assumes=("0 < t < 1",))
def log_snr(production: Production) -> Lines:
    """λ = log α − log σ on the linear path: every shift moves it by a constant."""
    w = Writing(k=by)
    yield w.chain(
        "exp(2*schedules.log_snr(t))",
        ("(paths.linear(t).alpha/paths.linear(t).sigma)**2", "α = 1 − t and σ = t"),
        states="λ is half the logarithm of the signal-to-noise ratio (α/σ)².",
    )
    yield w.chain(
        "d(schedules.log_snr(t), t)",
        ("-1/(1 - t) - 1/t", "the logarithm of a quotient, differentiated"),
        ("-1/(t*(1 - t))", "over one denominator"),
        states="It falls from data to noise, fastest at the ends.",
    )
    yield w.chain(
        "exp(schedules.log_snr(schedules.shift(t, k)))",
        ("(1 - t)/(k*t)", "one over the odds, and the odds are k times as large"),
        ("exp(schedules.log_snr(t))/k", "the exponential of a logarithm"),
        states="After a shift.",
        so="λ falls by log k at every level, so the steps in λ are the same with and without it.",
    )


@derivation("schedules.level_of_sigma", rows=("GRID-2",))
def level_of_sigma(production: Production) -> Lines:
    """The level at which the linear path has as much noise beside its data as data + σ noise."""
    w = Writing(data=vector(r"\mathrm{data}"), noise=vector(r"\mathrm{noise}"), S=scale)
    w.let("r", "schedules.level_of_sigma(S)", "t")
    yield w.chain(
        "(1 + S) * paths.interpolate(paths.linear(r), data, noise)",
        ("(1 + S) * (data/(1 + S) + S/(1 + S)*noise)", "1 − t = 1/(1 + σ)"),
        ("data + S*noise", "1 + σ cancels"),
        states="The point of the linear path, scaled.",
    )
    yield w.chain(
        "r/(1 - r)",
        ("S/(1 + S) / (1/(1 + S))", "1 − t = 1/(1 + σ)"),
        ("S", "1 + σ cancels"),
        states="σ is the odds of the level.",
    )
