"""How densities move, and why averaging conditional fields moves the marginal.

General densities are undefined functions; d dimensions are proved for d = 1..4 as written, and hold
for every d because both operators are sums over coordinates of the one-coordinate expression. Data
enters as finitely many atoms with arbitrary weights and arbitrary conditional densities: an
integral over z obeys the same linear algebra, given that differentiation under it is allowed.
"""

import numpy as np
import sympy as sp

from refimpl.equations import gaussian

from .engine import Display, Equality, Lines, Production, derivation
from .engine.moments import expectation
from .engine.symbols import eps, g, t, x

DIMENSIONS = (1, 2, 3, 4)
SMOOTH = "p is smooth and, with its flux, vanishes at infinity"
UNDER_THE_INTEGRAL = "differentiation under the integral over z is allowed"


def coordinates(d: int) -> tuple[sp.Symbol, ...]:
    """x_1, ..., x_d."""
    return sp.symbols(f"x_1:{d + 1}", real=True)


def field(name: str, xs: tuple[sp.Symbol, ...]) -> list[sp.Expr]:
    """A vector field of d arbitrary functions of (x_1..x_d, t)."""
    return [sp.Function(f"{name}_{i + 1}", real=True)(*xs, t) for i in range(len(xs))]


def law(xs: tuple[sp.Symbol, ...]) -> sp.Expr:
    """An arbitrary positive density of (x_1..x_d, t)."""
    return sp.Function("p", positive=True)(*xs, t)


