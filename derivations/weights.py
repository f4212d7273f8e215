"""What each reweighing of steps equalises."""

from refimpl.equations.arguments import Mean, OldMean
from refimpl.equations.grpo import Clip

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of, symbol
from .engine.written import Writing, indexed, number
from .engine.written.node import Constant

mean = of(Mean, "mean")
mean_old = of(OldMean, "mean_old")
beyond = symbol("beyond", r"\delta", low="0.01", high="0.4", positive=True)
fresh = symbol("std_s", r"\mathrm{std}", low=0, high="0.25", positive=True)
rho = symbol("rho", r"\rho", low="-0.9", high="0.9", real=True)
size = symbol("size", r"\mathrm{std}_A", positive=True)
other = symbol("other", r"\eta", real=True)
clip = of(Clip, "clip")
over = symbol("over", r"\eta", low="0.01", high="0.4", positive=True)


def _step() -> Writing:
    """A step of Flow-GRPO's SDE: its mean m, and y, the state that was reached."""
    w = Writing(y=number(), L=number("L", positive=True), m_0=number())
    w.let("m", "x - h*sde.flow_grpo_drift(x, v, g, t)")
    return w


@derivation("weights.lever", rows=("GRPO-5",), assumes=("the linear path",))
def lever(production: Production) -> Lines:
    """How far the mean of a step moves for a change of the velocity: minus the slope of the mean.

    In the gradient of the log-density it meets one over the width of the step.
    """
    w = _step()
    yield w.chain(
        "-d(m, v)",
        ("h * d(sde.flow_grpo_drift(x, v, g, t), v)", "x does not depend on v"),
        ("h * (1 + g**2/(2*t) * (1 - t))", "the drift is affine in v"),
        ("weights.lever(g, t, h)", "one fraction"),
        states="The slope of the mean, with a minus sign.",
    )
    yield w.chain(
        "d(log_density(y, N(m, g**2*h)), v)",
        ("(y - m)/(g**2*h) * d(m, v)", "the chain rule; only the exponent depends on v"),
        ("-((y - m)/(g**2*h) * weights.lever(g, t, h))", "the slope of the mean"),
        states="The gradient of the log-density of a step.",
        so="At a draw y = m + g √h ε it is −ε times this sensitivity over g √h.",
    )
    yield w.chain(
        "kl.flow_grpo(v, v_ref, g, t, h)",
        (
            "h**2 * (1 + g**2*(1 - t)/(2*t))**2 * (v - v_ref)**2/(2*g**2*h)",
            "g out of the square; h above and below",
        ),
        ("(weights.lever(g, t, h) * (v - v_ref))**2/(2*g**2*h)", "the sensitivity, squared"),
        states="The divergence of two steps: the paper's KL.",
        so="The means differ by the sensitivity times the difference of the velocities.",
    )


@derivation("weights.levelled", rows=("GRPO-4",), assumes=("the mean is affine in v",))
def levelled(production: Production) -> Lines:
    """With this weight every step's gradient has unit noise: only the signal tells them apart."""
    w = Writing(y=number(), L=number("L", positive=True), m_0=number())
    w.let("m", "m_0 - L*v")
    yield w.chain(
        "at(d(log_density(y, N(m, std**2)), v), y, m + std*eps)",
        ("at(-(L*(y - m)/std**2), y, m + std*eps)", "the chain rule: dm/dv = −L"),
        ("-(L/std*eps)", "y − m = std ε"),
        states="Any kernel whose mean is affine in v: the gradient at a draw.",
    )
    yield w.chain(
        "weights.levelled(std, L) * (-(L/std*eps))",
        ("-eps", "L and std cancel"),
        states="Weighed, it is −ε at every step.",
    )
    yield _step().chain(
        "-d(m, v)",
        ("weights.lever(g, t, h)", "the drift is affine in v, with slope 1 + g² (1 − t)/(2t)"),
        states="Euler–Maruyama's sensitivity L of the mean to the velocity.",
    )
    w = Writing()
    w.let("m", "kernels.preserving(paths.linear(s), x - t*v, x + (1 - t)*v, std_s).mean")
    yield w.chain(
        "-d(m, v)",
        ("(1 - s)*t - sqrt(s**2 - std_s**2)*(1 - t)", "the slopes of both predicted ends"),
        states="A noise-preserving kernel's sensitivity L of the mean to the velocity.",
    )


