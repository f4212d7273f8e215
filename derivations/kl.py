"""The divergence of two steps, from its definition to the paper's, and the field's variants."""

from refimpl.equations import kl
from refimpl.equations.arguments import LogRatio, Mean, Noise, ReferenceMean

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of, symbol
from .engine.written import Writing, indexed, number

mean = of(Mean, "mean")
mean_ref = of(ReferenceMean, "mean_ref")
std_ref = symbol("std_ref", r"\mathrm{std}_{\mathrm{ref}}", positive=True)
log_r = of(LogRatio, "log_ratio")
second_draw = of(Noise, "second_draw", r"\varepsilon'")
start = of(kl.Start, "start")


@derivation("kl.gaussian", rows=("GRPO-8",))
def general(production: Production) -> Lines:
    """The divergence of two Gaussians: the expected difference of their log-densities."""
    w = Writing(p="N(mean, std**2)", q="N(mean_ref, std_ref**2)", draw="mean + std*eps")
    yield w.chain(
        "KL(p, q)",
        (
            "E(eps, log_density(draw, p) - log_density(draw, q))",
            "the definition, at a draw from the first law",
        ),
        (
            "E(eps, log(std_ref/std) - eps**2/2 + (mean + std*eps - mean_ref)**2/(2*std_ref**2))",
            "the two log-densities; ½ log 2π cancels",
        ),
        (
            "log(std_ref/std) - 1/2 + (std**2 + (mean - mean_ref)**2)/(2*std_ref**2)",
            "E[ε] = 0 and E[ε²] = 1",
        ),
        ("kl.gaussian(p, q)", "−½ is −std_ref² over 2 std_ref²"),
    )
    yield w.chain(
        "kl.gaussian(p, p)",
        ("0", "log 1 = 0, and the numerator vanishes"),
        states="Equal laws do not diverge.",
    )


@derivation("kl.of_means", rows=("GRPO-8",))
def of_means(production: Production) -> Lines:
    """Two Gaussians that share their std differ by their means alone."""
    w = Writing()
    yield w.chain(
        "kl.gaussian(N(mean, std**2), N(mean_ref, std**2))",
        ("kl.of_means(mean, mean_ref, std)", "log 1 = 0, and std² − std² = 0"),
    )


@derivation("kl.flow_grpo", rows=("GRPO-8",), assumes=("the linear path", "both steps share g"))
def flow_grpo(production: Production) -> Lines:
    """Equation (3): both of its forms are the divergence of the two transitions."""
    w = Writing()
    w.let("h", "t - s")
    w.let("b", "sde.flow_grpo_drift(x, v, g, t)")
    w.let("b_ref", "sde.flow_grpo_drift(x, v_ref, g, t)", r"b_{\mathrm{ref}}")
    w.let("m", "x - h*b")
    w.let("m_ref", "x - h*b_ref", r"m_{\mathrm{ref}}")
    w.let("policy", "sde.transition(paths.linear(t), x, v, g, Step(t, s))", r"\pi_\theta")
    w.let(
        "reference",
        "sde.transition(paths.linear(t), x, v_ref, g, Step(t, s))",
        r"\pi_{\mathrm{ref}}",
    )
    yield w.chain(
        "policy",
        ("N(m, g**2*h)", "the paper's Eq. 9: the score of the linear path put into the drift"),
        states="A step of the policy is a Gaussian; the reference's has another mean.",
    )
    yield w.chain(
        "KL(policy, reference)",
        (
            "kl.of_means(m, m_ref, g*sqrt(h))",
            "the paper's KL, first form: equal widths, so the logarithm and the ½ cancel",
        ),
        ("h*(b - b_ref)**2/(2*g**2)", "m − m_ref = −h (b − b_ref), and std² = g² h"),
        (
            "h/(2*g**2) * (1 + g**2*(1 - t)/(2*t))**2 * (v - v_ref)**2",
            "b is affine in v, with slope 1 + g²(1 − t)/(2t)",
        ),
        (
            "kl.flow_grpo(v, v_ref, g, t, h)",
            "the paper's KL, second form: 1/g² goes inside the square",
        ),
        states="The divergence of the two steps, by their velocities.",
    )


@derivation("kl.without_h", rows=("GRPO-8",))
def without_h(production: Production) -> Lines:
    """The field's variant is h times the divergence: it fades with the step, the KL does not."""
    w = Writing()
    yield w.chain(
        "h * kl.of_means(mean, mean_ref, g*sqrt(h))",
        ("h * (mean - mean_ref)**2/(2*g**2*h)", "std² = g² h"),
        ("kl.without_h(mean, mean_ref, g)", "h cancels"),
    )


