"""Tilting: the optimum of the regularised objective, closed forms, and the noise to reach it."""

from refimpl.equations.arguments import Correlation, Mean
from refimpl.equations.tilting import Temperature

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of
from .engine.written import Writing, field, indexed, number, point

mean = of(Mean, "mean")
beta = of(Temperature, "beta")
rho = of(Correlation, "rho")

JENSEN = "the divergence is never negative, and zero only for equal laws (Gibbs' inequality)"


def _gaussian() -> Writing:
    """The reference p = N(μ, std²), any Gaussian N(m, u²), the slope k and the goal c."""
    w = Writing(k=number(), c=number(), m=number(), u=number(positive=True))
    return w.bind(p="N(mean, std**2)", q="N(m, u**2)", draw="m + u*eps")


@derivation("tilting.linear", rows=("RFT-1", "GRPO-2"))
def linear(production: Production) -> Lines:
    """A linear reward shifts a Gaussian by the slope times its variance, over β."""
    w = _gaussian()
    w.let("law", "tilting.linear(p, k, beta)", r"p^\star")
    w.bind(star="Gaussian(law.mean, law.std)")
    w.let("J", "k*mean + k**2*std**2/(2*beta)", r"J^\star")
    yield w.chain(
        "d(log_density(x, p) + k*x/beta, x)",
        ("-((x - mean)/std**2) + k/beta", "the score of a Gaussian"),
        ("-(x - mean - k*std**2/beta)/std**2", "one fraction"),
        ("d(log_density(x, star), x)", "again the score of a Gaussian, with the mean moved"),
        states="The tilted law p e^{kx/β}, normalised, has this score.",
    )
    yield w.chain(
        "E(eps, k*draw) - beta*KL(q, p)",
        (
            "k*m - beta*(log(std/u) - 1/2 + (u**2 + (m - mean)**2)/(2*std**2))",
            "E[ε] = 0; the divergence of two Gaussians",
        ),
        (
            "J - beta*(log(std/u) - 1/2 + (u**2 + (m - mean - k*std**2/beta)**2)/(2*std**2))",
            "complete the square in m",
        ),
        ("J - beta*KL(q, star)", "the divergence of two Gaussians"),
        states="The regularised objective of any Gaussian N(m, u²), for the reward kx.",
        so=f"It is largest at the tilted law: {JENSEN}.",
    )


@derivation("tilting.quadratic", rows=("RFT-1", "GRPO-2"))
def quadratic(production: Production) -> Lines:
    """A quadratic reward pulls a Gaussian towards its goal and narrows it: precisions add."""
    w = _gaussian()
    w.let("law", "tilting.quadratic(p, c, beta)", r"p^\star")
    w.let("M", "(beta*mean + std**2*c)/(beta + std**2)")
    w.let("V", "beta*std**2/(beta + std**2)")
    w.bind(star="Gaussian(law.mean, law.std)")
    w.let(
        "J",
        "-(beta/2*log(1 + std**2/beta)) - beta*(c - mean)**2/(2*(beta + std**2))",
        r"J^\star",
    )
    yield w.chain(
        "d(log_density(x, p) - (x - c)**2/(2*beta), x)",
        ("-((x - mean)/std**2) - (x - c)/beta", "the score of a Gaussian"),
        (
            "-((beta + std**2)*x - (beta*mean + std**2*c))/(beta*std**2)",
            "common denominator; collect x",
        ),
        ("-(x - M)/V", "β + std² out of the numerator"),
        (
            "d(log_density(x, star), x)",
            "again the score of a Gaussian, with mean M and variance V",
        ),
        states="The tilted law, normalised, has this score.",
    )
    yield w.chain(
        "1/law.std**2",
        ("(beta + std**2)/(beta*std**2)", "the square of the root"),
        ("1/std**2 + 1/beta", "two fractions"),
        states="Precisions add.",
    )
    yield w.chain(
        "E(eps, -(draw - c)**2/2) - beta*KL(q, p)",
        (
            "-((u**2 + (m - c)**2)/2) "
            "- beta*(log(std/u) - 1/2 + (u**2 + (m - mean)**2)/(2*std**2))",
            "E[ε] = 0 and E[ε²] = 1; the divergence of two Gaussians",
        ),
        (
            "J - beta*(log(V)/2 - log(u) - 1/2 + (u**2 + (m - M)**2)/(2*V))",
            "complete the square in m; log std² = log V + log (1 + std²/β)",
        ),
        ("J - beta*KL(q, star)", "the divergence of two Gaussians"),
        states="The regularised objective of any Gaussian N(m, u²), for the reward −(x − c)²/2.",
        so=f"It is largest at the tilted law: {JENSEN}.",
    )


