"""GRPO: what normalisation guarantees, and the clipped objective in each of its branches."""

from refimpl.equations.arguments import Weight
from refimpl.equations.grpo import Clip

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of, symbol
from .engine.written import Writing, alike, expectation_over, indexed, number, weights
from .engine.written.node import Constant

theta = symbol("parameter", r"\theta", real=True)
theta_old = symbol("parameter_old", r"\theta_{\mathrm{old}}", real=True)
clip = of(Clip, "clip")
beyond = symbol("beyond", r"\delta", low="0.01", high="0.4", positive=True)
below = symbol("below", r"\eta", low="0.01", high="0.4", positive=True)
beta = of(Weight, "beta")

NOT_EQUAL = "rewards of a group are not all equal, except in the last chain"
WIDTH = "the deviation is one number for the whole group"


@derivation(
    "grpo.advantage",
    rows=("GRPO-3",),
    assumes=(NOT_EQUAL, "groups of three; only sums over the group occur, so any size goes alike"),
    equivalent={
        "return centred / (sqrt(where(equal, 2, variance)) + eps)": "where rewards are equal the "
        "numerator is exactly 0, and any positive denominator gives 0",
    },
    special={"ddof": "0 and 1, the two divisors there are"},
)
def advantage(production: Production) -> Lines:
    """The group-normalised advantage has mean 0 and standard deviation 1 in its group.

    Adding a constant to all rewards of a group, or multiplying them by a positive number, changes
    nothing. Dividing by the deviation of the whole batch keeps the mean of a group at 0, and its
    scale among other groups. A group of equal rewards gets zeros.
    """
    w = Writing(R=indexed("R_i"), Q=indexed("Q_i"), delta=number(r"\delta", positive=True))
    w.bind(c=number(), k=number(positive=True), n=Constant("n", 3))
    for name, std, ddof in (("A", "group", 0), ("A_1", "group", 1), ("B", "none", 0)):
        w.let(name, f"grpo.advantage(groups(R), std='{std}', ddof={ddof}, eps=0)", _tex(name))
    for ddof in (1, 0):
        yield w.chain(
            f"grpo.advantage(groups(R), std='group', ddof={ddof}, eps=delta)",
            (
                f"(R - mean(R)) / (std(R, {ddof}) + delta)",
                "each reward less the mean of its group, over the deviation of the group",
            ),
            states=f"What is computed, with the divisor {'n − 1' if ddof else 'n'}.",
            so="" if ddof else "The article has $\\delta = 0$, as have the lines below.",
        )
    yield w.chain(
        "B",
        ("R - mean(R)", "nothing is divided by"),
        states="Without a deviation rewards are only centred.",
    )
    for ddof in (1, 0):
        yield w.chain(
            f"grpo.advantage(groups(R, Q), std='batch', ddof={ddof}, eps=delta)",
            (
                f"groups(R - mean(R), Q - mean(Q)) / (std(groups(R, Q), {ddof}) + delta)",
                "each group has its own mean; the deviation is over all rewards of the batch",
            ),
            states=f"Two groups over the deviation of the batch (ddof = {ddof}).",
        )
    yield w.chain(
        "mean(A)",
        ("mean(R - mean(R)) / std(R)", WIDTH),
        ("(mean(R) - mean(R)) / std(R)", "the mean of a constant is that constant"),
        ("0", "the numerator vanishes"),
        states="The mean of a group's advantages is zero.",
    )
    yield w.chain(
        "mean(A**2)",
        ("mean((R - mean(R))**2) / std(R)**2", WIDTH),
        ("std(R)**2 / std(R)**2", "the mean squared distance from the mean is the variance"),
        ("1", "it cancels"),
        states="Their variance is one.",
    )
    yield w.chain(
        "sum(A_1**2) / (n - 1)",
        ("sum((R - mean(R))**2) / ((n - 1) * std(R, 1)**2)", WIDTH),
        ("std(R, 1)**2 / std(R, 1)**2", "the variance with the divisor n − 1"),
        ("1", "it cancels"),
        states="With the divisor $n - 1$ (ddof = 1) the variance so counted is one.",
    )
    yield w.chain(
        "grpo.advantage(groups(c + k*R), std='group', ddof=0, eps=0)",
        ("(c + k*R - mean(c + k*R)) / std(c + k*R)", "the same formula"),
        ("k*(R - mean(R)) / (k * std(R))", "c drops out of both, and k > 0 comes out of the root"),
        ("A", "k cancels"),
        states="A constant added to all rewards, or a positive factor, changes nothing.",
    )
    w.bind(R=alike("R"))
    for std in ("none", "group", "batch"):
        w.let("A", f"grpo.advantage(groups(R), std='{std}', ddof=1, eps=0)", "A_i")
        yield w.chain(
            "sum(A**2)",
            (
                "sum((R - mean(R))**2)",
                "rewards are centred" if std == "none" else "a deviation of zero is not divided by",
            ),
            ("0", "each of n equal rewards is their mean"),
            states=f"Equal rewards, std = {std}: the squares of the advantages add up to zero.",
            so="Each of them is zero.",
        )


