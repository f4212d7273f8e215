"""Langevin dynamics: exact in the limit of small steps, biased at any finite one, by how much."""

from refimpl.equations.arguments import Mean

from .density import SMOOTH
from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of, symbol
from .engine.written import Writing, density, number, of_time

small = symbol("small", r"\epsilon", low="0.01", high="0.1", positive=True)
mean = of(Mean, "mean")
scale = symbol("scale", r"\sigma_i", positive=True)
scale_min = symbol("scale_min", r"\sigma_1", positive=True)


@derivation("langevin.step", rows=("LD-1",), assumes=(SMOOTH,))
def step(production: Production) -> Lines:
    """One step is Euler–Maruyama's for dx = ∇log p dt + √2 dw, an SDE that leaves p as it is."""
    w = Writing(x=number(), s=number(r"\nabla\log p"))
    yield w.chain(
        "langevin.step(x, s, small)",
        ("sde.euler_maruyama(x, s, sqrt(2), small)", "2ε = (√2 √ε)²"),
        states="A step of length ε with the drift ∇log p and g = √2.",
    )
    w = Writing(p=density("p"))
    w.let("s", "grad(log(p))", "s")
    yield w.chain(
        "over_coordinates(density.fokker_planck(p, di(p), dii(p), comp(s), di(comp(s)), sqrt(2)))",
        ("-div(p*s) + lap(p)", "the product rule; half of (√2)² is 1"),
        ("-div(grad(p)) + lap(p)", "p s = p ∇log p = ∇p"),
        ("0", "∇·∇ = Δ"),
        states="The Fokker–Planck rate of that SDE at the density p.",
        so="Drift and diffusion cancel at every x: p is stationary.",
    )


@derivation("langevin.stationary_variance", rows=("LD-1",), assumes=("p = N(μ, std²), ε < 2 std²",))
def stationary_variance(production: Production) -> Lines:
    """The chain's own stationary law on a Gaussian: too wide, at first order in ε by ε/2.

    No finite ε is exact, which is what a Metropolis step or a decreasing ε is for.
    """
    w = Writing(U=number(positive=True))
    w.let("V", "langevin.stationary_variance(std, small)")
    w.let("y", "mean + sqrt(U)*eps")
    w.bind(after="langevin.step(y, gaussian.score(y, mean, std), small)")
    yield w.chain(
        "after",
        (
            "N(mean + (1 - small/std**2)*sqrt(U)*eps, 2*small)",
            "y − μ = √U ε, and the score is −(y − μ)/std²",
        ),
        states="One step from a draw y of N(μ, U).",
    )
    yield w.chain(
        "E(eps, after.mean)",
        ("mean", "E[ε] = 0"),
        states="The mean stays right.",
    )
    yield w.chain(
        "V - (1 - small/std**2)**2*V",
        ("V * (2*small/std**2) * (1 - small/(2*std**2))", "1 − (1 − a)² = 2a (1 − a/2)"),
        ("2*small", "V times the last bracket is std²"),
        states="The contraction takes from V what the noise puts back.",
    )
    yield w.chain(
        "Var(eps, after.mean) + after.std**2 - V",
        ("(1 - small/std**2)**2*U + 2*small - V", "E[ε²] = 1"),
        ("(1 - small/std**2)**2 * (U - V)", "2ε = V − (1 − ε/std²)² V"),
        states="The variance after the step, against V.",
        so="V is the fixed point, and every other variance approaches it, since "
        "$|1-\\epsilon/\\mathrm{std}^2|<1$.",
    )
    yield w.chain(
        "V - std**2",
        ("small/2 / (1 - small/(2*std**2))", "bring to one denominator"),
        states="The bias: it is ε/2 to first order in ε.",
    )


@derivation("langevin.annealed_eps", rows=("LD-3",))
def annealed_eps(production: Production) -> Lines:
    """At every scale the same ratio of drift to noise: ε_i/σ_i² is constant."""
    w = Writing(z=number())
    w.let("e", "langevin.annealed_eps(small, scale, scale_min)", r"\epsilon_i")
    yield w.chain(
        "e/scale**2",
        ("small/scale_min**2", "σ_i² cancels"),
        ("langevin.annealed_eps(small, scale_min, scale_min)/scale_min**2", "ε_1 = ε"),
        states="The step in units of the scale.",
    )
    w.let("law", "langevin.step(scale*z, gaussian.score(scale*z, 0, scale), e)", "q_i")
    w.let(
        "own", "langevin.step(scale_min*z, gaussian.score(scale_min*z, 0, scale_min), small)", "q_1"
    )
    yield w.chain(
        "law.mean/scale",
        ("z - e/scale**2 * z", "the score of N(0, σ_i²) at σ_i z is −z/σ_i"),
        ("z - small/scale_min**2 * z", "the same step in units of the scale"),
        ("own.mean/scale_min", "read back at the smallest scale"),
        states="A step q_i from σ_i z on N(0, σ_i²), in units of σ_i: the mean, ...",
    )
    yield w.chain(
        "law.std**2/scale**2",
        ("2*e/scale**2", "the square of the root"),
        ("2*small/scale_min**2", "the same step in units of the scale"),
        ("own.std**2/scale_min**2", "read back at the smallest scale"),
        states="... and the noise.",
    )


