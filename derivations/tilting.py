"""Tilting: the optimum of the regularised objective, closed forms, and the noise to reach it."""

import numpy as np
import sympy as sp

from refimpl.equations import Coefficients, Gaussian, conversions, kl, langevin, paths, sde, tilting
from refimpl.equations.arguments import Correlation, Mean
from refimpl.equations.tilting import Goal, Slope, Temperature

from .engine import Display, Equality, Lines, Production, derivation
from .engine.moments import expectation, variance
from .engine.symbols import alpha, d_alpha, d_sigma, eps, of, sigma, std, t, v, x

mean = of(Mean, "mean")
slope = of(Slope, "slope")
goal = of(Goal, "goal")
beta = of(Temperature, "beta")
rho = of(Correlation, "rho")
P = Gaussian(mean, std)
PRIOR = np.array(sp.symbols("p_1:4", positive=True), dtype=object)
REWARD = np.array(sp.symbols("r_1:4", real=True), dtype=object)


@derivation("tilting.linear", rows=("RFT-1", "GRPO-2"))
def linear(production: Production) -> Lines:
    """A linear reward shifts a Gaussian by the slope times its variance, over β."""
    law = production(P, slope, beta)
    yield Display(r"\mathbb E_{p^\star}[x]", law.mean)
    yield Display(r"\mathrm{std}_{p^\star}", law.std)
    yield Equality(
        "the slope of log p*",
        sp.diff(law.log_prob(x), x),
        sp.diff(P.log_prob(x) + slope * x / beta, x),
    )
    yield from _stationary(law, lambda y: slope * y)


@derivation("tilting.quadratic", rows=("RFT-1", "GRPO-2"))
def quadratic(production: Production) -> Lines:
    """A quadratic reward pulls a Gaussian towards its goal and narrows it: precisions add."""
    law = production(P, goal, beta)
    yield Display(r"\mathbb E_{p^\star}[x]", law.mean)
    yield Display(r"\mathrm{std}_{p^\star}", law.std)
    tilt = -((x - goal) ** 2) / (2 * beta)
    yield Equality(
        "the slope of log p*", sp.diff(law.log_prob(x), x), sp.diff(P.log_prob(x) + tilt, x)
    )
    yield Equality("precisions add", 1 / law.std**2, 1 / std**2 + 1 / beta)
    yield from _stationary(law, lambda y: -((y - goal) ** 2) / 2)


def _stationary(law: Gaussian, reward) -> Lines:  # type: ignore[no-untyped-def]
    """The tilted law is a stationary point of E_q[r] − β KL(q ‖ p) over Gaussians q."""
    m, s = sp.Symbol("m", real=True), sp.Symbol("q_std", positive=True)
    value = expectation(sp.expand(reward(m + s * eps)), eps) - beta * kl.gaussian(Gaussian(m, s), P)
    at = {m: law.mean, s: law.std}
    yield Equality("stationary in the mean", sp.diff(value, m).subs(at), sp.Integer(0))
    yield Equality("stationary in the width", sp.diff(value, s).subs(at), sp.Integer(0))


@derivation(
    "tilting.fixed_start",
    rows=("RFT-1",),
    assumes=("start and end jointly Gaussian, the start is fixed",),
)
def fixed_start(production: Production) -> Lines:
    """What is reached when the start stays as it is: each end is tilted given its start.

    The best policy with a fixed start z tilts p(x | z), not p(x); averaging over z gives back only
    a part of the shift. So the bias of a sampler that remembers is its squared correlation.
    """
    law = production(P, slope, beta, rho)
    yield Display(r"\mathbb E[x]", law.mean)
    given = Gaussian(mean + rho * std * eps, std * sp.sqrt(1 - rho**2))
    tilted = tilting.linear(given, slope, beta)
    yield Equality("tilt given the start, then average", expectation(tilted.mean, eps), law.mean)
    spread = variance(tilted.mean, eps) + tilted.std**2
    yield Equality("the width stays", spread, law.std**2)
    aim = tilting.linear(P, slope, beta)
    yield Equality("memoryless: the tilted law", production(P, slope, beta, 0).mean, aim.mean)
    share = (law.mean - mean) / (aim.mean - mean)
    yield Equality("the share of the shift that is reached", share, 1 - rho**2)


