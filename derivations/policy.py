"""The ratio: a quotient of densities of whole samples, one in expectation under the old policy."""

from refimpl.equations.arguments import LogProb, Mean, OldLogProb, OldMean, Std

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of
from .engine.written import Writing, indexed, number, vector
from .engine.written.node import Constant

mean = of(Mean, "mean")
mean_old = of(OldMean, "mean_old")
log_p = of(LogProb, "log_prob")
log_p_old = of(OldLogProb, "log_prob_old")

INDEPENDENT = "coordinates of a step are independent given x_t"
THREE = "three coordinates are written out; a sum over any number goes alike"


def _coordinates() -> Writing:
    """Log-probabilities of two samples, u and q, and densities p, coordinate by coordinate."""
    return Writing(
        u=indexed("u_i"), q=indexed("q_i"), p=indexed("p_i", positive=True), n=Constant("n", 3)
    )


@derivation("policy.total", rows=("GRPO-5",), assumes=(INDEPENDENT, THREE))
def total(production: Production) -> Lines:
    """Log-probabilities of independent coordinates add up, sample by sample."""
    w = _coordinates()
    yield w.chain(
        "policy.total(groups(u, q))",
        ("groups(sum(u), sum(q))", "one sum over coordinates for each sample"),
        states="Two samples, u and q.",
    )
    yield w.chain(
        "policy.total(groups(groups(u, q)))",
        ("sum(u) + sum(q)", "all axes but the first are coordinates"),
        states="One sample whose coordinates lie along two axes.",
    )
    yield w.chain(
        "exp(policy.total(groups(log(p))))",
        ("prod(exp(log(p)))", "the exponential of a sum is a product"),
        ("prod(p)", "exp and log undo each other"),
        states="With $u_i=\\log p_i$, the density of the sample is the product of the densities.",
    )


@derivation("policy.average", rows=("GRPO-5",), assumes=(THREE,))
def average(production: Production) -> Lines:
    """The community's reduction: the log-probability over the number n of coordinates.

    It stands for the n-th root of the sample's density.
    """
    w = _coordinates()
    yield w.chain(
        "n * policy.average(groups(u, q))",
        ("n * groups(sum(u)/n, sum(q)/n)", "the mean over the n coordinates of each sample"),
        ("policy.total(groups(u, q))", "n cancels"),
        states="n times the average is the sum.",
    )
    yield w.chain(
        "exp(policy.average(groups(log(p))))",
        ("prod(exp(log(p)))**(1/n)", "the exponential of a sum is a product; 1/n its exponent"),
        ("prod(p)**(1/n)", "exp and log undo each other"),
        states="Of log-densities: the n-th root of the sample's density.",
    )
    w = _coordinates().bind(z=indexed("z_i"), std=of(Std, "std"))
    yield w.chain(
        "policy.average(groups(gaussian.log_prob(z, 0, std)))",
        (
            "groups(-sum(z**2)/(2*n*std**2) - log(std) - log(2*pi)/2)",
            "one width for all coordinates: its logarithm is its own mean",
        ),
        (
            "groups(gaussian.log_prob(sqrt(sum(z**2)/n), 0, std))",
            "the log-density of one coordinate at the root of the mean square",
        ),
        states="Of Gaussians that share their width: the residuals count through their mean "
        "square alone.",
    )


def _on_a_draw() -> Writing:
    """A step with two means and one width, at a draw y of the old policy."""
    w = Writing(p="N(mean, std**2)", q="N(mean_old, std**2)")
    w.let("y", "mean_old + std*eps")
    w.let("delta", "(mean - mean_old)/std", r"\delta")
    return w


