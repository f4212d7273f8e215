"""The article's derivation, (4) to (15), as one proof on the functions that run."""

from .density import SMOOTH, UNDER_THE_INTEGRAL
from .engine import Lines, Production, derivation
from .engine.written import (
    Writing,
    densities,
    density,
    field,
    fields,
    number,
    of_time,
    point,
    posterior_mean,
    weights,
)

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
def chain(*productions: Production) -> Lines:
    """From the flow's ODE to Flow-GRPO's SDE, each equation of the article in its order.

    Given is a flow dx = v dt, with density p_t. Wanted is an SDE that injects noise and keeps p_t,
    written with v alone, since v is what the network has learnt.
    """
    yield from _same_marginals()
    yield from _backwards()
    yield from _score_as_a_mean()
    yield from _velocity_as_a_mean()
    yield from _score_from_velocity()
    yield from _the_sde_and_its_step()


def _fields() -> Writing:
    w = Writing(p=density(), v=field(), f=field(), g=of_time())
    return w.bind(score="grad(log(p))")


def _same_marginals() -> Lines:
    w = _fields()
    yield w.chain(
        "-div(f * p) + g**2/2 * lap(p)",
        (
            "over_coordinates(-di(comp(f) * p) + g**2/2 * dii(p))",
            "divergence and Laplacian in coordinates; g does not depend on x",
        ),
        (
            "over_coordinates(density.fokker_planck(p, di(p), dii(p), comp(f), di(comp(f)), g))",
            "the product rule",
        ),
        states="(4), (6). A diffusion dx = f dt + g dw moves its density by the Fokker–Planck "
        "equation, whose right-hand side is this.",
    )
    yield w.chain(
        "-div(v * p)",
        ("over_coordinates(-di(comp(v) * p))", "the divergence in coordinates"),
        (
            "over_coordinates(density.continuity(p, di(p), comp(v), di(comp(v))))",
            "the product rule",
        ),
        states="(5), (7). The flow dx = v dt moves its density by the continuity equation.",
    )
    yield w.chain(
        "lap(p)",
        ("div(grad(p))", "Δ = ∇·∇"),
        ("div(p * score)", "∇p = p ∇log p, the derivative of a logarithm"),
        states="(8). The Laplacian through the score.",
    )
    yield w.chain(
        "-div(sde.forward_drift(v, score, g) * p) + g**2/2 * lap(p)",
        ("-div(v * p) - g**2/2 * div(p * score) + g**2/2 * lap(p)", "∇· is linear"),
        ("-div(v * p) - g**2/2 * lap(p) + g**2/2 * lap(p)", "the Laplacian through the score"),
        ("-div(v * p)", "they cancel"),
        states="(9). With this drift the right-hand side of (6) becomes that of (7).",
        so="The diffusion has the flow's marginals, for every g.",
    )


def _backwards() -> Lines:
    w = _fields()
    yield w.chain(
        "-div(-sde.reverse_drift(f, score, g) * p) + g**2/2 * lap(p)",
        ("div(f * p) - g**2 * div(p * score) + g**2/2 * lap(p)", "∇· is linear"),
        ("div(f * p) - g**2 * lap(p) + g**2/2 * lap(p)", "the Laplacian through the score"),
        ("-(-div(f * p) + g**2/2 * lap(p))", "half a g² Δp is left, with a minus sign"),
        states="(10). Run in r = −t with minus this drift, the diffusion moves p backwards.",
        so="The right-hand side of (6) with a minus sign: every marginal is retraced.",
    )
    yield w.chain(
        "sde.reverse_drift(sde.forward_drift(v, score, g), score, g)",
        ("sde.drift(v, score, g)", "half a g² minus a whole one"),
        states="(11). Put (9) into (10).",
    )


def _score_as_a_mean() -> Lines:
    w = Writing(x_0=number(), x_1=number())
    w.let("x_t", "(1 - t)*x_0 + t*x_1")
    yield w.chain(
        "d(log_density(x, N((1 - t)*x_0, t**2)), x)",
        ("-(2*(x - (1 - t)*x_0)/(2*t**2))", "only the exponent depends on x"),
        ("gaussian.score(x, (1 - t)*x_0, t)", "2 cancels"),
        states="Given the data x_0, the law of x_t is a Gaussian, and its score is this.",
    )
    yield w.chain(
        "gaussian.score(x_t, (1 - t)*x_0, t)",
        ("-(t*x_1/t**2)", "x_t − (1 − t) x_0 = t x_1"),
        ("conversions.score_from_noise(paths.linear(t), x_1)", "t cancels"),
        states="At a point of the path it is minus the noise, over its scale.",
    )
    w = Writing(pi=weights(), k=densities("p_t(x\\mid z)"), n=fields("x_1"))
    w.let("p", "sum(pi*k)", "p_t")
    w.let("post", "density.posterior(pi, k)", r"P(z\mid x)")
    w.bind(E=posterior_mean(w("pi"), w("k")))
    yield w.chain(
        "grad(log(p))",
        ("grad(p)/p", "the derivative of a logarithm"),
        ("sum(pi*grad(k))/p", "∇ is linear"),
        ("sum(pi*k*grad(log(k)))/p", "∇k = k ∇log k, for each conditional density"),
        ("density.conditional_mean(post, grad(log(k)))", "Bayes: π p_t(x|z)/p_t is the posterior"),
        states="(12). The marginal score is the mean of the conditional ones over what the data "
        "may have been.",
    )
    yield w.chain(
        "density.conditional_mean(post, -n/t)",
        ("E(-n/t)", "the conditional mean, written as such"),
        ("conversions.score_from_noise(paths.linear(t), E(n))", "E is linear, and t is given"),
        states="(12). With the conditional score −x_1/t it is minus the expected noise, over t.",
    )


