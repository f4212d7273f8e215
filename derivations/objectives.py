"""Objectives: tractable and wanted loss differ by a constant, of known value and sign.

Data enters as finitely many atoms with arbitrary weights; the network's output at x is an
arbitrary number, so gradients with respect to it are gradients with respect to any parameters, by
the chain rule.
"""

import numpy as np
import sympy as sp

from refimpl.equations import density, gaussian, objectives, paths
from refimpl.equations.objectives import EnergyGradient, ExpectedEnergyGradient

from .density import atoms
from .engine import Display, Equality, Lines, Production, derivation
from .engine.moments import expectation
from .engine.symbols import data, eps, noise, of, score, sigma, symbol, t, v, x

guess = symbol("guess", r"v_\theta(x)", real=True)
TARGETS = np.array(sp.symbols("y_1:4", real=True), dtype=object)


@derivation(
    "objectives.flow_matching", rows=("FM-1", "FM-2", "CFG-1"), assumes=("finitely many z",)
)
def flow_matching(production: Production) -> Lines:
    """L_FM = L_CFM + C: equal gradients, and at every x the gap is −Var(target | x).

    The same identity with (z, y) for z and everything conditioned on y is the guided objective:
    then the minimiser is the conditional field E[v | x, y].
    """
    weights, kernels = atoms((x,))
    after = density.posterior(weights, kernels)
    yield Display(r"\ell", production(v, symbol("target", r"v^{\star}", real=True)))
    marginal = production(guess, density.conditional_mean(after, TARGETS))
    conditional = sum(p * production(guess, y) for p, y in zip(after, TARGETS, strict=True))
    gap = objectives.gap(after, TARGETS)
    yield Equality("L_FM = L_CFM + C at every x", marginal, conditional + gap)
    yield Equality("equal gradients", sp.diff(marginal, guess), sp.diff(conditional, guess))
    best = sp.diff(marginal, guess).subs(guess, density.conditional_mean(after, TARGETS))
    yield Equality("the marginal field minimises both", best, sp.Integer(0))
    line = production(guess, paths.velocity(paths.linear(t), data, noise))
    yield Equality(
        "on the linear path the target is noise − data", line, (guess - (noise - data)) ** 2
    )


@derivation("objectives.gap", rows=("FM-1", "SM-1"), assumes=("finitely many z",))
def gap(production: Production) -> Lines:
    """C(x) = −Var(target | x): minus a sum of squares, so C ≤ 0; zero if all targets agree.

    The identity below writes −C as Σ_{i<j} P_i P_j (y_i − y_j)². Written C < 0, as some notes have
    it, the theorem fails for data of one point, where C = 0.
    """
    weights, kernels = atoms((x,))
    after = density.posterior(weights, kernels)
    got = production(after, TARGETS)
    yield Display("C(x)", production(np.array(sp.symbols("P_1:3"), dtype=object), TARGETS[:2]))
    squares = sum(
        after[i] * after[j] * (TARGETS[i] - TARGETS[j]) ** 2 for i in range(3) for j in range(i)
    )
    yield Equality("minus a sum of squares", got, -squares)
    same = production(after, np.array([TARGETS[0]] * 3, dtype=object))
    yield Equality("zero when x determines the target", same, sp.Integer(0))


@derivation("objectives.denoising", rows=("SM-1", "SM-2"), assumes=("finitely many z",))
def denoising(production: Production) -> Lines:
    """L_SM = L_DSM + C with the conditional score as target; on a Gaussian path that is −ε/σ."""
    yield Display(r"\ell", production(score, noise, sigma))
    law = paths.conditional(paths.Coefficients(sp.Symbol("alpha"), sigma, 0, 0), data)
    target = gaussian.score(law.sample(noise), law.mean, law.std)
    yield Equality(
        "the target is the conditional score",
        production(score, noise, sigma),
        (score - target) ** 2,
    )
    size = expectation(production(sp.Integer(0), eps, sigma), eps)
    yield Equality("its size grows like 1/σ² near data", size, sigma**-2)
    noises = -sigma * TARGETS
    weights, kernels = atoms((x,))
    after = density.posterior(weights, kernels)
    conditional = sum(p * production(guess, n, sigma) for p, n in zip(after, noises, strict=True))
    wanted = (guess - density.conditional_mean(after, TARGETS)) ** 2
    yield Equality(
        "L_SM = L_DSM + C at every x", wanted, conditional + objectives.gap(after, TARGETS)
    )


