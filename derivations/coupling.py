"""Couplings: what optimal transport does for a flow, exact on Gaussians."""

from refimpl.equations.arguments import Correlation, Mean

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of, symbol
from .engine.written import Writing, fields, number, vector

mean = of(Mean, "mean")
mean_2 = symbol("mean_2", r"\mu'", real=True)
std_2 = symbol("std_2", r"\mathrm{std}'", positive=True)
rho = of(Correlation, "rho")

CORRELATED = "ρ is the correlation of the two ends, −1 ≤ ρ ≤ 1"


@derivation("coupling.cost", rows=("OT-1",), assumes=("noise N(0, 1), data N(μ, std²)", CORRELATED))
def cost(production: Production) -> Lines:
    """The squared length of straight paths: the more correlated the ends, the shorter."""
    w = Writing(eta=number())
    yield w.chain(
        "coupling.cost(data, noise)",
        ("d((1 - t)*data + t*noise, t)**2", "the derivative of a straight line is its direction"),
        states="It is the square of the velocity along the straight path.",
    )
    w.let("y", "mean + std*(rho*eps + sqrt(1 - rho**2)*eta)", r"x_0")
    yield w.chain(
        "E(eta, E(eps, coupling.cost(y, eps)))",
        (
            "mean**2 + (1 - rho*std)**2 + std**2*(1 - rho**2)",
            "the terms in ε and η are independent, with variance 1",
        ),
        ("mean**2 + std**2 + 1 - 2*rho*std", "multiply out; ρ² std² cancels"),
        states="Its mean, for data x_0 that has the correlation ρ with the noise ε.",
        so="It falls as ρ grows.",
    )
    yield w.chain(
        "N(E(eta, E(eps, y)), E(eta, E(eps, (y - mean)**2)))",
        ("N(mean, std**2)", "ρ² + (1 − ρ²) = 1"),
        states="The coupling keeps the law of the data, whatever ρ is.",
    )


@derivation("coupling.gaussian_map", rows=("OT-1",), assumes=("std > 0",))
def gaussian_map(production: Production) -> Lines:
    """The monotone map carries one Gaussian to the other, and its cost is the least there is."""
    w = Writing(law="N(mean, std**2)", start="Gaussian(0, 1)")
    w.let("y", "coupling.gaussian_map(eps, law)", r"T(\varepsilon)")
    yield w.chain(
        "N(E(eps, y), Var(eps, y))",
        ("N(mean, std**2)", "E[ε] = 0 and E[ε²] = 1"),
        states="A Gaussian goes to a Gaussian: the image has the right mean and variance.",
    )
    yield w.chain(
        "d(y, eps)",
        ("std", "linear in ε, with a positive slope"),
        states="The map rises.",
        so="In one dimension the rising map is the optimal one: it gives the ends the correlation "
        "1, and with it the least cost of all couplings.",
    )
    yield w.chain(
        "E(eps, coupling.cost(y, eps))",
        ("E(eps, (-mean + (1 - std)*eps)**2)", "collect ε"),
        ("mean**2 + (std - 1)**2", "E[ε] = 0 and E[ε²] = 1"),
        ("coupling.gaussian_cost(law, start)", "the noise has mean 0 and width 1"),
        states="Its cost.",
    )


@derivation("coupling.gaussian_cost", rows=("OT-1",), assumes=(CORRELATED,))
def gaussian_cost(production: Production) -> Lines:
    """W₂² between Gaussians: distance of means plus distance of widths."""
    w = Writing(eta=number(), p="N(mean, std**2)", q="N(mean_2, std_2**2)")
    w.let("y", "mean + std*eps", "x")
    w.let("z", "mean_2 + std_2*(rho*eps + sqrt(1 - rho**2)*eta)", "x'")
    yield w.chain(
        "E(eta, E(eps, (y - z)**2))",
        (
            "(mean - mean_2)**2 + (std - rho*std_2)**2 + (1 - rho**2)*std_2**2",
            "E[ε] = E[η] = 0, variances 1, independent",
        ),
        (
            "coupling.gaussian_cost(p, q) + 2*(1 - rho)*std*std_2",
            "multiply out; ρ² std'² cancels, and complete the square",
        ),
        states="Draws x and x' of the two laws, with the correlation ρ.",
        so="Any coupling has |ρ| ≤ 1 (Cauchy–Schwarz), so the last term is never negative; it is 0 "
        "for ρ = 1, one noise for both: this is the least cost. Independent draws, ρ = 0, pay "
        "$2\\,\\mathrm{std}\\,\\mathrm{std}'$ more.",
    )


