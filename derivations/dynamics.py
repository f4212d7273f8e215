"""Flows and diffusions in closed form: equation, start and composition law of each."""

import sympy as sp

from refimpl.equations import Step, density, dynamics, gaussian, ode
from refimpl.equations.dynamics import Delay, Lipschitz, Theta

from .engine import Display, Equality, Lines, Production, derivation
from .engine.moments import expectation, variance
from .engine.symbols import eps, h, of, s, sigma, symbol, t, x

theta = of(Theta, "theta")
delay = of(Delay, "delay")
after = symbol("after", r"\tau", positive=True)
lipschitz = of(Lipschitz, "lipschitz")
eps_2 = sp.Symbol("eps_2", real=True)


@derivation("dynamics.linear_flow", rows=("DYN-1", "DYN-3"))
def linear_flow(production: Production) -> Lines:
    """The linear flow: it starts where it should, moves with the field, and composes.

    ψ_{t+s} = ψ_t ∘ ψ_s is the law of a flow whose field does not depend on time: where you are
    going depends on where you are, not on how you came there.
    """
    moved = production(x, theta, t)
    yield Display(r"\psi_t(x)", moved)
    yield Equality("ψ_0(x) = x", production(x, theta, sp.Integer(0)), x)
    yield Equality("d/dt ψ_t = u(ψ_t)", sp.diff(moved, t), -theta * moved)
    yield Equality(
        "ψ_t ∘ ψ_s = ψ_{t+s}",
        production(production(x, theta, s), theta, t),
        production(x, theta, t + s),
    )


@derivation(
    "dynamics.root_flow", rows=("DYN-2",), assumes=("t − delay = τ > 0 after the delay, −τ before",)
)
def root_flow(production: Production) -> Lines:
    """Two solutions from one start: dx/dt = √|x| from 0, after any delay.

    Both branches solve the equation and all start at 0, so the field has as many solutions as
    there are delays. Its difference quotient √x/x = 1/√x has no bound near 0: Lipschitz is what
    fails.
    """
    late = production(delay + after, delay)
    yield Display(r"x(c+\tau)", late)
    yield Equality("after the delay it solves the equation", sp.diff(late, after), sp.sqrt(late))
    early = production(delay, delay + after)
    yield Equality("before the delay it stays at 0, which solves it too", early, sp.Integer(0))
    yield Equality(
        "the start is 0 for every delay", production(sp.Integer(0), delay), sp.Integer(0)
    )
    apart = production(delay + after, sp.Integer(0)) - late
    yield Equality("two delays, two solutions", apart, (delay**2 + 2 * delay * after) / 4)


@derivation("dynamics.picard_bound", rows=("DYN-2",), assumes=("‖u(x) − u(y)‖ ≤ L ‖x − y‖",))
def picard_bound(production: Production) -> Lines:
    """Picard–Lindelöf: with a Lipschitz field the iterates converge, so there is one flow.

    If ‖x_n − x_{n−1}‖ ≤ K(Lt)^n/n!, integrating L times that over time gives the same bound with n
    + 1. The bounds are the terms of K e^{Lt}, whose sum is finite: the iterates converge to a
    solution. Two solutions differ by less than every one of these terms, hence not at all. For dx
    = u dt + σ(t) dw the noise cancels in the difference of two solutions driven by the same w, and
    the same bound proves uniqueness path by path.
    """
    n = sp.Symbol("n", positive=True, integer=True)
    scale = sp.Symbol("K", positive=True)
    moment = sp.Symbol("u", positive=True)
    yield Display(
        r"\|x_{n+1}-x_n\|\le",
        production(symbol("bound", r"\|x_n-x_{n-1}\|", positive=True), lipschitz, t, 1),
    )
    for k in range(1, 5):
        before = scale * (lipschitz * t) ** (k - 1) / sp.factorial(k - 1)
        integrated = sp.integrate(lipschitz * before.subs(t, moment), (moment, 0, t))
        yield Equality(
            f"iteration {k}: integrate the bound before",
            production(before, lipschitz, t, k),
            integrated,
        )
    bound = production(scale * (lipschitz * t) ** (n - 1) / sp.gamma(n), lipschitz, t, n)
    wanted = scale * (lipschitz * t) ** n / sp.gamma(n + 1)
    share = sp.gammasimp(sp.powsimp(bound / wanted))
    yield Equality("every iteration: K(Lt)ⁿ/n! again", share, sp.Integer(1))