@derivation(
    "tilting.fixed_start",
    rows=("RFT-1",),
    assumes=("start and end jointly Gaussian, the start is fixed",),
)
def fixed_start(production: Production) -> Lines:
    """What is reached when the start stays as it is: each end is tilted given its start.

    The best policy with a fixed start z tilts p(x | z), not p(x); averaging over z gives back only
    a part of the shift. So the bias of a sampler that remembers is its squared correlation.
    """
    w = _gaussian()
    w.let("all", "tilting.fixed_start(p, k, beta, rho)", "p_1")
    w.let("target", "tilting.linear(p, k, beta)", r"p^\star")
    w.let("n", "mean + rho*std*eps + k*std**2*(1 - rho**2)/beta")
    yield w.chain(
        "tilting.linear(N(mean + rho*std*eps, std**2*(1 - rho**2)), k, beta)",
        ("N(n, std**2*(1 - rho**2))", "the square of the root"),
        states="Given the start ε the end is N(μ + ρ std ε, std² (1 − ρ²)); its tilted law:",
    )
    yield w.chain(
        "N(E(eps, n), Var(eps, n) + std**2*(1 - rho**2))",
        (
            "N(mean + k*std**2*(1 - rho**2)/beta, rho**2*std**2 + std**2*(1 - rho**2))",
            "E[ε] = 0 and E[ε²] = 1",
        ),
        ("tilting.fixed_start(p, k, beta, rho)", "ρ² + 1 − ρ² = 1"),
        states="Averaged over the start: means and variances by the law of total variance.",
    )
    yield w.chain(
        "tilting.fixed_start(p, k, beta, 0)",
        ("tilting.linear(p, k, beta)", "ρ = 0"),
        states="Without memory it is the tilted law.",
    )
    yield w.chain(
        "(all.mean - mean)/(target.mean - mean)",
        ("(k*std**2*(1 - rho**2)/beta)/(k*std**2/beta)", "the mean cancels"),
        ("1 - rho**2", "k std²/β cancels"),
        states="The share of the shift that is reached.",
    )


def _outcomes() -> Writing:
    """Three outcomes with prior p and reward r; q is any law on them."""
    w = Writing(p=indexed("p_i", positive=True), r=indexed("r_i"), y=indexed("y_i", positive=True))
    w.let("Z", "sum(p*exp(r/beta))")
    w.let("q", "y/sum(y)", "q_i")
    w.let("best", "tilting.weights(p, r, beta)", r"p^\star_i")
    return w


@derivation("tilting.weights", rows=("RFT-1", "GRPO-2"), assumes=("finitely many outcomes",))
def weights(production: Production) -> Lines:
    """The optimum of the regularised objective on any finite set is the tilted law."""
    w = _outcomes()
    yield w.chain(
        "tilting.weights(p, r, beta)",
        ("p*exp(r/beta)/Z", "Z is the sum"),
        states="The tilted law.",
    )
    yield w.chain(
        "sum(best)",
        ("sum(p*exp(r/beta))/Z", "Z does not depend on the outcome"),
        ("1", "Z is this sum"),
        states="It adds up to one.",
    )
    yield w.chain(
        "r - beta*log(best/p)",
        ("r - beta*(r/beta - log(Z))", "p cancels; the logarithm of a quotient"),
        ("r - r + beta*log(Z)", "multiply out"),
        states="What an outcome is worth: its reward, less β times its log-ratio.",
        so="No outcome is worth more than another, so no small change of the law helps; that no "
        "other law is as good is shown for `tilting.value`.",
    )


