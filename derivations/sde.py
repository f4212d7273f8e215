"""Why the SDE keeps the flow's marginals, and that one step of it is Flow-GRPO's update.

Densities, fields and g are arbitrary. Where time runs down, write r = −t: dx = b dt + g dw̄ with
dt < 0 is dx = −b dr + g dw, and its Fokker–Planck equation gives ∂_r p = −∂_t p.
"""

from refimpl.equations.arguments import Drift, Inside

from .density import SMOOTH
from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of
from .engine.written import Writing, density, field, of_time

f = of(Drift, "f")
inside = of(Inside, "inside")

ON_TIME = "g ≥ 0 depends on t alone"
ABSORBED = "p ∇log p = ∇p"
CANCEL = "∇·∇ = Δ, and g does not depend on x: the two cancel"


def _fields() -> Writing:
    """An arbitrary density p_t, velocity v_t and drift f in d dimensions, and g(t)."""
    w = Writing(p=density(), v=field("v_t"), f=field(), g=of_time())
    w.bind(s="grad(log(p))")
    return w


@derivation("sde.forward_drift", rows=("SC-4",), assumes=(SMOOTH, ON_TIME))
def forward_drift(production: Production) -> Lines:
    """Noise and its compensation cancel: the SDE has the flow's marginals, whatever g is.

    Nothing is asked of p but smoothness, nothing of g at all.
    """
    w = _fields()
    yield w.chain(
        "-div(p * sde.forward_drift(v, s, g)) + g**2/2 * lap(p)",
        ("-div(p*v) - div(p * (g**2/2) * s) + g**2/2 * lap(p)", "∇· is linear"),
        ("-div(p*v) - div(g**2/2 * grad(p)) + g**2/2 * lap(p)", ABSORBED),
        ("-div(p*v)", CANCEL),
        states="The Fokker–Planck equation of the SDE is the continuity equation of the flow.",
        so="Both move $p_t$ alike, so they have the same marginals.",
    )
    yield w.chain(
        "sde.forward_drift(v, s, 0)",
        ("v", "g = 0"),
        states="Without noise it is the flow.",
    )


@derivation("sde.reverse_drift", rows=("SC-5",), assumes=(SMOOTH, ON_TIME))
def reverse_drift(production: Production) -> Lines:
    """Run backwards with this drift, an SDE retraces its own marginals.

    This proves equality of marginals at every t; that the whole path law is reversed is Anderson's
    theorem.
    """
    w = _fields()
    yield w.chain(
        "-div(p * -sde.reverse_drift(f, s, g)) + g**2/2 * lap(p)",
        ("div(p*f) - div(p * g**2 * s) + g**2/2 * lap(p)", "∇· is linear"),
        ("div(p*f) - div(g**2 * grad(p)) + g**2/2 * lap(p)", ABSORBED),
        ("div(p*f) - g**2/2 * lap(p)", "∇·∇ = Δ: a whole one taken away, half a one there"),
        ("-(-div(p*f) + g**2/2 * lap(p))", "the forward Fokker–Planck equation, with a minus"),
        states="In $r=-t$ the drift is minus the reverse drift, and $p$ must run backwards.",
        so="$\\partial_r p = -\\partial_t p$: the marginals are retraced.",
    )


@derivation("sde.drift", rows=("SC-4", "SC-6"), assumes=(SMOOTH, ON_TIME))
def drift(production: Production) -> Lines:
    """Forward drift, then reversal: half a g² is added, a whole one taken away."""
    w = _fields()
    yield w.chain(
        "sde.reverse_drift(sde.forward_drift(v, s, g), s, g)",
        ("sde.drift(v, s, g)", "half a g² minus a whole one"),
        states="The drift that keeps the marginals, put into the reverse drift.",
    )
    yield w.chain(
        "-div(p * -sde.drift(v, s, g)) + g**2/2 * lap(p)",
        ("div(p*v) - div(p * (g**2/2) * s) + g**2/2 * lap(p)", "∇· is linear"),
        ("div(p*v) - div(g**2/2 * grad(p)) + g**2/2 * lap(p)", ABSORBED),
        ("div(p*v)", CANCEL),
        states="Walking t down, in $r=-t$, it keeps the flow's marginals.",
        so="$\\partial_r p = \\nabla\\cdot(p\\,v) = -\\partial_t p$.",
    )