def _tex(name: str) -> str:
    return {"A": "A_i", "A_1": r"\tilde A_i", "B": "B_i"}[name]


@derivation(
    "grpo.leave_one_out",
    rows=("GRPO-14", "GRPO-3"),
    assumes=("groups of three; only sums over the group occur, so any size goes alike",),
)
def leave_one_out(production: Production) -> Lines:
    """The others' mean as a baseline: the centred reward, enlarged by what centring took away."""
    w = Writing(R=indexed("R_i"))
    yield w.chain(
        "grpo.leave_one_out(groups(R))",
        ("R - (3*mean(R) - R)/2", "the others' sum is that of all three, less its own"),
        ("3/2*(R - mean(R))", "collect R"),
        ("grpo.advantage(groups(R), std='none', ddof=0, eps=0)/bias.centred(3)", "(3 − 1)/3"),
        states="A group of three.",
        so="For n samples the factor is n/(n − 1).",
    )


@derivation("grpo.bounded", rows=("GRPO-3",))
def bounded(production: Production) -> Lines:
    """Inside the bound an advantage is left as it is; outside it becomes the bound."""
    w = Writing(A=number(positive=True), limit=number(r"A_{\max}", positive=True))
    yield w.chain(
        "grpo.bounded(A, A + beyond)",
        ("min(A, A + beyond)", "A > 0 lies above the lower bound"),
        ("A", "and δ > 0 below the upper one"),
        states="Inside, positive.",
    )
    yield w.chain(
        "grpo.bounded(-A, A + beyond)",
        ("max(-A, -(A + beyond))", "−A < 0 lies below the upper bound"),
        ("-A", "and δ > 0 above the lower one"),
        states="Inside, negative.",
    )
    yield w.chain(
        "grpo.bounded(limit + beyond, limit)",
        ("min(limit + beyond, limit)", "a positive number lies above the lower bound"),
        ("limit", "the upper bound holds"),
        states="Past the upper bound.",
    )
    yield w.chain(
        "grpo.bounded(-(limit + beyond), limit)",
        ("max(-(limit + beyond), -limit)", "a negative number lies below the upper bound"),
        ("-limit", "the lower bound holds"),
        states="Past the lower bound.",
    )


INSIDE = "1 + (beyond - below)/2"
"""A ratio that lies δ above the lower edge and η below the upper edge of the region."""

BRANCHES = (
    ("above the region, the advantage A > 0", "1 + clip + beyond", "A", "(1 + clip)*A", "0"),
    (
        "above the region, the advantage −A < 0",
        "1 + clip + beyond",
        "-A",
        "(1 + clip + beyond)*(-A)",
        "-A",
    ),
    (
        "below the region, the advantage A > 0",
        "1 - clip - beyond",
        "A",
        "(1 - clip - beyond)*A",
        "-A",
    ),
    ("below the region, the advantage −A < 0", "1 - clip - beyond", "-A", "(1 - clip)*(-A)", "0"),
)
"""Name, ratio, advantage (A > 0 is its size), value, and the slope in δ."""


