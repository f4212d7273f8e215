"""Objectives: the loss that can be trained on and the one that is wanted differ by a constant.

Data enters as finitely many atoms with arbitrary weights and arbitrary conditional densities. The
network's output at a point is an arbitrary vector, so a gradient with respect to it gives, by the
chain rule, the gradient with respect to any parameters.
"""

from .engine import Lines, Production, derivation
from .engine.written import (
    Writing,
    densities,
    density,
    field,
    fields,
    indexed,
    number,
    of_time,
    posterior_mean,
    scalar,
    scalars,
    weights,
)

FINITELY_MANY = "finitely many z"
GIVEN = "p_t(x\\mid z)"


def _atoms() -> Writing:
    """Weights π_z, conditional densities p_t(x | z), and a network's output u at x."""
    w = Writing(pi=weights(r"\pi_z"), k=densities(GIVEN), u=field(r"v_{\theta}"))
    return w.bind(E=posterior_mean(w("pi"), w("k")))


@derivation("objectives.flow_matching", rows=("FM-1", "FM-2", "CFG-1"), assumes=(FINITELY_MANY,))
def flow_matching(production: Production) -> Lines:
    """L_FM = L_CFM + C: the two losses have the same gradients and the same minimiser.

    The last chain is the guided objective: the network is also told y, and everything is
    conditioned on it.
    """
    yield from _regression()
    yield from _gradient()
    yield from _guided()
    w = Writing(u=number(r"v_{\theta}"), a=of_time(r"\alpha_t"), b=of_time(r"\sigma_t"))
    w.let("x_t", "a*data + b*noise")
    yield w.chain(
        "objectives.flow_matching(u, d(x_t, t))",
        ("(u - (dt(a)*data + dt(b)*noise))**2", "data and noise stay, their coefficients move"),
        states="The target on a Gaussian path: the velocity of its points.",
    )
    w.let("x_t", "(1 - t)*data + t*noise")
    yield w.chain(
        "objectives.flow_matching(u, d(x_t, t))",
        ("(u - (noise - data))**2", "the derivative of a straight line is its direction"),
        states="On the linear path.",
    )


def _regression() -> Lines:
    w = _atoms().bind(y=fields("v_{z}"))
    w.let("m", "E(y)", "m")
    w.let("post", "density.posterior(pi, k)", r"P(z\mid x)")
    yield w.chain(
        "E(over_coordinates(objectives.flow_matching(comp(u), comp(y))))",
        ("E(norm2(bracket(u - m) + bracket(m - y)))", "add and subtract the conditional mean m"),
        (
            "norm2(u - m) + 2*dot(u - m, E(m - y)) + E(norm2(m - y))",
            "the square, multiplied out; the network and m depend on x_t alone",
        ),
        ("norm2(u - m) + E(norm2(m - y))", "E[m − v_z | x_t] = 0"),
        (
            "over_coordinates(objectives.flow_matching(comp(u), comp(m))) + E(norm2(m - y))",
            "the first term is the loss with the marginal field as its target",
        ),
        (
            "over_coordinates(objectives.flow_matching(comp(u), comp(m))"
            " - objectives.gap(post, comp(y)))",
            "C = −Var(v_z | x_t), coordinate by coordinate",
        ),
        states="The conditional loss at x_t is the marginal loss and a variance.",
        so="$L_{FM}=L_{CFM}+C$ with $C\\le 0$ free of the network: one minimiser, the marginal "
        "field $\\mathbb E[v_z\\mid x_t]$.",
    )


def _gradient() -> Lines:
    w = Writing(pi=weights(r"\pi_z"), k=densities(GIVEN), u=number(r"v_{\theta}"))
    w.bind(y=indexed("v_{z}", index="z"), E=posterior_mean(w("pi"), w("k")))
    yield w.chain(
        "d(E(objectives.flow_matching(u, y)), u)",
        ("E(2*(u - y))", "differentiated under the mean"),
        ("2*(u - E(y))", "E is linear, and the network's output is given by x_t"),
        ("d(objectives.flow_matching(u, E(y)), u)", "the derivative of the marginal loss"),
        states="Equal gradients with respect to the output, hence to the parameters.",
        so="It vanishes at $v_\\theta=\\mathbb E[v_z\\mid x_t]$ and nowhere else.",
        dimensions=(1,),
    )


