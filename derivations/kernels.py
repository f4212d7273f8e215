"""Kernels that keep the noise level at every step size, and the exact step they belong to."""

from refimpl.equations.kernels import Eta, Kept, Variance

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of, symbol
from .engine.written import Writing, number

share = symbol("share", r"\varrho", low=0, high=1, positive=True)
eta = of(Eta, "eta_cps")
kept = of(Kept, "kept")
middle = symbol("middle", r"m", low="0.5", high="0.6", positive=True)
V = of(Variance, "V")
LINEAR = "the linear path, E[data | x_t] held constant over the step"


@derivation("kernels.preserving", rows=("GRPO-6",), assumes=("std ≤ σ_s",))
def preserving(production: Production) -> Lines:
    """Predicted and fresh noise always add up to the level's own variance.

    On data that are one point the chain has the marginals of the path exactly, in however few
    steps. In the limit of small steps with std = g √h it is Flow-GRPO's SDE. The first two claims
    hold at any level: they write α_t and σ_t for the path where the step ends.
    """
    w = Writing()
    w.let("std", "share*sigma", r"\mathrm{std}")
    w.let("step", "kernels.preserving(C, data, noise, std)")
    yield w.chain(
        "Var(noise, step.mean) + step.std**2",
        ("(sigma**2 - std**2) + std**2", "the noise has variance one; its weight is squared"),
        ("sigma**2", "std² cancels"),
        states="Over predicted and fresh noise the variance is the level's, for any std.",
    )
    yield w.chain(
        "E(noise, step.mean)",
        ("alpha*data", "the noise has mean zero"),
        states="And the mean is that of the path.",
    )
    yield w.chain(
        "kernels.preserving(paths.linear(s), data, noise, 0).mean",
        ("(1 - s)*data + s*noise", "std = 0, and √s² = s"),
        ("(1 - t)*data + t*noise - (t - s)*(noise - data)", "t − (t − s) = s, for each end"),
        states="Without fresh noise, on the linear path: Euler's step x − h v of the flow.",
    )
    w = Writing()
    w.let("x_t", "(1 - t)*data + t*noise")
    w.let("step", "kernels.preserving(paths.linear(t - h), data, noise, g*sqrt(h))")
    yield w.chain(
        "at(d(step.mean, h), h, 0)",
        (
            "at(d((1 - t + h)*data + sqrt((t - h)**2 - g**2*h)*noise, h), h, 0)",
            "the linear path at t − h, with std² = g² h",
        ),
        (
            "at(data - (2*(t - h) + g**2)/(2*sqrt((t - h)**2 - g**2*h))*noise, h, 0)",
            "the derivative of a root",
        ),
        ("data - (2*t + g**2)/(2*t) * noise", "h = 0"),
        ("-(noise - data + g**2/(2*t)*noise)", "collect the velocity, noise − data"),
        ("-sde.flow_grpo_drift(x_t, noise - data, g, t)", "x_t + (1 − t)(noise − data) = noise"),
        states="With std = g √h, as h → 0 its mean moves at minus the drift of Flow-GRPO's SDE.",
    )
    yield w.chain(
        "step.std**2",
        ("g**2*h", "the square of the root"),
        (
            "sde.euler_maruyama(x_t, -sde.flow_grpo_drift(x_t, v, g, t), g, h).std**2",
            "the variance of the SDE's own noise over a time h",
        ),
        states="Its noise is the SDE's.",
    )


@derivation("kernels.cps_std", rows=("GRPO-7",))
def cps_std(production: Production) -> Lines:
    """An angle splits the noise: s cos(ηπ/2) is retained, s sin(ηπ/2) is new."""
    w = Writing(eta=eta)
    yield w.chain(
        "s**2 - kernels.cps_std(s, eta)**2",
        ("s**2 * (1 - sin(eta*pi/2)**2)", "collect s²"),
        ("(s*cos(eta*pi/2))**2", "sin² + cos² = 1"),
        states="The variance that is retained, of s².",
    )
    yield w.chain(
        "kernels.cps_std(s, 0)",
        ("0", "sin 0 = 0"),
        states="η = 0 is deterministic.",
    )
    yield w.chain(
        "kernels.cps_std(s, 1)",
        ("s", "sin π/2 = 1"),
        states="η = 1 renews all of the noise.",
    )


