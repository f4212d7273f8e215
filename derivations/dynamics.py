"""Flows and diffusions in closed form: equation, start and composition of each, and uniqueness."""

from refimpl.equations.dynamics import Delay, Lipschitz, Theta

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of, symbol
from .engine.written import Writing, field, number

theta = of(Theta, "theta")
delay = of(Delay, "delay")
after = symbol("after", r"\tau", positive=True)
lipschitz = of(Lipschitz, "lipschitz")

LIPSCHITZ = "the field is Lipschitz: ‖u(y, t) − u(z, t)‖ ≤ L ‖y − z‖"
COUNTED = "n is a positive whole number"


def _two_solutions(first: str = "u(y_t, t)", second: str = "u(z_t, t)") -> Writing:
    """Two solutions q and r of one equation, and the values of its field along them."""
    w = Writing(q=field("y_t"), r=field("z_t"))
    w.let("b", "dt(q)", first)
    w.let("c", "dt(r)", second)
    return w


_DISTANCE = "exp(-2*lipschitz*t) * norm2(q - r)"
_DISTANCE_SHRINKS = (
    (
        "exp(-2*lipschitz*t) * (2*dot(q - r, b - c) - 2*lipschitz*norm2(q - r))",
        "the product rule, and both solve the equation",
    ),
    (
        "exp(-2*lipschitz*t)/lipschitz * (norm2(b - c) - lipschitz**2*norm2(q - r)"
        " - norm2(lipschitz*(q - r) - (b - c)))",
        "complete the square",
    ),
)
"""The last lines of both proofs of uniqueness: what is left is at most zero."""


@derivation("dynamics.linear_flow", rows=("DYN-1", "DYN-3"), assumes=(LIPSCHITZ,))
def linear_flow(production: Production) -> Lines:
    """A flow starts at x, moves with its field and composes: the linear one, and every other.

    Composition holds for every flow: where a point goes depends on where it is, not on how it came
    there. For a general field it follows from the last chain. Let z_t = ψ_t(x) be under way since
    time 0, and let y_t start at time s from ψ_s(x). Both solve the equation, they agree at time s,
    so they agree ever after: ψ_{s→t} ∘ ψ_s = ψ_t.
    """
    w = Writing()
    yield w.chain(
        "dynamics.linear_flow(x, theta, 0)",
        ("x", "e⁰ = 1"),
        states="The linear flow starts at x.",
    )
    yield w.chain(
        "d(dynamics.linear_flow(x, theta, t), t)",
        ("-theta * dynamics.linear_flow(x, theta, t)", "the derivative of an exponential"),
        states="It moves with the field −θx.",
    )
    w.let("y", "dynamics.linear_flow(x, theta, s)", r"\psi_s(x)")
    yield w.chain(
        "dynamics.linear_flow(y, theta, t)",
        ("dynamics.linear_flow(x, theta, t + s)", "exponents add up"),
        states="A time s, then a time t, is a time t + s.",
    )
    yield _two_solutions().chain(
        f"dt({_DISTANCE})",
        *_DISTANCE_SHRINKS,
        states="Any Lipschitz field u: the squared distance of two solutions, times $e^{-2Lt}$.",
        so="The difference of the first two terms is not positive, so "
        "$\\Vert y_t-z_t\\Vert\\le e^{L(t-s)}\\Vert y_s-z_s\\Vert$: solutions that agree once "
        "agree ever after, and flows compose.",
    )


