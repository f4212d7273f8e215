"""Any start law: its density and score along a path, and why velocity and score part company."""

from refimpl.equations import interpolants as equations

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of, symbol
from .engine.written import (
    Chain,
    Writing,
    densities,
    function,
    number,
    of_time,
    posterior_mean,
    weights,
)

turn = of(equations.Turn, "turn")
across = symbol("across", "x_2", real=True)

SMOOTH = "p_init > 0 and smooth, d = 1; more coordinates go one by one where they are independent"


def _start() -> Writing:
    """A path, a datum, and a start whose log-density is any function q."""
    w = Writing(a=of_time(r"\alpha_t"), b=of_time(r"\sigma_t"), z=number("z"))
    w.bind(q=function(tex=r"\log p_{\mathrm{init}}", time_alone=True))
    w.let("y", "(x - a*z)/b", "y")
    return w


@derivation("interpolants.log_density", rows=("PATH-6",), assumes=(SMOOTH,))
def log_density(production: Production) -> Lines:
    """The conditional density is the start's, moved and scaled: it solves the continuity equation.

    Its velocity is the conditional one, α̇ z + σ̇ y. Averaged over z given x_t both become the
    marginal ones, as on any path (`density.conditional_mean`); at α = 0, σ = 1 the density is the
    start's whatever z is, and as σ falls to 0 it shrinks to the datum.
    """
    w = Writing(z=number("z"), l=number(r"\log p_{\mathrm{init}}(y)"))
    yield w.chain(
        "exp(interpolants.log_density(l, sigma))",
        ("exp(l)*d((x - alpha*z)/sigma, x)", "the exponential of a difference; y has slope 1/σ"),
        states="The density of σ y + α z: that of y, times the slope of y in x.",
    )
    w = _start()
    w.let("p", "exp(interpolants.log_density(q(y), b))", r"p_t(x\mid z)")
    w.let("u", "d(a, t)*z + d(b, t)*y", r"u_t(x\mid z)")
    yield w.chain(
        "d(p, t) + d(p*u, x)",
        ("p*(d(log(p), t) + u*d(log(p), x) + d(u, x))", "the product rule; p out of the bracket"),
        (
            "p*(-d(b, t)/b + d(q(y), t) + u*d(q(y), x) + d(b, t)/b)",
            "log p = log p_init(y) − log σ, and u has the slope σ̇/σ",
        ),
        ("0", "y is carried along: ∂_t y + u ∂_x y = 0"),
        states="The continuity equation of the conditional path.",
    )
    w = Writing(z=number("z"))
    w.bind(q=function(tex=r"\log p_{\mathrm{init}}", time_alone=True))
    yield w.chain(
        "interpolants.log_density(q((x - 0*z)/1), 1)",
        ("q(x)", "log 1 = 0"),
        states="At α = 0 and σ = 1.",
    )


@derivation("interpolants.score", rows=("PATH-6", "SC-11"), assumes=(SMOOTH, "finitely many z"))
def score(production: Production) -> Lines:
    """The marginal score is the mean of the conditional ones, and those are the start's over σ."""
    w = _start()
    w.bind(s=function(tex=r"s_{\mathrm{init}}", time_alone=True))
    yield w.chain(
        "d(interpolants.log_density(q(y), b), x)",
        ("d(q(y), x)", "σ does not depend on x"),
        states="A conditional score is the slope of log p_init at y, ...",
    )
    w = Writing(
        c=number(), k=number(), z=number("z"), a=of_time(r"\alpha_t"), b=of_time(r"\sigma_t")
    )
    w.let("y", "(x - a*z)/b", "y")
    yield w.chain(
        "d(c*y**4 + k*y**2, x)",
        ("interpolants.score(4*c*y**3 + 2*k*y, b)", "the chain rule: y has the slope 1/σ in x"),
        states="... for instance for a start with log p_init = c y⁴ + k y² + const.",
    )
    w = Writing(pi=weights(), k=densities(r"p_t(x\mid z)"))
    w.bind(E=posterior_mean(w("pi"), w("k"), given="x_t"))
    yield w.chain(
        "grad(log(density.marginal(pi, k)))",
        ("sum(pi*grad(k))/density.marginal(pi, k)", "the logarithm, differentiated"),
        ("E(grad(log(k)))", "∇k = k ∇log k; the weights are the posterior's"),
        states="The marginal score is the mean of the conditional ones.",
    )