@derivation("kernels.kept_flow_grpo", rows=("GRPO-6", "GRPO-7"), assumes=("0 < s < t < 1",))
def kept_flow_grpo(production: Production) -> Lines:
    """Λ = ∫ g²/τ² dτ for Flow-GRPO's g: the retained share of noise is a power of a ratio of odds.

    Its rate and its start determine it. With a² = 2 it is the memoryless schedule's share.
    """
    w = Writing(m=middle)
    w.let("K", "kernels.kept_flow_grpo(Step(t, s), a)", r"e^{-\Lambda}")
    yield w.chain(
        "d(log(K), s)",
        (
            "d(a**2 * (log(s) - log(1 - s)), s)",
            "the logarithm of a power and of a quotient; the terms with t do not depend on s",
        ),
        ("a**2 * (1/s + 1/(1 - s))", "the derivative of the logarithm"),
        ("a**2 / (s*(1 - s))", "1 − s + s = 1"),
        ("sde.flow_grpo_g(s, a, s)**2 / s**2", "g² = a² s/(1 − s)"),
        states="It decays at the rate g²/s² as s falls.",
    )
    yield w.chain(
        "at(K, s, t)",
        ("1", "the base is one"),
        states="A step of no length keeps all.",
        so="Rate and start determine it.",
    )
    w.let("K_1", "kernels.kept_flow_grpo(Step(t, m), a)")
    w.let("K_2", "kernels.kept_flow_grpo(Step(m, s), a)")
    yield w.chain(
        "d(log(K_1) + log(K_2), m)",
        (
            "a**2/(m*(1 - m)) - a**2/(m*(1 - m))",
            "the rate at the first step's end, and with a minus sign at the second's start",
        ),
        ("0", "they cancel"),
        states="Two steps, with m between t and s: their product does not depend on m.",
        so="At m = s the second share is one, so the product is the share of the whole step.",
    )
    yield w.chain(
        "kernels.kept_flow_grpo(Step(1, s), a)",
        ("0", "1 − t = 0, and a² > 0"),
        states="From t = 1 nothing is retained.",
    )


@derivation("kernels.kept_constant", rows=("GRPO-6", "GRPO-7"), assumes=("0 < s < t",))
def kept_constant(production: Production) -> Lines:
    """The same for a constant g: all of the forgetting happens near the data."""
    w = Writing()
    w.let("K", "kernels.kept_constant(Step(t, s), g)", r"e^{-\Lambda}")
    yield w.chain(
        "d(log(K), s)",
        ("d(-(g**2/s), s)", "log and exp undo each other; 1/t does not depend on s"),
        ("g**2/s**2", "the derivative of 1/s is −1/s²"),
        states="It decays at the rate g²/s² as s falls.",
    )
    yield w.chain(
        "at(K, s, t)",
        ("exp(0)", "1/t − 1/t = 0"),
        ("1", "e⁰ = 1"),
        states="A step of no length keeps all.",
        so="Rate and start determine it.",
    )
    w.bind(m=middle)
    yield w.chain(
        "kernels.kept_constant(Step(t, m), g) * kernels.kept_constant(Step(m, s), g)",
        ("exp(-g**2*(1/m - 1/t) - g**2*(1/s - 1/m))", "the product of exponentials"),
        ("kernels.kept_constant(Step(t, s), g)", "1/m cancels"),
        states="Two steps, with m between t and s, keep what one step keeps.",
    )
    yield w.chain(
        "limit(K, s, 0)",
        ("exp(g**2/t) * limit(exp(-(g**2/s)), s, 0)", "the exponential of a sum is a product"),
        ("0", "−g²/s tends to −∞"),
        states="Nothing is left at s = 0.",
    )


