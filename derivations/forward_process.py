"""Reinforcement on the forward process: where the losses' minima lie, and that they agree at first.

At one (x, t): finitely many samples z with arbitrary posterior weights, targets v* and
optimalities r. The old velocity is the mean target (it generated the samples).
"""

from refimpl.equations.arguments import OldVelocity, Target
from refimpl.equations.forward_process import Width

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of, symbol
from .engine.written import (
    Writing,
    densities,
    field,
    fields,
    indexed,
    number,
    posterior_mean,
    weights,
)

v_old = of(OldVelocity, "v_old")
target = of(Target, "target")
b = of(Width, "b")
beyond = symbol("beyond", r"\delta", low="0.01", high="0.4", positive=True)


def _advantage() -> Writing:
    """The limit, and A = A_max q/(1 + q), q > 0: the size of any advantage within it."""
    w = Writing(q=number(positive=True), limit=number(r"A_{\max}", positive=True))
    w.let("A", "q/(1 + q) * limit")
    return w


@derivation("forward_process.optimality", rows=("GRPO-3",))
def optimality(production: Production) -> Lines:
    """A straight line from 0 to 1, held at its ends; ½ for an average sample."""
    w = _advantage()
    yield w.chain(
        "forward_process.optimality(A, limit)",
        ("(1 + A/limit)/2", "A/A_max = q/(1 + q) lies between 0 and 1: nothing is clipped"),
        states="A positive advantage within the limit.",
    )
    yield w.chain(
        "forward_process.optimality(-A, limit)",
        ("(1 - A/limit)/2", "−A/A_max lies between −1 and 0: nothing is clipped"),
        states="A negative one.",
    )
    yield w.chain(
        "forward_process.optimality(limit + beyond, limit)",
        ("(1 + 1)/2", "more than one: clipped to one"),
        ("1", "two halves"),
        states="Past the upper limit.",
    )
    yield w.chain(
        "forward_process.optimality(-(limit + beyond), limit)",
        ("(1 - 1)/2", "less than −1: clipped to −1"),
        ("0", "the numerator vanishes"),
        states="Past the lower limit.",
    )
    yield w.chain(
        "forward_process.optimality(0, limit)",
        ("1/2", "0 lies within the limits"),
        states="An average sample.",
    )


@derivation("forward_process.positive_velocity", rows=("GRPO-4",))
def positive_velocity(production: Production) -> Lines:
    """(1 − b) v_old + b v: as far on v's side of the old velocity as b says."""
    w = Writing(v=field(r"v_{\theta}"), v_old=field(r"v_{\mathrm{old}}"))
    yield w.chain(
        "forward_process.positive_velocity(v, v_old, b)",
        ("(1 - b)*v_old + b*v", "collect the old velocity"),
        states="The paper's form.",
    )
    yield w.chain(
        "forward_process.positive_velocity(v, v_old, 1)",
        ("v", "the old velocity cancels"),
        states="For b = 1 it is v.",
    )
    yield w.chain(
        "(forward_process.positive_velocity(v, v_old, b) "
        "+ forward_process.negative_velocity(v, v_old, b))/2",
        ("v_old", "the two differences from the old velocity cancel"),
        states="The old velocity is half-way to its mirror image.",
    )


@derivation("forward_process.negative_velocity", rows=("GRPO-4",))
def negative_velocity(production: Production) -> Lines:
    """(1 + b) v_old − b v: improving on bad samples pushes v away from them."""
    w = Writing(v=field(r"v_{\theta}"), v_old=field(r"v_{\mathrm{old}}"))
    yield w.chain(
        "forward_process.negative_velocity(v, v_old, b)",
        ("(1 + b)*v_old - b*v", "collect the old velocity"),
        states="The paper's form.",
    )
    yield w.chain(
        "forward_process.negative_velocity(v_old, v_old, b)",
        ("v_old", "the difference is zero"),
        states="Nothing changes for v = v_old.",
    )