def _guided() -> Lines:
    w = _atoms().bind(v=fields("v_{z}"), q=indexed(r"P(y\mid z)", index="z", positive=True))
    w.bind(E=posterior_mean(w("pi*q"), w("k"), given="x_t, y"))
    w.let("m", "E(v)", "m_y")
    w.let("given", "pi*q/sum(pi*q)", r"P(z\mid y)")
    yield w.chain(
        "E(over_coordinates(objectives.flow_matching(comp(u), comp(v))))",
        (
            "norm2(u - m) + 2*dot(u - m, E(m - v)) + E(norm2(m - v))",
            "add and subtract the mean given x_t and y, multiply out",
        ),
        ("norm2(u - m) + E(norm2(m - v))", "E[m_y − v_z | x_t, y] = 0"),
        states="The guided objective over (z, y), at x_t and a label y that the network is told.",
        so="Least at $v_\\theta(x, y)=\\mathbb E[v_z\\mid x_t, y]$.",
    )
    yield w.chain(
        "E(v)",
        ("sum(pi*q*k*v)/sum(pi*q*k)", "Bayes: the posterior weight is π_z P(y|z) p_t(x|z)"),
        ("sum(given*k*v)/sum(given*k)", "divide both sums by Σ π_z P(y|z) = P(y)"),
        states="That minimiser is a marginal field again: the one of the data law given y.",
    )


@derivation("objectives.gap", rows=("FM-1", "SM-1"), assumes=(FINITELY_MANY, "Σ P(z | x) = 1"))
def gap(production: Production) -> Lines:
    """C(x) = −Var(target | x): never positive, and zero where x determines the target.

    Written C < 0, as some notes have it, the theorem fails for data of one point, where C = 0.
    """
    w = Writing(P=weights("P_z"), y=indexed("y_{z}", index="z"))
    w.let("m", "sum(P*y)", "m")
    yield w.chain(
        "objectives.gap(P, y)",
        ("m**2 - sum(P*y**2)", "the mean named m"),
        ("-(sum(P*y**2) - 2*m*sum(P*y) + m**2)", "Σ P_z y_z = m, so −2m² + m² = −m²"),
        ("-(sum(P*(y - m)**2) + m**2*(1 - sum(P)))", "collect the square"),
        states="Minus a variance, with any weights.",
        so="Since $\\sum_z P_z=1$ it is $-\\mathrm{Var}(y_z)$.",
    )
    w = Writing(pi=weights(r"\pi_z"), k=weights(GIVEN), y=indexed("y_{z}", index="z"))
    w.bind(c=number(), r=number(), E=posterior_mean(w("pi"), w("k")))
    w.let("post", "density.posterior(pi, k)", r"P(z\mid x)")
    w.let("m", "E(y)", "m")
    yield w.chain(
        "objectives.gap(post, y)",
        ("E(y)**2 - E(y**2)", "sums against the posterior are conditional means"),
        ("-E((y - m)**2)", "the variance, with m = E[y_z | x_t]"),
        ("<= 0", "a mean of squares is not negative"),
        states="With the posterior of z for weights.",
    )
    yield w.chain(
        "objectives.gap(post, c + r*y)",
        ("(c + r*E(y))**2 - E((c + r*y)**2)", "E is linear"),
        ("r**2 * (E(y)**2 - E(y**2))", "multiply out: c² and 2cr E[y_z | x_t] cancel"),
        ("r**2 * objectives.gap(post, y)", "C of the targets y"),
        states="An offset that all targets share drops out; a common factor comes out squared.",
        so="For r = 0 all targets agree and C = 0: equality is possible.",
    )


@derivation(
    "objectives.denoising",
    rows=("SM-1", "SM-2"),
    assumes=(FINITELY_MANY, "differentiation under the integral over z is allowed"),
)
def denoising(production: Production) -> Lines:
    """L_SM = L_DSM + C with the conditional score as target; on a Gaussian path that is −ε/σ."""
    w = Writing(u=number(r"s_{\theta}"))
    w.let("x_t", "alpha*data + sigma*noise")
    yield w.chain(
        "objectives.denoising(u, noise, sigma)",
        ("(u - gaussian.score(x_t, alpha*data, sigma))**2", "x_t − α data = σ noise"),
        states="The target is the score of the Gaussian N(α data, σ²) at x_t.",
    )
    yield w.chain(
        "E(eps, objectives.denoising(u, eps, sigma))",
        ("u**2 + 1/sigma**2", "E[ε] = 0 and E[ε²] = 1"),
        states="Its mean for an output that ignores the noise.",
        so="The loss grows like $1/\\sigma^2$ near the data.",
    )
    w = Writing(pi=weights(r"\pi_z"), k=densities(GIVEN), u=field(r"s_{\theta}"))
    w.bind(E=posterior_mean(w("pi"), w("k")))
    w.let("l", "grad(log(k))", r"\ell_{z}")
    w.let("n", "-sigma*l", r"n_{z}")
    w.let("p", "sum(pi*k)", "p_t")
    yield w.chain(
        "grad(log(p))",
        ("sum(pi*grad(k))/p", "the derivative of a logarithm; ∇ is linear"),
        ("sum(pi*k*l)/p", "∇p_t(x|z) = p_t(x|z) ℓ_z"),
        ("E(l)", "Bayes: π_z p_t(x|z)/p_t is the posterior of z"),
        states="The marginal score is the mean of the conditional ones.",
    )
    w.let("s", "E(l)", r"\nabla\log p_t")
    yield w.chain(
        "E(over_coordinates(objectives.denoising(comp(u), comp(n), sigma)))",
        ("E(norm2(bracket(u - s) + bracket(s - l)))", "n_z/σ = −ℓ_z; add and subtract the score"),
        (
            "norm2(u - s) + 2*dot(u - s, E(s - l)) + E(norm2(s - l))",
            "the square, multiplied out; the network and the score depend on x_t alone",
        ),
        ("norm2(u - s) + E(norm2(s - l))", "E[ℓ_z | x_t] = ∇log p_t"),
        states="At x_t: score matching against the marginal score, and a variance.",
        so="$L_{SM}=L_{DSM}+C$ with $C=-\\mathbb E[\\mathrm{Var}(\\ell_z\\mid x_t)]\\le 0$.",
    )