@derivation("kernels.frozen_data", rows=("GRPO-6", "SC-9"), assumes=(LINEAR, "K is differentiable"))
def frozen_data(production: Production) -> Lines:
    """The SDE, solved: its mean and variance obey the rates that drift and noise prescribe.

    With the data prediction held, the drift is linear in x, so the law at every level is Gaussian:
    its mean moves at the drift, and its variance V obeys dV/ds = 2 (∂ drift/∂x) V − g² as s falls.
    K is the share e^{−Λ} as a function of s, so K′ = K g²/s².
    """
    w = Writing(K=number(of="s", positive=True), kept=kept)
    w.let("g_s", "s*sqrt(d(K, s)/K)", "g")
    w.let("m", "kernels.frozen_data(data, noise, s, K).mean")
    w.let("V", "kernels.frozen_data(data, noise, s, K).std**2")
    yield w.chain(
        "kernels.frozen_data(data, noise, s, kept)",
        (
            "N((1 - s)*data + s*sqrt(kept)*noise, s**2*(1 - kept))",
            "of the noise variance s² the share e^{−Λ} is retained, the rest drawn afresh",
        ),
        states="The law of the step.",
    )
    yield w.chain(
        "conversions.velocity_from_data(paths.linear(s), x, data)",
        ("(x - data)/s", "−1 − (1 − s)/s = −1/s"),
        states="The velocity with the data prediction held.",
    )
    yield w.chain(
        "sde.flow_grpo_drift(m, (m - data)/s, g_s, s)",
        (
            "(m - data)/s + g_s**2/(2*s**2) * (m - (1 - s)*data)",
            "m + (1 − s)(m − data)/s = (m − (1 − s) data)/s",
        ),
        (
            "-data + sqrt(K)*noise + g_s**2/(2*s) * sqrt(K)*noise",
            "m = (1 − s) data + s √K noise",
        ),
        ("-data + (sqrt(K) + s*d(K, s)/(2*sqrt(K))) * noise", "g² = s² K′/K"),
        ("d(m, s)", "the product rule, read backwards"),
        states="The drift at the mean is the rate of the mean.",
    )
    yield w.chain(
        "d(sde.flow_grpo_drift(x, (x - data)/s, g_s, s), x)",
        ("1/s + g_s**2/(2*s) * (1 + (1 - s)/s)", "linear in x"),
        ("1/s + g_s**2/(2*s**2)", "1 + (1 − s)/s = 1/s"),
        states="The slope of the drift in x.",
    )
    yield w.chain(
        "2*(1/s + g_s**2/(2*s**2))*V - g_s**2",
        ("2*s*(1 - K) + g_s**2*(1 - K) - g_s**2", "V = s² (1 − K)"),
        ("2*s*(1 - K) - g_s**2*K", "g² cancels"),
        ("2*s*(1 - K) - s**2*d(K, s)", "g² = s² K′/K"),
        ("d(V, s)", "the product rule, read backwards"),
        states="The variance obeys its equation.",
    )
    w.bind(eta=eta)
    yield w.chain(
        "kernels.frozen_data(data, noise, t, 1)",
        ("N((1 - t)*data + t*noise, 0)", "K = 1"),
        states="It starts at x_t, without spread.",
    )
    yield w.chain(
        "kernels.preserving(paths.linear(s), data, noise, s*sqrt(1 - kept))",
        (
            "N((1 - s)*data + sqrt(s**2 - s**2*(1 - kept))*noise, s**2*(1 - kept))",
            "the linear path at s",
        ),
        ("kernels.frozen_data(data, noise, s, kept)", "s² − s² (1 − e^{−Λ}) = s² e^{−Λ}"),
        states="It is a noise-preserving step.",
    )
    yield w.chain(
        "kernels.frozen_data(data, noise, s, cos(eta*pi/2)**2).std**2",
        ("s**2 * (1 - cos(eta*pi/2)**2)", "the square of the root"),
        ("kernels.cps_std(s, eta)**2", "sin² + cos² = 1"),
        states="It is the CPS step whose angle keeps the share e^{−Λ} = cos²(ηπ/2).",
    )


