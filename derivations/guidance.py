"""Guidance: Bayes for scores, one weight moved between two fields, three scales for one thing."""

from refimpl.equations import guidance
from refimpl.equations.guidance import UnconditionalStd

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of, symbol
from .engine.written import (
    Writing,
    density,
    field,
    fields,
    number,
    of_time,
    point,
    posterior_mean,
    vector,
    weights,
)
from .engine.written.letters import densities

s_u = of(UnconditionalStd, "s_u")
s_y = symbol("s_y", "s_y", positive=True)
GAUSSIAN = "a Gaussian path, so that v = a_t ∇log p_t + b_t x"
CENTRED = "p(x) = N(0, s²), p(x | y) = N(0, s_y²)"
WHOLE = "p_t is smooth and, with its flux, vanishes at infinity"


def _scores() -> Writing:
    """p_t(x), p_t(y | x) and p_t(x | y), their scores, and the coefficient a_t of any path."""
    w = Writing(
        x=point(),
        p=density(r"p_t(x)"),
        l=density(r"p_t(y\mid x)"),
        p_y=density(r"p_t(x\mid y)"),
        c=number(r"p_t(y)", positive=True),
        b=number("b"),
        u=field("v(x)"),
        u_y=field(r"v(x\mid y)"),
    )
    w.bind(score="grad(log(p))", score_y="grad(log(p_y))", classifier="grad(log(l))")
    w.let("a", "sigma/alpha * (d_alpha*sigma - d_sigma*alpha)", "a_t")
    w.let("b_t", "d_alpha/alpha", "b_t")
    return w


@derivation(
    "guidance.bayes_score", rows=("CFG-2",), assumes=("p(x), p(y | x) positive and differentiable",)
)
def bayes_score(production: Production) -> Lines:
    """The conditional score is the marginal score plus the classifier's."""
    w = _scores()
    yield w.chain(
        "grad(log(p*l/c))",
        ("grad(log(p) + log(l) - log(c))", "the logarithm of a product"),
        (
            "guidance.bayes_score(grad(log(p)), grad(log(l)))",
            "p_t(y) does not depend on x, so its gradient is zero",
        ),
        states="Bayes: $p_t(x\\mid y) = p_t(x)\\,p_t(y\\mid x)/p_t(y)$. Its score:",
    )


@derivation("guidance.classifier", rows=("CFG-2",), assumes=(GAUSSIAN,))
def classifier(production: Production) -> Lines:
    """Classifier guidance tilts the score inside the field; w = 1 is the conditional field."""
    w = _scores()
    w.let("v", "b_t*x + a*score", "v")
    yield w.chain(
        "conversions.velocity_from_score(C, x, score)",
        ("b_t*x + a*score", "a_t and b_t are names for the coefficients"),
        states="A Gaussian path: the field is affine in the score.",
    )
    yield w.chain(
        "conversions.velocity_from_score(C, x, score + w*classifier)",
        ("b_t*x + a*(score + w*classifier)", "the same, with the tilted score"),
        ("b_t*x + a*score + w*a*classifier", "multiply out"),
        ("guidance.classifier(v, a, classifier, w)", "the first two terms are the field v"),
        states="The field of the score tilted by w times the classifier's.",
    )
    yield w.chain(
        "guidance.classifier(v, a, classifier, 1)",
        ("b_t*x + a*(score + classifier)", "w = 1"),
        (
            "conversions.velocity_from_score(C, x, guidance.bayes_score(score, classifier))",
            "Bayes: the sum of the two is the conditional score",
        ),
        states="w = 1 is the conditional field.",
    )
    yield w.chain(
        "guidance.classifier(u, b, classifier, w) - u",
        ("w*b*classifier", "the field cancels"),
        states="What guidance adds to any field, with any coefficient b; for w = 0 it is nothing.",
    )