@derivation("policy.log_ratio", rows=("GRPO-5",))
def log_ratio(production: Production) -> Lines:
    """The logarithm of a quotient of densities; on a step, linear in the noise that was drawn.

    It is zero where the policies agree. On average over draws of the old policy it is minus the
    divergence of the new policy from the old.
    """
    w = _on_a_draw()
    yield w.chain(
        "exp(policy.log_ratio(log_prob, log_prob_old))",
        ("exp(log_prob)/exp(log_prob_old)", "the exponential of a difference is a quotient"),
        states="It is the logarithm of the quotient of densities.",
    )
    yield w.chain(
        "policy.log_ratio(log_density(y, p), log_density(y, q))",
        (
            "(y - mean_old)**2/(2*std**2) - (y - mean)**2/(2*std**2)",
            "the two widths are equal, so their logarithms cancel",
        ),
        ("eps**2/2 - (eps - delta)**2/2", "y − μ_old = std ε and y − μ = std (ε − δ)"),
        ("delta*eps - delta**2/2", "multiply out; ε²/2 cancels"),
        states="At a draw from the old policy.",
    )
    yield w.chain(
        "E(eps, policy.log_ratio(log_density(y, p), log_density(y, q)))",
        ("E(eps, delta*eps - delta**2/2)", "the log-ratio at a draw"),
        ("-delta**2/2", "E[ε] = 0"),
        ("-KL(q, p)", "two Gaussians of equal width"),
        states="Its mean over such draws.",
    )


@derivation("policy.log_ratio_of_means", rows=("GRPO-5",))
def log_ratio_of_means(production: Production) -> Lines:
    """Normalising constants and x² cancel; what is left is a product.

    How far the mean has moved, times how far the draw lies from the midpoint of the two means. Its
    slope in the mean is that of log p_θ: the gradient is the same.
    """
    w = _on_a_draw()
    yield w.chain(
        "policy.log_ratio(log_density(x_s, p), log_density(x_s, q))",
        (
            "((x_s - mean_old)**2 - (x_s - mean)**2)/(2*std**2)",
            "equal widths: the logarithms cancel",
        ),
        (
            "(mean - mean_old) * (2*x_s - mean - mean_old)/(2*std**2)",
            "a² − b² = (a − b)(a + b)",
        ),
        ("policy.log_ratio_of_means(x_s, mean, mean_old, std)", "one half goes into the bracket"),
        states="Two Gaussians that share their width.",
    )
    yield w.chain(
        "d(policy.log_ratio_of_means(x_s, mean, mean_old, std), mean)",
        (
            "(x_s - (mean + mean_old)/2)/std**2 - (mean - mean_old)/(2*std**2)",
            "the product rule",
        ),
        ("(x_s - mean)/std**2", "μ/2 twice is μ, and μ_old/2 cancels"),
        ("d(log_density(x_s, p), mean)", "only the exponent depends on the mean"),
        states="Its slope is that of the log-probability.",
    )
    yield w.chain(
        "E(eps, policy.log_ratio_of_means(y, mean, mean_old, std))",
        (
            "(mean - mean_old)/std**2 * E(eps, std*eps - (mean - mean_old)/2)",
            "y − (μ + μ_old)/2 = std ε − (μ − μ_old)/2",
        ),
        ("-(mean - mean_old)**2/(2*std**2)", "E[ε] = 0"),
        ("-kl.of_means(mean_old, mean, std)", "(a − b)² = (b − a)²"),
        states="On average over draws of the old policy it is minus the divergence.",
    )