def _gaussian_data() -> Writing:
    """Data N(m, c) on the linear path: T is the variance at t."""
    w = Writing(m=number(), c=number(positive=True), W=number(positive=True))
    w.let("h", "t - s")
    w.let("T", "(1 - t)**2*c + t**2")
    return w


@derivation(
    "kernels.noise_variance",
    rows=("GRPO-6",),
    assumes=("data that are one point; Gaussian data N(m, c) in the last four chains",),
)
def noise_variance(production: Production) -> Lines:
    """Euler–Maruyama's own noise level: what is left of the old noise, and g² h of the new.

    The excess over s² is of second order in h, so no finite grid ends noise-free. On Gaussian data
    the law of the whole chain follows by induction over its steps.
    """
    w = Writing(V=V)
    w.let("h", "t - s")
    w.let("x_t", "(1 - t)*data + sqrt(V)*eps")
    w.let("m", "x_t - h*sde.flow_grpo_drift(x_t, (x_t - data)/t, g, t)")
    yield w.chain(
        "m",
        (
            "x_t - h*((x_t - data)/t + g**2/(2*t**2)*(x_t - (1 - t)*data))",
            "x_t + (1 − t)(x_t − data)/t = (x_t − (1 − t) data)/t",
        ),
        (
            "(1 - s)*data + (1 - h/t - g**2*h/(2*t**2))*sqrt(V)*eps",
            "x_t = (1 − t) data + √V ε; collect data and ε",
        ),
        ("(1 - s)*data + (s - g**2*h/(2*t))/t * sqrt(V)*eps", "1 − h/t = s/t"),
        states="The mean of a step of Euler–Maruyama, with the data known: v = (x_t − data)/t.",
    )
    yield w.chain(
        "Var(eps, m) + g**2*h",
        ("kernels.noise_variance(V, g, Step(t, s))", "only ε varies, with variance one"),
        states="The noise after the step.",
    )
    yield w.chain(
        "kernels.noise_variance(t**2, g, Step(t, s))",
        ("(s - g**2*h/(2*t))**2 + g**2*h", "t cancels"),
        ("s**2 + g**2*h*(1 - s/t) + (g**2*h/(2*t))**2", "the square, multiplied out"),
        ("s**2 + g**2*h**2/t * (1 + g**2/(4*t))", "1 − s/t = h/t"),
        states="From the exact level, V = t².",
        so="The excess over s² is of second order in h.",
    )
    yield w.chain(
        "kernels.noise_variance(t**2, 0, Step(t, s))",
        ("s**2", "g = 0, and t cancels"),
        states="Without fresh noise the level is kept.",
    )
    yield from _whole_chain()