@derivation("sde.probability_flow", rows=("SC-10",), assumes=(SMOOTH, ON_TIME))
def probability_flow(production: Production) -> Lines:
    """Every SDE has an ODE with its marginals: the inverse of the SDE extension."""
    w = _fields()
    yield w.chain(
        "sde.probability_flow(sde.forward_drift(v, s, g), s, g)",
        ("v", "what was added is taken away"),
        states="It undoes the extension of the flow to an SDE.",
    )
    yield w.chain(
        "-div(p * sde.probability_flow(f, s, g))",
        ("-div(p*f) + div(p * (g**2/2) * s)", "∇· is linear"),
        ("-div(p*f) + div(g**2/2 * grad(p))", ABSORBED),
        ("-div(p*f) + g**2/2 * lap(p)", "∇·∇ = Δ, and g does not depend on x"),
        states="The continuity equation of the ODE is the Fokker–Planck equation of the SDE.",
    )


@derivation("sde.flow_grpo_drift", rows=("SC-9",), assumes=("the linear path, t > 0",))
def flow_grpo_drift(production: Production) -> Lines:
    """Equation (1) of the article: the score is read off the velocity, and only v remains."""
    w = Writing()
    w.let("l", "conversions.score_from_velocity(paths.linear(t), x, v)", r"\ell")
    yield w.chain(
        "sde.drift(v, l, g)",
        ("v - g**2/2 * (-x/t - (1 - t)/t * v)", "the score of the linear path"),
        ("sde.flow_grpo_drift(x, v, g, t)", "−1/t in front of the bracket"),
        states="The drift of sampling, with the score read off the velocity.",
    )
    yield w.chain(
        "SDE(sde.drift(v, l, g), g)",
        (
            "SDE(v + g**2/(2*t) * (x + (1 - t)*v), g)",
            "the paper's Eq. 8, read as drift and diffusion",
        ),
        states="Equation (1), as an SDE.",
    )
    w.let("x_t", "(1 - t)*data + t*noise")
    yield w.chain(
        "sde.flow_grpo_drift(x_t, noise - data, g, t)",
        (
            "noise - data + g**2/(2*t) * ((1 - t)*data + t*noise + (1 - t)*(noise - data))",
            "the point and its velocity",
        ),
        ("noise - data + g**2/(2*t) * noise", "(1 − t) data cancels, t + 1 − t = 1"),
        states="At a point of the path the correction is the noise.",
    )


@derivation("sde.flow_grpo_g", rows=("GRPO-7",))
def flow_grpo_g(production: Production) -> Lines:
    """The article's noise schedule: a² is the ratio of injected to remaining noise odds.

    As t → 1, (1 − t) g² → a²: g is singular there, whatever a > 0, and every rollout starts there.
    """
    w = Writing()
    yield w.chain(
        "sde.flow_grpo_g(t, a, inside)**2 * (1 - inside)",
        ("a**2 * t/(1 - inside) * (1 - inside)", "the square of the root"),
        ("a**2 * t", "1 − inside cancels"),
        states="Its square.",
    )
    yield w.chain(
        "sde.flow_grpo_g(t, a, t)**2/(2*t)",
        ("a**2 * t/((1 - t) * 2*t)", "the square of the root"),
        ("a**2/(2*(1 - t))", "t cancels"),
        states="With inside = t, the weight of the correction in the paper's Eq. 8.",
    )
    yield w.chain(
        "limit((1 - t) * sde.flow_grpo_g(t, a, t)**2, t, 1)",
        ("limit(a**2 * t, t, 1)", "1 − t cancels"),
        ("a**2", "t → 1"),
        states="g is singular at t = 1, with residue a².",
    )
    yield w.chain(
        "sde.flow_grpo_g(t, 0, t)", ("0", "a factor of zero"), states="No noise for a = 0."
    )


