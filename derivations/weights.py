"""What each reweighing of steps equalises."""

import numpy as np
import sympy as sp

from refimpl.equations import Step, gaussian, grpo, kernels, kl, paths, policy, sde, weights
from refimpl.equations.arguments import Correlation, Lever, Mean, OldMean

from .engine import Display, Equality, Lines, Production, derivation
from .engine.moments import expectation, variance
from .engine.symbols import eps, g, h, of, s, std, symbol, t, v, x

mean = of(Mean, "mean")
mean_old = of(OldMean, "mean_old")
A = symbol("A", positive=True)
share = symbol("share", r"\varrho", low=0, high=1, positive=True)
beyond = symbol("beyond", r"\delta", low="0.01", high="0.4", positive=True)
KERNEL = sde.transition(paths.linear(t), x, v, g, Step(t, t - h))


@derivation("weights.lever", rows=("GRPO-5",), assumes=("the linear path",))
def lever(production: Production) -> Lines:
    """−∂ mean/∂v of one step; in the gradient of the log-density it meets 1/std."""
    yield Display(r"h\,c", production(g, t, h))
    yield Equality("it is −∂ mean/∂v", production(g, t, h), -sp.diff(KERNEL.mean, v))
    drawn = sp.Symbol("x_s", real=True)
    slope = sp.diff(KERNEL.log_prob(drawn), v).subs(drawn, KERNEL.sample(eps))
    yield Equality("∂ log p/∂v = −(h c/std) ε", slope, -production(g, t, h) / KERNEL.std * eps)
    v_old = sp.Symbol("v_old", real=True)
    through = (production(g, t, h) * (v - v_old)) ** 2 / (2 * g**2 * h)
    yield Equality("KL = (h c Δv)²/(2 std²): Eq. 3", through, kl.flow_grpo(v, v_old, g, t, h))


@derivation("weights.levelled", rows=("GRPO-4",), assumes=("the linear path",))
def levelled(production: Production) -> Lines:
    """With this weight every step's gradient has unit noise: only the signal tells them apart."""
    reach = of(Lever, "lever")
    yield Display("w", production(std, reach))
    drawn = sp.Symbol("x_s", real=True)
    preserving = kernels.preserving(paths.linear(s), x - t * v, x + (1 - t) * v, share * s)
    for name, kernel in (("Euler–Maruyama", KERNEL), ("a noise-preserving kernel", preserving)):
        slope = sp.diff(kernel.log_prob(drawn), v).subs(drawn, kernel.sample(eps))
        weight = production(kernel.std, -sp.diff(kernel.mean, v))
        yield Equality(f"w ∂ log p/∂v = −ε, {name}", weight * slope, -eps)


@derivation("weights.tempflow", rows=("GRPO-4",))
def tempflow(production: Production) -> Lines:
    """Proportional to the noise, one on average: the learning rate keeps its meaning."""
    steps = np.array(sp.symbols("std_1:4", positive=True), dtype=object)
    got = np.broadcast_to(np.array(production(steps), dtype=object), 3)
    yield Display("w_1", got[0])
    yield Equality("the mean weight is one", got.sum() / 3, sp.Integer(1))
    yield Equality("proportional to std", got[0] / got[1], steps[0] / steps[1])


@derivation(
    "weights.guard_log_ratio",
    rows=("GRPO-5",),
    assumes=("x_s drawn from the old policy", "coordinates are independent"),
)
def guard_log_ratio(production: Production) -> Lines:
    """Recentred and rescaled: E_old[log r′] = 0, and its spread forgets std.

    The averaged log-ratio of two means d apart is below zero on average, by their averaged KL, so
    that clipping at 1 ± ε cuts one side more than the other, and by amounts that std sets. For D
    coordinates the variance is |d|²/D².
    """
    yield Display(r"\log r'", production(*sp.symbols("logr KL", real=True), std))
    drawn = gaussian.sample(mean_old, std, eps)
    log_ratio = policy.log_ratio(
        gaussian.log_prob(drawn, mean, std), gaussian.log_prob(drawn, mean_old, std)
    )
    got = production(log_ratio, kl.of_means(mean, mean_old, std), std)
    yield Equality("it is (mean − mean_old) ε", got, (mean - mean_old) * eps)
    yield Equality("E_old[log r′] = 0", expectation(got, eps), sp.Integer(0))
    yield Equality("its variance is |d|²", variance(got, eps), (mean - mean_old) ** 2)


@derivation("weights.guard", rows=("GRPO-4",), assumes=("the linear path", "ratio of GRPO-Guard"))
def guard(production: Production) -> Lines:
    """std takes √h of the gradient's size away, 1/h the rest: (1 + g² (1 − t)/(2t)) stays."""
    yield Display("w", production(h))
    log_ratio = sp.diff(-KERNEL.mean, v) * std / std
    left = 1 + g**2 * (1 - t) / (2 * t)
    yield Equality("w |∂ log r′/∂v| per unit of ε", production(h) * log_ratio, left)
    yield Equality("the lever without its h", production(h) * weights.lever(g, t, h), left)


@derivation("weights.divergence_mask", rows=("GRPO-4",))
def divergence_mask(production: Production) -> Lines:
    """Gradients stop in one of four cases past the limit: when the update leads further out.

    As in PPO's clipping, with the exact divergence in place of |r − 1| > ε; `grpo.surrogate` stops
    in the same quadrants.
    """
    yield Display(r"\text{mask outside, outward}", sp.Integer(0))
    rows = (
        ("A > 0, r > 1: outward", 1, 1, 0),
        ("A < 0, r < 1: outward", -1, -1, 0),
        ("A > 0, r < 1: back in", 1, -1, 1),
        ("A < 0, r > 1: back in", -1, 1, 1),
    )
    quarter = sp.Rational(1, 4)
    for name, gain, side, want in rows:
        r = 1 + side * quarter
        far = production(r, sp.Integer(gain), sp.Rational(3, 10), sp.Rational(1, 5))
        near = production(r, sp.Integer(gain), sp.Rational(1, 5), sp.Rational(1, 5))
        yield Equality(f"past the limit, {name}", far, sp.Integer(want))
        yield Equality(f"at the limit, {name}", near, sp.Integer(1))
        q = sp.Symbol("q", positive=True)
        slope = sp.diff(gain * (1 + side * q), q) * want
        clipped = grpo.surrogate(1 + side * (beyond + quarter), gain * A, quarter)
        yield Equality(f"clipping stops there too, {name}", sp.diff(clipped, beyond) / A, slope)


@derivation(
    "weights.signal", rows=("GRPO-4",), assumes=("advantage and score are jointly Gaussian",)
)
def signal(production: Production) -> Lines:
    """Isserlis: E[A²Y²] = Var A Var Y (1 + 2ρ²), of which ρ² is the squared mean."""
    rho = of(Correlation, "rho")
    size, other = symbol("size", r"\mathrm{std}_A", positive=True), sp.Symbol("eta", real=True)
    score = std * (rho * eps + sp.sqrt(1 - rho**2) * other)
    gradient = sp.expand(size * eps * score)
    first = expectation(expectation(gradient, eps), other)
    second = expectation(expectation(sp.expand(gradient**2), eps), other)
    yield Display("S", production(rho))
    yield Equality("squared mean over variance", production(rho), first**2 / (second - first**2))
    yield Equality("at most a half", production(sp.Integer(1)), sp.Rational(1, 2))