@derivation("weights.tempflow", rows=("GRPO-4",))
def tempflow(production: Production) -> Lines:
    """Weights proportional to the noise of each step, of mean one: the learning rate stays."""
    w = Writing(r=indexed(r"\mathrm{std}_i", positive=True), n=Constant("n", 3))
    yield w.chain(
        "weights.tempflow(r)",
        ("r/mean(r)", "the sum over the number of steps is the mean"),
        states="Each step, i, counts by the noise that it explores with.",
    )
    yield w.chain(
        "sum(weights.tempflow(r)/r)",
        ("n/mean(r)", "each weight over its width is one over the mean width"),
        states="The weights are proportional to the widths.",
    )
    yield w.chain(
        "mean(weights.tempflow(r))",
        ("mean(r)/mean(r)", "the mean is linear"),
        ("1", "it cancels"),
        states="The mean of the weights.",
    )


@derivation(
    "weights.guard_log_ratio",
    rows=("GRPO-5",),
    assumes=("x_s drawn from the old policy", "coordinates are independent"),
)
def guard_log_ratio(production: Production) -> Lines:
    """Recentred and rescaled: the mean of the log-ratio is 0, and its spread forgets the width.

    The averaged log-ratio of two means D apart is below zero on average, by their averaged KL, so
    that clipping at 1 ± ε cuts one side more than the other, and by amounts that the width sets.
    """
    w = Writing(p="N(mean, std**2)", q="N(mean_old, std**2)", L=number(), K=number(positive=True))
    w.let("y", "mean_old + std*eps")
    w.let("D", "mean - mean_old")
    w.let("l", "policy.log_ratio(log_density(y, p), log_density(y, q))", r"\log r")
    yield w.chain(
        "weights.guard_log_ratio(L, K, std)/std - K",
        ("L", "std and K cancel"),
        states="Any log-ratio L and divergence K can be had back.",
    )
    yield w.chain(
        "l",
        ("eps**2/2 - (eps - D/std)**2/2", "y − μ_old = std ε and y − μ = std ε − D"),
        ("D*eps/std - D**2/(2*std**2)", "multiply out"),
        states="The log-ratio at a draw of the old policy.",
    )
    yield w.chain(
        "weights.guard_log_ratio(l, KL(q, p), std)",
        ("std * (D*eps/std - D**2/(2*std**2) + D**2/(2*std**2))", "KL = D²/(2 std²)"),
        ("D*eps", "the divergence cancels, and so does std"),
        states="Recentred by the divergence and scaled by the width.",
        so="Its mean is 0 and its variance D², whatever the width: E[ε] = 0 and E[ε²] = 1.",
    )


@derivation("weights.guard", rows=("GRPO-4",), assumes=("the linear path", "ratio of GRPO-Guard"))
def guard(production: Production) -> Lines:
    """Scaling by the width takes √h of the gradient's size away, and 1/h the rest.

    What stays is 1 + g² (1 − t)/(2t), with no h in it.
    """
    w = _step()
    w.let("D", "m - m_0")
    yield w.chain(
        "weights.guard(h) * d(D*eps, v)",
        ("weights.guard(h) * (-(weights.lever(g, t, h)*eps))", "the slope of the mean in v"),
        ("-((1 + g**2*(1 - t)/(2*t))*eps)", "h cancels"),
        states="The recentred log-ratio is (m − m_0) ε, with m_0 the old mean: its gradient, "
        "weighed.",
    )


@derivation(
    "weights.guard_lever",
    rows=("GRPO-4",),
    assumes=("the mean is affine in v", "ratio of GRPO-Guard"),
)
def guard_lever(production: Production) -> Lines:
    """Divided by the sensitivity, the recentred log-ratio has one gradient at every step: −ε.

    Neither the width of the step nor its length is left, whatever the kernel.
    """
    w = Writing(L=number("L", positive=True), m_0=number(), m_1=number())
    w.let("m", "m_0 - L*v")
    w.let("D", "m - m_1")
    yield w.chain(
        "weights.guard_lever(L) * d(D*eps, v)",
        ("weights.guard_lever(L) * (-(L*eps))", "dm/dv = −L"),
        ("-eps", "L cancels"),
        states="The recentred log-ratio is (m − m_1) ε, with m_1 the old mean: its gradient, "
        "weighed.",
        so="The plain log-ratio needs std/L for the same: `weights.levelled`.",
    )
    w = _step()
    yield w.chain(
        "weights.guard_lever(weights.lever(g, t, h))/weights.guard(h)",
        ("h/weights.lever(g, t, h)", "1/L over 1/h"),
        ("1/(1 + g**2*(1 - t)/(2*t))", "h cancels"),
        states="Against the weight 1/h, on Euler–Maruyama's step.",
        so="The two agree where g² (1 − t)/(2t) is small.",
    )
    yield w.chain(
        "weights.lever(sde.flow_grpo_g(t, a, t), t, h)",
        ("h * (1 + a**2 * t/(1 - t) * (1 - t)/(2*t))", "g² = a² t/(1 − t)"),
        ("h * (1 + a**2/2)", "t and 1 − t cancel"),
        states="With Flow-GRPO's g, below t = 1.",
        so="Then the two weights are proportional, with one factor for all steps.",
    )