@derivation(
    "forward_process.nft",
    rows=("GRPO-4",),
    assumes=("finitely many samples", "v_old = E[v* | x]: the old policy is trained to the end"),
)
def nft(production: Production) -> Lines:
    """The minimiser moves from v_old towards the good samples.

    The contrast makes a reward of either sign useful and keeps the loss bounded below, which
    advantage weights alone do not. b sets how far one round goes.
    """
    w = Writing(
        pi=weights(n=2),
        k=densities(r"p_t(x\mid z)", n=2),
        y=fields(r"v^\star", n=2),
        r=indexed("r", n=2, index="z", positive=True),
        u=field(r"v_{\theta}"),
    )
    w.bind(E=posterior_mean(w("pi"), w("k"), given="x"))
    w.bind(E_good=posterior_mean(w("pi*r"), w("k"), given=r"x,\ \mathrm{good}"))
    w.let("v_old", "E(y)", r"v_{\mathrm{old}}")
    w.let("e", "y - v_old")
    w.let("delta", "u - v_old", r"\delta")
    w.let("m", "E((2*r - 1)*e)")
    yield w.chain(
        "E(over_coordinates(forward_process.nft(comp(u), comp(v_old), comp(y), r, b)))",
        (
            "E(r*norm2(b*delta - e) + (1 - r)*norm2(b*delta + e))",
            "v⁺ − v* = b δ − e and v⁻ − v* = −(b δ + e)",
        ),
        (
            "b**2*norm2(delta) - 2*b*dot(delta, m) + E(norm2(e))",
            "the squares, multiplied out; r + (1 − r) = 1, and −r + (1 − r) = −(2r − 1)",
        ),
        ("norm2(b*delta - m) - norm2(m) + E(norm2(e))", "complete the square"),
        states="The loss at x, averaged over the samples that may have led there.",
        so="Only the first term depends on the network: the loss is least where δ = m/b.",
    )
    yield w.chain(
        "m",
        ("2*E(r*e) - E(e)", "E is linear"),
        ("2*E(r*e)", "E[v* − v_old | x] = 0"),
        ("2*(E(r*y) - E(r)*v_old)", "E is linear, and v_old depends on x alone"),
        (
            "2*E(r) * (E_good(y) - v_old)",
            "Bayes: r is the chance of being good, so E[r v* | x] = E[r | x] E[v* | x, good]",
        ),
        states="The direction of the move.",
        so="Towards the mean target of the good samples, by twice their share over b.",
    )


@derivation(
    "forward_process.awm",
    rows=("GRPO-4",),
    assumes=("0 < |A| < A_max in the last two chains",),
)
def awm(production: Production) -> Lines:
    """Weighted matching: at the old velocity its gradient is parallel to DiffusionNFT's."""
    w = Writing(a=number("A"))
    yield w.chain(
        "forward_process.awm(v, target, a)",
        ("a*(v**2 - 2*v*target + target**2)", "the square, multiplied out"),
        states="The loss, for an advantage A of either sign: unbounded below where A < 0.",
    )
    yield w.chain(
        "d(forward_process.awm(v, target, a), v)",
        ("2*a*(v - target)", "the derivative of a square"),
        states="Its gradient.",
    )
    for sign, name in (("", "positive"), ("-", "negative")):
        w = _advantage()
        w.let("r", f"forward_process.optimality({sign}A, limit)")
        yield w.chain(
            "at(d(forward_process.nft(v, v_old, target, r, b), v), v, v_old)",
            (
                "2*b*r*(v_old - target) - 2*b*(1 - r)*(v_old - target)",
                "dv⁺/dv = b and dv⁻/dv = −b; both are v_old at v = v_old",
            ),
            ("2*b*(2*r - 1)*(v_old - target)", "r − (1 − r) = 2r − 1"),
            (f"2*b * ({sign}A)/limit * (v_old - target)", "2r − 1 = A/A_max"),
            (
                f"b/limit * at(d(forward_process.awm(v, target, {sign}A), v), v, v_old)",
                "the gradient above, at v = v_old",
            ),
            states=f"DiffusionNFT's gradient at v_old, the advantage {name}: b/A_max times AWM's.",
        )