@derivation("kl.velocity", rows=("GRPO-8",))
def velocity(production: Production) -> Lines:
    """The velocity penalty is the paper's KL with its weight over t removed."""
    w = Writing()
    w.let("c", "h/2 * (g*(1 - t)/(2*t) + 1/g)**2")
    yield w.chain(
        "kl.flow_grpo(v, v_ref, g, t, h)",
        ("c * kl.velocity(v, v_ref)", "the factors before the last, named c"),
    )


def _on_a_draw() -> Writing:
    """log r = log p_ref − log p_θ at a draw x = μ + std ε of the policy."""
    w = Writing(p="N(mean, std**2)", q="N(mean_ref, std**2)")
    w.let("x", "mean + std*eps")
    w.let("L", "log_density(x, q) - log_density(x, p)", r"\log r")
    w.let("delta", "(mean_ref - mean)/std", r"\delta")
    return w


def _log_ratio(w: Writing) -> Lines:
    yield w.chain(
        "L",
        (
            "(x - mean)**2/(2*std**2) - (x - mean_ref)**2/(2*std**2)",
            "equal widths: the logarithms cancel",
        ),
        ("eps**2/2 - (eps - delta)**2/2", "x − μ = std ε and x − μ_ref = std (ε − δ)"),
        ("delta*eps - delta**2/2", "multiply out"),
        states="The log-ratio at a draw from the policy.",
    )


@derivation("kl.k1", rows=("GRPO-8",))
def k1(production: Production) -> Lines:
    """Minus the log-ratio: unbiased."""
    w = _on_a_draw()
    yield w.chain(
        "E(eps, kl.k1(L))",
        ("E(eps, log_density(x, p) - log_density(x, q))", "the definition of log r"),
        ("KL(p, q)", "the definition of the divergence"),
    )


@derivation("kl.k2", rows=("GRPO-8",))
def k2(production: Production) -> Lines:
    """Half the squared log-ratio: its bias is KL²/2 for steps that share their std."""
    w = _on_a_draw()
    w.let("D", "KL(p, q)", r"\mathrm{KL}")
    yield from _log_ratio(w)
    yield w.chain(
        "E(eps, kl.k2(L))",
        ("E(eps, (delta*eps - delta**2/2)**2)/2", "log r at a draw"),
        ("delta**2/2 + delta**4/8", "E[ε] = 0 and E[ε²] = 1"),
        ("D + D**2/2", "KL = δ²/2"),
    )


@derivation("kl.k3", rows=("GRPO-8",))
def k3(production: Production) -> Lines:
    """The ratio minus one minus its logarithm: unbiased, convex in log r, least at r = 1."""
    w = _on_a_draw()
    yield from _log_ratio(w)
    yield w.chain(
        "E(eps, kl.k3(delta*eps - delta**2/2))",
        (
            "exp(-delta**2/2) * E(eps, exp(delta*eps)) - 1 + delta**2/2",
            "E is linear, and E[ε] = 0",
        ),
        ("1 - 1 + delta**2/2", "E[exp(δε)] = exp(δ²/2)"),
        ("KL(p, q)", "two Gaussians of equal width"),
        states="Its mean over draws is the divergence.",
    )
    yield w.chain(
        "at(kl.k3(log_ratio), log_ratio, 0)",
        ("exp(0) - 1 - 0", "log r = 0"),
        ("0", "e⁰ = 1"),
        states="It is zero at r = 1, ...",
    )
    yield w.chain(
        "d(kl.k3(log_ratio), log_ratio)",
        ("exp(log_ratio) - 1", "term by term; it vanishes at r = 1 alone"),
        states="... stationary there and nowhere else, ...",
    )
    yield w.chain(
        "d(kl.k3(log_ratio), log_ratio, 2)",
        ("exp(log_ratio)", "once more; it is r, so positive"),
        states="... and convex: never negative.",
    )


LINEAR = "steps whose means are affine in the state, with equal slopes under both policies"


