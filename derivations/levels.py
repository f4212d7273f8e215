"""Laws of training levels: each is a curve of one draw, and its density undoes the slope."""

from refimpl.equations import levels, schedules

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of, symbol
from .engine.written import Writing, indexed, number, posterior_mean, weights

by = of(schedules.Shift, "by")
mu = of(schedules.Mu, "mu")
draw = of(levels.Draw, "draw")
uniform = of(levels.Uniform, "uniform")
location = of(levels.Location, "location")
scale_l = of(levels.Scale, "scale_l")
leaning = of(levels.Mode, "leaning")
first = of(levels.First, "first")
second = of(levels.Second, "second")
normaliser = of(levels.Normaliser, "normaliser")
density = of(levels.Density, "density")
gamma = of(levels.Gamma, "gamma")
predicted = symbol("predicted", r"v_\theta", real=True)


def _logit() -> Writing:
    return Writing(e=draw, m=location, s=scale_l, mu=mu, k=by)


@derivation("levels.logit_normal", rows=("LEVEL-1",))
def logit_normal(production: Production) -> Lines:
    """The logit of a level is m + s ε; a shift by e^μ moves m by μ, the other clock negates it."""
    w = _logit()
    w.let("r", "levels.logit_normal(e, m, s)", "t")
    yield w.chain(
        "r/(1 - r)",
        ("1/(1 + exp(-(m + s*e))) / (1 - 1/(1 + exp(-(m + s*e))))", "as it is drawn"),
        ("exp(m + s*e)", "above and below times 1 + e^(−(m + s ε))"),
        states="The odds are the exponential of a Gaussian.",
    )
    yield w.chain(
        "schedules.dynamic(r, mu)",
        ("1/(1 + exp(-mu)*exp(-(m + s*e)))", "divide by the level"),
        ("levels.logit_normal(e, m + mu, s)", "exponents add up"),
        states="A shift by k = e^μ.",
        so="It is logit-normal again, with m + log k for m.",
    )
    yield w.chain(
        "1 - r",
        ("1/(1 + exp(m + s*e))", "over one denominator"),
        ("levels.logit_normal(-e, -m, s)", "−ε is drawn as often as ε"),
        states="On the other clock m changes its sign.",
    )


@derivation("levels.logit_normal_eps", rows=("LEVEL-1",), assumes=("0 < t < 1",))
def logit_normal_eps(production: Production) -> Lines:
    """The draw behind a level: levels rise with it, so a share above t is a share above ε."""
    w = _logit()
    w.let("z", "levels.logit_normal_eps(t, m, s)", r"\varepsilon")
    yield w.chain(
        "levels.logit_normal(z, m, s)",
        ("1/(1 + exp(-log(t/(1 - t))))", "s and m cancel"),
        ("1/(1 + (1 - t)/t)", "the exponential of a logarithm"),
        ("t", "times t above and below"),
        states="It gives the level back.",
    )
    yield w.chain(
        "d(z, t)",
        ("1/(s*t*(1 - t))", "the slope of log t/(1 − t) is 1/(t (1 − t))"),
        states="It rises with the level.",
        so="The mass above t is $\\Phi(-\\varepsilon)$.",
    )
    yield w.chain(
        "exp(s*levels.logit_normal_eps(schedules.shift(t, 1/k), m, s))",
        ("t/(k*(1 - t)) * exp(-m)", "the odds are divided by k"),
        ("exp(s*levels.logit_normal_eps(t, m, s))/k", "the exponential of a logarithm"),
        states="At the level from which a shift by k leads to t.",
        so="Its draw is that of t for m + log k: the shifted law, as above.",
    )