@derivation(
    "dynamics.root_flow", rows=("DYN-2",), assumes=("t = c + τ after the delay c, with τ > 0",)
)
def root_flow(production: Production) -> Lines:
    """Two solutions of dx/dt = √|x| from one start: the point may leave 0 after any delay.

    The field has as many solutions from 0 as there are delays. Lipschitz is what fails.
    """
    w = Writing(q=number(positive=True))
    yield w.chain(
        "d(dynamics.root_flow(delay + after, delay), after)",
        ("d(after**2/4, after)", "τ is positive, so it is the greater"),
        ("sqrt(after**2/4)", "either is τ/2"),
        ("sqrt(dynamics.root_flow(delay + after, delay))", "the root of the solution"),
        states="After the delay it solves the equation.",
    )
    yield w.chain(
        "dynamics.root_flow(delay, delay + after)",
        ("0", "−τ is negative, so zero is the greater"),
        states="Before the delay it rests at 0, where √|x| = 0: that solves the equation too.",
    )
    yield w.chain(
        "dynamics.root_flow(0, delay)",
        ("0", "−c is negative"),
        states="It starts at 0, whatever the delay.",
    )
    yield w.chain(
        "dynamics.root_flow(delay + after, 0) - dynamics.root_flow(delay + after, delay)",
        ("((delay + after)**2 - after**2)/4", "both arguments are positive"),
        ("delay*(delay + 2*after)/4", "a difference of squares"),
        states="Two delays are two solutions: they differ.",
    )
    yield w.chain(
        "(sqrt(q) - sqrt(0))/(q - 0)",
        ("1/sqrt(q)", "q is the square of its root"),
        states="The field's difference quotient between 0 and q > 0.",
        so="It has no bound near 0: the field is not Lipschitz there.",
    )


@derivation("dynamics.picard_bound", rows=("DYN-2",), assumes=(LIPSCHITZ, COUNTED))
def picard_bound(production: Production) -> Lines:
    """Picard–Lindelöf: a Lipschitz field has one solution from each start, and so has its SDE.

    Existence: the iterates x_{n+1}(t) = x_0 + ∫ u(x_n, τ) dτ differ by less than the terms of the
    convergent series K e^{Lt}, so they converge to a solution. Uniqueness: the distance of two
    solutions stays zero. For dx = u dt + g(t) dw the noise is the same in two solutions driven by
    one w and drops out of their difference, so both arguments hold path by path. If g depends on x
    as well, Itô's theorem (Øksendal, Stochastic Differential Equations, Theorem 5.2.1) asks that
    drift and diffusion be Lipschitz and grow at most linearly. The SDEs of this text have g(t)
    alone; the last chain finds the Lipschitz constant of Flow-GRPO's drift.
    """
    w = Writing(n=number(integer=True, positive=True), b=number("b", positive=True))
    w.bind(
        tau=number(positive=True), K=number(positive=True), below=number("(n-1)!", positive=True)
    )
    yield w.chain(
        "integral(lipschitz * (b * (tau/t)**(n - 1)), tau, 0, t)",
        ("lipschitz*b/t**(n - 1) * (t**n/n)", "the antiderivative of τ^{n−1} is τⁿ/n"),
        ("dynamics.picard_bound(b, lipschitz, t, n)", "tⁿ over t^{n−1} is t"),
        states="Let ‖x_n − x_{n−1}‖ be at most b (τ/t)^{n−1} at time τ. The next difference is at "
        "most the integral of L times that.",
    )
    yield w.chain(
        "dynamics.picard_bound(K*(lipschitz*t)**(n - 1)/below, lipschitz, t, n)",
        ("K*(lipschitz*t)**n/(n*below)", "one more factor Lt"),
        states="If the bound was K (Lt)^{n−1}/(n−1)!, it becomes K (Lt)ⁿ/n!.",
        so="By induction $\\Vert x_{n+1}-x_n\\Vert\\le K(Lt)^n/n!$. The sum over n is $Ke^{Lt}$: "
        "the iterates converge.",
    )
    w = _two_solutions("u(Y_t, t)", "u(Z_t, t)").bind(W=field(r"\int g\,\mathrm dw"))
    w.let("y", "q + W", "Y_t")
    w.let("z", "r + W", "Z_t")
    yield w.chain(
        "dt(exp(-2*lipschitz*t) * norm2(y - z))",
        (f"dt({_DISTANCE})", "the noise is the same in both and cancels"),
        *_DISTANCE_SHRINKS,
        states="Two solutions $Y_t$ and $Z_t$ of the SDE, driven by the same w. Without their "
        "noise they are differentiable, with $\\dot y_t=u(Y_t,t)$; for g = 0 they solve the ODE.",
        so="The difference of the first two terms is not positive: solutions that start together "
        "stay together.",
    )
    w = Writing(x=number(), y=number(), a=number("v(x)"), b=number("v(y)"))
    yield w.chain(
        "sde.flow_grpo_drift(x, a, g, t) - sde.flow_grpo_drift(y, b, g, t)",
        ("(a - b) + g**2/(2*t) * ((x - y) + (1 - t)*(a - b))", "the drift is linear in x and v"),
        (
            "g**2/(2*t) * (x - y) + (1 + g**2*(1 - t)/(2*t)) * (a - b)",
            "collect the differences",
        ),
        states="The hypothesis for Flow-GRPO's SDE, from a velocity with Lipschitz constant L_v.",
        so="$L=\\frac{g^2}{2t}+\\left(1+\\frac{g^2(1-t)}{2t}\\right)L_v$, finite on every interval "
        "on which g is bounded and t stays away from 0.",
    )