@derivation("tilting.weights", rows=("RFT-1", "GRPO-2"), assumes=("finitely many outcomes",))
def weights(production: Production) -> Lines:
    """The optimum of the regularised objective on any finite set is the tilted law."""
    best = production(PRIOR, REWARD, beta)
    yield Display(r"p^\star_1", best[0])
    yield Equality("it adds up to one", best.sum(), sp.Integer(1))
    odds = PRIOR[0] / PRIOR[1] * sp.exp((REWARD[0] - REWARD[1]) / beta)
    yield Equality("odds are tilted by the reward's difference", best[0] / best[1], odds)
    gains = [
        sp.expand_log(sp.log(best[i] * sum(PRIOR * np.array([sp.exp(r / beta) for r in REWARD]))))
        for i in range(2)
    ]
    marginal = [REWARD[i] - beta * (gains[i] - sp.log(PRIOR[i])) for i in range(2)]
    yield Equality("no outcome is worth more than another", marginal[0], marginal[1])


@derivation("tilting.value", rows=("GRPO-2",), assumes=("finitely many outcomes",))
def value(production: Production) -> Lines:
    """The value of the objective at its optimum: β log E_p[e^{r/β}], and what any other law loses.

    For every q the objective is the value minus β KL(q ‖ p*): so p* is the one maximiser.
    """
    top = production(PRIOR, REWARD, beta)
    yield Display("J^\\star", top)
    q = np.array(sp.symbols("q_1:4", positive=True), dtype=object)
    q[2] = 1 - q[0] - q[1]
    normaliser = sum(p * sp.exp(r / beta) for p, r in zip(PRIOR, REWARD, strict=True))
    logs = np.array(
        [sp.log(p) + r / beta - sp.log(normaliser) for p, r in zip(PRIOR, REWARD, strict=True)],
        dtype=object,
    )
    best = tilting.weights(PRIOR, REWARD, beta)
    yield Equality("p* in logarithms", sp.exp(logs[0]), best[0])
    log_q = sp.symbols("L_1:4", real=True)
    objective = sum(
        w * r - beta * w * (lq - sp.log(p))
        for w, r, lq, p in zip(q, REWARD, log_q, PRIOR, strict=True)
    )
    loss = beta * sum(w * (lq - lb) for w, lq, lb in zip(q, log_q, logs, strict=True))
    yield Equality("J(q) = J* − β KL(q ‖ p*) for every q", objective, top - loss)


@derivation("tilting.memoryless_drift", rows=("RFT-1",), assumes=("v = a_t score + b_t x",))
def memoryless_drift(production: Production) -> Lines:
    """At the memoryless noise the sampling SDE is the exact time reversal of the noising SDE.

    The noising SDE of a Gaussian path is dx = (α̇/α)x dt + g dw with g² = 2σσ̇ − 2(α̇/α)σ². As it
    forgets the data on its way up (α → 0), its reversal forgets the noise on its way down: start
    and end are independent, and tilting the path measure tilts the end alone. On the linear path
    this g is Flow-GRPO's with a = √2.
    """
    c = Coefficients(alpha, sigma, d_alpha, d_sigma)
    yield Display("f", production(c, x, v))
    g2 = langevin.noise_rate(alpha, sigma, d_alpha, d_sigma)
    score = conversions.score_from_velocity(c, x, v)
    by_drift = sde.drift(v, score, sp.Symbol("g")).subs(sp.Symbol("g") ** 2, g2)
    yield Equality("the drift of sampling at this g", production(c, x, v), by_drift)
    reversal = sde.reverse_drift(d_alpha / alpha * x, score, sp.Symbol("g")).subs(
        sp.Symbol("g") ** 2, g2
    )
    yield Equality("the reversal of the noising SDE", production(c, x, v), reversal)
    line = paths.linear(t)
    yield Equality(
        "on the linear path, Flow-GRPO's drift at a = √2",
        production(line, x, v),
        sde.flow_grpo_drift(x, v, sde.flow_grpo_g(t, sp.sqrt(2), t), t),
    )
