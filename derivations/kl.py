"""The divergence of two steps, from its definition to Eq. 3, and the field's variants of it."""

import sympy as sp

from refimpl.equations import Gaussian, Step, gaussian, kl, paths, sde
from refimpl.equations.arguments import LogRatio, Mean, ReferenceMean

from .engine import Display, Equality, Lines, Production, derivation
from .engine.moments import expectation
from .engine.symbols import eps, g, h, of, s, std, symbol, t, v, v_ref, x

mean = of(Mean, "mean")
mean_ref = of(ReferenceMean, "mean_ref")
std_ref = symbol("std_ref", r"\mathrm{std}_{\mathrm{ref}}", positive=True)
log_r = of(LogRatio, "log_ratio")

POLICY, REFERENCE = Gaussian(mean, std), Gaussian(mean_ref, std)
LOG_RATIO_ON_POLICY = gaussian.log_prob(
    gaussian.sample(mean, std, eps), mean_ref, std
) - gaussian.log_prob(gaussian.sample(mean, std, eps), mean, std)
"""log p_ref − log p_θ at a draw from p_θ."""


@derivation("kl.gaussian", rows=("GRPO-8",))
def general(production: Production) -> Lines:
    """The divergence of two Gaussians: the expected difference of their log-densities."""
    p, q = Gaussian(mean, std), Gaussian(mean_ref, std_ref)
    yield Display(r"\mathrm{KL}(p\,\|\,q)", production(p, q))
    drawn = p.sample(eps)
    expected = expectation(p.log_prob(drawn) - q.log_prob(drawn), eps)
    yield Equality("E_p[log p − log q], by the moments of ε", production(p, q), expected)
    yield Equality("zero for equal laws", production(p, p), sp.Integer(0))


@derivation("kl.of_means", rows=("GRPO-8",))
def of_means(production: Production) -> Lines:
    """Two Gaussians that share their std differ by their means alone."""
    yield Display(r"\mathrm{KL}", production(mean, mean_ref, std))
    yield Equality(
        "the general formula at equal std",
        production(mean, mean_ref, std),
        kl.gaussian(POLICY, REFERENCE),
    )


@derivation("kl.flow_grpo", rows=("GRPO-8",), assumes=("the linear path", "both steps share g"))
def flow_grpo(production: Production) -> Lines:
    """Equation (3): both of its forms are the divergence of the two transitions."""
    step = Step(t, s)
    yield Display(r"\mathrm{KL}", production(v, v_ref, g, t, h))
    policy = sde.transition(paths.linear(t), x, v, g, step)
    reference = sde.transition(paths.linear(t), x, v_ref, g, step)
    divergence = kl.gaussian(policy, reference)
    yield Equality(
        "Eq. 3, second form, is the KL of the steps", production(v, v_ref, g, t, t - s), divergence
    )
    first = kl.of_means(policy.mean, reference.mean, policy.std)
    yield Equality("Eq. 3, first form", production(v, v_ref, g, t, t - s), first)


@derivation("kl.without_h", rows=("GRPO-8",))
def without_h(production: Production) -> Lines:
    """The field's variant is h times the divergence: it fades with the step, the KL does not."""
    yield Display(r"h\,\mathrm{KL}", production(mean, mean_ref, g))
    divergence = kl.of_means(mean, mean_ref, g * sp.sqrt(h))
    yield Equality("std² = g² h", production(mean, mean_ref, g), h * divergence)


@derivation("kl.velocity", rows=("GRPO-8",))
def velocity(production: Production) -> Lines:
    """The velocity penalty is Eq. 3 with its weight over t removed."""
    yield Display(r"(v-v_{\mathrm{ref}})^2", production(v, v_ref))
    weight = h / 2 * (g * (1 - t) / (2 * t) + 1 / g) ** 2
    yield Equality(
        "Eq. 3 over its weight", weight * production(v, v_ref), kl.flow_grpo(v, v_ref, g, t, h)
    )


@derivation("kl.k1", rows=("GRPO-8",))
def k1(production: Production) -> Lines:
    """Minus the log-ratio: unbiased."""
    yield Display("k_1", production(log_r))
    unbiased = expectation(production(LOG_RATIO_ON_POLICY), eps)
    yield Equality("its mean over draws is the KL", unbiased, kl.gaussian(POLICY, REFERENCE))


@derivation("kl.k2", rows=("GRPO-8",))
def k2(production: Production) -> Lines:
    """Half the squared log-ratio: its bias is KL²/2 for steps that share their std."""
    yield Display("k_2", production(log_r))
    divergence = kl.gaussian(POLICY, REFERENCE)
    biased = expectation(production(LOG_RATIO_ON_POLICY), eps)
    yield Equality("its mean is KL + KL²/2", biased, divergence + divergence**2 / 2)


@derivation("kl.k3", rows=("GRPO-8",))
def k3(production: Production) -> Lines:
    """The ratio minus one minus its logarithm: unbiased, convex in log r, least at r = 1."""
    yield Display("k_3", production(log_r))
    unbiased = expectation(production(sp.expand(LOG_RATIO_ON_POLICY)), eps)
    yield Equality("its mean over draws is the KL", unbiased, kl.gaussian(POLICY, REFERENCE))
    yield Equality("zero at r = 1", production(sp.Integer(0)), sp.Integer(0))
    yield Equality(
        "stationary there", sp.diff(production(log_r), log_r).subs(log_r, 0), sp.Integer(0)
    )
    yield Equality(
        "and convex: the second derivative is r",
        sp.diff(production(log_r), log_r, 2),
        sp.exp(log_r),
    )