@derivation(
    "dynamics.brownian",
    rows=("DYN-6",),
    assumes=("noises of disjoint intervals are independent N(0, 1)",),
)
def brownian(production: Production) -> Lines:
    """Brownian motion: Gaussian increments whose variances add, and quadratic variation t."""
    one = production(x, h)
    yield Display(r"\mathrm{std}[w_{t+h}-w_t]", one.std)
    moved = one.sample(eps)
    yield Equality("the increment has mean zero", expectation(moved - x, eps), sp.Integer(0))
    yield Equality("and variance h", variance(moved, eps), h)
    twice = production(one.sample(eps), s).sample(eps_2)
    spread = expectation(expectation(sp.expand((twice - x) ** 2), eps), eps_2)
    yield Equality("independent increments add: h + s", spread, h + s)
    n = sp.Symbol("n", positive=True)
    piece = production(x, t / n).sample(eps) - x
    yield Equality("n squared increments add up to t on average", n * expectation(piece**2, eps), t)
    noise_of_sum = n * (expectation(piece**4, eps) - expectation(piece**2, eps) ** 2)
    yield Equality("with variance 2t²/n: the sum tends to t", noise_of_sum, 2 * t**2 / n)


@derivation(
    "dynamics.ornstein_uhlenbeck",
    rows=("DYN-8",),
    equivalent={
        "return Gaussian(mean=linear_flow(x, t, theta), "
        "std=sigma * sqrt((1 - exp(-2 * theta * t)) / (2 * theta)))": "θ and t enter the flow "
        "through their product alone",
    },
)
def ornstein_uhlenbeck(production: Production) -> Lines:
    """The exact transition: it solves the Fokker–Planck equation and obeys Chapman–Kolmogorov.

    A Gaussian solves dx = −θx dt + σ dw's Fokker–Planck equation as soon as its mean and variance
    obey m' = −θm and V' = −2θV + σ²; these do.
    """
    law = production(x, theta, sigma, t)
    yield Display(r"\mathbb E[x_t\mid x_0]", law.mean)
    yield Display(r"\mathrm{std}[x_t\mid x_0]", law.std)
    y = sp.Symbol("y", real=True)
    m, v = sp.Function("m", real=True)(t), sp.Function("V", positive=True)(t)
    log_p = gaussian.log_prob(y, m, sp.sqrt(v))
    p = sp.exp(log_p)
    rate = density.fokker_planck(p, sp.diff(p, y), sp.diff(p, y, 2), -theta * y, -theta, sigma)
    obeyed = {sp.diff(m, t): -theta * m, sp.diff(v, t): -2 * theta * v + sigma**2}
    moved = sp.diff(log_p, t).subs(obeyed)
    yield Equality("Fokker–Planck, for a Gaussian with these rates", moved, sp.expand(rate / p))
    yield Equality("the mean's rate", sp.diff(law.mean, t), -theta * law.mean)
    spread = law.std**2
    yield Equality("the variance's rate", sp.diff(spread, t), -2 * theta * spread + sigma**2)
    yield Equality("it starts at x: mean", law.mean.subs(t, 0), x)
    yield Equality("it starts at x: no spread", law.std.subs(t, 0), sp.Integer(0))
    drawn = production(law.sample(eps), theta, sigma, s)
    whole = production(x, theta, sigma, t + s)
    yield Equality("Chapman–Kolmogorov: means", expectation(drawn.mean, eps), whole.mean)
    yield Equality(
        "Chapman–Kolmogorov: variances", variance(drawn.mean, eps) + drawn.std**2, whole.std**2
    )


@derivation("dynamics.stationary", rows=("DYN-8", "LD-1"))
def stationary(production: Production) -> Lines:
    """The stationary law: the transition leaves it as it is, and tends to it from anywhere."""
    rest = production(theta, sigma)
    yield Display(r"\mathrm{std}[x_\infty]", rest.std)
    yield Equality("its mean is zero", sp.sympify(rest.mean), sp.Integer(0))
    moved = dynamics.ornstein_uhlenbeck(rest.sample(eps), theta, sigma, t)
    yield Equality(
        "one transition later, the same variance",
        variance(moved.mean, eps) + moved.std**2,
        rest.std**2,
    )
    limit = sp.limit(dynamics.ornstein_uhlenbeck(x, theta, sigma, t).std ** 2, t, sp.oo)
    yield Equality("the limit from any start", limit, rest.std**2)


@derivation("dynamics.euler_on_linear", rows=("DYN-4",))
def euler_on_linear(production: Production) -> Lines:
    """n Euler steps on the linear field: the end they reach, and what one step fewer would miss.

    With n steps of t/n the end is (1 − θt/n)ⁿ x; the error is θ²t²/(2n)·e^{−θt} x to first order.
    The loop printed in the notes takes n − 1 steps and lands at time t − t/n: its result is
    another number, at every n.
    """
    yield Display(r"x_n", production(x, theta, t, sp.Symbol("n", positive=True)))
    for n in (1, 2, 3):
        state = x
        for _ in range(n):  # house steps run downhill, so the field is negated
            state = ode.euler(lambda y, level: theta * y, state, Step(s + t / n, s))
        yield Equality(f"{n} Euler steps of t/{n}", production(x, theta, t, n), state)
    inverse = symbol("one_over_n", r"1/n", positive=True)
    expansion = sp.series(sp.log(1 - theta * t * inverse) / inverse, inverse, 0, 2).removeO()
    yield Equality(
        "log of the end over x: −θt − θ²t²/(2n) + …",
        expansion,
        -theta * t - theta**2 * t**2 * inverse / 2,
    )
