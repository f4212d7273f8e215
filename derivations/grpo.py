"""GRPO: what normalisation guarantees, and the clipped objective in each of its branches."""

import numpy as np
import sympy as sp

from refimpl.equations.arguments import Ratio, Weight
from refimpl.equations.grpo import Clip, StepKL, Surrogate

from .engine import Display, Equality, Lines, Production, derivation
from .engine.symbols import of, symbol

R = np.array([sp.symbols("R_1:4", real=True), sp.symbols("Q_1:4", real=True)], dtype=object)
SAME = np.array([[sp.Symbol("R_1", real=True)] * 3], dtype=object)
A = symbol("A", positive=True)
r = of(Ratio, "ratio")
clip = of(Clip, "clip")
beyond = symbol("beyond", r"\delta", low="0.01", high="0.4", positive=True)
below = symbol("below", r"\eta", low="0.01", high="0.4", positive=True)
surrogate_value = of(Surrogate, "surrogate")
divergence = of(StepKL, "kl")
beta = of(Weight, "beta")


@derivation(
    "grpo.advantage",
    rows=("GRPO-3",),
    assumes=("rewards of a group are not all equal, except in the last claim",),
    equivalent={
        "return centred / (sqrt(where(equal, 2, variance)) + eps)": "where rewards are equal the "
        "numerator is exactly 0, and any positive denominator gives 0",
    },
)
def advantage(production: Production) -> Lines:
    """The group-normalised advantage has mean 0 and unit std; shifts and scales drop out.

    Shown for two groups of three arbitrary rewards; only sums over the group occur, so any size
    goes alike. Dividing by the batch's deviation instead keeps the mean and gives the *batch* of
    centred rewards its scale.
    """
    n = 3
    group = production(R, std="group", ddof=0, eps=0)
    yield Display("A_1", group[0, 0])
    yield Equality("mean zero in the group", group[0].sum(), sp.Integer(0))
    yield Equality("unit std in the group (ddof 0)", (group[1] ** 2).sum() / n, sp.Integer(1))
    unbiased = production(R, std="group", ddof=1, eps=0)
    yield Equality(
        "unit std in the group (ddof 1)", (unbiased[0] ** 2).sum() / (n - 1), sp.Integer(1)
    )
    centred = R[0, 0] - R[0].sum() / n
    yield Equality(
        "a positive multiple of R − mean",
        (group[0, 0] * centred).diff(R[0, 0]).subs(R[0, 0], 3).subs(R[0, 1], 1).subs(R[0, 2], 1),
        _slope_at(),
    )
    yield Equality(
        "only centred, without std", production(R, std="none", ddof=0, eps=0)[0, 0], centred
    )
    for ddof in (0, 1):
        batch = production(R, std="batch", ddof=ddof, eps=0)
        overall = ((R - R.sum() / (2 * n)) ** 2).sum() / (2 * n - ddof)
        yield Equality(
            f"divided by the batch's std (ddof {ddof})", batch[0, 0], centred / sp.sqrt(overall)
        )
    eps = sp.Symbol("eps", positive=True)
    shaded = production(R, std="group", ddof=0, eps=eps)
    deviation = sp.sqrt(((R[0] - R[0].sum() / n) ** 2).sum() / n)
    yield Equality("eps is added to the std", shaded[0, 0], centred / (deviation + eps))
    for std in ("group", "batch", "none"):
        still = production(SAME, std=std, ddof=1, eps=0)
        yield Equality(
            f"equal rewards give zero ({std})",
            sp.nsimplify(still[0, 1], rational=True),
            sp.Integer(0),
        )


def _slope_at() -> sp.Expr:
    """d/dR_1 of (R_1 − m)²/std at rewards 3, 1, 1 by hand: centred 4/3, std √(8/9)."""
    q = sp.Symbol("q", positive=True)
    centred = q - (q + 2) / 3
    return sp.diff(centred**2 / sp.sqrt((centred**2 + 2 * (1 - (q + 2) / 3) ** 2) / 3), q).subs(
        q, 3
    )


@derivation("grpo.bounded", rows=("GRPO-3",))
def bounded(production: Production) -> Lines:
    """The identity inside, the bound outside; odd."""
    yield Display("A'", production(A, symbol("limit", r"A_{\max}", positive=True)))
    for sign in (1, -1):
        inside = production(sign * beyond, beyond + below)
        yield Equality(f"inside, {sign:+d}", inside, sign * beyond)
        outside = sign * (clip + beyond)
        yield Equality(f"outside, {sign:+d}", production(outside, clip), sign * clip)


@derivation("grpo.surrogate", rows=("GRPO-4",))
def surrogate(production: Production) -> Lines:
    """The clipped objective, value and slope, in every branch.

    δ is how far the ratio is outside the trust region, or, inside, its distance from one edge.
    Clipping stops the gradient only where the step has already gone the way the advantage points;
    everywhere else, and at r = 1, it is the policy gradient.
    """
    yield Display(r"\text{surrogate}", production(r, A, clip))
    for name, gain in (("A > 0", A), ("A < 0", -A)):
        high, low = 1 + clip + beyond, 1 - clip - beyond
        capped = (1 + clip) * gain if gain == A else high * gain
        held = low * gain if gain == A else (1 - clip) * gain
        yield Equality(f"r above the region, {name}", production(high, gain, clip), capped)
        yield Equality(f"r below the region, {name}", production(low, gain, clip), held)
        slope = sp.diff(production(high, gain, clip), beyond)
        yield Equality(f"slope above, {name}", slope, 0 if gain == A else gain)
        slope = sp.diff(production(low, gain, clip), beyond)
        yield Equality(f"slope below, {name}", slope, -gain if gain == A else sp.Integer(0))
        width = (beyond + below) / 2
        middle = 1 + (beyond - below) / 2
        yield Equality(f"inside the region, {name}", production(middle, gain, width), middle * gain)
        yield Equality(
            f"at r = 1 it is the advantage, {name}", production(sp.Integer(1), gain, clip), gain
        )


@derivation("grpo.objective", rows=("GRPO-4",))
def objective(production: Production) -> Lines:
    """Reward pulls, the divergence holds: linear in both, with weights 1 and −β."""
    yield Display(r"J", production(surrogate_value, divergence, beta))
    got = production(surrogate_value, divergence, beta)
    yield Equality("one part surrogate, minus β parts KL", got, surrogate_value - beta * divergence)
    yield Equality("β weighs the divergence", sp.diff(got, divergence), -beta)