def _velocity_as_a_mean() -> Lines:
    w = Writing(pi=weights(), k=densities("p_t(x\\mid z)"), y=fields("y"), u=field(r"v_\theta"))
    w.bind(E=posterior_mean(w("pi"), w("k")))
    w.let("m", "E(y)")
    yield w.chain(
        "E(norm2(u - y))",
        ("E(norm2(bracket(u - m) + bracket(m - y)))", "add and subtract the conditional mean"),
        (
            "norm2(u - m) + 2*dot(u - m, E(m - y)) + E(norm2(y - m))",
            "the square, multiplied out; the network and m depend on x_t alone",
        ),
        ("norm2(u - m) + E(norm2(y - m))", "E[m − y | x_t] = 0"),
        states="(13), (14). The loss of flow matching at x_t, with the target y = x_1 − x_0.",
        so="The second term does not depend on the network, so the loss is least at its "
        "conditional mean: what is learnt is $v(x_t, t)=\\mathbb E[x_1 - x_0\\mid x_t]$.",
    )


def _score_from_velocity() -> Lines:
    w = Writing(pi=weights(), k=densities("p_t(x\\mid z)"), x=point("x_t"), x_1=fields("x_1"))
    w.bind(E=posterior_mean(w("pi"), w("k")))
    w.let("x_0", "(x - t*x_1)/(1 - t)")
    w.let("s", "-E(x_1)/t", r"\nabla\log p_t")
    yield w.chain(
        "E(x_1 - x_0)",
        ("E(x_1) - (x - t*E(x_1))/(1 - t)", "E is linear, and x_t is given"),
        ("conversions.velocity_from_noise(paths.linear(t), x, E(x_1))", "collect E[x_1 | x_t]"),
        ("-x/(1 - t) + E(x_1)/(1 - t)", "1 + t/(1 − t) = 1/(1 − t)"),
        ("-x/(1 - t) - t/(1 - t) * s", "(12): E[x_1 | x_t] = −t ∇log p_t"),
        states="The data is eliminated by x_t = (1 − t) x_0 + t x_1.",
    )
    w = Writing(x=point("x_t"), v=field(), s=field(r"\nabla\log p_t"))
    yield w.chain(
        "v == -x/(1 - t) - t/(1 - t) * s",
        ("=> (1 - t)*v == -x - t*s", "times 1 − t"),
        ("=> s == -x/t - (1 - t)/t * v", "solved for the score"),
        (
            "=> s == conversions.score_from_velocity(paths.linear(t), x, v)",
            "σ = t, and the determinant is 1 − t + t = 1",
        ),
        states="One linear equation between velocity and score.",
    )


def _the_sde_and_its_step() -> Lines:
    w = Writing(x=point("x_t"), v=field(), g=of_time())
    w.let("s", "-x/t - (1 - t)/t * v", r"\nabla\log p_t")
    yield w.chain(
        "sde.drift(v, s, g)",
        ("v + g**2/2 * (x/t + (1 - t)/t * v)", "minus times minus"),
        ("sde.flow_grpo_drift(x, v, g, t)", "1/t in front of the bracket"),
        states="(15), which is (1). The score is eliminated from (11).",
    )
    yield w.chain(
        "SDE(sde.drift(v, s, g), g)",
        ("SDE(v + g**2/(2*t) * (x + (1 - t)*v), g)", "(15)"),
        states="Equation (1), as the article writes it.",
    )
    w.bind(h=number(positive=True))
    yield w.chain(
        "sde.euler_maruyama(x, -sde.flow_grpo_drift(x, v, g, t), g, h)",
        ("N(x - h*(v + g**2/(2*t) * (x + (1 - t)*v)), g**2*h)", "Euler–Maruyama over h = −Δt"),
        states="(2). One step down, of length h = |Δt|: the policy of Flow-GRPO.",
    )