def _whole_chain() -> Lines:
    w = _gaussian_data()
    w.let("v", "(t - (1 - t)*c)/T * (x - (1 - t)*m) - m", "v(x)")
    yield w.chain(
        "sde.flow_grpo_drift(x, v, g, t)",
        (
            "v + g**2/(2*t) * (T + (1 - t)*(t - (1 - t)*c))/T * (x - (1 - t)*m)",
            "x + (1 − t) v, over the common denominator T",
        ),
        ("v + g**2/(2*T) * (x - (1 - t)*m)", "T + (1 − t)(t − (1 − t) c) = t² + t (1 − t) = t"),
        states="Gaussian data N(m, c): x_t has the law N((1 − t) m, T), and v is its flow's field, "
        "affine in x.",
    )
    w.let("p", "1 - h*(2*(t - (1 - t)*c) + g**2)/(2*T)")
    w.let("y", "(1 - t)*m + sqrt(W)*eps")
    w.let("v", "(t - (1 - t)*c)/T * (y - (1 - t)*m) - m", "v(y)")
    w.let("z", "y - h*sde.flow_grpo_drift(y, v, g, t)")
    yield w.chain(
        "z",
        ("y - h*(v + g**2/(2*T) * sqrt(W)*eps)", "y − (1 − t) m = √W ε"),
        (
            "(1 - t)*m + h*m + (1 - h*(t - (1 - t)*c)/T - h*g**2/(2*T)) * sqrt(W)*eps",
            "v(y) put in; collect m and ε",
        ),
        ("(1 - s)*m + p*sqrt(W)*eps", "1 − t + h = 1 − s, and p is the bracket"),
        states="One step from any law N((1 − t) m, W), before its fresh noise.",
    )
    w = Writing(m=number(), p=number(), W=number(positive=True))
    w.bind(P=number(positive=True), Q=number(positive=True))
    w.let("z", "(1 - s)*m + p*sqrt(W)*eps")
    yield w.chain(
        "N(E(eps, z), Var(eps, z) + g**2*h)",
        ("N((1 - s)*m, p**2*W + g**2*h)", "E[ε] = 0 and E[ε²] = 1"),
        states="The law after the step, with the fresh noise g √h.",
        so="The mean stays that of the path, at any step size.",
    )
    yield w.chain(
        "p**2*(P*W + Q) + g**2*h",
        ("bracket(p**2*P)*W + bracket(p**2*Q + g**2*h)", "collect W"),
        states="Induction: if after some steps the variance is $P\\,W + Q$ with $P=\\prod_i p_i^2$ "
        "and $Q=\\sum_j g_j^2h_j\\prod_{i>j}p_i^2$, then after one more it is",
        so="P gains the factor p², each term of Q likewise, and Q the new term g² h. The chain "
        "starts at N(0, 1), so after all steps its law is N(m, P + Q).",
    )
    w = Writing(W=number(positive=True))
    w.let("h", "t - s")
    yield w.chain(
        "kernels.noise_variance(W, g, Step(t, s))",
        (
            "(1 - h*(2*t + g**2)/(2*t**2))**2 * W + g**2*h",
            "(s − g² h/(2t))/t = 1 − h (2t + g²)/(2t²), since s = t − h",
        ),
        states="Data that are one point: c = 0, where T = t².",
    )


@derivation("kernels.posterior_variance", rows=("GRPO-6",), assumes=("the linear path",))
def posterior_variance(production: Production) -> Lines:
    """data = x_t − t v*, so what is open about one is open about the other, t times as wide."""
    w = Writing(G=number("G", positive=True))
    yield w.chain(
        "Var(eps, x - t*(v + sqrt(G)*eps))",
        ("Var(eps, x - t*v - t*sqrt(G)*eps)", "multiply out"),
        ("kernels.posterior_variance(t, G)", "only ε varies, with variance one"),
        states="Given x_t = x, the velocity v* = v + √G ε of a sample has the mean v and the "
        "variance G, and its data is x − t v*.",
    )
    yield w.chain(
        "kernels.posterior_variance(1, G)",
        ("G", "t = 1"),
        states="At t = 1 all of it is open.",
    )