@derivation(
    "coupling.correlated_velocity_variance",
    rows=("OT-1", "OT-2"),
    assumes=("jointly Gaussian ends, the linear path", CORRELATED, "Var(x_t) > 0"),
)
def correlated_velocity_variance(production: Production) -> Lines:
    """What a velocity network cannot know, by coupling: nothing for the optimal one."""
    w = Writing(eta=number())
    w.let("data", "std*(rho*eps + sqrt(1 - rho**2)*eta)", "x_0")
    w.let("x_t", "(1 - t)*data + t*eps")
    w.let("y", "eps - data", "v")
    w.let("S", "(1 - t)**2*std**2 + t**2 + 2*t*(1 - t)*rho*std")
    w.let("K", "t - (1 - t)*std**2 + (1 - 2*t)*rho*std")
    yield w.chain(
        "E(eta, E(eps, x_t**2))",
        ("S", "Var(x_0) = std², Var(ε) = 1, and their covariance is ρ std"),
        states="The variance of the point, ...",
    )
    yield w.chain(
        "E(eta, E(eps, y*x_t))",
        ("(1 - t)*rho*std + t - (1 - t)*std**2 - t*rho*std", "term by term"),
        ("K", "collect ρ std"),
        states="... its covariance with the velocity v = ε − x_0, ...",
    )
    yield w.chain(
        "E(eta, E(eps, y**2))",
        ("1 + std**2 - 2*rho*std", "term by term"),
        states="... and the variance of the velocity.",
    )
    yield w.chain(
        "(1 + std**2 - 2*rho*std) - K**2/S",
        ("((1 + std**2 - 2*rho*std)*S - K**2)/S", "bring to one denominator"),
        (
            "(std**2 - (rho*std)**2)/S",
            "the determinant of a covariance: v and x_t are made of x_0 and ε by a matrix of "
            "determinant −1, so it is theirs",
        ),
        ("std**2*(1 - rho**2)/S", "std² in front"),
        ("coupling.correlated_velocity_variance(t, std, rho)", "S written out"),
        states="Gaussian conditioning: variance less covariance squared over variance.",
    )
    yield w.chain(
        "coupling.correlated_velocity_variance(t, std, 1)",
        ("0", "1 − ρ² = 0"),
        states="The optimal coupling, ρ = 1: nothing is left.",
    )
    yield w.chain(
        "coupling.correlated_velocity_variance(t, std, 0)",
        ("std**2/((1 - t)**2*std**2 + t**2)", "ρ = 0"),
        states="Independent ends.",
    )


@derivation("coupling.straightness", rows=("OT-2",))
def straightness(production: Production) -> Lines:
    """Zero along a straight line; otherwise the mean squared turn of the velocity."""
    w = Writing(c=vector(r"\Delta"), v=fields("v_{t}", index="t"), r=number())
    w.bind(y=fields("y_{t}", index="t"))
    w.let("m", "mean(v)", r"\bar v")
    yield w.chain(
        "coupling.straightness(entries(c), stacked(v))",
        (
            "mean((comp(v) - comp(m))**2) + (comp(m) - comp(c))**2",
            "add and subtract the mean velocity; the mean of v − v̄ is 0",
        ),
        states="The mean over the steps t, for each coordinate i, with Δ = noise − data.",
        so="A trajectory that ends where its chord does has $\\bar v=\\Delta$: what is left is the "
        "variance of its velocity.",
    )
    yield w.chain(
        "coupling.straightness(entries(c), stacked(c + r*y))",
        ("r**2 * mean(comp(y)**2)", "Δ drops out"),
        states="A velocity that strays from the chord by r y_t.",
        so="It grows with the square of r, and is 0 along the straight line, r = 0.",
    )
