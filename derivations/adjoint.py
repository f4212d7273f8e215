"""Adjoint Matching: which noise forgets, what the lean adjoint carries, where its loss leads."""

from refimpl.equations import adjoint as equations
from refimpl.equations.arguments import Mean
from refimpl.equations.tilting import Temperature

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of
from .engine.written import (
    Writing,
    field,
    indexed,
    number,
    of_time,
    posterior_mean,
    scalar,
    weights,
)

mean = of(Mean, "mean")
beta = of(Temperature, "beta")
kappa = of(equations.Share, "kappa")

GAUSSIAN = "the data are N(μ, std²)"


def _path() -> Writing:
    """A path with its rates, and the variance of x_t on data of variance std²."""
    w = Writing(a=of_time(r"\alpha_t"), b=of_time(r"\sigma_t"), m=number())
    w.let("da", "d(a, t)", r"\dot\alpha_t")
    w.let("db", "d(b, t)", r"\dot\sigma_t")
    w.let("V", "a**2*std**2 + b**2", "V_t")
    w.bind(c="Coefficients(a, b, da, db)")
    return w


@derivation("adjoint.memory", rows=("RFT-2", "RFT-1"), assumes=(GAUSSIAN, "α > 0, σ > 0 under way"))
def memory(production: Production) -> Lines:
    """Any multiple of the memoryless noise forgets the start; the power tells how fast.

    The drift of sampling is affine on Gaussian data. With slope f′ the covariance of x_t with a
    later state is multiplied by e^{−∫f′}, and the correlation by e^{−∫(f′ − V̇/2V)}. For data of any
    law the case κ = 1 is the reversal of the noising process (`tilting.memoryless_drift`), and the
    noising process has forgotten the datum where α = 0.
    """
    w = _path()
    w.let("G", "kappa*langevin.noise_rate(a, b, da, db)", "g^2")
    w.let("v", "da*m + (a*da*std**2 + b*db)/V * (x - a*m)", "v_t")
    w.let("l", "-(x - a*m)/V", r"\nabla\log p_t")
    yield w.chain(
        "d(sde.drift(v, l, sqrt(G)), x) - d(log(sqrt(V)), t)",
        (
            "(a*da*std**2 + b*db)/V + G/(2*V) - d(log(sqrt(V)), t)",
            "the slopes of v and of the score, where $V_t$ is the variance of $x_t$",
        ),
        ("G/(2*V)", "V̇ = 2 (α α̇ std² + σ σ̇)"),
        states="What the sampler forgets, per unit of t.",
    )
    yield w.chain(
        "d(log(adjoint.memory(c, std, kappa)), t)",
        ("kappa*(da/a - (a*da*std**2 + b*db)/V)", "the logarithm of a power and of a quotient"),
        ("-kappa*(b*db - da/a*b**2)/V", "over one denominator: α α̇ std² cancels"),
        ("-G/(2*V)", "g² = κ (2σσ̇ − 2 (α̇/α) σ²)"),
        states="The stated correlation falls at this rate as t rises, ...",
    )
    yield w.chain(
        "adjoint.memory(Coefficients(1, 0, da, db), std, kappa)",
        ("1", "std over std"),
        states="... from 1 at the end, where α = 1 and σ = 0, ...",
    )
    yield w.chain(
        "adjoint.memory(Coefficients(0, b, da, db), std, kappa)",
        ("0", "κ > 0"),
        states="... to 0 at the start, where α = 0.",
        so="Start and end are jointly Gaussian, and so independent.",
    )
    w = Writing()
    w.let("g", "sde.flow_grpo_g(t, sqrt(2*kappa), t)")
    yield w.chain(
        "g**2",
        ("2*kappa*t/(1 - t)", "the square of a root"),
        ("kappa*langevin.noise_rate(1 - t, t, -1, 1)", "α̇/α = −1/(1 − t): the rate is 2t/(1 − t)"),
        states="On the linear path: Flow-GRPO's a is √(2κ).",
    )


@derivation("adjoint.end", rows=("RFT-2",))
def end(production: Production) -> Lines:
    """The cost of an end is −r/β; its gradient is where the adjoint begins."""
    w = Writing(c=number())
    yield w.chain(
        "adjoint.end(d(-(x - c)**2/2, x), beta)",
        ("(x - c)/beta", "the slope of the reward is c − x"),
        ("d(-(-(x - c)**2/2)/beta, x)", "the slope of a parabola"),
        states="For the reward −(x − c)²/2.",
    )