@derivation("levels.logit_normal_density", rows=("LEVEL-1",), assumes=("0 < t < 1",))
def logit_normal_density(production: Production) -> Lines:
    """The Gaussian density of the draw, times the slope of the draw in the level."""
    w = _logit()
    w.let("z", "levels.logit_normal_eps(t, m, s)", r"\varepsilon")
    yield w.chain(
        "exp(-z**2/2)/sqrt(2*pi) * d(z, t)",
        ("exp(-z**2/2)/sqrt(2*pi) / (s*t*(1 - t))", "the slope of the draw"),
        ("levels.logit_normal_density(t, m, s)", "one fraction"),
        states="Densities of a map that rises: the mass of an interval is kept.",
        so="Its mass is that of N(0, 1), one.",
    )


@derivation("levels.mode", rows=("LEVEL-1",), assumes=("−1 ≤ a ≤ 2/(π − 2)",))
def mode(production: Production) -> Lines:
    """From noise to data as u rises, symmetric in both clocks, uniform for a = 0."""
    w = Writing(u=uniform, a=leaning)
    w.let("r", "levels.mode(u, a)", "t")
    yield w.chain("levels.mode(0, a)", ("1", "cos 0 = 1"), states="u = 0 is noise, ...")
    yield w.chain("levels.mode(1, a)", ("0", "cos π/2 = 0"), states="... u = 1 is data.")
    yield w.chain("levels.mode(u, 0)", ("1 - u", "a = 0"), states="Uniform for a = 0.")
    yield w.chain(
        "1 - r",
        ("u + a*(cos(pi*u/2)**2 - 1 + u)", "1 cancels"),
        ("levels.mode(1 - u, a)", "cos² of the complement is sin², 1 − cos²"),
        states="The law is the same on both clocks.",
    )
    yield w.chain(
        "d(r, u)",
        ("-1 - a*(1 - pi*cos(pi*u/2)*sin(pi*u/2))", "the chain rule"),
        ("-(1 + a - a*pi/2*sin(pi*u))", "2 sin x cos x = sin 2x"),
        states="Its slope.",
        so="It lies between −(1 + a) and −(1 − a (π − 2)/2): negative within the bounds of a.",
    )


@derivation("levels.mode_density", rows=("LEVEL-1",), assumes=("−1 < a < 2/(π − 2)",))
def mode_density(production: Production) -> Lines:
    """One over the slope: the uniform mass of an interval is kept."""
    w = Writing(u=uniform, a=leaning)
    yield w.chain(
        "levels.mode_density(u, a) * d(levels.mode(u, a), u)",
        ("-(1 + a - a*pi/2*sin(pi*u))/(1 + a - a*pi/2*sin(pi*u))", "the slope of the curve"),
        ("-1", "numerator and denominator are equal"),
        states="Density times slope; the level falls as u rises.",
    )


@derivation("levels.cosmap", rows=("LEVEL-1",))
def cosmap(production: Production) -> Lines:
    """The odds are a tangent: the linear path with the signal-to-noise of the cosine schedule."""
    w = Writing(u=uniform)
    w.let("r", "levels.cosmap(u)", "t")
    yield w.chain(
        "r/(1 - r)",
        ("sin(pi*u/2)/cos(pi*u/2)", "the denominators cancel"),
        ("paths.cosine(u).sigma/paths.cosine(u).alpha", "α = cos and σ = sin of πu/2"),
        states="The odds σ/α are those of the cosine path at a uniform time u.",
    )
    yield w.chain(
        "1 - r",
        ("levels.cosmap(1 - u)", "sine and cosine change places"),
        states="The law is the same on both clocks.",
    )


