"""The ratio: a quotient of densities of whole samples, one in expectation under the old policy."""

import numpy as np
import sympy as sp

from refimpl.equations import Step, gaussian, kl, paths, policy, sde
from refimpl.equations.arguments import LogProb, Mean, OldLogProb, OldMean

from .engine import Display, Equality, Lines, Production, derivation
from .engine.moments import expectation
from .engine.symbols import eps, g, of, s, std, t, v, x, x_s

mean = of(Mean, "mean")
mean_old = of(OldMean, "mean_old")
log_p = of(LogProb, "log_prob")
log_p_old = of(OldLogProb, "log_prob_old")


def entries(*shape: int) -> np.ndarray:
    """An array of independent symbols."""
    names = np.array([f"u_{i}" for i in range(1, 1 + int(np.prod(shape)))], dtype=object)
    return np.vectorize(lambda n: sp.Symbol(n, real=True), otypes=[object])(names).reshape(shape)


@derivation(
    "policy.total", rows=("GRPO-5",), assumes=("coordinates of a step are independent given x_t",)
)
def total(production: Production) -> Lines:
    """Log-probabilities of independent coordinates add up, sample by sample."""
    values = entries(2, 2, 2)
    summed = production(values)
    yield Display(r"\log p_\theta(x_s\mid x_t)", summed[0])
    for i in range(2):
        joint = sp.prod([sp.exp(u) for u in values[i].ravel()])
        yield Equality(
            f"sample {i + 1}: the joint density is the product", sp.exp(summed[i]), joint
        )


@derivation("policy.average", rows=("GRPO-5",))
def average(production: Production) -> Lines:
    """The community's reduction is the log-probability over D: the D-th root of the density."""
    values = entries(2, 2, 2)
    averaged = production(values)
    yield Display(r"\tfrac1D\log p_\theta(x_s\mid x_t)", averaged[0])
    for i in range(2):
        yield Equality(
            f"sample {i + 1}: D times it is the total", 4 * averaged[i], policy.total(values)[i]
        )


@derivation("policy.log_ratio", rows=("GRPO-5",))
def log_ratio(production: Production) -> Lines:
    """The logarithm of a quotient; on a step, linear in the noise that was drawn.

    With d = (μ − μ_old)/std and x_s drawn from the old policy it is d ε − d²/2: zero when the
    policies agree, and −d²/2 on average, minus the KL.
    """
    yield Display(r"\log r", production(log_p, log_p_old))
    drawn = gaussian.sample(mean_old, std, eps)
    on_step = production(
        gaussian.log_prob(drawn, mean, std), gaussian.log_prob(drawn, mean_old, std)
    )
    d = (mean - mean_old) / std
    yield Equality("a draw from the old policy", on_step, d * eps - d**2 / 2)


@derivation("policy.log_ratio_of_means", rows=("GRPO-5",))
def log_ratio_of_means(production: Production) -> Lines:
    """Normalising constants and x² cancel; what is left is a product.

    How far the mean has moved, times how far the draw lies from the midpoint of the two means. Its
    slope in the mean is that of log p_θ: the gradient is the same.
    """
    found = production(x_s, mean, mean_old, std)
    yield Display(r"\log r", found)
    new, old = gaussian.log_prob(x_s, mean, std), gaussian.log_prob(x_s, mean_old, std)
    yield Equality("the difference of log-probabilities", found, policy.log_ratio(new, old))
    yield Equality("its gradient", sp.diff(found, mean), sp.diff(new, mean))
    drawn = gaussian.sample(mean_old, std, eps)
    on_average = expectation(sp.expand(production(drawn, mean, mean_old, std)), eps)
    yield Equality("on average, minus the KL", on_average, -kl.of_means(mean_old, mean, std))


@derivation("policy.log_ratio_of_products", rows=("GRPO-5",))
def log_ratio_of_products(production: Production) -> Lines:
    """Sums are linear: what holds of each coordinate holds of its products' sums.

    Shown for two coordinates. The mean is m = m₀ + b v, as it is for every sampler here. Without
    the first product it is minus the KL from the old policy.
    """
    lever, held = sp.symbols("b m_0", real=True)
    new, old, x = (sp.symbols(f"{name}_1:3", real=True) for name in ("v", "w", "x"))
    means, means_old = ([held + lever * each for each in side] for side in (new, old))
    moved = [a - b for a, b in zip(new, old, strict=True)]
    along = sum(d * (y - m) for d, y, m in zip(moved, x, means_old, strict=True))
    squared = sum(d**2 for d in moved)
    yield Display(r"\log r", production(*sp.symbols("p q", real=True), lever, std))
    one_by_one = [
        policy.log_ratio_of_means(*each, std) for each in zip(x, means, means_old, strict=True)
    ]
    found = production(along, squared, lever, std)
    yield Equality("the sum over coordinates", found, sum(one_by_one))
    yield Equality(
        "averages give the average",
        production(along / 2, squared / 2, lever, std),
        sum(one_by_one) / 2,
    )
    divergence = sum(kl.of_means(*each, std) for each in zip(means, means_old, strict=True))
    yield Equality(
        "without the first, minus the KL", production(0, squared, lever, std), -divergence
    )


@derivation("policy.ratio", rows=("GRPO-5",))
def ratio(production: Production) -> Lines:
    """The importance ratio: a quotient of densities, mean one under the old policy.

    The averaged one, r^(1/D) for D coordinates, has mean exp(−c(1 − c) D d²/2) with c = 1/D: below
    one. Its gradient with respect to the velocity is −h c (x_s − μ)/std², c = 1 + g²(1 − t)/(2t).
    """
    yield Display("r", production(log_p, log_p_old))
    quotient = sp.exp(log_p) / sp.exp(log_p_old)
    yield Equality("a quotient of densities", production(log_p, log_p_old), quotient)
    drawn = gaussian.sample(mean_old, std, eps)
    new, old = gaussian.log_prob(drawn, mean, std), gaussian.log_prob(drawn, mean_old, std)
    d = (mean - mean_old) / std
    yield Equality(
        "E_old[r] = 1",
        expectation(sp.exp(sp.expand(sp.log(production(new, old)))), eps),
        sp.Integer(1),
    )
    c = sp.Symbol("c", positive=True)
    powered = sp.exp(sp.expand(c * sp.log(production(new, old))))
    yield Equality(
        "E_old[r^c], the law of the averaged ratio",
        expectation(powered, eps),
        sp.exp(-c * (1 - c) * d**2 / 2),
    )
    kernel = sde.transition(paths.linear(t), x, v, g, Step(t, s))
    slope = sp.diff(sp.log(production(kernel.log_prob(x_s), log_p_old)), v)
    lever = 1 + g**2 * (1 - t) / (2 * t)
    want = -(t - s) * lever * (x_s - kernel.mean) / kernel.std**2
    yield Equality("the gradient that trains the network", slope, want)