@derivation("sde.euler_maruyama", rows=("GRPO-6", "DYN-7"), assumes=("the noise is N(0, 1)",))
def euler_maruyama(production: Production) -> Lines:
    """One step of dx = f dt + g dw: mean moved by h f, variance g² h."""
    w = Writing()
    w.let("y", "x + h*f + g*sqrt(h)*eps")
    yield w.chain(
        "sde.euler_maruyama(x, f, g, h)",
        ("N(x + h*f, g**2*h)", "(g √h)² = g² h"),
        ("N(E(eps, y), Var(eps, y))", "mean and variance of y, with E[ε] = 0 and E[ε²] = 1"),
        states="The increments of a time h are h f and g √h ε.",
    )
    yield w.chain(
        "2 * sde.euler_maruyama(x, f, g, h/2).std**2",
        ("2 * (g**2 * (h/2))", "half the time, half the variance"),
        ("sde.euler_maruyama(x, f, g, h).std**2", "variances of independent steps add up"),
        states="Two half steps have the variance of one.",
    )


@derivation(
    "sde.transition",
    rows=("GRPO-5", "GRPO-6", "SC-9"),
    assumes=("v = E[noise − data | x] where the ends occur",),
)
def transition(production: Production) -> Lines:
    """The policy of Flow-GRPO: Equation (2), for any path; on the linear one, to the letter.

    With dt = −h the article's √Δt is √h. In terms of the predicted ends the data's weight is exact
    at any step size, the noise's falls short; from an exact marginal the noise variance overshoots
    s² by a term of second order in h.
    """
    w = Writing()
    w.let("h", "t - s")
    w.bind(step="Step(t, s)")
    w.let("l", "conversions.score_from_velocity(C, x, v)", r"\ell")
    yield w.chain(
        "sde.transition(C, x, v, g, step)",
        ("N(x - h*sde.drift(v, l, g), g**2*h)", "Euler–Maruyama with the drift of sampling"),
        states="Any path: one step down.",
    )
    w.let("dt", "s - t", r"\Delta t")
    yield w.chain(
        "sde.transition(paths.linear(t), x, v, g, step).mean",
        ("x - (t - s) * (v - g**2/2 * (-x/t - (1 - t)/t*v))", "the score of the linear path"),
        ("x + (v + g**2/(2*t) * (x + (1 - t)*v)) * dt", "Δt = s − t < 0"),
        states="The linear path: the mean of the paper's Eq. 9.",
    )
    w.bind(x_t="(1 - t)*data + t*noise")
    w.let("m", "sde.transition(paths.linear(t), x_t, noise - data, g, step).mean")
    yield w.chain(
        "m",
        (
            "(1 - t)*data + t*noise - h*(noise - data + g**2/(2*t)*noise)",
            "at a point of the path the correction is the noise",
        ),
        ("(1 - s)*data + (s - g**2*h/(2*t)) * noise", "collect data and noise, h = t − s"),
        states="The mean in terms of the ends.",
    )
    yield w.chain(
        "Var(noise, m) + g**2*h",
        ("(s - g**2*h/(2*t))**2 + g**2*h", "only the noise varies, with variance 1"),
        ("s**2 + g**2*h*(1 - s/t) + (g**2*h/(2*t))**2", "the square, multiplied out"),
        ("s**2 + g**2*h**2/t * (1 + g**2/(4*t))", "1 − s/t = h/t"),
        states="The noise variance after one step from the exact marginal.",
        so="It overshoots $s^2$ by a term of second order in $h$.",
    )