@derivation("objectives.weighted_denoising", rows=("LD-3", "SM-2"))
def weighted_denoising(production: Production) -> Lines:
    """σ² times the denoising loss: same minimiser, bounded target, DDPM's ε-prediction."""
    yield Display(r"\ell", production(score, noise, sigma))
    yield Equality(
        "σ² times the loss",
        production(score, noise, sigma),
        sigma**2 * objectives.denoising(score, noise, sigma),
    )
    yield Equality(
        "the target's size is 1 at every level",
        expectation(production(sp.Integer(0), eps, sigma), eps),
        sp.Integer(1),
    )
    predicted = sp.Symbol("eps_theta", real=True)
    yield Equality(
        "with s = −ε_θ/σ it is (ε_θ − ε)²",
        production(-predicted / sigma, noise, sigma),
        (predicted - noise) ** 2,
    )


@derivation("objectives.implicit", rows=("SM-3",), assumes=("p s → 0 at infinity",))
def implicit(production: Production) -> Lines:
    """No target needed: integrate by parts, and the unknown score disappears.

    p times the loss equals ½p(s − ∇log p)² − ½p(∇log p)² plus the divergence of p s; the last
    integrates to zero and the one before does not depend on s. Summed over coordinates, ∂s is the
    trace of the Jacobian.
    """
    yield Display(r"\ell", production(score, symbol("ds", r"\partial_x s_\theta", real=True)))
    for d in (1, 2, 3):
        xs = sp.symbols(f"x_1:{d + 1}", real=True)
        p = sp.Function("p", positive=True)(*xs)
        s = [sp.Function(f"s_{i}", real=True)(*xs) for i in range(d)]
        loss = sum(p * production(u, sp.diff(u, y)) for y, u in zip(xs, s, strict=True))
        explicit = sum(p * (u - sp.diff(sp.log(p), y)) ** 2 / 2 for y, u in zip(xs, s, strict=True))
        constant = -sum(p * sp.diff(sp.log(p), y) ** 2 / 2 for y in xs)
        flux = sum(sp.diff(p * u, y) for y, u in zip(xs, s, strict=True))
        yield Equality(
            f"explicit score matching, a constant and a flux, {d}-D",
            loss,
            explicit + constant + flux,
        )


ENERGY = sp.Function("f", real=True)
THETA = sp.Symbol("theta", real=True)


@derivation("objectives.energy_score", rows=("SM-4",))
def energy_score(production: Production) -> Lines:
    """The score of e^{−f}/Z is free of Z."""
    f, z = ENERGY(x, THETA), sp.Function("Z", positive=True)(THETA)
    yield Display(r"\nabla_x\log p", production(symbol("df_dx", r"\nabla_x f", real=True)))
    yield Equality(
        "differentiate −f − log Z in x", production(sp.diff(f, x)), sp.diff(-f - sp.log(z), x)
    )


@derivation("objectives.energy_gradient", rows=("SM-4",), assumes=("finitely many x′ in Z",))
def energy_gradient(production: Production) -> Lines:
    """The likelihood's gradient: push down the energy of data, up that of the model's samples."""
    outcomes = [sp.Function(f"f_{i}", real=True)(THETA) for i in range(3)]
    z = sum(sp.exp(-f) for f in outcomes)
    slope = of(EnergyGradient, "df")
    mean = of(ExpectedEnergyGradient, "mean_df")
    yield Display(r"\nabla_\theta\log p_\theta", production(slope, mean))
    expected = sum(sp.exp(-f) / z * sp.diff(f, THETA) for f in outcomes)
    likelihood = -outcomes[0] - sp.log(z)
    yield Equality(
        "differentiate −f − log Σ e^{−f} in θ",
        production(sp.diff(outcomes[0], THETA), expected),
        sp.diff(likelihood, THETA),
    )