@derivation("tilting.value", rows=("GRPO-2",), assumes=("finitely many outcomes",))
def value(production: Production) -> Lines:
    """The value of the objective at its optimum: β log E_p[e^{r/β}], and what any other law loses.

    For every q the objective is the value minus β KL(q ‖ p*): so p* is the one maximiser.
    """
    w = _outcomes()
    yield w.chain(
        "beta*log(best/p)",
        ("beta*(r/beta - log(Z))", "p cancels; the logarithm of a quotient"),
        ("r - beta*log(Z)", "multiply out"),
        states="The tilted law in logarithms.",
    )
    yield w.chain(
        "sum(q*r) - beta*sum(q*log(q/p))",
        ("sum(q*(r - beta*log(best/p) - beta*log(q/best)))", "log q/p = log p*/p + log q/p*"),
        ("sum(q*(beta*log(Z) - beta*log(q/best)))", "the line above, for each outcome"),
        ("beta*log(Z) - beta*sum(q*log(q/best))", "the q_i add up to one"),
        ("tilting.value(p, r, beta) - beta*sum(q*log(q/best))", "Z is the sum"),
        states="The objective of any law q: expected reward, less β times its divergence from p.",
        so=f"So the value is reached at p* alone: {JENSEN}.",
    )


@derivation("tilting.memoryless_drift", rows=("RFT-1",), assumes=("v = a_t score + b_t x",))
def memoryless_drift(production: Production) -> Lines:
    """At the memoryless noise the sampling SDE is the exact time reversal of the noising SDE.

    The noising SDE of a Gaussian path is dx = (α̇/α)x dt + g dw with g² = 2σσ̇ − 2(α̇/α)σ². As it
    forgets the data on its way up (α → 0), its reversal forgets the noise on its way down: start
    and end are independent, and tilting the path measure tilts the end alone. On the linear path
    this g is Flow-GRPO's with a = √2.
    """
    w = Writing(x=point(), v=field())
    w.let("l", "conversions.score_from_velocity(C, x, v)", r"\ell")
    w.let("g", "sqrt(langevin.noise_rate(alpha, sigma, d_alpha, d_sigma))")
    yield w.chain(
        "sde.drift(v, l, g)",
        ("v - sigma/alpha*(alpha*d_sigma - d_alpha*sigma) * l", "½ g² = σ (α σ̇ − α̇ σ)/α"),
        ("v - (d_alpha*x - alpha*v)/alpha", "the score's denominator cancels"),
        ("tilting.memoryless_drift(C, x, v)", "minus times minus: v twice"),
        states="The drift of sampling at this g.",
    )
    yield w.chain(
        "sde.reverse_drift(d_alpha/alpha*x, l, g)",
        (
            "d_alpha/alpha*x - 2*sigma/alpha*(alpha*d_sigma - d_alpha*sigma) * l",
            "g² = 2σ (α σ̇ − α̇ σ)/α",
        ),
        ("d_alpha/alpha*x - 2*(d_alpha*x - alpha*v)/alpha", "the score's denominator cancels"),
        ("tilting.memoryless_drift(C, x, v)", "α̇ x/α − 2 α̇ x/α = −α̇ x/α"),
        states="The reversal of the noising SDE has the same drift.",
    )
    w = Writing(x=point(), v=field())
    w.let("g", "sde.flow_grpo_g(t, sqrt(2), t)")
    yield w.chain(
        "tilting.memoryless_drift(paths.linear(t), x, v)",
        ("2*v + 1/(1 - t) * x", "α = 1 − t and α̇ = −1"),
        ("v + 1/(1 - t) * (x + (1 - t)*v)", "one v into the bracket"),
        ("sde.flow_grpo_drift(x, v, g, t)", "g² = 2t/(1 − t), so g²/(2t) = 1/(1 − t)"),
        states="On the linear path it is Flow-GRPO's drift at a = √2.",
    )