@derivation("levels.cosmap_density", rows=("LEVEL-1", "LEVEL-2"))
def cosmap_density(production: Production) -> Lines:
    """Levels drawn by cosmap, and uniform ones weighed by the weight of that name: one product."""
    w = Writing(u=uniform)
    w.let("r", "levels.cosmap(u)", "t")
    yield w.chain(
        "r**2 + (1 - r)**2",
        ("1/(sin(pi*u/2) + cos(pi*u/2))**2", "sin² + cos² = 1"),
        states="What stands below the density: 1 − 2t + 2t².",
    )
    yield w.chain(
        "d(r, u)",
        ("pi/2 / (sin(pi*u/2) + cos(pi*u/2))**2", "the quotient rule; sin² + cos² = 1"),
        states="The slope of the curve.",
    )
    yield w.chain(
        "levels.cosmap_density(r) * d(r, u)",
        ("2/(pi*(r**2 + (1 - r)**2)) * d(r, u)", "1 − 2t + 2t² is t² + (1 − t)²"),
        ("1", "both squares cancel, and so does π/2"),
        states="Density times slope.",
        so="The density has mass one, and as a weight it has mean one over uniform levels.",
    )


@derivation("levels.beta_density", rows=("LEVEL-1",), assumes=("0 < t < 1", "B = B(a, b)"))
def beta_density(production: Production) -> Lines:
    """Beta(a, b): a power of t and one of 1 − t; B makes its mass one."""
    w = Writing(a=first, b=second, B=normaliser)
    yield w.chain(
        "B * levels.beta_density(t, a, b, B)",
        ("t**(a - 1)*(1 - t)**(b - 1)", "B cancels"),
        states="The two powers.",
    )
    yield w.chain(
        "levels.beta_density(1 - t, b, a, B)",
        ("levels.beta_density(t, a, b, B)", "the factors change places"),
        states="On the other clock a and b change places.",
    )
    yield w.chain(
        "integral(levels.beta_density(t, 2, 3, B), t, 0, 1)",
        ("integral(t - 2*t**2 + t**3, t, 0, 1)/B", "multiply out; B is constant"),
        ("(1/2 - 2/3 + 1/4)/B", "powers, integrated"),
        ("1/(12*B)", "over one denominator"),
        states="The mass of Beta(2, 3), whose B is 1/12.",
    )


@derivation("levels.shifted_density", rows=("LEVEL-1",))
def shifted_density(production: Production) -> Lines:
    """Shifted levels: the density is divided by the slope of the shift."""
    w = Writing(p=density, k=by)
    w.let("r", "schedules.shift(t, k)", "t'")
    yield w.chain(
        "levels.shifted_density(p, r, k) * d(r, t)",
        ("p*k/(k - (k - 1)*r)**2 * k/(1 + (k - 1)*t)**2", "the slope of the shift"),
        ("p*k**2/(k*(1 + (k - 1)*t) - (k - 1)*k*t)**2", "t′ = k t/(1 + (k − 1) t)"),
        ("p", "k² cancels"),
        states="The mass of a small interval stays.",
    )
    yield w.chain(
        "levels.shifted_density(1, 0, k)",
        ("k/k**2", "t = 0"),
        ("1/k", "k cancels"),
        states="Uniform levels, shifted: thinner by k at data, ...",
    )
    yield w.chain(
        "levels.shifted_density(1, 1, k)",
        ("k", "k − (k − 1) = 1"),
        states="... denser by k at noise.",
    )


@derivation("levels.sigma_sqrt", rows=("LEVEL-2",))
def sigma_sqrt(production: Production) -> Lines:
    """The weight t^−2 on the loss of the predicted datum is no weight on the velocity's loss.

    So it means two things: with a network's output turned into a datum it restores the plain loss,
    on a loss of velocities it weighs low levels up without bound.
    """
    w = Writing(u=predicted)
    yield w.chain(
        "levels.sigma_sqrt(t) * objectives.flow_matching(x - t*u, x - t*v)",
        ("(t*(u - v))**2/t**2", "data = x − t v, and x cancels"),
        ("objectives.flow_matching(u, v)", "t² cancels"),
        states="The loss of the datum that the velocity predicts.",
    )