@derivation(
    "guidance.classifier_free",
    rows=("CFG-3", "CFG-1"),
    assumes=(
        GAUSSIAN + " (first chain only)",
        "finitely many data points z, and the label depends on x_t through z alone "
        "(the two chains of the conditional field)",
        WHOLE,
    ),
)
def classifier_free(production: Production) -> Lines:
    """The classifier disappears: its score is a difference of two scores, hence of two fields.

    Both fields are learnt by flow matching, the conditional one with the label given to the
    network: its minimiser moves p_t(x | y).
    """
    w = _scores()
    w.let("v", "b_t*x + a*score", "v(x)")
    w.let("v_y", "b_t*x + a*score_y", r"v(x\mid y)")
    yield w.chain(
        "guidance.classifier(v, a, score_y - score, w)",
        ("v + w*(a*score_y - a*score)", "multiply out"),
        ("v + w*(v_y - v)", "the terms with x cancel in the difference of the two fields"),
        ("guidance.classifier_free(v, v_y, w)", "collect v(x)"),
        states="By Bayes the classifier's score is the difference of the two scores.",
    )
    for value, end, name in ((0, "u", "the unguided"), (1, "u_y", "the conditional")):
        yield w.chain(
            f"guidance.classifier_free(u, u_y, {value})",
            (end, "the other weight is zero"),
            states=f"w = {value} is {name} field, on any path.",
        )
    yield w.chain(
        "d(guidance.classifier_free(u, u_y, w), w)",
        ("u_y - u", "the derivative of each weight"),
        states="In between and beyond, it is affine in w.",
    )
    yield from _conditional_field()


def _conditional_field() -> Lines:
    w = Writing(
        q=weights(r"P(z\mid y)", n=2),
        k=densities(r"p_t(x\mid z)", n=2),
        n=fields(r"v(x\mid z)", n=2),
        u=field(r"v_{\theta}"),
    )
    w.bind(E=posterior_mean(w("q"), w("k"), given="x_t, y"))
    w.let("m", "E(n)")
    yield w.chain(
        "E(over_coordinates(objectives.flow_matching(comp(u), comp(n))))",
        ("E(norm2(bracket(u - m) + bracket(m - n)))", "add and subtract the conditional mean"),
        (
            "norm2(u - m) + 2*dot(u - m, E(m - n)) + E(norm2(n - m))",
            "the square, multiplied out; v_θ and m depend on x_t and y alone",
        ),
        ("norm2(u - m) + E(norm2(n - m))", "the mean of m − v(x | z) is zero"),
        states="Flow matching with the label given to the network.",
        so="It is least at m, the mean of v(x | z) given x_t and y: this is the field v(x | y).",
    )
    yield w.chain(
        "-div(sum(q*k) * m)",
        ("-div(sum(q*k*n))", "m is the mean with weights P(z | y) p_t(x | z)"),
        ("sum(q * -div(k*n))", "∇· is linear, and P(z | y) does not depend on x"),
        states="This field moves $p_t(x\\mid y)=\\sum_z P(z\\mid y)\\,p_t(x\\mid z)$.",
        so="Each term is $P(z\\mid y)\\,\\partial_t p_t(x\\mid z)$, so the sum is "
        "$\\partial_t p_t(x\\mid y)$.",
    )


def _two_fields() -> Writing:
    return Writing(u=field("v(x)"), u_y=field(r"v(x\mid y)"))


@derivation("guidance.ho_salimans", rows=("CFG-7",))
def ho_salimans(production: Production) -> Lines:
    """Ho and Salimans count from the conditional field: ω = w − 1."""
    yield _two_fields().chain(
        "guidance.ho_salimans(u, u_y, omega)",
        ("u_y + omega*(u_y - u)", "multiply out and collect ω"),
        ("guidance.classifier_free(u, u_y, 1 + omega)", "−ω = 1 − (1 + ω)"),
    )


@derivation("guidance.diffusers", rows=("CFG-7",))
def diffusers(production: Production) -> Lines:
    """diffusers' guidance_scale is w."""
    yield _two_fields().chain(
        "guidance.diffusers(u, u_y, w)",
        ("u - w*u + w*u_y", "multiply out"),
        ("guidance.classifier_free(u, u_y, w)", "collect v(x)"),
    )