@derivation("adjoint.lean", rows=("RFT-2",), assumes=("h = E e^{r/β} given x_t is smooth",))
def lean(production: Production) -> Lines:
    """The gradient of the cost to go obeys the lean adjoint's equation along the optimal sampler.

    Let h(x, t) be the reference's mean of e^{r/β} given x_t = x, and J = −log h the cost to go.
    Seen from a sampler that moves by −f − g²∇J, the optimal one, ∇J changes in the mean at the rate
    (∂f/∂x)ᵀ∇J, which is the lean equation. So on average over the ends of optimal trajectories from
    x_t the lean adjoint is ∇J(x_t, t), which `adjoint.loss` asks for.
    """
    w = Writing(f=number(), F=number("f'"), A=number(r"\tilde a"))
    yield w.chain(
        "adjoint.lean(A, F*A, h)",
        ("(1 - h*F)*A", "collect ã"),
        ("d(x - h*(f + F*x), x)*A", "the slope of a line"),
        states="Back through the mean of one step, whose drift has the slope f′.",
    )
    w = Writing(h=scalar("h"), J=scalar("J"), f=field("f"), g=of_time("g"))
    w.let("R", "dt(J) + dot(f, grad(J)) - g**2/2*(lap(J) - norm2(grad(J)))")
    yield w.chain(
        "-dt(grad(J)) - along(f + g**2*grad(J), grad(J)) + g**2/2*grad(lap(J))",
        (
            "-grad(dt(J) + dot(f, grad(J)) + g**2/2*norm2(grad(J)) - g**2/2*lap(J))"
            " + matmul(transpose(jac(f)), grad(J))",
            "the gradient of a product, and ∇J is a gradient",
        ),
        ("matmul(transpose(jac(f)), grad(J)) - grad(R)", "collect R"),
        states="What ∇J gains in the mean along the optimal sampler, per unit of falling t.",
        so="R is 0, as follows.",
    )
    w = Writing(p=scalar("h"), f=field("f"), g=of_time("g"))
    w.bind(q="exp(p)")
    yield w.chain(
        "dt(-log(q)) + dot(f, grad(-log(q))) - g**2/2*(lap(-log(q)) - norm2(grad(-log(q))))",
        (
            "-(dt(q) + dot(f, grad(q)) - g**2/2*lap(q))/q",
            "the logarithm, differentiated: its squared gradient cancels",
        ),
        states="R for J = −log q, with any positive q for h.",
        so="It vanishes where q is a conditional mean of the reference: that is Kolmogorov's "
        "backward equation.",
    )


@derivation("adjoint.carried", rows=("RFT-2",), assumes=(GAUSSIAN,))
def carried(production: Production) -> Lines:
    """On Gaussian data the drift's slope does not depend on x, and the equation has a solution."""
    w = _path()
    w.let("G", "langevin.noise_rate(a, b, da, db)", "g^2")
    w.let("v", "da*m + (a*da*std**2 + b*db)/V * (x - a*m)", "v_t")
    w.let("f", "d(tilting.memoryless_drift(c, x, v), x)", "f'")
    yield w.chain(
        "f",
        ("2*(a*da*std**2 + b*db)/V - da/a", "the slope of v, twice"),
        ("da/a + G/V", "g² = 2σσ̇ − 2(α̇/α)σ², and V = α² std² + σ²"),
        states="The slope of the memoryless drift.",
    )
    yield w.chain(
        "d(adjoint.carried(c, std), t)",
        ("(da/a - 2*(a*da*std**2 + b*db)/V) * a*std**2/V", "the quotient rule"),
        ("-f*adjoint.carried(c, std)", "the slope, as above"),
        states="What is carried obeys the lean adjoint's equation in t, ...",
    )
    yield w.chain(
        "adjoint.carried(Coefficients(1, 0, da, db), std)",
        ("1", "std² over std²"),
        states="... and is 1 at the end.",
    )


@derivation("adjoint.control", rows=("RFT-2",))
def control(production: Production) -> Lines:
    """The control is the difference of two drifts over g, times √h; half its square is the KL.

    So the tuned velocity, put into the memoryless drift, *is* the controlled sampler; and where
    that runs along a path from another law, it is that path's velocity, whose flow has the same
    marginals.
    """
    w = Writing(u=number(r"v_\theta"), L=number("L", positive=True))
    w.let("g", "sqrt(langevin.noise_rate(alpha, sigma, d_alpha, d_sigma))")
    yield w.chain(
        "adjoint.control(u, v, 2*h, g*sqrt(h))",
        ("sqrt(h)*2*(v - u)/g", "h over √h"),
        (
            "sqrt(h)*(tilting.memoryless_drift(C, x, v) - tilting.memoryless_drift(C, x, u))/g",
            "the state's share cancels",
        ),
        states="At the memoryless noise, where L is 2h.",
    )
    w = Writing()
    w.let("g", "sde.flow_grpo_g(t, sqrt(2), t)")
    yield w.chain(
        "weights.lever(g, t, h)",
        ("h*(1 + 2*t/(1 - t)*(1 - t)/(2*t))", "g² = 2t/(1 − t)"),
        ("2*h", "t and 1 − t cancel"),
        states="The sensitivity of Flow-GRPO's step at a = √2.",
    )
    w = Writing(u=number(r"v_\theta"), L=number("L", positive=True))
    yield w.chain(
        "adjoint.control(u, v, L, std)**2/2",
        ("(L*v - L*u)**2/(2*std**2)", "multiply out"),
        ("kl.of_means(x - L*u, x - L*v, std)", "the divergence of two Gaussians"),
        states="Half its square is the divergence of the two steps.",
    )