@derivation("langevin.perturbed_weight", rows=("LD-3", "LD-4"))
def perturbed_weight(production: Production) -> Lines:
    """The weight σ² makes the target's size the same at every scale."""
    w = Writing()
    yield w.chain(
        "langevin.perturbed_weight(scale)"
        " * E(eps, gaussian.score(data + scale*eps, data, scale)**2)",
        ("scale**2 * E(eps, (eps/scale)**2)", "the score at data + σ_i ε is −ε/σ_i"),
        ("1", "E[ε²] = 1, and σ_i² cancels"),
        states="The weighted size of the score given the data.",
    )


@derivation(
    "langevin.noise_rate",
    rows=("LD-4", "DDPM-2", "RFT-1"),
    assumes=("the forward SDE is linear: dx = (α̇/α) x dt + g dw", "α > 0, σ > 0"),
)
def noise_rate(production: Production) -> Lines:
    """Infinitely many noise scales are an SDE: the one whose conditional law is the path's.

    So VE is the limit of NCSN's scales and VP that of DDPM's steps. On the linear path g is
    Flow-GRPO's with a = √2.
    """
    yield from _conditional_law()
    yield from _on_the_paths()


def _conditional_law() -> Lines:
    w = Writing(x=number(), a=of_time(r"\alpha_t"), b=of_time(r"\sigma_t"))
    w.let("da", "d(a, t)", r"\dot\alpha_t")
    w.let("db", "d(b, t)", r"\dot\sigma_t")
    w.let("m", "a*data", "m_t")
    w.let("f", "da/a", "f_t")
    w.let("g2", "langevin.noise_rate(a, b, da, db)", "g_t^2")
    yield w.chain(
        "2*f*b**2 + g2",
        ("2*b*db", "2 (α̇/α) σ² cancels"),
        ("d(b**2, t)", "the derivative of a square"),
        states="The variance σ² obeys V' = 2 (α̇/α) V + g², ...",
    )
    yield w.chain(
        "d(m, t)",
        ("da*data", "the data stays"),
        ("f*m", "α cancels"),
        states="... and the mean α data obeys m' = (α̇/α) m.",
    )
    w.let("l", "log_density(x, N(m, b**2))", r"\log p")
    w.let("p", "exp(l)", "p")
    yield w.chain(
        "d(l, t)",
        (
            "f*m*(x - m)/b**2 + ((x - m)**2/b**4 - 1/b**2) * (f*b**2 + g2/2)",
            "the chain rule, with the rates of mean and variance",
        ),
        (
            "-f + f*x*(x - m)/b**2 + g2/2 * ((x - m)**2/b**4 - 1/b**2)",
            "collect f, with m + (x − m) = x",
        ),
        (
            "-f - f*x*d(l, x) + g2/2 * (d(l, x)**2 + d(l, x, 2))",
            "∂_x log p = −(x − m)/σ²",
        ),
        (
            "density.fokker_planck(p, d(p, x), d(p, x, 2), f*x, f, sqrt(g2))/p",
            "∂_x p = p ∂_x log p, twice",
        ),
        states="So the path's law given the data solves the SDE's Fokker–Planck equation.",
    )


def _on_the_paths() -> Lines:
    w = Writing()
    w.let("rate", "beta_min + (beta_max - beta_min)*t", r"\beta(t)")
    for name in ("alpha", "sigma", "d_alpha", "d_sigma"):
        w.let(name, f"paths.vp(t, beta_min, beta_max).{name}", _PARTS[name])
    yield w.chain(
        "langevin.noise_rate(alpha, sigma, d_alpha, d_sigma)",
        ("rate*alpha**2 - 2*(-rate/2)*sigma**2", "σσ̇ = −αα̇ and α̇/α = −β/2"),
        ("rate", "α² + σ² = 1"),
        states="The variance-preserving path: DDPM's limit.",
    )
    w = Writing()
    for name in ("sigma", "d_sigma"):
        w.let(name, f"paths.ve(t, sigma_min, sigma_max).{name}", _PARTS[name])
    yield w.chain(
        "langevin.noise_rate(1, sigma, 0, d_sigma)",
        ("2*sigma*d_sigma", "α = 1 does not move"),
        ("d(sigma**2, t)", "the derivative of a square"),
        states="The variance-exploding path: NCSN's limit.",
    )
    w = Writing()
    yield w.chain(
        "langevin.noise_rate(1 - t, t, -1, 1)",
        ("2*t + 2*t**2/(1 - t)", "α̇/α = −1/(1 − t)"),
        ("2*t/(1 - t)", "bring to one denominator"),
        ("sde.flow_grpo_g(t, sqrt(2), t)**2", "Flow-GRPO's g, with a = √2"),
        states="The linear path.",
    )


_PARTS = {
    "alpha": r"\alpha_t",
    "sigma": r"\sigma_t",
    "d_alpha": r"\dot\alpha_t",
    "d_sigma": r"\dot\sigma_t",
}