@derivation(
    "dynamics.brownian",
    rows=("DYN-6",),
    assumes=("noises of disjoint intervals are independent N(0, 1)",),
)
def brownian(production: Production) -> Lines:
    """Brownian motion: Gaussian increments whose variances add, and quadratic variation t."""
    w = Writing(eta=number(), n=number(positive=True))
    w.let("y", "dynamics.brownian(x, h).mean + dynamics.brownian(x, h).std*eps", "w_h")
    w.let("z", "dynamics.brownian(y, s).mean + dynamics.brownian(y, s).std*eta", "w_{h+s}")
    yield w.chain(
        "dynamics.brownian(x, h)",
        ("N(E(eps, y), Var(eps, y))", "E[ε] = 0 and E[ε²] = 1"),
        states="The law of w at time h, from w = x at time 0.",
    )
    yield w.chain(
        "E(eta, E(eps, (z - x)**2))",
        ("E(eta, E(eps, (sqrt(h)*eps + sqrt(s)*eta)**2))", "two increments, one after the other"),
        ("h + s", "independent noises: E[ε η] = 0"),
        states="The variances of two increments add up.",
    )
    w.let(
        "step", "dynamics.brownian(x, t/n).mean + dynamics.brownian(x, t/n).std*eps - x", r"\Delta"
    )
    yield w.chain(
        "n * E(eps, step**2)",
        ("n * (t/n)", "the mean drops out, E[ε²] = 1"),
        ("t", "n cancels"),
        states="Quadratic variation: n squared increments of a time t/n have the mean t, ...",
    )
    yield w.chain(
        "n * Var(eps, step**2)",
        ("n * (3*(t/n)**2 - (t/n)**2)", "E[ε⁴] = 3"),
        ("2*t**2/n", "collect"),
        states="... and a variance that vanishes.",
        so="The sum tends to t as n grows.",
    )


@derivation(
    "dynamics.ornstein_uhlenbeck",
    rows=("DYN-8",),
    assumes=("θ > 0", "t > 0 where the density is meant"),
    equivalent={
        "return Gaussian(mean=linear_flow(x, t, theta), "
        "std=sigma * sqrt(-expm1(-2 * theta * t) / (2 * theta)))": "θ and t enter the flow "
        "through their product alone",
    },
)
def ornstein_uhlenbeck(production: Production) -> Lines:
    """The exact transition: it solves the Fokker–Planck equation and obeys Chapman–Kolmogorov.

    In the density of a Gaussian the time enters through mean and variance alone, so two ordinary
    differential equations do for the partial one.
    """
    w = Writing(y=number(), sigma=number(positive=True))
    w.let("m", "dynamics.ornstein_uhlenbeck(x, theta, sigma, t).mean", "m_t")
    w.let("V", "dynamics.ornstein_uhlenbeck(x, theta, sigma, t).std**2", "V_t")
    yield from _start_and_rates(w)
    yield from _fokker_planck(w)
    yield from _chapman_kolmogorov(w)


def _start_and_rates(w: Writing) -> Lines:
    yield w.chain(
        "dynamics.ornstein_uhlenbeck(x, theta, sigma, 0)",
        ("N(x, 0)", "e⁰ = 1"),
        states="It starts at x, without spread.",
    )
    yield w.chain(
        "d(m, t)",
        ("-theta*m", "the derivative of an exponential"),
        states="The rate of the mean.",
    )
    yield w.chain(
        "d(V, t)",
        ("sigma**2 * exp(-2*theta*t)", "2θ cancels"),
        ("sigma**2 - 2*theta*V", "e^{−2θt} = 1 − 2θ V_t/σ²"),
        states="The rate of the variance.",
    )