@derivation(
    "kernels.moment_matched",
    rows=("GRPO-6",),
    assumes=("std ≤ s", "the linear path", "v is the conditional mean"),
)
def moment_matched(production: Production) -> Lines:
    """Law of total variance: what the mean's variance lacks is drawn.

    The joint law x_s = (1 − s) data + k noise + std ε has the marginal of level s. Given x_t its
    mean is the step's; its variance is std² plus what is open about the data. For Gaussian data
    that is the whole law: the chain is exact in however few steps, whatever std explores with.
    """
    w = Writing(V=V)
    w.let("std", "share*s", r"\mathrm{std}")
    w.let("k", "sqrt(s**2 - std**2)")
    w.let("x_t", "(1 - t)*data + t*noise")
    w.bind(step="Step(t, s)")
    yield w.chain(
        "kernels.moment_matched(data, noise, std, V, step).mean",
        ("(1 - s)*data + k*noise", "k is the root"),
        ("kernels.preserving(paths.linear(s), data, noise, std).mean", "the linear path at s"),
        states="Its mean is that of a noise-preserving step.",
    )
    yield w.chain(
        "conversions.noise_from_data(paths.linear(t), x_t, data + sqrt(V)*eps)",
        ("(x_t - (1 - t)*data - (1 - t)*sqrt(V)*eps)/t", "the linear path at t"),
        ("noise - (1 - t)/t * sqrt(V)*eps", "x_t − (1 − t) data = t noise"),
        states="Given x_t, a sample's data is data + √V ε; its noise follows.",
    )
    w.let("y", "(1 - s)*(data + sqrt(V)*eps) + k*(noise - (1 - t)/t * sqrt(V)*eps)")
    yield w.chain(
        "Var(eps, y) + std**2",
        ("((1 - s) - k*(1 - t)/t)**2 * V + std**2", "collect ε, which has variance one"),
        ("kernels.moment_matched(data, noise, std, V, step).std**2", "the square of the root"),
        states="The variance given x_t of a step that starts from these ends.",
    )
    yield w.chain(
        "kernels.moment_matched(data, noise, std, 0, step)",
        ("N((1 - s)*data + k*noise, std**2)", "V = 0"),
        ("kernels.preserving(paths.linear(s), data, noise, std)", "the linear path at s"),
        states="With V = 0 it is a noise-preserving step.",
    )
    yield from _exact_on_gaussians()


def _exact_on_gaussians() -> Lines:
    """Data N(m, c): one step takes N((1 − t) m, T) to the same at s."""
    w = _gaussian_data()
    w.let("std", "share*s", r"\mathrm{std}")
    w.let("k", "sqrt(s**2 - std**2)")
    w.let("y", "(1 - t)*m + sqrt(T)*eps")
    w.let("d_0", "m + (1 - t)*c/T * (y - (1 - t)*m)", r"\mathbb E[\mathrm{data}\mid y]")
    w.let("n_0", "t*eps/sqrt(T)", r"\mathbb E[\mathrm{noise}\mid y]")
    w.let("V_t", "c - (1 - t)**2*c**2/T")
    yield w.chain(
        "conversions.noise_from_data(paths.linear(t), y, d_0)",
        ("(T - (1 - t)**2*c)/(t*T) * sqrt(T)*eps", "y − (1 − t) m = √T ε"),
        ("n_0", "T − (1 − t)² c = t²"),
        states="Gaussian data N(m, c): y is a draw of x_t, its ends are predicted by regression.",
    )
    w.let("a_0", "((1 - s)*(1 - t)*c + k*t)/sqrt(T)", "a")
    w.let("step", "kernels.moment_matched(d_0, n_0, std, V_t, Step(t, s))")
    yield w.chain(
        "step.mean",
        ("(1 - s)*m + (1 - s)*(1 - t)*c/sqrt(T)*eps + k*t/sqrt(T)*eps", "both ends put in"),
        ("(1 - s)*m + a_0*eps", "collect ε"),
        states="The mean of the step at this draw.",
        so="Its mean over draws is (1 − s) m.",
    )
    yield w.chain(
        "Var(eps, step.mean) + step.std**2",
        (
            "a_0**2 + std**2 + ((1 - s) - k*(1 - t)/t)**2 * V_t",
            "only ε varies, with variance one",
        ),
        (
            "(((1-s)*(1-t)*c + k*t)**2 + ((1-s)*t - k*(1-t))**2 * c)/T + std**2",
            "V_t = t² c/T",
        ),
        ("((1 - s)**2*c*T + k**2*T)/T + std**2", "the mixed terms cancel; collect T"),
        ("(1 - s)**2*c + s**2", "k² + std² = s²"),
        states="The variance after the step.",
        so="From the exact law at t the step reaches the exact law at s; by induction over the "
        "steps, so does the whole chain.",
    )


