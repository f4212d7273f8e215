"""How densities move, and why averaging conditional fields moves the marginal.

Densities and fields are arbitrary smooth functions. What is written with ∇·, ∇ and Δ is decided in
coordinates for d = 1 to 4; the operators are sums over coordinates, so d = 4 holds nothing that
d = 2 does not. Data enters as finitely many atoms with arbitrary weights and arbitrary conditional
densities: an integral over z obeys the same linear algebra, given that one may differentiate under
it.
"""

import numpy as np
import sympy as sp

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import t
from .engine.written import (
    Writing,
    atoms_at,
    densities,
    density,
    field,
    fields,
    number,
    of_time,
    point,
    posterior_mean,
    scalar,
    vector,
    weights,
)

SMOOTH = "p is smooth and, with its flux, vanishes at infinity"
UNDER_THE_INTEGRAL = "differentiation under the integral over z is allowed"


def atoms(xs: tuple[sp.Symbol, ...], n: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """n atoms: weights, arbitrary conditional densities and an arbitrary field for each."""
    weights = np.array(sp.symbols(f"w_1:{n + 1}", positive=True), dtype=object)
    kernels = [sp.Function(f"k_{z + 1}", positive=True)(*xs, t) for z in range(n)]
    return weights, np.array(kernels, dtype=object)


@derivation(
    "density.continuity",
    rows=("VF-2",),
    assumes=(SMOOTH, "φ is smooth and vanishes outside a bounded set"),
)
def continuity(production: Production) -> Lines:
    """The continuity equation: mass moves with the flow and none is lost.

    Along dx/dt = v(x, t) the chain rule gives d/dt φ(x_t) = ⟨v, ∇φ⟩ for every test function φ. Its
    expectation over x_t ~ p_t is on the left ∫ φ ∂_t p_t, on the right ∫ p_t ⟨v, ∇φ⟩. The second
    chain moves the derivative from φ to p_t v.
    """
    w = Writing(p=density(), v=field(), phi=scalar(r"\varphi"))
    yield w.chain(
        "-div(p*v)",
        ("over_coordinates(-di(p*comp(v)))", "the divergence in coordinates"),
        (
            "over_coordinates(density.continuity(p, di(p), comp(v), di(comp(v))))",
            "the product rule, in each coordinate",
        ),
        states="What the code adds up over the coordinates is minus the divergence of the flux.",
    )
    yield w.chain(
        "p * dot(v, grad(phi))",
        ("div(phi*p*v) - phi*div(p*v)", "the product rule for ∇· of φ times a vector"),
        (
            "div(phi*p*v) "
            "+ phi*over_coordinates(density.continuity(p, di(p), comp(v), di(comp(v))))",
            "the first chain",
        ),
        states="Integration by parts, before the integral is taken.",
        so="The integral of the divergence is the flux at infinity, zero. So "
        r"$\int\varphi\,\partial_t p_t\,\mathrm dx=-\int\varphi\,\nabla\cdot(p_t v)\,\mathrm dx$ "
        r"for every φ, which says $\partial_t p_t=-\nabla\cdot(p_t v)$.",
    )


@derivation(
    "density.fokker_planck",
    rows=("SC-3",),
    assumes=(
        SMOOTH,
        "f smooth, g constant in x",
        "φ is smooth and vanishes outside a bounded set",
    ),
)
def fokker_planck(production: Production) -> Lines:
    """The Fokker–Planck equation of dx = f dt + g dw.

    First the generator: what one small step adds to E[φ(x)], by Taylor's formula. Then integration
    by parts moves the derivatives from φ to p.
    """
    w = Writing(p=density(), f=field(), phi=scalar(r"\varphi"), eps=vector(r"\varepsilon"))
    w.bind(g=of_time())
    w.let("move", "h*f + g*sqrt(h)*eps", r"\Delta x")
    yield w.chain(
        "E(eps, dot(grad(phi), move) + hess(phi, move)/2)",
        (
            "h*dot(grad(phi), f) + h**2/2*hess(phi, f) + g**2*h/2 * lap(phi)",
            "E[ε_i] = 0, E[ε_i²] = 1, and E[ε_i ε_j] = 0 for i ≠ j",
        ),
        (
            "h * (dot(f, grad(phi)) + g**2/2 * lap(phi)) + h**2/2*hess(phi, f)",
            "collect powers of h",
        ),
        states="One Euler–Maruyama step of length h changes φ by this, up to terms of third order "
        "in Δx, whose expectation is of order h² as well.",
        so=r"Divide by h and let h go to 0: $\frac{\mathrm d}{\mathrm dt}\mathbb E[\varphi(x_t)]="
        r"\mathbb E[\langle f,\nabla\varphi\rangle+\frac{g^2}{2}\Delta\varphi]$.",
    )
    yield w.chain(
        "p * lap(phi)",
        (
            "div(p*grad(phi)) - dot(grad(p), grad(phi))",
            "the product rule for ∇· of p ∇φ, with ∇·∇ = Δ",
        ),
        (
            "div(p*grad(phi)) - div(phi*grad(p)) + phi*lap(p)",
            "the same rule for ∇· of φ ∇p",
        ),
        states="Two derivatives move from φ to p.",
    )
    w.let("flux", "phi*p*f + g**2/2 * (p*grad(phi) - phi*grad(p))", "J")
    yield w.chain(
        "p * (dot(f, grad(phi)) + g**2/2 * lap(phi))",
        (
            "div(phi*p*f) - phi*div(p*f) + g**2/2 * p*lap(phi)",
            "the product rule for ∇· of φ p f",
        ),
        (
            "div(flux) + phi * (-div(p*f) + g**2/2 * lap(p))",
            "the chain before; g does not depend on x",
        ),
        states="The integrand of that expectation.",
        so="The flux $J$ vanishes at infinity, so "
        r"$\partial_t p_t=-\nabla\cdot(p_t f)+\frac{g^2}{2}\Delta p_t$.",
    )
    yield w.chain(
        "-div(p*f) + g**2/2 * lap(p)",
        (
            "over_coordinates(-di(p*comp(f)) + g**2/2 * dii(p))",
            "divergence and Laplacian in coordinates",
        ),
        (
            "over_coordinates(density.fokker_planck(p, di(p), dii(p), comp(f), di(comp(f)), g))",
            "the product rule, in each coordinate",
        ),
        states="What the code adds up over the coordinates is the right-hand side.",
    )


@derivation("density.marginal", rows=("PATH-3",), assumes=("finitely many z", "d = 1 to 4"))
def marginal(production: Production) -> Lines:
    """The marginal path mixes the conditional ones; its ends are p_init and the data.

    The law of x_t is read off its moment-generating function E[exp⟨ξ, x_t⟩], which exists for every
    ξ and determines it; at t = 0, where the law has no density, it still does.
    """
    w = Writing(pi=weights(), k=densities(r"p_t(x\mid z)"), q=density(r"p_{\mathrm{init}}"))
    w.bind(E_z=posterior_mean(w("pi"), given="", tex=r"\mathbb E_{z\sim\pi}"))
    yield w.chain(
        "E_z(k)",
        (
            "density.marginal(pi, k)/sum(pi)",
            "a mean over finitely many z; the weights of a law add up to one",
        ),
        states="Draw z, then x given z: the density of x is the mean of the conditional ones.",
    )
    yield w.chain(
        "density.marginal(pi, q)/sum(pi)",
        ("q*sum(pi)/sum(pi)", "the density does not depend on z"),
        ("q", "the sum of the weights cancels"),
        states="Where the conditional law forgets z, at t = 1, the marginal is it: $p_1 = "
        r"p_{\mathrm{init}}$, whatever the data.",
    )
    w = Writing(pi=weights(), z=atoms_at("z"), xi=vector(r"\xi"), eps=vector(r"\varepsilon"))
    w.bind(alpha=number(r"\alpha_t"), sigma=number(r"\sigma_t"))
    w.let("x", "alpha*z + sigma*eps", "x_t")
    yield w.chain(
        "density.marginal(pi, E(eps, exp(dot(xi, x))))",
        (
            "sum(pi * exp(alpha*dot(xi, z)) * E(eps, exp(sigma*dot(xi, eps))))",
            "given z, the first factor is fixed",
        ),
        (
            "exp(sigma**2*norm2(xi)/2) * sum(pi * exp(alpha*dot(xi, z)))",
            "E[exp(b ε)] = exp(b²/2) in each coordinate; this factor is the same for every z",
        ),
        states="Any Gaussian path. The law of x_t, by its moment-generating function.",
    )
    w = Writing(pi=weights(), z=atoms_at("z"), xi=vector(r"\xi"))
    w.let("M", "exp(sigma**2*norm2(xi)/2) * sum(pi * exp(alpha*dot(xi, z)))")
    yield w.chain(
        "at(at(M, alpha, 1), sigma, 0)",
        ("exp(0*norm2(xi)/2) * sum(pi * exp(1*dot(xi, z)))", "put α = 1 and σ = 0 in"),
        ("sum(pi * exp(dot(xi, z)))", "e⁰ = 1"),
        states="The end at t = 0: α = 1 and σ = 0 in that last line, called M.",
        so="This belongs to the law of z: at t = 0 the marginal is the data's.",
    )
    yield w.chain(
        "at(at(M, alpha, 0), sigma, 1)",
        ("exp(norm2(xi)/2) * sum(pi * exp(0*dot(xi, z)))", "put α = 0 and σ = 1 in"),
        ("exp(norm2(xi)/2) * sum(pi)", "e⁰ = 1"),
        states="The end at t = 1: α = 0 and σ = 1 in M.",
        so="The weights add up to one, and what is left belongs to N(0, I).",
    )


@derivation("density.posterior", rows=("VF-3",), assumes=("finitely many z, p_t(x) > 0",))
def posterior(production: Production) -> Lines:
    """Bayes' rule: what x says about the data it came from."""
    w = Writing(pi=weights(), k=densities(r"p_t(x\mid z)"))
    w.let("p", "density.marginal(pi, k)", "p_t(x)")
    yield w.chain(
        "p * density.posterior(pi, k)",
        ("pi*k", "the marginal density cancels"),
        states="P(z | x) times the density of x is the joint density of z and x.",
    )
    yield w.chain(
        "sum(density.posterior(pi, k))",
        ("sum(pi*k)/p", "the denominator is the same for every z"),
        ("1", "the sum in the numerator is the marginal density"),
        states="Given x, the probabilities add up to one.",
    )


@derivation(
    "density.conditional_mean",
    of=("density.conditional_mean", "density.posterior"),
    rows=("VF-2", "VF-3", "VF-4", "SC-2"),
    assumes=("finitely many z", UNDER_THE_INTEGRAL),
)
def conditional_mean(production: Production, posterior: Production) -> Lines:
    """One averaging rule: the marginal velocity, the marginal score, and the best regression.

    If each conditional field moves its conditional density, their mean given x moves the marginal.
    The marginal score is the mean of the conditional scores; on a Gaussian path that is
    −E[noise | x]/σ, Tweedie's formula. Among all functions of x the conditional mean has the least
    squared error, so a network trained on the target x_1 − x_0 learns E[x_1 − x_0 | x_t].
    """
    w = Writing(post=weights(r"P(z\mid x)"), f=fields("f"))
    w.bind(E=posterior_mean(w("post"), given="x"))
    yield w.chain(
        "E(f)",
        (
            "density.conditional_mean(post, f)/sum(post)",
            "a mean over finitely many z; the probabilities add up to one",
        ),
        states="What is averaged, and with which weights.",
    )
    yield from _marginal_velocity()
    yield from _marginal_score()
    yield from _regression()


def _given_x() -> Writing:
    """Atoms z with weights π, conditional densities, and the mean given x."""
    w = Writing(pi=weights(), k=densities(r"p_t(x\mid z)"))
    w.let("p", "sum(pi*k)", "p_t")
    w.let("post", "density.posterior(pi, k)", r"P(z\mid x)")
    w.bind(E=posterior_mean(w("pi"), w("k"), given="x"))
    return w


def _marginal_velocity() -> Lines:
    w = _given_x()
    w.bind(u=fields(r"v_t(x\mid z)"))
    w.let("v", "density.conditional_mean(post, u)", "v_t")
    yield w.chain(
        "dt(p) + div(p*v)",
        (
            "sum(pi*dt(k)) + div(sum(pi*k*u))",
            "∂_t is linear; p P(z | x) is the joint density, by Bayes' rule",
        ),
        (
            "sum(pi * bracket(dt(k) + div(k*u)))",
            "∇· is linear, and the weights are constant",
        ),
        states="The marginalisation trick.",
        so="Where each conditional field moves its conditional density, every bracket is zero: so "
        r"the left side is, and the mean field moves the marginal: $\partial_t p_t=-\nabla\cdot"
        "(p_t v_t)$.",
    )


def _marginal_score() -> Lines:
    w = _given_x()
    yield w.chain(
        "grad(log(p))",
        ("grad(p)/p", "the derivative of a logarithm"),
        ("sum(pi*grad(k))/p", "∇ is linear"),
        ("sum(pi*k*grad(log(k)))/p", "∇k = k ∇log k, for each conditional density"),
        ("density.conditional_mean(post, grad(log(k)))", "Bayes' rule: π p_t(x | z)/p_t"),
        states="The marginal score is the mean of the conditional ones.",
    )
    w = Writing(x=point(), z=vector(), alpha=of_time(r"\alpha_t"), sigma=of_time(r"\sigma_t"))
    w.let("n", "(x - alpha*z)/sigma", r"\mathrm{noise}")
    yield w.chain(
        "grad(over_coordinates(log_density(comp(x), N(alpha*comp(z), sigma**2))))",
        ("-(2*(x - alpha*z)/(2*sigma**2))", "only the exponent depends on x"),
        ("-n/sigma", "x = α z + σ noise"),
        states="The conditional score of a Gaussian path.",
    )
    w = _given_x()
    w.bind(n=fields(r"\mathrm{noise}"), sigma=of_time(r"\sigma_t"))
    yield w.chain(
        "density.conditional_mean(post, -n/sigma)",
        ("E(-n/sigma)", "the weights are those of the mean given x"),
        ("-E(n)/sigma", "E[· | x] is linear, and σ is the same for every z"),
        states="So the marginal score of a Gaussian path is minus the expected noise over its "
        "scale.",
    )


def _regression() -> Lines:
    w = _given_x()
    w.bind(y=fields(), u=field(r"v_\theta"))
    w.let("m", "density.conditional_mean(post, y)")
    yield w.chain(
        "E(norm2(u - y))",
        ("E(norm2(bracket(u - m) + bracket(m - y)))", "add and subtract the conditional mean"),
        (
            "norm2(u - m) + 2*dot(u - m, E(m - y)) + E(norm2(m - y))",
            "the square, multiplied out; u and m depend on x alone",
        ),
        ("norm2(u - m) + E(norm2(m - y))", "E[m − y | x] = m − m = 0"),
        states="The squared error of any guess u at x.",
        so="The second term does not depend on the guess: the error is least at u = m, and only "
        "there.",
    )