CASES = (
    ("A > 0, r > 1: outward", "A", "+", "0"),
    ("−A < 0, r < 1: outward", "-A", "-", "0"),
    ("A > 0, r < 1: back in", "A", "-", "1"),
    ("−A < 0, r > 1: back in", "-A", "+", "1"),
)
"""Name, advantage (A > 0 is its size), side of 1 on which the ratio lies, and the mask."""


@derivation("weights.divergence_mask", rows=("GRPO-4",))
def divergence_mask(production: Production) -> Lines:
    """Gradients stop in one of four cases past the limit: when the update leads further out.

    As in PPO's clipping, with the exact divergence in place of |r − 1| > ε.
    """
    for name, gain, side, mask in CASES:
        number_ = gain.replace("A", "1")
        yield Writing().chain(
            f"weights.divergence_mask(1 {side} 1/4, {number_}, 3/10, 1/5)",
            (mask, _why(mask)),
            states=f"With numbers: {name.replace('A >', 'A = 1 >').replace('−A <', 'A = −1 <')}; "
            "KL = 3/10 is past the limit 1/5.",
        )
    for name, gain, side, mask in CASES:
        w = Writing(A=number(positive=True), K=number(r"\mathrm{limit}", positive=True))
        w.let("r", f"1 {side} (clip + beyond)")
        yield w.chain(
            f"weights.divergence_mask(r, {gain}, K + over, K) * d(r*({gain}), beyond)",
            (f"{mask} * d(r*({gain}), beyond)", _why(mask)),
            (
                f"d(grpo.surrogate(r, {gain}, clip), beyond)",
                "there r A is clipped to a constant"
                if mask == "0"
                else "there the clipped objective is r A",
            ),
            states=f"{name}, past the limit by η: clipping stops the gradient in the same cases.",
        )
        if mask == "0":
            yield w.chain(
                f"weights.divergence_mask(r, {gain}, K, K + over)",
                ("1", "KL is below the limit: the mask is one"),
                states=f"{name}, within the limit.",
            )
            yield w.chain(
                f"weights.divergence_mask(r, {gain}, K, K)",
                ("1", "KL is not past the limit: the mask is one"),
                states=f"{name}, at the limit.",
            )


def _why(mask: str) -> str:
    if mask == "0":
        return "KL > limit, and advantage times r − 1 is positive: the mask is zero"
    return "advantage times r − 1 is negative: the mask is one"


@derivation(
    "weights.signal", rows=("GRPO-4",), assumes=("advantage and score are jointly Gaussian",)
)
def signal(production: Production) -> Lines:
    """How much of a gradient is signal: its squared mean over its variance, by Isserlis' theorem.

    A = std_A ε is the advantage and Y the score, with correlation ρ; the gradient is A Y.
    """
    w = Writing(eta=other)
    w.let("A", "size*eps")
    w.let("Y", "std*(rho*eps + sqrt(1 - rho**2)*eta)")
    yield w.chain(
        "E(eps, E(eta, A*Y))",
        ("E(eps, size*std*rho*eps**2)", "E[η] = 0"),
        ("size*std*rho", "E[ε²] = 1"),
        states="The mean of the gradient.",
    )
    yield w.chain(
        "E(eps, E(eta, (A*Y)**2))",
        (
            "size**2*std**2 * E(eps, eps**2*(rho**2*eps**2 + 1 - rho**2))",
            "E[η] = 0 and E[η²] = 1",
        ),
        ("size**2*std**2 * (3*rho**2 + 1 - rho**2)", "E[ε⁴] = 3 and E[ε²] = 1"),
        ("size**2*std**2 * (1 + 2*rho**2)", "3ρ² − ρ² = 2ρ²"),
        states="Its mean square.",
    )
    w.let("M", "size*std*rho")
    w.let("S", "size**2*std**2 * (1 + 2*rho**2)")
    yield w.chain(
        "M**2/(S - M**2)",
        ("rho**2/(1 + 2*rho**2 - rho**2)", "std_A² std² cancels"),
        ("weights.signal(rho)", "2ρ² − ρ² = ρ²"),
        states="Squared mean over variance, with the mean M and the mean square S.",
    )
    yield w.chain(
        "1/2 - weights.signal(rho)",
        ("(1 - rho**2)/(2*(1 + rho**2))", "common denominator"),
        states="It is at most a half.",
        so="Never negative, for |ρ| ≤ 1, and zero at ρ = ±1.",
    )