def _fokker_planck(w: Writing) -> Lines:
    w.let("l", "log_density(y, N(m, V))", r"\log p")
    w.let("p", "exp(l)", "p")
    yield w.chain(
        "d(l, t)",
        (
            "(y - m)/V * d(m, t) + ((y - m)**2/V**2 - 1/V)/2 * d(V, t)",
            "the chain rule, through mean and variance",
        ),
        (
            "-theta*m*(y - m)/V + ((y - m)**2/V**2 - 1/V) * (sigma**2/2 - theta*V)",
            "the two rates",
        ),
        (
            "theta - theta*y*(y - m)/V + sigma**2/2 * ((y - m)**2/V**2 - 1/V)",
            "collect θ, with m = y − (y − m)",
        ),
        (
            "theta + theta*y*d(l, y) + sigma**2/2 * (d(l, y)**2 + d(l, y, 2))",
            "∂_y log p = −(y − m)/V",
        ),
        (
            "density.fokker_planck(p, d(p, y), d(p, y, 2), -theta*y, -theta, sigma)/p",
            "∂_y p = p ∂_y log p, twice",
        ),
        states="Its density at y solves the Fokker–Planck equation of dx = −θx dt + σ dw.",
    )


def _chapman_kolmogorov(w: Writing) -> Lines:
    w.let("x_t", "m + dynamics.ornstein_uhlenbeck(x, theta, sigma, t).std*eps")
    yield w.chain(
        "E(eps, dynamics.ornstein_uhlenbeck(x_t, theta, sigma, s).mean)",
        ("exp(-theta*s) * m", "E[ε] = 0"),
        ("dynamics.ornstein_uhlenbeck(x, theta, sigma, t + s).mean", "exponents add up"),
        states="A time t, then a time s: the mean of the mean.",
    )
    yield w.chain(
        "Var(eps, dynamics.ornstein_uhlenbeck(x_t, theta, sigma, s).mean)"
        " + dynamics.ornstein_uhlenbeck(x_t, theta, sigma, s).std**2",
        (
            "sigma**2/(2*theta) * (exp(-2*theta*s)*(1 - exp(-2*theta*t)) + 1 - exp(-2*theta*s))",
            "the variance of the first time shrinks by e^{−2θs}",
        ),
        ("sigma**2/(2*theta) * (1 - exp(-2*theta*(t + s)))", "multiply out; e^{−2θs} cancels"),
        ("dynamics.ornstein_uhlenbeck(x, theta, sigma, t + s).std**2", "the square of the root"),
        states="The variances of both.",
        so="Two transitions are one: Chapman–Kolmogorov.",
    )


@derivation("dynamics.stationary", rows=("DYN-8", "LD-1"), assumes=("θ > 0",))
def stationary(production: Production) -> Lines:
    """The stationary law: the transition leaves it as it is, and tends to it from anywhere."""
    w = Writing(sigma=number(positive=True))
    w.let("y", "dynamics.stationary(theta, sigma).mean + dynamics.stationary(theta, sigma).std*eps")
    yield w.chain(
        "dynamics.stationary(theta, sigma)",
        ("N(0, sigma**2/(2*theta))", "the square of the root"),
        states="The law.",
    )
    yield w.chain(
        "E(eps, dynamics.ornstein_uhlenbeck(y, theta, sigma, t).mean)",
        ("exp(-theta*t) * E(eps, y)", "the mean of the transition is linear"),
        ("dynamics.stationary(theta, sigma).mean", "E[ε] = 0"),
        states="From a draw y of it: after a time t the mean is still 0, ...",
    )
    yield w.chain(
        "Var(eps, dynamics.ornstein_uhlenbeck(y, theta, sigma, t).mean)"
        " + dynamics.ornstein_uhlenbeck(y, theta, sigma, t).std**2",
        (
            "exp(-2*theta*t)*(sigma**2/(2*theta)) + (1 - exp(-2*theta*t))*(sigma**2/(2*theta))",
            "what is left of the first variance, and what has been added",
        ),
        ("sigma**2/(2*theta)", "the weights add up to 1"),
        ("dynamics.stationary(theta, sigma).std**2", "the square of the root"),
        states="... and the variance is the same.",
    )
    yield w.chain(
        "dynamics.stationary(theta, sigma).std**2"
        " - dynamics.ornstein_uhlenbeck(x, theta, sigma, t).std**2",
        ("sigma**2/(2*theta) * (1 - (1 - exp(-2*theta*t)))", "σ²/(2θ) in front"),
        ("exp(-2*theta*t) * dynamics.stationary(theta, sigma).std**2", "the ones cancel"),
        states="From any start x: what the variance still lacks.",
        so="It tends to 0, and so does the mean $e^{-\\theta t}x$.",
    )