@derivation(
    "guidance.gaussian_std",
    rows=("CFG-6",),
    assumes=(CENTRED, "any path with σ = 1, α = 0 at t = 1"),
)
def gaussian_std(production: Production) -> Lines:
    """What guidance samples, exactly: the geometric mean of the two widths, on any path.

    Both fields are linear in x, so the guided flow scales x by a factor. The law that comes out is
    neither p(x | y) nor p(x) p(y | x)^w, and how far it is from them is a formula.
    """
    w = Writing(al=of_time(r"\alpha_t"), si=of_time(r"\sigma_t"), r=number("s", positive=True))
    w.let("V", "al**2*r**2 + si**2")
    w.let("S", "sqrt(V)")
    yield w.chain(
        "conversions.velocity_from_score(Coefficients(al, si, dt(al), dt(si)), x, -x/V)",
        (
            "(dt(al)*V - si*(dt(al)*si - dt(si)*al))/(al*V) * x",
            "the score of N(0, V) put in; common denominator",
        ),
        ("(al*dt(al)*r**2 + si*dt(si))/V * x", "V put in: α̇ σ² cancels, and so does α"),
        ("dt(V)/(2*V) * x", "the chain rule, read backwards"),
        ("dt(S)/S * x", "V = S²"),
        states="The field that carries N(0, s²) along has the law N(0, V) at t, and is linear.",
    )
    w = Writing(S=of_time("S_t"), S_y=of_time("S_{y,t}"), q=number(positive=True))
    w.bind(a=number(positive=True), b=number(positive=True))
    w.let("m", "guidance.gaussian_std(S, S_y, w)")
    yield w.chain(
        "dt(m)",
        ("m * ((1 - w)*dt(S)/S + w*dt(S_y)/S_y)", "the derivative of a product of powers"),
        (
            "guidance.classifier_free(dt(S)/S * m, dt(S_y)/S_y * m, w)",
            "m into each term: the two linear fields at x = m",
        ),
        states="With the widths S and S_y of the two laws at t, the guided flow carries m along.",
    )
    yield w.chain(
        "guidance.gaussian_std(1, 1, w)",
        ("1", "a power of one"),
        states="At t = 1 both laws are the noise, of width one.",
        so="A linear equation with this start has one solution, so m is the width of what is "
        "sampled; at t = 0 the widths are s and s_y.",
    )
    yield w.chain(
        "guidance.gaussian_std(s_u, s_y, w)/s_y",
        ("(s_u/s_y)**(1 - w)", "w − 1 is the power of s_y that is left"),
        states="Compared with p(x | y).",
        so="It is one only for w = 1 or equal widths.",
    )
    w.let("R", "(1 - w)*q**w + w*q**(w - 1)", r"\varrho(q)")
    yield w.chain(
        "(guidance.gaussian_std(s_u, s_u*sqrt(q), w)/guidance.tilted_std(s_u, s_u*sqrt(q), w))**2",
        ("s_u**2*q**w * ((1 - w)/s_u**2 + w/(q*s_u**2))", "the two variances"),
        ("R", "s² cancels"),
        states="Compared with p(x) p(y | x)^w, where $q=s_y^2/s^2$: the ratio of the variances.",
    )
    yield w.chain(
        "at(R, q, 1)",
        ("(1 - w) + w", "a power of one"),
        ("1", "w cancels"),
        states="At equal widths it is one.",
    )
    yield w.chain(
        "d(R, q)",
        ("w*(1 - w)*q**(w - 1) + w*(w - 1)*q**(w - 2)", "the derivative of a power"),
        ("w*(1 - w)*q**(w - 2)*(q - 1)", "collect"),
        states="Its slope in q vanishes there alone.",
        so="For 0 < w < 1 it falls, then rises: what is sampled is too wide. For w > 1 or "
        "w < 0 it rises, then falls: it is too narrow. The two laws agree only for w = 0, w = 1 or "
        "equal widths.",
    )
    w.let("D", "a**2/b**2", r"\varrho")
    yield w.chain(
        "KL(N(0, a**2), N(0, b**2))",
        ("log(b/a) - 1/2 + a**2/(2*b**2)", "two centred Gaussians"),
        ("(D - 1 - log(D))/2", "log b/a = −½ log ϱ"),
        states="The gap as a divergence: for variances whose ratio is ϱ,",
    )