@derivation("adjoint.loss", rows=("RFT-2",), assumes=("finitely many ends",))
def loss(production: Production) -> Lines:
    """The loss is least where the control is −std times the mean adjoint given x_t."""
    w = Writing(pi=weights(r"\pi_z"), k=weights(r"p(x_t\mid z)"), u=number("u"))
    w.bind(A=indexed(r"\tilde a_z", index="z"), E=posterior_mean(w("pi"), w("k"), given="x_t"))
    yield w.chain(
        "E(adjoint.loss(u, A, std))",
        (
            "(u + std*E(A))**2/2 + std**2/2*(E(A**2) - E(A)**2)",
            "complete the square; E is linear, and u is given by x_t",
        ),
        states="The expected loss at one state, over the adjoints that arrive there.",
        so="The second term is not the policy's. The first vanishes at u = −std E[ã | x_t].",
        dimensions=(1,),
    )
    w = Writing(u=number(r"v_\theta"), L=number("L", positive=True), A=number(r"\tilde a_s"))
    w.let("o", "adjoint.control(u, v, L, std)", "u")
    yield w.chain(
        "d(adjoint.loss(o, A, std), u)",
        ("-(L/std)*(L*(v - u)/std + std*A)", "the chain rule"),
        ("L**2/std**2*(u - v) - L*A", "multiply out"),
        ("d(kl.of_means(x - L*u, x - L*v, std), u) + A*d(x - L*u, u)", "two slopes"),
        states="The gradient in the velocity, given the samples.",
        so="It is that of the KL, plus the step's mean followed to the cost: at u = 0 the exact "
        "derivative of −r/β along the sample.",
    )


@derivation("adjoint.target", rows=("RFT-2",))
def target(production: Production) -> Lines:
    """The velocity at which a sample's loss vanishes."""
    w = Writing(L=number("L", positive=True), A=number(r"\tilde a_s"))
    w.let("o", "adjoint.target(v, A, L, std)", r"v^\star")
    yield w.chain(
        "adjoint.control(o, v, L, std)",
        ("L*(v - (v + std**2*A/L))/std", "the target, put in"),
        ("-std*A", "v and L cancel"),
        states="Its control.",
    )
    yield w.chain(
        "adjoint.loss(adjoint.control(o, v, L, std), A, std)",
        ("(-std*A + std*A)**2/2", "the control of the target"),
        ("0", "it cancels"),
        states="Its loss.",
    )
    w = Writing(A=number(r"\tilde a_s"))
    yield w.chain(
        "adjoint.target(v, A, 2*h, g*sqrt(h))",
        ("v + g**2*A/2", "h cancels"),
        states="At the memoryless noise.",
    )


@derivation("adjoint.quadratic", rows=("RFT-2",), assumes=(GAUSSIAN,))
def quadratic(production: Production) -> Lines:
    """The optimum of the regression is the tilted law, exactly: three ways to the same adjoint.

    The tilted law p* pushed along the path has Gaussian marginals. Their score less the
    reference's is Doob's transform, which turns the one sampler into the other; the mean lean
    adjoint at p* is its negative; so p* asks for no change, and is where Adjoint Matching rests.
    """
    w = Writing(c=number(), m=number())
    w.let("V", "alpha**2*std**2 + sigma**2", "V_t")
    w.let("k", "alpha*std**2/V", "k_t")
    w.let("u", "m + k*(x - alpha*m)", r"\mu_t")
    w.let("w", "std**2*sigma**2/V", "w_t")
    w.let("a", "adjoint.quadratic(C, x, N(m, std**2), c, beta)", r"a_t")
    yield w.chain(
        "a",
        ("k*(u - c)/(beta + w)", "in the letters of this page"),
        states="What is claimed.",
    )
    yield w.chain(
        "E(eps, adjoint.carried(C, std)*adjoint.end(c - (tilting.quadratic(N(u, w), c, beta).mean"
        " + sqrt(beta*w/(beta + w))*eps), beta))",
        (
            "k/beta*((beta*u + w*c)/(beta + w) - c)",
            "E[ε] = 0; given $x_t$ the end of p* is the tilted N(μ, w)",
        ),
        ("k*(u - c)/(beta + w)", "over one denominator: β cancels"),
        states="The mean lean adjoint at the optimum, given x_t.",
        so="It is the adjoint a_t.",
    )
    w.let("M", "(beta*m + std**2*c)/(beta + std**2)", r"\mu^\star")
    w.let("S", "beta*std**2/(beta + std**2)", r"\mathrm{std}^{\star 2}")
    w.bind(star="tilting.quadratic(N(m, std**2), c, beta)")
    yield w.chain(
        "-(x - alpha*star.mean)/(alpha**2*star.std**2 + sigma**2) + (x - alpha*m)/V",
        (
            "-(x - alpha*M)/(alpha**2*S + sigma**2) + (x - alpha*m)/V",
            "mean and variance of the tilted law",
        ),
        ("-k*(u - c)/(beta + w)", "common denominator; collect x, c and μ"),
        ("-adjoint.quadratic(C, x, N(m, std**2), c, beta)", "as above"),
        states="The score of the tilted law's marginal, less that of the reference's.",
        so="So the controlled sampler runs along the path from p*, and ends there.",
    )