@derivation("grpo.surrogate", rows=("GRPO-4",), assumes=("ε > 0", "θ ↦ log p_θ differentiable"))
def surrogate(production: Production) -> Lines:
    """The clipped objective, value and slope, in every branch.

    δ > 0 is how far the ratio lies outside the trust region [1 − ε, 1 + ε], and A > 0 the size of
    the advantage. Clipping stops the gradient only where the ratio has already gone the way that
    the advantage points; everywhere else, and at r = 1, it is the policy gradient.
    """
    w = Writing(A=number(positive=True))
    for name, r, gain, value, slope in BRANCHES:
        edge = "1 + clip" if "above" in name else "1 - clip"
        stopped = slope == "0"
        yield w.chain(
            f"grpo.surrogate({r}, {gain}, clip)",
            (
                f"min(({r})*({gain}), ({edge})*({gain}))",
                f"outside the region the ratio is clipped to {'1 + ε' if '+' in edge else '1 − ε'}",
            ),
            (value, "the clipped one is smaller" if stopped else "the unclipped one is smaller"),
            states=f"The ratio {name}.",
        )
        yield w.chain(
            f"d(grpo.surrogate({r}, {gain}, clip), beyond)",
            (f"d({value}, beyond)", "the value, found above"),
            (slope, "δ does not occur" if stopped else "linear in δ"),
            states="Its slope as the ratio moves further out.",
            so="The gradient stops."
            if stopped
            else "The slope of r A: the gradient leads back towards the region.",
        )
    for sign, gain in (("A > 0", "A"), ("−A < 0", "-A")):
        yield w.chain(
            f"grpo.surrogate({INSIDE}, {gain}, (beyond + below)/2)",
            (
                f"min(({INSIDE})*({gain}), ({INSIDE})*({gain}))",
                "δ above the lower edge and η below the upper one: clipping changes nothing",
            ),
            (f"({INSIDE})*({gain})", "both are r A"),
            states=f"The ratio inside the region, the advantage {sign}.",
        )
    w = Writing(A=number(), ell=number(r"\ell", of="parameter"), theta=theta, theta_old=theta_old)
    w.let("r", "policy.ratio(ell, at(ell, theta, theta_old))", r"r_\theta")
    yield w.chain(
        "at(d(grpo.surrogate(r, A, clip), theta), theta, theta_old)",
        ("at(d(r * A, theta), theta, theta_old)", "r = 1 at θ_old, inside the region: it is r A"),
        ("at(r * A * d(ell, theta), theta, theta_old)", "the derivative of an exponential"),
        ("A * at(d(ell, theta), theta, theta_old)", "r = 1 at θ_old"),
        states="At $\\theta = \\theta_{\\mathrm{old}}$, with $\\ell = \\log p_\\theta(x_s\\mid "
        "x_t)$ and A of either sign.",
        so="The gradient of the clipped objective is the policy gradient, "
        "$A\\,\\nabla\\log p_\\theta$.",
    )


@derivation(
    "grpo.objective",
    rows=("GRPO-4",),
    assumes=("finitely many rollouts z, of n = 2 members and T = 2 steps; any number goes alike",),
)
def objective(production: Production) -> Lines:
    """The objective of GRPO: its mean over rollouts of the old policy, the group and the steps.

    Reward pulls and the divergence holds, with weights 1 and −β. At θ = θ_old the ratio is 1 and
    the gradient is the policy gradient, with the pull of the divergence taken away.
    """
    shape = (2, 2, 2)
    w = Writing(
        S=indexed("S_{t,i}", n=shape, index="t i z"),
        K=indexed(r"\mathrm{KL}_{t,i}", n=shape, index="t i z"),
        pi=weights(n=2),
        n=Constant("n", 2),
        T=Constant("T", 2),
        theta=theta,
        theta_old=theta_old,
    )
    w.bind(E=expectation_over(w("pi"), r"\mathbb E_{x\sim\pi_{\mathrm{old}}}"))
    yield w.chain(
        "E(1/n * sum(1/T * sum(grpo.objective(S, K, beta))))",
        (
            "E(1/n * sum(1/T * sum(S))) - beta * E(1/n * sum(1/T * sum(K)))",
            "expectation and sums are linear",
        ),
        states="The objective: n samples a prompt, T steps each; S is the clipped term, and KL the "
        "divergence of a step from the reference.",
    )
    w.bind(
        K=indexed(r"\mathrm{KL}_{t,i}", n=shape, index="t i z", of="parameter"),
        ell=indexed(r"\ell_{t,i}", n=shape, index="t i z", of="parameter"),
        A=indexed("A_i", n=(1, 2, 2), index="i z"),
    )
    w.let("r", "policy.ratio(ell, at(ell, theta, theta_old))", "r_{t,i}")
    w.let("S", "grpo.surrogate(r, A, clip)", "S_{t,i}")
    yield w.chain(
        "at(d(E(1/n * sum(1/T * sum(grpo.objective(S, K, beta)))), theta), theta, theta_old)",
        (
            "E(1/n * sum(1/T * sum(at(d(S - beta*K, theta), theta, theta_old))))",
            "the rollouts are the old policy's: their law does not depend on θ",
        ),
        (
            "E(1/n * sum(1/T * sum(at(A * d(ell, theta) - beta * d(K, theta), theta, theta_old))))",
            "at r = 1 the clipped term has the slope of r A, which is A ∇log p_θ",
        ),
        states="Its gradient at $\\theta=\\theta_{\\mathrm{old}}$, "
        "with $\\ell_{t,i}=\\log p_\\theta(x_{s,i}\\mid x_{t,i})$.",
        so="The policy gradient, less β times the gradient of the divergence.",
    )