@derivation(
    "kl.trajectory", rows=("GRPO-13",), assumes=("both policies share the width of a step",)
)
def trajectory(production: Production) -> Lines:
    """The KL of trajectories is the sum of the steps' KLs: Girsanov's formula in discrete time.

    Given the state, a step's KL is the paper's; what remains is its mean over the states that the
    new policy visits. So a penalty summed over steps is a penalty on whole trajectories.
    """
    w = Writing(d=indexed(), s=indexed(r"\mathrm{std}_i", positive=True), z=number())
    w.bind(a=number(), b=number(), c=number(), e=second_draw, r=number(positive=True))
    w.let("x_1", "mean + std*eps", "x_1")
    w.let("x_2", "a*x_1 + b + r*e", "x_2")
    w.bind(p="N(mean, std**2)", p_2="N(a*x_1 + b, r**2)")
    w.bind(q="N(mean_ref, std**2)", q_2="N(c*x_1, r**2)")
    yield w.chain(
        "E(eps, E(e, log_density(x_1, p) + log_density(x_2, p_2)"
        " - log_density(x_1, q) - log_density(x_2, q_2)))",
        (
            "E(eps, log_density(x_1, p) - log_density(x_1, q) + KL(p_2, q_2))",
            "the mean over the second step alone, given the first",
        ),
        (
            "KL(p, q) + E(eps, kl.of_means(a*x_1 + b, c*x_1, r))",
            "the mean over the first step; equal widths",
        ),
        states="Two steps, the second one from where the first has led, of two policies.",
        so="And so on, step by step: the KL of a trajectory is a sum.",
    )
    yield w.chain(
        "kl.trajectory(d, s)",
        ("sum(kl.of_means(z + d, z, s))", "means that are d apart, at every state z"),
        states="Where the difference of the means does not depend on the state.",
    )


@derivation("kl.images", rows=("GRPO-13",), assumes=(LINEAR,))
def images(production: Production) -> Lines:
    """Images are the ends of trajectories: their KL is smaller, and on a linear chain known.

    It is equal only if every step is moved in proportion to P std², and the start is forgotten.
    """
    w = Writing(d=indexed(n=2), s=indexed(r"\mathrm{std}_i", n=2, positive=True), o=start)
    w.bind(P=indexed(n=2), d_1=number("d_1"), d_2=number("d_2"), P_1=number("P_1"))
    w.bind(P_2=number("P_2"), s_1=number(r"\mathrm{std}_1", positive=True))
    w.bind(s_2=number(r"\mathrm{std}_2", positive=True), m=number(r"\mu"))
    w.let("V", "o**2 + sum(P**2*s**2)", "V")
    yield w.chain(
        "kl.images(d, s, P, o)",
        ("kl.of_means(m + sum(P*d), m, sqrt(V))", "the ends are N(μ, V) and N(μ + Σ P d, V)"),
        states="Two Gaussians of one width.",
    )
    yield w.chain(
        "kl.trajectory(d, s) - kl.images(d, s, P, o)",
        (
            "(V*(d_1**2/s_1**2 + d_2**2/s_2**2) - (P_1*d_1 + P_2*d_2)**2)/(2*V)",
            "over one denominator",
        ),
        (
            "(o**2*(d_1**2/s_1**2 + d_2**2/s_2**2) + (P_1*s_1*d_2/s_2 - P_2*s_2*d_1/s_1)**2)/(2*V)",
            "V multiplied out; what is left is a square",
        ),
        ("<= kl.trajectory(d, s)", "the KL of images is not negative"),
        states="Two steps: what images do not show.",
        so="It vanishes where std₀ = 0 and $d_k\\propto P_k\\,\\mathrm{std}_k^2$; with "
        "more steps there is a square for each pair.",
    )


@derivation("kl.seen", rows=("GRPO-13",), assumes=(LINEAR,))
def seen(production: Production) -> Lines:
    """The shift that images show best is the one that a reward asks for: d ∝ P std²."""
    w = Writing(s=indexed(r"\mathrm{std}_i", positive=True), P=indexed(), o=start, c=number())
    w.let("S", "sum(P**2*s**2)", "S")
    yield w.chain(
        "kl.images(c*P*s**2, s, P, o)",
        ("(c*S)**2/(2*(o**2 + S))", "Σ P d = c S"),
        ("kl.seen(s, P, o) * (c**2*S/2)", "one S apart"),
        ("kl.seen(s, P, o) * kl.trajectory(c*P*s**2, s)", "d²/std² = c² P² std²"),
        states="Moved so, at any size c.",
        so="By Cauchy and Schwarz no other shift has a larger share.",
    )
    yield w.chain(
        "kl.seen(s, P, 0)",
        ("S/S", "no spread from the start"),
        ("1", "it cancels"),
        states="A chain that forgets its start can show all of it.",
    )