def atoms(xs: tuple[sp.Symbol, ...], n: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """n atoms: weights, arbitrary conditional densities and an arbitrary field for each."""
    weights = np.array(sp.symbols(f"w_1:{n + 1}", positive=True), dtype=object)
    kernels = [sp.Function(f"k_{z + 1}", positive=True)(*xs, t) for z in range(n)]
    return weights, np.array(kernels, dtype=object)


def divergence(
    p: sp.Expr, v: list[sp.Expr], xs: tuple[sp.Symbol, ...], operator: Production
) -> sp.Expr:
    """The production operator, summed over coordinates."""
    return sum(operator(p, sp.diff(p, y), u, sp.diff(u, y)) for y, u in zip(xs, v, strict=True))


@derivation("density.continuity", rows=("VF-2",), assumes=(SMOOTH,))
def continuity(production: Production) -> Lines:
    """The continuity equation: mass moves with the flow and is conserved.

    Weak form: d/dt E[φ(x_t)] = E[v·∇φ] along dx/dt = v. The identity below moves the derivative
    from φ to p v, up to the divergence of a flux that vanishes at infinity: so ∂_t p = −∇·(p v).
    """
    for d in DIMENSIONS:
        xs = coordinates(d)
        p, v = law(xs), field("v", xs)
        rate = divergence(p, v, xs, production)
        if d == 1:
            yield Display(r"\partial_t p", rate)
        want = -sum(sp.diff(p * u, y) for y, u in zip(xs, v, strict=True))
        yield Equality(f"−∇·(p v) in {d}-D", rate, want)
        test = sp.Function("phi", real=True)(*xs)
        flux = sum(sp.diff(p * u * test, y) for y, u in zip(xs, v, strict=True))
        moved = sum(p * u * sp.diff(test, y) for y, u in zip(xs, v, strict=True))
        yield Equality(f"integration by parts in {d}-D, flux p v φ", moved, test * rate + flux)


@derivation("density.fokker_planck", rows=("SC-3",), assumes=(SMOOTH, "f smooth, g constant in x"))
def fokker_planck(production: Production) -> Lines:
    """The Fokker–Planck equation of dx = f dt + g dw: the article's Eq. 6, unreadable in print.

    First the generator: one Euler–Maruyama step moves E[φ] at the rate f φ′ + ½ g² φ″, by Taylor's
    formula and E[ε²] = 1. Then integration by parts moves both derivatives from φ to p.
    """
    for d in DIMENSIONS:
        xs = coordinates(d)
        p, f = law(xs), field("f", xs)
        rate = sum(
            production(p, sp.diff(p, y), sp.diff(p, y, 2), u, sp.diff(u, y), g)
            for y, u in zip(xs, f, strict=True)
        )
        if d == 1:
            yield Display(r"\partial_t p", rate)
            yield Equality(
                "the generator, from one small step", _generator_of_a_step(), _generator()
            )
        test = sp.Function("phi", real=True)(*xs)
        acted = sum(
            u * sp.diff(test, y) + g**2 / 2 * sp.diff(test, y, 2)
            for y, u in zip(xs, f, strict=True)
        )
        flux = sum(
            sp.diff(p * u * test + g**2 / 2 * (p * sp.diff(test, y) - test * sp.diff(p, y)), y)
            for y, u in zip(xs, f, strict=True)
        )
        yield Equality(
            f"integration by parts in {d}-D, with its flux", p * acted, test * rate + flux
        )


_SLOPES = sp.symbols("phi phi_1 phi_2 phi_3", real=True)
_F = sp.Symbol("f", real=True)


def _generator_of_a_step() -> sp.Expr:
    """The part of E[φ(x + h f + g√h ε)] linear in h, from φ's Taylor series."""
    root = sp.Symbol("r", positive=True)  # √h
    move = root**2 * _F + g * root * eps
    series = sum(c * move**k / sp.factorial(k) for k, c in enumerate(_SLOPES))
    return sp.expand(expectation(series, eps)).coeff(root, 2)


def _generator() -> sp.Expr:
    return _F * _SLOPES[1] + g**2 / 2 * _SLOPES[2]


@derivation("density.marginal", rows=("PATH-3",), assumes=("finitely many z",))
def marginal(production: Production) -> Lines:
    """The marginal path mixes the conditional ones; its ends are p_init and the data."""
    weights, kernels = atoms((x,))
    p = production(weights, kernels)
    yield Display("p_t(x)", p)
    want = sum(w * k for w, k in zip(weights, kernels, strict=True))
    yield Equality("the law of total probability", p, want)
    same = np.array([kernels[0]] * 3, dtype=object)
    at_noise = production(weights, same).subs(weights[2], 1 - weights[0] - weights[1])
    yield Equality("where the kernel forgets z (t = 1) it is p_init", at_noise, kernels[0])


@derivation("density.posterior", rows=("VF-3",), assumes=("finitely many z, p_t(x) > 0",))
def posterior(production: Production) -> Lines:
    """Bayes: what x says about the data it came from."""
    weights, kernels = atoms((x,))
    p = sum(w * k for w, k in zip(weights, kernels, strict=True))
    after = production(weights, kernels)
    yield Display(r"P(z_1\mid x)", after[0])
    yield Equality("the joint over the marginal", after[0], weights[0] * kernels[0] / p)
    yield Equality("it adds up to one", after.sum(), sp.Integer(1))


@derivation(
    "density.conditional_mean",
    of=("density.conditional_mean", "density.posterior"),
    rows=("VF-2", "VF-3", "VF-4", "SC-2"),
    assumes=("finitely many z", UNDER_THE_INTEGRAL),
)
def conditional_mean(production: Production, posterior: Production) -> Lines:
    """One averaging rule: the marginal velocity, the marginal score, and the best regression.

    (i) If each conditional field moves its conditional density, their posterior mean moves the
    marginal (the marginalisation trick), in 1 to 4 dimensions. (ii) The marginal score is the
    posterior mean of the conditional scores; on a Gaussian path that is −E[noise | x]/σ (Tweedie).
    (iii) Among all functions of x, the posterior mean has the least squared error; so a network
    trained on v = x_1 − x_0 learns E[x_1 − x_0 | x_t].
    """
    for d in DIMENSIONS:
        xs = coordinates(d)
        weights, kernels = atoms(xs)
        after = posterior(weights, kernels)
        p = (weights * kernels).sum()
        fields = [field(f"v_{z + 1}", xs) for z in range(3)]
        moved = sum(
            -w * sum(sp.diff(k * u, y) for y, u in zip(xs, vs, strict=True))
            for w, k, vs in zip(weights, kernels, fields, strict=True)
        )
        mean = [
            production(after, np.array([vs[i] for vs in fields], dtype=object)) for i in range(d)
        ]
        if d == 1:
            yield Display(r"v_t(x)", mean[0])
        divergence_of_mean = -sum(sp.diff(p * u, y) for y, u in zip(xs, mean, strict=True))
        yield Equality(
            f"(i) the posterior mean moves the marginal in {d}-D", divergence_of_mean, moved
        )
    weights, kernels = atoms((x,))
    after = posterior(weights, kernels)
    p = (weights * kernels).sum()
    scores = np.array([sp.diff(sp.log(k), x) for k in kernels], dtype=object)
    yield Equality("(ii) the marginal score", production(after, scores), sp.diff(sp.log(p), x))
    yield from _tweedie(production, posterior)
    targets = np.array(sp.symbols("y_1:4", real=True), dtype=object)
    guess = sp.Symbol("guess", real=True)
    best = production(after, targets)
    risk = production(after, (targets - guess) ** 2)
    yield Equality(
        "(iii) the error is stationary at the mean",
        sp.diff(risk, guess).subs(guess, best),
        sp.Integer(0),
    )
    at_best = production(after, (targets - best) ** 2)
    yield Equality(
        "(iii) any other guess costs its squared distance", risk, at_best + (guess - best) ** 2
    )


def _tweedie(production: Production, posterior: Production) -> Lines:
    """On a Gaussian path with two data points: score = −E[noise | x]/σ."""
    alpha, sigma = sp.symbols("alpha sigma", positive=True)
    z = np.array(sp.symbols("z_1:3", real=True), dtype=object)
    weights = np.array(sp.symbols("w_1:3", positive=True), dtype=object)
    kernels = np.array([sp.exp(gaussian.log_prob(x, alpha * y, sigma)) for y in z], dtype=object)
    after = posterior(weights, kernels)
    noises = (x - alpha * z) / sigma
    p = (weights * kernels).sum()
    ratio = sp.exp(sp.expand((x - alpha * z[0]) ** 2 / (2 * sigma**2)))
    score = sp.expand(sp.diff(p, x) * ratio) / sp.expand(p * ratio)
    yield Equality("(ii) Tweedie: −E[noise | x]/σ", -production(after, noises) / sigma, score)