@derivation("interpolants.from_point", rows=("SC-11",), assumes=("the data are the point 0",))
def from_point(production: Production) -> Lines:
    """One velocity, and a score for each start law: so the score does not follow from the velocity.

    Two starts, N(0, 1) and one whose density is proportional to exp(−y⁴/4). Any other would do.
    """
    w = Writing(y=number("y"))
    yield w.chain(
        "interpolants.from_point(t*y, t)",
        ("y", "t cancels"),
        ("d(t*y, t)", "the point moves on a line"),
        states="The path x_t = t y of the datum 0.",
    )
    for power, name in ((2, "N(0, 1)"), (4, "exp(−y⁴/4)")):
        yield _one_start(power, name)
    yield w.chain(
        "interpolants.score(-(x/t), t) - interpolants.score(-(x/t)**3, t)",
        ("x*(x**2 - t**2)/t**4", "over one denominator"),
        states="The two scores.",
        so="They differ wherever x is not 0, t or −t; the velocity is the same.",
    )


def _one_start(power: int, name: str) -> Chain:
    w = Writing()
    w.let("p", f"exp(-(x/t)**{power}/{power})/t", "p_t")
    return w.chain(
        "d(p, t)",
        (f"p*((x/t)**{power} - 1)/t", "the product and the chain rule"),
        ("-d(p*interpolants.from_point(x, t), x)", "the same, the other way"),
        states=f"The start {name}: the velocity x/t moves its density.",
    )


@derivation("interpolants.turning", rows=("SC-11",), assumes=("two coordinates",))
def turning(production: Production) -> Lines:
    """One density, and a velocity for each sense of rotation: nor does the velocity follow.

    The part that turns has no divergence and runs along the circles on which the density is
    constant, so it moves nothing.
    """
    w = Writing(y=across, z=number("z_1"), u=number("z_2"))
    w.let("n", "(1 - t)**2 + t**2", "n_t")
    yield w.chain(
        "interpolants.turning((1 - t)*z - t*turn*u, -((1 - t)*u + t*turn*z), t, turn)",
        (
            "((2*t - 1)*((1 - t)*z - t*turn*u) - turn*((1 - t)*u + t*turn*z))/n",
            "the state, and the state turned by a quarter",
        ),
        (
            "-z - turn*u + t*(1 - turn**2)*z/n",
            "collect z_1 and z_2",
        ),
        states="The first coordinate of the velocity at x_t = (1 − t) z + t τ z^⊥.",
        so="With τ² = 1 it is −z₁ − τ z₂, the derivative of the path.",
    )
    w = Writing(y=across)
    w.let("n", "(1 - t)**2 + t**2", "n_t")
    w.let("p", "exp(-(x**2 + y**2)/(2*n))/n", "p_t")
    yield w.chain(
        "-d(p*interpolants.turning(x, -y, t, turn), x)"
        " - d(p*interpolants.turning(y, x, t, turn), y)",
        (
            "-d(p*(2*t - 1)*x/n, x) - d(p*(2*t - 1)*y/n, y)",
            "what turns has no divergence, and ⟨x, x^⊥⟩ = 0",
        ),
        ("d(p, t)", "n has the derivative 2 (2t − 1)"),
        states="The continuity equation, with the density of N(0, n) in the plane.",
        so="It holds for every τ: the score −x/n is the same.",
    )