@derivation("kernels.ddim_std", rows=("DYN-10", "GRPO-7"))
def ddim_std(production: Production) -> Lines:
    """DDIM's noise is a share of the posterior's; in full it is the memoryless SDE's exact step."""
    w = Writing(eta=eta)
    w.let("kept", "s*(1 - t)/(t*(1 - s))", r"\kappa")
    w.let("beta", "t**2 - ((1 - t)/(1 - s))**2*s**2", r"\beta")
    yield w.chain(
        "kernels.ddim_std(Step(t, s), eta)**2",
        ("eta**2*s**2*(1 - kept**2)", "the square of the root"),
        ("eta**2*(beta*s**2/t**2)", "1 − κ² = β/t²"),
        states="Noise of variance β leads up from s to t; given the data, the way back has "
        "variance β s²/t².",
        so="DDIM draws the share η² of this posterior variance.",
    )
    yield w.chain(
        "kernels.ddim_std(Step(t, s), 1)**2",
        ("s**2*(1 - kept**2)", "η = 1"),
        (
            "kernels.frozen_data(data, noise, s, "
            "kernels.kept_flow_grpo(Step(t, s), sqrt(2))).std**2",
            "κ to the power a² = 2",
        ),
        states="With η = 1.",
        so="It is the exact step, its data frozen, of the SDE with g = √(2t/(1 − t)).",
    )
    yield w.chain(
        "kernels.ddim_std(Step(t, s), 0)",
        ("0", "η is a factor"),
        states="With η = 0 nothing is drawn: the flow.",
    )
    yield w.chain(
        "s**2 - kernels.ddim_std(Step(t, s), eta)**2",
        ("s**2*(1 - eta**2 + eta**2*kept**2)", "s² minus the share that is drawn"),
        states="What is retained of the predicted noise: a mean of s² and κ²s².",
        so="As η ≤ 1, no more is drawn than the level holds.",
    )


@derivation("kernels.renoised", rows=("DYN-10",))
def renoised(production: Production) -> Lines:
    """Going up: the data shrink and noise fills up, so that every level's law is met exactly.

    Ups compose: two in a row are one. On a chain that has gone wrong the error shrinks with the
    data, by (1 − t)/(1 − s): what restarts are for.
    """
    w = Writing(m=middle)
    w.let("x_s", "(1 - s)*data + s*eps", "x_s")
    w.let("up", "kernels.renoised(x_s, Step(t, s))")
    yield w.chain(
        "E(eps, up.mean)",
        ("(1 - t)/(1 - s)*(1 - s)*data", "the noise has mean zero"),
        ("(1 - t)*data", "1 − s cancels"),
        states="From x_s = (1 − s) data + s ε: the data get the weight of level t.",
    )
    yield w.chain(
        "Var(eps, up.mean) + up.std**2",
        (
            "((1 - t)/(1 - s)*s)**2 + t**2 - ((1 - t)/(1 - s)*s)**2",
            "old and fresh noise are independent: variances add up",
        ),
        ("t**2", "the first and the last term cancel"),
        states="And the noise, old and fresh, has the variance of level t.",
        so="This holds for every datum, hence for every law of the data.",
    )
    w = Writing(m=middle)
    w.let("one", "kernels.renoised(x, Step(m, s))")
    w.let("two", "kernels.renoised(one.mean, Step(t, m))")
    yield w.chain(
        "two.mean",
        ("(1 - t)/(1 - m)*(1 - m)/(1 - s)*x", "one after the other"),
        ("kernels.renoised(x, Step(t, s)).mean", "1 − m cancels"),
        states="By way of a level m between s and t.",
    )
    yield w.chain(
        "((1 - t)/(1 - m))**2*one.std**2 + two.std**2",
        (
            "((1 - t)/(1 - m))**2*(m**2 - ((1 - m)/(1 - s)*s)**2) + t**2 - ((1 - t)/(1 - m)*m)**2",
            "the first noise shrinks with the data",
        ),
        ("t**2 - ((1 - t)/(1 - s)*s)**2", "the terms with m cancel"),
        ("kernels.renoised(x, Step(t, s)).std**2", "as the code writes it"),
        states="The variances of both noises are that of one.",
    )
