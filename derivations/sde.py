"""Why the SDE keeps the flow's marginals, and that one step of it is Flow-GRPO's update.

Densities, fields and g are arbitrary. Where time runs down, write r = −t: dx = b dt + g dw̄ with
dt < 0 is dx = −b dr + g dw, and its Fokker–Planck equation gives ∂_r p = −∂_t p.
"""

import sympy as sp

from refimpl.equations import Coefficients, Gaussian, Step, conversions, density, paths, sde
from refimpl.equations.arguments import Drift, Inside

from .density import DIMENSIONS, SMOOTH, coordinates, divergence, field, law
from .engine import Display, Equality, Lines, Production, derivation
from .engine.moments import expectation, variance
from .engine.symbols import (
    a,
    alpha,
    d_alpha,
    d_sigma,
    data,
    eps,
    g,
    h,
    noise,
    of,
    s,
    score,
    sigma,
    t,
    v,
    x,
)

f = of(Drift, "f")
inside = of(Inside, "inside")
G = sp.Function("g", positive=True)(t)


def spread(p: sp.Expr, drifts: list[sp.Expr], xs: tuple[sp.Symbol, ...], g: sp.Expr) -> sp.Expr:
    """The Fokker–Planck rate in d dimensions: the production operator summed over coordinates."""
    return sum(
        density.fokker_planck(p, sp.diff(p, y), sp.diff(p, y, 2), u, sp.diff(u, y), g)
        for y, u in zip(xs, drifts, strict=True)
    )


def scores(p: sp.Expr, xs: tuple[sp.Symbol, ...]) -> list[sp.Expr]:
    """∇log p."""
    return [sp.diff(sp.log(p), y) for y in xs]


@derivation("sde.forward_drift", rows=("SC-4",), assumes=(SMOOTH, "g ≥ 0 depends on t alone"))
def forward_drift(production: Production) -> Lines:
    """Noise and its compensation cancel: the SDE has the flow's marginals, whatever g is.

    ½ g² Δp = ∇·(p ½ g² ∇log p), because p ∇log p = ∇p. Add that to the drift and the Fokker–Planck
    equation becomes the continuity equation of v. Nothing is asked of p but smoothness, nothing of
    g at all.
    """
    yield Display("f", production(v, score, g))
    for d in DIMENSIONS:
        xs = coordinates(d)
        p, vs = law(xs), field("v", xs)
        drifts = [production(u, score_i, G) for u, score_i in zip(vs, scores(p, xs), strict=True)]
        flow = divergence(p, vs, xs, density.continuity)
        yield Equality(f"Fokker–Planck becomes continuity in {d}-D", spread(p, drifts, xs, G), flow)
    yield Equality("without noise it is the flow", production(v, score, 0), v)


@derivation("sde.reverse_drift", rows=("SC-5",), assumes=(SMOOTH, "g ≥ 0 depends on t alone"))
def reverse_drift(production: Production) -> Lines:
    """Run backwards with this drift, an SDE retraces its own marginals.

    In r = −t the reverse drift is −(f − g² ∇log p), and its Fokker–Planck rate must be minus the
    forward one. This proves equality of marginals at every t; that the whole path law is reversed
    is Anderson's theorem.
    """
    yield Display(r"f_{\mathrm{reverse}}", production(f, score, g))
    for d in DIMENSIONS:
        xs = coordinates(d)
        p, fs = law(xs), field("f", xs)
        back = [-production(u, score_i, G) for u, score_i in zip(fs, scores(p, xs), strict=True)]
        yield Equality(f"∂_r p = −∂_t p in {d}-D", spread(p, back, xs, G), -spread(p, fs, xs, G))


@derivation("sde.drift", rows=("SC-4", "SC-6"), assumes=(SMOOTH, "g ≥ 0 depends on t alone"))
def drift(production: Production) -> Lines:
    """Forward drift, then reversal: half a g² is added, a whole one taken away."""
    yield Display(r"f_{\mathrm{sampling}}", production(v, score, g))
    through = sde.reverse_drift(sde.forward_drift(v, score, g), score, g)
    yield Equality("Eq. 9 put into Eq. 10", production(v, score, g), through)
    for d in DIMENSIONS:
        xs = coordinates(d)
        p, vs = law(xs), field("v", xs)
        back = [-production(u, score_i, G) for u, score_i in zip(vs, scores(p, xs), strict=True)]
        flow = divergence(p, vs, xs, density.continuity)
        yield Equality(
            f"walking t down it keeps the flow's marginals in {d}-D", spread(p, back, xs, G), -flow
        )


@derivation("sde.probability_flow", rows=("SC-10",), assumes=(SMOOTH, "g ≥ 0 depends on t alone"))
def probability_flow(production: Production) -> Lines:
    """Every SDE has an ODE with its marginals: the inverse of the SDE extension."""
    yield Display("v", production(f, score, g))
    yield Equality("it undoes Eq. 9", production(sde.forward_drift(v, score, g), score, g), v)
    for d in DIMENSIONS:
        xs = coordinates(d)
        p, fs = law(xs), field("f", xs)
        vs = [production(u, score_i, G) for u, score_i in zip(fs, scores(p, xs), strict=True)]
        flow = divergence(p, vs, xs, density.continuity)
        yield Equality(f"continuity becomes Fokker–Planck in {d}-D", flow, spread(p, fs, xs, G))