@derivation(
    "dynamics.euler_on_linear", rows=("DYN-4",), assumes=(LIPSCHITZ, "‖ẍ‖ ≤ M", COUNTED, "θt < n")
)
def euler_on_linear(production: Production) -> Lines:
    """Euler's method: its end on the linear field, and its order on any field, which is 1.

    The loop printed in the notes takes n − 1 steps and lands at time t − t/n: its result is another
    number, at every n.
    """
    w = Writing(n=number(integer=True, positive=True), q=number("q", positive=True))
    w.let("x_n", "dynamics.euler_on_linear(x, theta, n*h, n)")
    yield w.chain(
        "dynamics.euler_on_linear(x, theta, h, 1)",
        ("x - h*(theta*x)", "a first power"),
        states="One step of dx/dt = −θx.",
    )
    yield w.chain(
        "x_n - h*(theta*x_n)",
        ("(1 - theta*h) * ((1 - theta*h)**n * x)", "x_n after the time nh, θnh/n = θh"),
        ("dynamics.euler_on_linear(x, theta, (n + 1)*h, n + 1)", "one more factor"),
        states="One step more.",
        so="By induction n steps of h = t/n reach this end.",
    )
    yield w.chain(
        "dynamics.euler_on_linear(x, theta, t - t/n, n - 1)",
        ("(1 - theta*t/n)**(n - 1) * x", "(t − t/n)/(n − 1) = t/n"),
        ("dynamics.euler_on_linear(x, theta, t, n)/(1 - theta*t/n)", "one factor fewer"),
        states="With n − 1 steps of t/n, for n ≥ 2: a factor is missing.",
    )
    yield w.chain(
        "limit((exp(-theta*t)*x - dynamics.euler_on_linear(x, theta, t, 1/q))/q, q, 0)",
        (
            "limit(exp(-theta*t)*x * (1 - exp(-theta**2*t**2*q/2))/q, q, 0)",
            "log(1 − θtq)/q = −θt − θ²t²q/2 up to terms in q²",
        ),
        ("exp(-theta*t)*x * (theta**2*t**2/2)", "1 − e^{−a} = a up to terms in a²"),
        states="The error, times the number of steps n = 1/q.",
    )
    yield from _order()


def _order() -> Lines:
    w = Writing(n=number(integer=True, positive=True), M=number(positive=True))
    w.bind(y=field("x(t)"), z=field("x_n"), a=field(r"u(x(t))"), b=field("u(x_n)"), R=field("R"))
    yield w.chain(
        "(y + h*a + h**2/2*R) - (z + h*b)",
        ("(y - z) + h*(a - b) + h**2/2*R", "difference by difference"),
        states="Any field: the solution one step on, by Taylor with a remainder ‖R‖ ≤ M, and the "
        "step of Euler's method.",
        so="By the triangle inequality the errors obey $e_{n+1}\\le(1+Lh)\\,e_n+\\tfrac12Mh^2$.",
    )
    w.let("e", "M*h/(2*lipschitz) * ((1 + lipschitz*h)**n - 1)", "e_n")
    yield w.chain(
        "(1 + lipschitz*h)*e + M*h**2/2",
        (
            "M*h/(2*lipschitz) * ((1 + lipschitz*h)**(n + 1) - (1 + lipschitz*h) + lipschitz*h)",
            "one more factor, and M h/(2L) in front",
        ),
        ("M*h/(2*lipschitz) * ((1 + lipschitz*h)**(n + 1) - 1)", "Lh cancels"),
        states="The bound e_n is kept by every step, and is 0 at the start.",
        so="Since $1+Lh\\le e^{Lh}$, the error at time t = nh is at most "
        "$\\frac{Mh}{2L}\\left(e^{Lt}-1\\right)$: order 1.",
    )