@derivation("guidance.tilted_std", rows=("CFG-6",), assumes=(CENTRED, "(1 − w)/s² + w/s_y² > 0"))
def tilted_std(production: Production) -> Lines:
    """What guidance is often said to sample: p(x) p(y | x)^w; precisions are weighed and added."""
    w = Writing(p="N(0, s_u**2)", q="N(0, s_y**2)")
    yield w.chain(
        "d(log_density(x, p) + w*(log_density(x, q) - log_density(x, p)), x)",
        ("-x/s_u**2 + w*(-x/s_y**2 + x/s_u**2)", "the scores of two centred Gaussians"),
        ("-(((1 - w)/s_u**2 + w/s_y**2) * x)", "collect"),
        ("-x/guidance.tilted_std(s_u, s_y, w)**2", "one over the precision is the variance"),
        states="By Bayes the score of p(x) p(y | x)^w, normalised, is this.",
        so="The score of a centred Gaussian with this width.",
    )
    yield w.chain(
        "guidance.tilted_std(s_u, s_y, 1)",
        ("1/sqrt(1/s_y**2)", "w = 1"),
        ("s_y", "s_y > 0"),
        states="w = 1 is p(x | y).",
    )


@derivation("guidance.projection", rows=("CFG-8",), assumes=("v(x) ≠ 0",))
def projection(production: Production) -> Lines:
    """Least squares: what is left of v(x|y) is orthogonal to v(x)."""
    w = Writing(u=vector("v(x)"), c=vector(r"v(x\mid y)"), r=number())
    w.let("s", "guidance.projection(dot(c, u), norm2(u))", "s")
    yield w.chain(
        "dot(c - s*u, u)",
        ("dot(c, u) - dot(c, u)/norm2(u) * norm2(u)", "⟨s u, u⟩ = s ‖u‖²"),
        ("0", "it cancels"),
        states="The rest is orthogonal to the unconditional velocity.",
    )
    yield w.chain(
        "norm2(c - r*u) - norm2(c - s*u)",
        ("norm2((r - s)*u)", "Pythagoras: the rest is orthogonal"),
        states="Every other multiple is further away.",
    )


@derivation("guidance.zero_star", rows=("CFG-8",), assumes=("v(x) ≠ 0",))
def zero_star(production: Production) -> Lines:
    """CFG-Zero* pushes along the part of v(x|y) that is orthogonal to v(x), and along no other.

    In one dimension nothing is orthogonal, and it is the conditional field whatever w is.
    """
    w = Writing(u=vector("v(x)"), c=vector(r"v(x\mid y)"), g=number("w"))
    w.let("s", "guidance.projection(dot(c, u), norm2(u))", "s")
    w.let("z", "guidance.zero_star(u, c, g, s)", r"\tilde v")
    yield w.chain(
        "z",
        ("c + (g - 1)*(c - s*u)", "w c = c + (w − 1) c"),
        states="The conditional velocity and w − 1 times what projection leaves.",
    )
    yield w.chain(
        "dot(z - c, u)",
        ("(g - 1)*dot(c - s*u, u)", "the line above"),
        ("0", "the rest is orthogonal to v(x)"),
        states="The push is orthogonal to the unconditional velocity.",
    )
    yield w.chain(
        "guidance.zero_star(u, c, g, 1) - guidance.classifier_free(u, c, 1)",
        ("(g - 1)*(c - u)", "s = 1 is plain guidance"),
        states="Without a projection the push is the whole difference.",
    )
    w = Writing(p=number("v(x)"), q=number(r"v(x\mid y)"), g=number("w"))
    yield w.chain(
        "guidance.zero_star(p, q, g, guidance.projection(q*p, p**2))",
        ("(1 - g)*q + g*q", "q p/p² times p is q"),
        ("q", "1 − w + w = 1"),
        states="In one dimension.",
        so="Guidance by CFG-Zero* of a single number does nothing.",
    )