@derivation("sde.flow_grpo_drift", rows=("SC-9",), assumes=("the linear path, t > 0",))
def flow_grpo_drift(production: Production) -> Lines:
    """Equation (1) of the article: the score is read off the velocity, and only v remains."""
    yield Display(r"f_{\mathrm{sampling}}", production(x, v, g, t))
    linear_score = conversions.score_from_velocity(paths.linear(t), x, v)
    yield Equality(
        "put −x/t − ((1 − t)/t) v into Eq. 11",
        production(x, v, g, t),
        sde.drift(v, linear_score, g),
    )
    point = paths.interpolate(paths.linear(t), data, noise)
    at_point = production(point, noise - data, g, t)
    yield Equality(
        "at a path point: v + g²/(2t) · noise", at_point, noise - data + g**2 / (2 * t) * noise
    )


@derivation("sde.flow_grpo_g", rows=("GRPO-7",))
def flow_grpo_g(production: Production) -> Lines:
    """The article's noise schedule: a² is the ratio of injected to remaining noise odds.

    With inside = t it makes the correction's weight g²/(2t) = a²/(2(1 − t)). As t → 1, (1 − t) g²
    → a²: g is singular there, whatever a > 0, and every rollout starts there.
    """
    yield Display("g", production(t, a, inside))
    yield Equality("g² (1 − inside) = a² t", production(t, a, inside) ** 2 * (1 - inside), a**2 * t)
    g_t = production(t, a, t)
    yield Equality("the weight of the correction", g_t**2 / (2 * t), a**2 / (2 * (1 - t)))
    residue = sp.limit(sp.cancel((1 - t) * g_t**2), t, 1)
    yield Equality("singular at t = 1, with residue a²", residue, a**2)
    yield Equality("no noise for a = 0", production(t, sp.Integer(0), t), sp.Integer(0))


@derivation("sde.euler_maruyama", rows=("GRPO-6", "DYN-7"), assumes=("the noise is N(0, 1)",))
def euler_maruyama(production: Production) -> Lines:
    """One step of dx = f dt + g dw: mean moved by h f, variance g² h."""
    step = production(x, f, g, h)
    yield Display(r"\mathbb E[x_{t+h}\mid x]", step.mean)
    yield Display(r"\mathrm{std}[x_{t+h}\mid x]", step.std)
    moved = step.sample(eps)
    yield Equality("the mean moves at the drift", expectation(moved - x, eps), h * f)
    yield Equality("an increment of length h has variance g² h", variance(moved, eps), g**2 * h)
    yield Equality(
        "two half steps have the variance of one", 2 * production(x, f, g, h / 2).std ** 2, g**2 * h
    )


@derivation(
    "sde.transition",
    rows=("GRPO-5", "GRPO-6", "SC-9"),
    assumes=("v = E[noise − data | x] in the third and fourth claim",),
)
def transition(production: Production) -> Lines:
    """The policy of Flow-GRPO: Equation (2), for any path; on the linear one, to the letter.

    With dt = −h the article's √Δt is √h. In terms of the predicted ends the mean is
    (1 − s)·data + (s − g² h/(2t))·noise: the data's weight is exact at any step size, the noise's
    falls short; from an exact marginal the noise variance overshoots s² by (g² h²/t)(1 + g²/(4t)),
    of second order in h.
    """
    step = Step(t, s)
    on_line = production(paths.linear(t), x, v, g, step)
    yield Display(r"\mathbb E[x_s\mid x_t]", on_line.mean)
    yield Display(r"\mathrm{std}[x_s\mid x_t]", on_line.std)
    dt = s - t
    article = x + (v + g**2 / (2 * t) * (x + (1 - t) * v)) * dt
    yield Equality("the mean of Eq. 2, with dt = s − t < 0", on_line.mean, article)
    yield Equality("its variance g² |dt|", on_line.std**2, -(g**2) * dt)
    point, slope = (1 - t) * data + t * noise, noise - data
    ends = production(paths.linear(t), point, slope, g, step)
    short = s - g**2 * (t - s) / (2 * t)
    yield Equality("the mean in terms of the ends", ends.mean, (1 - s) * data + short * noise)
    spread_out = variance(ends.mean, noise) + ends.std**2
    excess = g**2 * (t - s) ** 2 / t * (1 + g**2 / (4 * t))
    yield Equality("the noise variance after one step", spread_out, s**2 + excess)
    general = production(Coefficients(alpha, sigma, d_alpha, d_sigma), x, v, g, step)
    reversed_flow = sde.drift(
        v, conversions.score_from_velocity(Coefficients(alpha, sigma, d_alpha, d_sigma), x, v), g
    )
    yield Equality("any path: x − h (v − ½ g² score)", general.mean, x - (t - s) * reversed_flow)
    assert isinstance(general, Gaussian)
