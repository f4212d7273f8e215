"""The article's derivation, (4) to (15), as one proof on the functions that run."""

import numpy as np
import sympy as sp

from refimpl.equations import gaussian, paths

from .density import SMOOTH, UNDER_THE_INTEGRAL, atoms
from .engine import Display, Equality, Lines, Production, derivation
from .engine.symbols import data, eps, g, h, noise, score, t, v, x

ON_THE_LINE = "σ̇ = 1 and the determinant is 1 on the linear path, the only one in this chain"


@derivation(
    "flow_grpo",
    of=(
        "density.continuity",
        "density.fokker_planck",
        "sde.forward_drift",
        "sde.reverse_drift",
        "sde.drift",
        "gaussian.score",
        "density.posterior",
        "density.conditional_mean",
        "conversions.score_from_noise",
        "conversions.velocity_from_noise",
        "conversions.score_from_velocity",
        "sde.flow_grpo_drift",
        "sde.euler_maruyama",
    ),
    rows=("GRPO-12", "SC-3", "SC-4", "SC-5", "SC-6", "SC-7", "SC-9", "SC-2", "VF-4"),
    equivalent={
        "return (c.d_alpha * x - c.alpha * v) / c.sigma": ON_THE_LINE,
        "return (c.d_alpha * x - c.alpha * v) / "
        "(c.sigma * (c.alpha - c.d_alpha * c.sigma))": ON_THE_LINE,
    },
    assumes=(SMOOTH, UNDER_THE_INTEGRAL, "finitely many data points", "the linear path, 0 < t < 1"),
)
def chain(
    continuity: Production,
    fokker_planck: Production,
    forward_drift: Production,
    reverse_drift: Production,
    drift: Production,
    conditional_score: Production,
    posterior: Production,
    conditional_mean: Production,
    score_from_noise: Production,
    velocity_from_noise: Production,
    score_from_velocity: Production,
    flow_grpo_drift: Production,
    euler_maruyama: Production,
) -> Lines:
    """From the flow's ODE to Flow-GRPO's SDE, each equation of the article in its order.

    One coordinate, arbitrary p, v and g(t); the pages of the single equations carry the same steps
    to d dimensions.
    """
    p = sp.Function("p", positive=True)(x, t)
    u = sp.Function("v", real=True)(x, t)
    f = sp.Function("f", real=True)(x, t)
    g_t = sp.Function("g", positive=True)(t)
    score_p = sp.diff(sp.log(p), x)

    def flows(field: sp.Expr) -> sp.Expr:
        return continuity(p, sp.diff(p, x), field, sp.diff(field, x))

    def diffuses(field: sp.Expr) -> sp.Expr:
        return fokker_planck(p, sp.diff(p, x), sp.diff(p, x, 2), field, sp.diff(field, x), g_t)

    yield Equality(
        "(6) Fokker–Planck equation of dx = f dt + g dw",
        diffuses(f),
        -sp.diff(f * p, x) + g_t**2 / 2 * sp.diff(p, x, 2),
    )
    yield Equality("(7) continuity equation of dx = v dt", flows(u), -sp.diff(u * p, x))
    yield Equality("the score is a logarithmic derivative", p * score_p, sp.diff(p, x))
    yield Equality(
        "the Laplacian through the score",
        sp.diff(g_t**2 * p, x, 2),
        g_t**2 * sp.diff(p * score_p, x),
    )
    f_sde = forward_drift(u, score_p, g_t)
    yield Display(r"\text{(9)}\quad f_{\mathrm{SDE}}", forward_drift(v, score, g))
    yield Equality(
        "(8) both equations move p alike for the drift of (9)", diffuses(f_sde), flows(u)
    )
    backward = reverse_drift(f_sde, score_p, g_t)
    yield Display(r"\text{(10)}\quad f_{\mathrm{reverse}}", reverse_drift(sp.Symbol("f"), score, g))
    yield Equality(
        "(10) in r = −t the reverse drift undoes (6)", diffuses(-backward), -diffuses(f_sde)
    )
    yield Display(r"\text{(11)}\quad f_{\mathrm{sampling}}", drift(v, score, g))
    yield Equality("(11) put (9) into (10)", drift(u, score_p, g_t), backward)

    line = paths.linear(t)
    mean, width = line.alpha * data, line.sigma
    yield Equality(
        "the conditional score is the gradient of log N(x; α x_0, β²)",
        conditional_score(x, mean, width),
        sp.diff(gaussian.log_prob(x, mean, width), x),
    )
    at_point = conditional_score(paths.interpolate(line, data, noise), mean, width)
    yield Equality("at x_t = α x_0 + β x_1 it is −x_1/β", at_point, score_from_noise(line, noise))

    weights, kernels = atoms((x,))
    after = posterior(weights, kernels)
    marginal = (weights * kernels).sum()
    slopes = np.array([sp.diff(sp.log(k), x) for k in kernels], dtype=object)
    yield Equality(
        "(12) the marginal score averages the conditional ones",
        conditional_mean(after, slopes),
        sp.diff(sp.log(marginal), x),
    )
    noises = np.array(sp.symbols("n_1:4", real=True), dtype=object)
    averaged = conditional_mean(after, -noises / line.sigma)
    yield Equality(
        "(12) so it is −E[x_1 | x_t]/β",
        averaged,
        score_from_noise(line, conditional_mean(after, noises)),
    )

    guess = sp.Symbol("v_theta", real=True)
    targets = np.array(sp.symbols("y_1:4", real=True), dtype=object)
    best = conditional_mean(after, targets)
    risk = conditional_mean(after, (targets - guess) ** 2)
    rest = conditional_mean(after, (targets - best) ** 2)
    yield Equality(
        "(13)–(14) the loss is (v_θ − E[x_1 − x_0 | x_t])² plus a constant",
        risk,
        (guess - best) ** 2 + rest,
    )

    expected = sp.Symbol("E_noise", real=True)
    yield Equality(
        "the learnt velocity, x_0 eliminated",
        velocity_from_noise(line, x, expected),
        expected - (x - t * expected) / (1 - t),
    )
    learnt = velocity_from_noise(line, x, -t * score)
    yield Equality("v = −x/(1 − t) − (t/(1 − t)) score", learnt, -x / (1 - t) - t / (1 - t) * score)
    yield Equality("solved for the score", score_from_velocity(line, x, learnt), score)
    yield Display(r"\text{(15)}\quad f_{\mathrm{sampling}}", flow_grpo_drift(x, v, g, t))
    through = drift(v, score_from_velocity(line, x, v), g)
    yield Equality("(15) = (1): put the score into (11)", flow_grpo_drift(x, v, g, t), through)

    step = euler_maruyama(x, -flow_grpo_drift(x, v, g, t), g, h)
    article = x + (v + g**2 / (2 * t) * (x + (1 - t) * v)) * -h
    yield Equality(
        "(2) one step with dt = −h, √|dt| = √h", step.sample(eps), article + g * sp.sqrt(h) * eps
    )