@derivation("guidance.rescale", rows=("CFG-8",))
def rescale(production: Production) -> Lines:
    """The spread over coordinates goes from the guided to the conditional one, linearly in φ."""
    w = Writing(f=of(guidance.Rescaled, "rescaled"))
    w.bind(S=number(r"\mathrm{std}_y", positive=True), v=number(r"\tilde v"))
    w.bind(R=number(r"\widetilde{\mathrm{std}}", positive=True), q=number(positive=True))
    yield w.chain(
        "guidance.rescale(v, S, R, f)/v * R",
        ("f*S + (1 - f)*R", "R cancels in the first term"),
        states="The factor, times the spread of the guided velocity.",
        so="Between both spreads; at φ = 1 the conditional velocity's own.",
    )
    yield w.chain(
        "guidance.rescale(q*v, S, q*R, 1)",
        ("guidance.rescale(v, S, R, 1)", "q above and below"),
        states="At φ = 1 a factor on the guided velocity makes no difference.",
        so="What is left of w is a direction.",
    )


@derivation("guidance.interval", rows=("CFG-8",))
def interval(production: Production) -> Lines:
    """Guidance between two levels; outside them the conditional field."""
    w = Writing(u=number("v(x)"), c=number(r"v(x\mid y)"), g=number("w"))
    w.bind(d=symbol("inside_by", r"\delta", low="0.01", high="0.1", positive=True))
    w.bind(e=symbol("outside_by", r"\eta", low="0.01", high="0.1", positive=True))
    yield w.chain(
        "guidance.interval(u, c, g, t + d, t - e, t)",
        ("c", "above t_high: the first case"),
        states="Above, ...",
    )
    yield w.chain(
        "guidance.interval(u, c, g, t, t - e, t)",
        ("guidance.classifier_free(u, c, g)", "at t_high, and above t_low: the second case"),
        states="... at the upper level and below it, ...",
    )
    yield w.chain(
        "guidance.interval(u, c, g, t, t, t + d)",
        ("c", "not above t_low: the last case"),
        states="... and at the lower one.",
    )


@derivation("guidance.plus_plus", rows=("CFG-8",), assumes=("the linear path",))
def plus_plus(production: Production) -> Lines:
    """CFG++ is Euler's step with plain guidance, at the scale w = λ t (1 − s)/(t − s).

    So its scale rises and falls over the levels: it is λ in a first step from t = 1 and in a last
    step to s = 0, and about t (1 − t)/h times λ between them.
    """
    w = Writing(u=number("v(x)"), c=number(r"v(x\mid y)"), l=number(r"\lambda"))
    w.let("h", "t - s", "h")
    w.let("g", "l*t*(1 - s)/h", "w")
    yield w.chain(
        "guidance.plus_plus(x, u, c, l, Step(t, s))",
        ("(1 - s)*(x - t*u - t*l*(c - u)) + s*(x + (1 - t)*u)", "the guided velocity"),
        ("x - h*u - t*(1 - s)*l*(c - u)", "collect: −(1 − s) t + s (1 − t) = −h"),
        ("x - h*guidance.classifier_free(u, c, g)", "w h = λ t (1 − s)"),
        states="One step.",
    )
    yield w.chain("at(g, t, 1)", ("l", "1 − s = h"), states="The first step from noise, ...")
    yield w.chain("at(g, s, 0)", ("l", "t = h"), states="... and the last to data.")
