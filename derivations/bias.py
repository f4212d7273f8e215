"""Biases of what trainers do: expectations of products, and of log-normal ratios."""

from refimpl.equations import bias as equations

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of
from .engine.written import Writing, number

group_size = of(equations.Size, "group_size")
success = of(equations.Success, "success")
coordinates = of(equations.Coordinates, "coordinates")
nats = of(equations.Nats, "nats")
curvature = of(equations.Curvature, "curvature")
moved = of(equations.Moved, "moved")


@derivation("bias.centred", rows=("GRPO-14",), assumes=("samples are independent and alike",))
def centred(production: Production) -> Lines:
    """A sample's own share of its baseline takes away 1/n of the gradient.

    Let S be a sample's score, with mean zero, and R its reward. The other samples' rewards are
    independent of S, so in the mean of (R − R̄) S only the sample's own two terms stay.
    """
    w = Writing(n=group_size, r=number(r"\mathbb E[R]"), c=number(r"\mathbb E[RS]"))
    yield w.chain(
        "c - (c + (n - 1)*r*0)/n",
        ("bias.centred(n)*c", "E[R_j S] = E[R] E[S] = 0 for the other samples"),
        states="E[(R − R̄) S], with R̄ the mean of n rewards.",
    )
    w = Writing(r=number("R"), k=number())
    yield w.chain(
        "E(eps, (r + k*eps - (r + k*eps + r)/2)*eps)",
        ("k/2", "E[ε] = 0 and E[ε²] = 1"),
        ("bias.centred(2)*E(eps, (r + k*eps)*eps)", "(2 − 1)/2"),
        states="Two samples, rewards R + kε and R, the score ε.",
    )


@derivation("bias.silent", rows=("GRPO-14", "GRPO-3"), assumes=("independent samples",))
def silent(production: Production) -> Lines:
    """All succeed, or none does: the two events exclude each other."""
    w = Writing(p=success)
    yield w.chain(
        "bias.silent(p, 2)",
        ("1 - 2*p*(1 - p)", "p² + (1 − p)² = 1 − 2p(1 − p)"),
        states="Of two samples one succeeds and the other fails in two ways.",
    )
    yield w.chain(
        "bias.silent(p, 3)",
        ("1 - 3*p*(1 - p)", "p³ + (1 − p)³ = 1 − 3p(1 − p)"),
        ("1 - (3*p**2*(1 - p) + 3*p*(1 - p)**2)", "p + (1 − p) = 1"),
        states="Of three, one or two succeed in three ways each.",
    )
    w = Writing(p=success, n=group_size)
    yield w.chain(
        "exp(n*log(p)) + exp(n*log(1 - p))",
        ("bias.silent(p, n)", "the exponential of a logarithm"),
        states="Of n: the chances of independent samples multiply, their logarithms add up.",
    )
    yield w.chain(
        "bias.silent(1 - p, n)",
        ("bias.silent(p, n)", "success and failure change places"),
        states="As silent for hard prompts as for easy ones.",
    )


@derivation("bias.mean_ratio", rows=("GRPO-14",), assumes=("Gaussian steps of one std",))
def mean_ratio(production: Production) -> Lines:
    """The D-th root of a ratio is no ratio: its mean is below one, its slope a D-th.

    Under the old policy the log-ratio of two Gaussian steps that lie u standard deviations apart is
    u ε − K with K = u²/2. The mean of the exponential of a Gaussian is e to its mean plus half its
    variance.
    """
    w = Writing(u=number(positive=True), D=coordinates)
    w.let("K", "u**2/2")
    yield w.chain(
        "E(eps, (u*eps - K)/D) + Var(eps, (u*eps - K)/D)/2",
        ("-K/D + u**2/(2*D**2)", "E[ε] = 0 and E[ε²] = 1"),
        ("-K*(1 - 1/D)/D", "u² = 2K"),
        ("log(bias.mean_ratio(K, D))", "the logarithm of an exponential"),
        states="The logarithm of the mean of r^(1/D).",
    )
    yield w.chain("bias.mean_ratio(K, 1)", ("1", "1 − 1/D = 0"), states="A ratio has the mean one.")
    yield w.chain(
        "E(eps, u*eps*(u*eps - K)/D)",
        ("u**2/D", "E[ε] = 0 and E[ε²] = 1"),
        states="Its covariance with the score, to first order: 1/D of the ratio's, u².",
    )


@derivation("bias.effective", rows=("GRPO-14",), assumes=("Gaussian steps of one std",))
def effective(production: Production) -> Lines:
    """The mean square of the ratio is e^{2K}: that many more samples are needed."""
    w = Writing(u=number(positive=True))
    w.let("K", "u**2/2")
    yield w.chain(
        "1/exp(E(eps, 2*(u*eps - K)) + Var(eps, 2*(u*eps - K))/2)",
        ("1/exp(-2*K + 2*u**2)", "E[ε] = 0 and E[ε²] = 1"),
        ("bias.effective(K)", "u² = 2K"),
        states="One over the mean of r².",
    )


@derivation("bias.stale", rows=("GRPO-14",), assumes=("x ~ N(μ, std²), reward −c (x − goal)²/2",))
def stale(production: Production) -> Lines:
    """Without its ratio an old batch has the old policy's gradient, whatever the new policy is.

    The score of the new policy is taken at the old one's samples, and rewards are centred under the
    old one, as a group does.
    """
    w = Writing(c=curvature, b=moved, m=number(r"\mu"), q=number(r"\mu_r"))
    w.let("x", "m + std*eps")
    w.let("R", "-c*(x - q)**2/2")
    w.let("R_0", "-c*((m - q)**2 + std**2)/2")
    yield w.chain(
        "E(eps, (R - R_0)*(x - (m + b))/std**2)",
        ("c*(q - m)", "E[ε] = E[ε³] = 0 and E[ε²] = 1"),
        ("c*(q - (m + b)) + c*b", "add and subtract c d"),
        ("d(-c*((m + b - q)**2 + std**2)/2, b) + bias.stale(c, b)", "the slope of the new E[R]"),
        states="The estimate's mean, of a batch from N(μ, std²) for the policy at μ + d.",
    )
