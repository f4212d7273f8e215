"""Reinforcement on the forward process: where the losses' minima lie, and that they agree at first.

At one (x, t): finitely many samples with arbitrary posterior weights P_i, targets y_i and
optimalities r_i. The old velocity is the mean target (it generated the samples).
"""

import numpy as np
import sympy as sp

from refimpl.equations import density, forward_process
from refimpl.equations.arguments import Advantage, Limit, OldVelocity, Target
from refimpl.equations.forward_process import Optimality, Width

from .density import atoms
from .engine import Display, Equality, Lines, Production, derivation
from .engine.symbols import of, symbol, v, x

v_old = of(OldVelocity, "v_old")
target = of(Target, "target")
r_opt = of(Optimality, "optimal")
b = of(Width, "b")
A_real = of(Advantage, "advantage")
A_max = of(Limit, "A_max")
odds = symbol("odds", "q", positive=True)
"""An advantage inside its limit is q/(1 + q) of it."""
TARGETS = np.array(sp.symbols("y_1:4", real=True), dtype=object)
SHARES = np.array(sp.symbols("r_1:4", positive=True), dtype=object)


@derivation("forward_process.optimality", rows=("GRPO-3",))
def optimality(production: Production) -> Lines:
    """A straight line from 0 to 1, held at its ends; ½ for an average sample."""
    yield Display("r", production(A_real, A_max))
    for sign in (1, -1):
        inside = odds / (1 + odds)
        got = production(sign * inside * A_max, A_max)
        yield Equality(f"inside, {sign:+d}", got, (1 + sign * inside) / 2)
        past = production(sign * (1 + inside) * A_max, A_max)
        yield Equality(f"past the limit, {sign:+d}", past, sp.Integer((1 + sign) // 2))
    yield Equality("an average sample", production(sp.Integer(0), A_max), sp.Rational(1, 2))


@derivation("forward_process.positive_velocity", rows=("GRPO-4",))
def positive_velocity(production: Production) -> Lines:
    """(1 − b) v_old + b v: as far on v's side of the old velocity as b says."""
    got = production(v, v_old, b)
    yield Display("v^+", got)
    yield Equality("the paper's form", got, (1 - b) * v_old + b * v)
    yield Equality("at b = 1 it is v", production(v, v_old, sp.Integer(1)), v)
    mirror = forward_process.negative_velocity(v, v_old, b)
    yield Equality("v_old is half-way to its mirror image", (got + mirror) / 2, v_old)


@derivation("forward_process.negative_velocity", rows=("GRPO-4",))
def negative_velocity(production: Production) -> Lines:
    """(1 + b) v_old − b v: improving on bad samples pushes v away from them."""
    got = production(v, v_old, b)
    yield Display("v^-", got)
    yield Equality("the paper's form", got, (1 + b) * v_old - b * v)
    yield Equality("nothing changes for v = v_old", production(v_old, v_old, b), v_old)


@derivation(
    "forward_process.nft",
    rows=("GRPO-4",),
    assumes=("finitely many samples", "v_old = E[v* | x]: the old policy is trained to the end"),
)
def nft(production: Production) -> Lines:
    """The minimiser moves from v_old towards the good samples: by E[(2r − 1)(v* − v_old) | x]/b.

    The contrast makes a reward of either sign useful and keeps the loss bounded below, which
    advantage weights alone do not. b sets how far one round goes.
    """
    yield Display(r"\ell", production(v, v_old, target, r_opt, b))
    weights, kernels = atoms((x,))
    after = density.posterior(weights, kernels)
    old = density.conditional_mean(after, TARGETS)
    loss = sum(
        p * production(v, old, y, r, b) for p, y, r in zip(after, TARGETS, SHARES, strict=True)
    )
    moved = density.conditional_mean(after, (2 * SHARES - 1) * (TARGETS - old)) / b
    yield Equality("stationary at v_old + that", sp.diff(loss, v).subs(v, old + moved), 0)
    yield Equality("a minimum: the second derivative is 2b²", sp.diff(loss, v, 2), 2 * b**2)
    good = density.conditional_mean(after * SHARES / (after * SHARES).sum(), TARGETS)
    share = (after * SHARES).sum()
    yield Equality(
        "it is 2 P(good)(v_good − v_old)/b: policy improvement",
        moved,
        2 * share * (good - old) / b,
    )


@derivation(
    "forward_process.awm",
    rows=("GRPO-4",),
    assumes=("finitely many samples", "|A| ≤ A_max in the second claim"),
)
def awm(production: Production) -> Lines:
    """Weighted matching: the score-function gradient of a bound, parallel to DiffusionNFT's."""
    yield Display(r"\ell", production(v, target, A_real))
    slope = sp.diff(production(v, target, A_real), v)
    yield Equality("its gradient", slope, 2 * A_real * (v - target))
    for sign in (1, -1):
        gain = sign * odds / (1 + odds) * A_max
        r = forward_process.optimality(gain, A_max)
        contrast = sp.diff(forward_process.nft(v, v_old, target, r, b), v).subs(v, v_old)
        match = sp.diff(production(v, target, gain), v).subs(v, v_old)
        yield Equality(f"DiffusionNFT's at v_old is b/A_max of it, {sign:+d}", contrast,
                       b / A_max * match)  # fmt: skip