@derivation("levels.min_snr", rows=("LEVEL-2",))
def min_snr(production: Production) -> Lines:
    """min-SNR weighs the datum's loss by min(SNR, γ); the velocity's loss is t^−2 of that one."""
    w = Writing(u=predicted, gamma=gamma)
    yield w.chain(
        "levels.min_snr(t, gamma) * objectives.flow_matching(u, v)",
        ("min(((1 - t)/t)**2, gamma) * (t*(u - v))**2", "t into the square"),
        (
            "min(((1 - t)/t)**2, gamma) * objectives.flow_matching(x - t*u, x - t*v)",
            "data = x − t v, and x cancels",
        ),
        states="On the linear path, where SNR = ((1 − t)/t)².",
    )


@derivation("levels.bell", rows=("LEVEL-2",))
def bell(production: Production) -> Lines:
    """A Gaussian about ½, lowered until it vanishes at both ends."""
    w = Writing()
    yield w.chain(
        "exp(-1/2) * levels.bell(t)",
        ("exp(-1/2 + 2*t*(1 - t)) - exp(-1/2)", "multiply out"),
        ("exp(-2*(t - 1/2)**2) - exp(-1/2)", "complete the square"),
        states="The usual form.",
    )
    yield w.chain(
        "levels.bell(1 - t)", ("levels.bell(t)", "t and 1 − t change places"), states="Symmetric."
    )
    yield w.chain("levels.bell(0)", ("0", "e⁰ = 1"), states="It vanishes at the ends.")


@derivation("levels.importance", rows=("LEVEL-2",), assumes=("finitely many levels",))
def importance(production: Production) -> Lines:
    """Levels from another law, weighed by w p/q: the same gradient on average, another variance.

    The second chain bounds the noise from below: for two levels the difference is a square, and it
    vanishes where q is proportional to w p √(E g²). For more levels this is Cauchy and Schwarz.
    """
    w = Writing(p=weights("p_t"), q=weights("q_t"), w=weights("w_t"), G=indexed("g_t", index="z"))
    w.let("o", "levels.importance(w, p, q)", r"\omega_t")
    yield w.chain(
        "sum(q*o*G)",
        ("sum(p*w*G)", "q cancels"),
        states="The expected gradient, level by level.",
        so="Neither law nor weight is seen but through their product.",
    )
    yield w.chain(
        "sum(q*(o*G)**2)",
        ("sum((w*p*G)**2/q)", "one q cancels"),
        states="The expected square of the gradient.",
        so="It depends on q itself.",
    )
    w = Writing(y=number("g_1"), z=number("g_2"), q=number(positive=True), r=number(positive=True))
    w.bind(P=number("p_1", positive=True), Q=number("p_2", positive=True))
    w.let("o", "levels.importance(1, P, q)", r"\omega_1")
    w.let("n", "levels.importance(1, Q, r)", r"\omega_2")
    yield w.chain(
        "(q + r)*(q*(o*y)**2 + r*(n*z)**2) - (P*y + Q*z)**2",
        ("(q + r)*((P*y)**2/q + (Q*z)**2/r) - (P*y + Q*z)**2", "one q, one r cancels"),
        ("(r*P*y - q*Q*z)**2/(q*r)", "collect the square"),
        states="Two levels with q₁ + q₂ = 1: what is above the least possible.",
        so="It vanishes at $q_1:q_2=p_1|g_1|:p_2|g_2|$.",
    )
    w = Writing(pi=weights(r"\pi_z"), k=weights(r"p_t(x\mid z)"), u=number(r"v_{\theta}"))
    w.bind(y=indexed("v_{z}", index="z"), E=posterior_mean(w("pi"), w("k")))
    w.bind(P=number("p_t", positive=True), q=number("q_t", positive=True), w=number("w_t"))
    yield w.chain(
        "q * levels.importance(w, P, q) * d(E(objectives.flow_matching(u, y)), u)",
        ("w*P * E(2*(u - y))", "q cancels; differentiated under the mean"),
        ("2*w*P*(u - E(y))", "E is linear, and the network's output is given by x_t"),
        states="The slope of the loss at one level in the network's output there.",
        so="It vanishes at the marginal velocity, whatever positive law and weight are chosen.",
        dimensions=(1,),
    )