@derivation(
    "policy.log_ratio_of_products",
    rows=("GRPO-5",),
    assumes=("the mean of a step is linear in the velocity, m = m_0 + b v",),
)
def log_ratio_of_products(production: Production) -> Lines:
    """Two inner products are all that a sample's ratio needs.

    What holds of each coordinate holds of its products' sums, in any number of coordinates. Without
    the first product it is minus the divergence from the old policy.
    """
    w = Writing(v=vector(), v_old=vector(r"v_{\mathrm{old}}"), m_0=vector(), y=vector())
    w.bind(b=number(), p=number(), q=number(positive=True), D=number(positive=True))
    w.let("m", "m_0 + b*v")
    w.let("m_old", "m_0 + b*v_old", r"m_{\mathrm{old}}")
    w.let("delta", "v - v_old", "d")
    yield w.chain(
        "over_coordinates(policy.log_ratio_of_means(comp(y), comp(m), comp(m_old), std))",
        (
            "dot(m - m_old, y - (m + m_old)/2)/std**2",
            "the sum of products of coordinates is an inner product",
        ),
        (
            "dot(b*delta, y - m_old - b*delta/2)/std**2",
            "m − m_old = b d, and (m + m_old)/2 = m_old + b d/2",
        ),
        (
            "policy.log_ratio_of_products(dot(delta, y - m_old), norm2(delta), b, std)",
            "the inner product is linear, and ⟨d, d⟩ = ‖d‖²",
        ),
        states="The log-ratios of all coordinates of a stored next state y, added up.",
    )
    yield w.chain(
        "policy.log_ratio_of_products(0, norm2(delta), b, std)",
        ("-norm2(b*delta)/(2*std**2)", "the first product is left out"),
        ("-norm2(m - m_old)/(2*std**2)", "b d = m − m_old"),
        ("-KL(N(m_old, std**2), N(m, std**2))", "two Gaussians of equal width"),
        states="Without the first product it is minus the divergence.",
    )
    yield w.chain(
        "policy.log_ratio_of_products(p/D, q/D, b, std)",
        ("1/D * (b*(p - b*q/2)/std**2)", "1/D in front of the bracket"),
        states="Given averages p/D and q/D of the products it is the average of the log-ratios.",
    )


@derivation("policy.ratio", rows=("GRPO-5",))
def ratio(production: Production) -> Lines:
    """The importance ratio: a quotient of densities, with mean one under the old policy.

    A power r^c with 0 < c < 1, such as the ratio of averaged log-probabilities with c = 1/D, has a
    mean below one.
    """
    w = _on_a_draw()
    w.bind(c=number(positive=True), r="policy.ratio(log_density(y, p), log_density(y, q))")
    yield w.chain(
        "policy.ratio(log_prob, log_prob_old)",
        ("exp(log_prob)/exp(log_prob_old)", "the exponential of a difference is a quotient"),
        states="A quotient of densities.",
    )
    yield w.chain(
        "E(eps, r)",
        ("E(eps, exp(delta*eps - delta**2/2))", "the log-ratio at a draw from the old policy"),
        ("exp(-delta**2/2) * E(eps, exp(delta*eps))", "what does not depend on ε comes out"),
        ("exp(-delta**2/2) * exp(delta**2/2)", "E[exp(δε)] = exp(δ²/2)"),
        ("1", "the exponents cancel"),
        states="Its mean over draws of the old policy is one.",
    )
    yield w.chain(
        "E(eps, r**c)",
        ("exp(-(c*delta**2/2)) * E(eps, exp(c*delta*eps))", "the c-th power at a draw"),
        ("exp(-(c*delta**2/2)) * exp(c**2*delta**2/2)", "E[exp(cδε)] = exp(c²δ²/2)"),
        ("exp(-(c*(1 - c)*delta**2/2))", "collect the exponents"),
        states="The mean of a power of it: less than one for 0 < c < 1.",
    )
    w = Writing()
    w.let("c", "1 + g**2*(1 - t)/(2*t)")
    w.let("m", "x - h*sde.flow_grpo_drift(x, v, g, t)", r"m_\theta")
    yield w.chain(
        "d(log(policy.ratio(log_density(x_s, N(m, g**2*h)), log_prob_old)), v)",
        (
            "d(-(x_s - m)**2/(2*g**2*h), v)",
            "log and exp undo each other; only this term depends on v",
        ),
        ("(x_s - m)/(g**2*h) * d(m, v)", "the chain rule"),
        ("-(c*(x_s - m)/g**2)", "m is affine in v, with slope −h c"),
        states="On the linear path, the gradient that trains the network.",
    )