@derivation("objectives.weighted_denoising", rows=("LD-3", "SM-2"), assumes=("σ > 0",))
def weighted_denoising(production: Production) -> Lines:
    """σ² times the denoising loss: same minimiser, bounded target, DDPM's ε-prediction."""
    w = Writing(u=number(r"s_{\theta}"), e=number(r"\varepsilon_{\theta}"))
    yield w.chain(
        "objectives.weighted_denoising(u, noise, sigma)",
        ("(sigma * (u + noise/sigma))**2", "σ out of the bracket"),
        ("sigma**2 * objectives.denoising(u, noise, sigma)", "the square of a product"),
        states="The weight σ².",
    )
    yield w.chain(
        "E(eps, objectives.weighted_denoising(u, eps, sigma))",
        ("sigma**2*u**2 + 1", "E[ε] = 0 and E[ε²] = 1"),
        states="What the target contributes is 1 at every noise level.",
    )
    yield w.chain(
        "objectives.weighted_denoising(-e/sigma, noise, sigma)",
        ("(noise - e)**2", "σ cancels"),
        ("(e - noise)**2", "a square does not see the sign"),
        states="With the score −ε_θ/σ it is DDPM's loss.",
    )


@derivation("objectives.implicit", rows=("SM-3",), assumes=("p > 0 smooth", "p s → 0 at infinity"))
def implicit(production: Production) -> Lines:
    """No target needed: integrate by parts, and the unknown score disappears."""
    w = Writing(p=density("p"), s=field(r"s_{\theta}")).bind(l="grad(log(p))")
    yield w.chain(
        "over_coordinates(p * objectives.implicit(comp(s), di(comp(s))))",
        ("p*div(s) + p/2*norm2(s)", "Σ_i ∂_i s_i = ∇·s"),
        ("div(p*s) - dot(s, grad(p)) + p/2*norm2(s)", "the product rule"),
        ("div(p*s) - p*dot(s, l) + p/2*norm2(s)", "∇p = p ∇log p"),
        ("div(p*s) + p/2*norm2(s - l) - p/2*norm2(l)", "complete the square"),
        states="The integrand of the implicit loss, p times its value at x.",
        so="Integrated over x the divergence vanishes, and the last term is free of the network: "
        "the loss is $\\tfrac12\\mathbb E\\Vert s_\\theta-\\nabla\\log p\\Vert^2$ up to a "
        "constant.",
    )


@derivation("objectives.energy_score", rows=("SM-4",))
def energy_score(production: Production) -> Lines:
    """The score of e^{−f}/Z is free of Z."""
    w = Writing(f=scalar(r"f_{\theta}"), Z=number(r"Z_{\theta}", positive=True))
    yield w.chain(
        "grad(log(exp(-f)/Z))",
        ("grad(-f - log(Z))", "the logarithm of a quotient"),
        ("objectives.energy_score(grad(f))", "Z does not depend on x"),
        states="The density of an energy f, whose constant Z nobody knows.",
    )


@derivation("objectives.energy_gradient", rows=("SM-4",), assumes=("finitely many x′ in Z",))
def energy_gradient(production: Production) -> Lines:
    """The likelihood's gradient: push down the energy of data, up that of the model's samples."""
    w = Writing(f=scalar("f_{\\theta}(x)"), e=scalars("f_{\\theta}(x')", index="x'"))
    w.bind(E=posterior_mean(w("exp(-e)"), None, given="", tex=r"\mathbb E_{x'\sim p_\theta}"))
    w.let("Z", "sum(exp(-e))", r"Z_{\theta}")
    yield w.chain(
        "grad(log(exp(-f)/Z))",
        ("-grad(f) - grad(Z)/Z", "the derivative of a logarithm"),
        ("-grad(f) + sum(exp(-e)*grad(e))/Z", "∇ under the sum, and the chain rule"),
        (
            "objectives.energy_gradient(grad(f), E(grad(e)))",
            "e^{−f(x′)}/Z is the model's probability of x′",
        ),
        states="∇ is the gradient with respect to θ, and Z sums over all x′.",
    )
