"""The error of Euler–Maruyama's chain on Gaussian data, step by step, and its first order."""

from refimpl.equations import accuracy as equations

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of
from .engine.written import Writing, number, of_time

kappa_0 = of(equations.Noise, "kappa_0")
rate_c = of(equations.Rate, "rate_c")
root = of(equations.Root, "root")
steps = of(equations.Steps, "steps")

GAUSSIAN = "the data are N(μ, std²)"


@derivation(
    "accuracy.defect", rows=("GRPO-15",), assumes=("the drift is k x + b, V a parabola in t",)
)
def defect(production: Production) -> Lines:
    """What a step makes of a variance, less the variance that it should make.

    The SDE's own variance obeys V̇ = 2kV − g² in rising t, since sampling goes down.
    """
    w = Writing(k=number(), V=number("V_t", positive=True), B=number(r"\ddot V"), b=number())
    w.let("D", "2*k*V - g**2", r"\dot V")
    yield w.chain(
        "sde.euler_maruyama(x, -(k*x + b), g, h).std**2 + (1 - h*k)**2*V - (V - h*D + h**2*B/2)",
        ("g**2*h + (1 - h*k)**2*V - V + h*D - h**2*B/2", "the step's own noise is g²h"),
        ("h**2*accuracy.defect(k, V, B)", "V̇ = 2kV − g²: the first order cancels"),
        states="Carried and fresh variance, less the exact one at s = t − h.",
    )


@derivation("accuracy.left", rows=("GRPO-15",), assumes=(GAUSSIAN, "α > 0, σ > 0 under way"))
def left(production: Production) -> Lines:
    """The square of what the rest of the chain carries to the end."""
    w = Writing(a=of_time(r"\alpha_t"), b=of_time(r"\sigma_t"), m=number(), kappa=kappa_0)
    w.let("da", "d(a, t)", r"\dot\alpha_t")
    w.let("db", "d(b, t)", r"\dot\sigma_t")
    w.let("V", "a**2*std**2 + b**2", "V_t")
    w.let("G", "kappa*langevin.noise_rate(a, b, da, db)", "g^2")
    w.let("v", "da*m + (a*da*std**2 + b*db)/V * (x - a*m)", "v_t")
    w.let("l", "-(x - a*m)/V", r"\nabla\log p_t")
    w.let("k", "d(sde.drift(v, l, sqrt(G)), x)", "k_t")
    w.bind(c="Coefficients(a, b, da, db)")
    yield w.chain(
        "k",
        ("d(V, t)/(2*V) + G/(2*V)", "V̇ = 2 (α α̇ std² + σ σ̇)"),
        ("(1 + kappa)*d(V, t)/(2*V) - kappa*da/a", "g² = κ (V̇ − 2 (α̇/α) V)"),
        states="The slope of the drift of sampling.",
    )
    yield w.chain(
        "d(log(accuracy.left(c, std, kappa)), t)",
        (
            "-d(V, t)/V + kappa*(2*da/a - d(V, t)/V)",
            "the logarithm of a product and of a power",
        ),
        ("-2*k", "twice the slope"),
        states="The share that is left falls at twice this rate as t rises.",
    )
    yield w.chain(
        "accuracy.left(Coefficients(1, 0, da, db), std, kappa)",
        ("1", "std² over std²"),
        states="At the end all of it is left.",
    )


@derivation("accuracy.rate", rows=("GRPO-15", "GRID-3"), assumes=(GAUSSIAN, "the linear path"))
def rate(production: Production) -> Lines:
    """Defect times what is left of it; at the memoryless noise the integral is zero.

    Errors of steps add up, to first order. With T equal steps V_end − std² is the integral of c
    over T, plus less, provided it converges at t = 1, which it does for κ > ½. For κ = 1 the
    integrand is a derivative of something that vanishes at both ends, for every std.
    """
    w = Writing(kappa=kappa_0)
    w.let("V", "(1 - t)**2*std**2 + t**2", "V_t")
    w.let("k", "(t - (1 - t)*std**2 + kappa*t/(1 - t))/V", "k_t")
    yield w.chain(
        "accuracy.rate(t, std, kappa)",
        (
            "accuracy.defect(k, V, 2*(1 + std**2))*accuracy.left(paths.linear(t), std, kappa)",
            "V̈ = 2 (1 + std²) on the linear path",
        ),
        states="A step's defect, and what is left of it.",
    )
    yield w.chain(
        "d(V, t)/(2*V) + kappa*langevin.noise_rate(1 - t, t, -1, 1)/(2*V)",
        ("(t - (1 - t)*std**2)/V + kappa*2*t/(1 - t)/(2*V)", "the noise rate is 2t/(1 − t)"),
        ("k", "2 cancels"),
        states="The slope k, as it was found for `accuracy.left`.",
    )
    yield w.chain(
        "accuracy.rate(t, std, 1)",
        (
            "std**4*((t*(1 - t) - (1 - t)**2*std**2 + t)**2/V**3 - (1 + std**2)*(1 - t)**2/V**2)",
            "κ = 1: the factor (1 − t)² is multiplied in",
        ),
        ("d(-std**4*t*(1 - t)/V**2, t)", "the quotient rule, read backwards"),
        states="The memoryless noise.",
        so="So C = 0: at a = √2 equal steps have no error of first order, whatever the width.",
    )


@derivation("accuracy.best_step", rows=("GRID-3",), assumes=("c > 0",))
def best_step(production: Production) -> Lines:
    """Short steps where the rate is large: the lengths go as 1/√c.

    The last chain compares any two lengths on two intervals that hold a fixed number of steps; with
    more intervals it is Cauchy and Schwarz.
    """
    w = Writing(c=rate_c, S=root, n=steps)
    yield w.chain(
        "accuracy.best_step(c, S, n)*c",
        ("S*sqrt(c)/n", "c over √c"),
        states="The error of a step over its length.",
        so="Its integral is $(\\int\\sqrt c)^2/T$.",
    )
    yield w.chain(
        "1/accuracy.best_step(c, S, n)",
        ("n*sqrt(c)/S", "one over a fraction"),
        states="The density of the steps.",
        so="Its integral is T.",
    )
    w = Writing(y=number(r"\sqrt{c_1}", positive=True), z=number(r"\sqrt{c_2}", positive=True))
    w.bind(p=number("n_1", positive=True), q=number("n_2", positive=True))
    yield w.chain(
        "(p + q)*(y**2/p + z**2/q) - (y + z)**2",
        ("(q*y - p*z)**2/(p*q)", "collect the square"),
        states="Two unit intervals with n₁ and n₂ steps: T times the error, less the least.",
        so="It vanishes at $n_1:n_2=\\sqrt{c_1}:\\sqrt{c_2}$.",
    )
