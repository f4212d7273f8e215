"""Paths: the schedules' ends and derivatives, the conditional law and the field that moves it."""

from refimpl.equations.arguments import SigmaMin
from refimpl.equations.paths import BetaMax, BetaMin, SigmaMax

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of
from .engine.written import Writing, number, of_time, point, vector

beta_min = of(BetaMin, "beta_min")
beta_max = of(BetaMax, "beta_max")
sigma_min = of(SigmaMin, "sigma_min")
sigma_max = of(SigmaMax, "sigma_max")


def any_path() -> Writing:
    """Any path whatever: α and σ are arbitrary positive functions of t, C their record."""
    w = Writing(alpha=of_time(r"\alpha_t"), sigma=of_time(r"\sigma_t"))
    w.let("d_alpha", "d(alpha, t)", r"\dot\alpha_t")
    w.let("d_sigma", "d(sigma, t)", r"\dot\sigma_t")
    return w.bind(C="Coefficients(alpha, sigma, d_alpha, d_sigma)")


def _on_the_path(c: str) -> Writing:
    """The path point of a schedule: every claim about it is one about α and σ both."""
    w = Writing(data=vector(r"\mathrm{data}"), noise=vector(r"\mathrm{noise}"))
    w.bind(c=c)
    w.let("x_t", "paths.interpolate(c, data, noise)")
    return w


@derivation("paths.linear", rows=("PATH-2", "PATH-4"))
def linear(production: Production) -> Lines:
    """Rectified flow: straight lines between data and noise.

    The linear path meets all four end conditions: α is 1 at the data and 0 at the noise, σ is 0 and
    1. α falls with slope −1 and σ rises with slope 1, so both are monotone. In data-time, where t
    counts the other way, the path is known as CondOT: α = t, β = 1 − t.
    """
    w = _on_the_path("paths.linear(t)")
    yield w.chain(
        "d(c.alpha, t)",
        ("c.d_alpha", "the derivative of 1 is 0, that of t is 1"),
        states="The slope of α, ...",
    )
    yield w.chain("d(c.sigma, t)", ("c.d_sigma", "the derivative of t"), states="... and of σ.")
    yield w.chain(
        "at(x_t, t, 0)",
        ("(1 - 0)*data + 0*noise", "α = 1 − t and σ = t, at t = 0"),
        ("data", "a factor of zero"),
        states="It starts at the data, ...",
    )
    yield w.chain(
        "at(x_t, t, 1)",
        ("(1 - 1)*data + 1*noise", "α = 1 − t and σ = t, at t = 1"),
        ("noise", "a factor of zero"),
        states="... and ends at the noise.",
    )
    w = Writing()
    w.let("x_t", "paths.interpolate(paths.linear(t), data, noise)")
    yield w.chain(
        "d(x_t, t, 2)",
        ("d(noise - data, t)", "α̇ = −1 and σ̇ = 1: the velocity"),
        ("0", "the velocity does not depend on t"),
        states="It is straight, in each coordinate.",
    )
    w = Writing(data=vector(r"\mathrm{data}"), noise=vector(r"\mathrm{noise}"), r=number("r"))
    yield w.chain(
        "paths.interpolate(paths.linear(1 - r), data, noise)",
        ("r*data + (1 - r)*noise", "1 − (1 − r) = r"),
        states="In data-time r = 1 − t it is CondOT: α = r, β = 1 − r.",
    )


@derivation("paths.cosine", rows=("PATH-2", "PATH-5"))
def cosine(production: Production) -> Lines:
    """The quarter circle: variance preserving, all four ends exact, and curved.

    α̇ is −π/2 times a sine and σ̇ is π/2 times a cosine, both of an angle between 0 and π/2: α falls
    and σ rises.
    """
    w = _on_the_path("paths.cosine(t)")
    yield w.chain(
        "d(c.alpha, t)",
        ("c.d_alpha", "the chain rule; cosine goes over into minus sine"),
        states="The slope of α, ...",
    )
    yield w.chain(
        "d(c.sigma, t)",
        ("c.d_sigma", "the chain rule; sine goes over into cosine"),
        states="... and of σ.",
    )
    yield w.chain(
        "at(x_t, t, 0)",
        ("cos(0)*data + sin(0)*noise", "the angle is zero"),
        ("data", "cos 0 = 1 and sin 0 = 0"),
        states="It starts at the data, ...",
    )
    yield w.chain(
        "at(x_t, t, 1)",
        ("cos(pi/2)*data + sin(pi/2)*noise", "the angle is a right one"),
        ("noise", "cos π/2 = 0 and sin π/2 = 1"),
        states="... and ends at the noise.",
    )
    yield w.chain(
        "c.alpha**2 + c.sigma**2",
        ("1", "Pythagoras: cos² + sin² = 1"),
        states="The variance is preserved.",
    )
    yield w.chain(
        "d(x_t, t, 2)",
        ("pi/2 * d(c.alpha*noise - c.sigma*data, t)", "the slopes of α and σ"),
        ("-pi**2/4 * (c.sigma*noise + c.alpha*data)", "the slopes once more"),
        ("-pi**2/4 * x_t", "the path point"),
        states="The path bends towards the origin.",
    )


VARIANCE_PRESERVING = "0 < t ≤ 1: the slope of σ is infinite at t = 0"


@derivation("paths.vp", rows=("PATH-2", "PATH-5"), assumes=(VARIANCE_PRESERVING,))
def vp(production: Production) -> Lines:
    """Variance preserving: exact at the data end, short of it by a known factor at the noise end.

    It solves α̇ = −½ β(t) α with β(t) = β_min + (β_max − β_min) t. At t = 1 a factor
    exp(−(β_min + β_max)/4) of the data is left, so the end condition for the noise holds only
    approximately: the last chain gives its size.
    """
    w = _on_the_path("paths.vp(t, beta_min, beta_max)")
    w.let("beta", "beta_min + (beta_max - beta_min)*t", r"\beta")
    w.let("A", "c.alpha", r"\alpha_t")
    yield w.chain(
        "d(c.alpha, t)",
        (
            "-(beta_min + 2*(beta_max - beta_min)*t/2)/2 * A",
            "the derivative of the exponent, times the exponential",
        ),
        ("-beta/2 * A", "2 cancels"),
        ("c.d_alpha", "the factor α on top of the fraction"),
        states="Data fades at the rate β/2.",
    )
    w.let("S", "c.sigma", r"\sigma_t")
    yield w.chain(
        "d(sqrt(1 - A**2), t)",
        ("-(2*A*d(A, t))/(2*S)", "the chain rule for the root, σ = √(1 − α²)"),
        ("beta*A**2/(2*S)", "α̇ = −½ β α"),
        ("c.d_sigma", "β, α and σ written out"),
        states="The slope of σ.",
    )
    yield w.chain(
        "c.alpha**2 + c.sigma**2",
        ("A**2 + (1 - A**2)", "the square of a root"),
        ("1", "α² cancels"),
        states="The variance is preserved.",
    )
    yield w.chain(
        "at(x_t, t, 0)",
        ("exp(0)*data + sqrt(1 - exp(0)**2)*noise", "the exponent vanishes with t"),
        ("data", "e⁰ = 1"),
        states="It starts at the data.",
    )
    yield w.chain(
        "at(c.alpha, t, 1)",
        ("exp(-(beta_min + (beta_max - beta_min)/2)/2)", "t = 1"),
        ("exp(-(beta_min + beta_max)/4)", "half of β_min is left"),
        states="At t = 1 this factor of the data is left.",
    )


@derivation("paths.ve", rows=("PATH-2", "PATH-5"), assumes=("0 < σ_min < σ_max", "0 < t ≤ 1"))
def ve(production: Production) -> Lines:
    """Variance exploding: data never fades; the noise grows until it drowns the data.

    Two of the four end conditions do not hold, by design: α_1 = 1, and σ_1² = σ_max² − σ_min².
    """
    w = _on_the_path("paths.ve(t, sigma_min, sigma_max)")
    w.let("q", "log(sigma_max/sigma_min)")
    w.let("S", "c.sigma", r"\sigma_t")
    yield w.chain(
        "x_t - S*noise",
        ("data", "the factor of the data is 1, and the noise cancels"),
        states="Data does not fade: what is not noise is the data.",
    )
    yield w.chain(
        "d(c.alpha, t)", ("c.d_alpha", "the derivative of a constant"), states="α is constant."
    )
    yield w.chain(
        "d(c.sigma**2, t)",
        ("d(sigma_min**2 * (exp(2*q*t) - 1), t)", "the square of the root"),
        ("2*q*sigma_min**2*exp(2*q*t)", "the chain rule"),
        ("2*q*(c.sigma**2 + sigma_min**2)", "σ² + σ_min² = σ_min² exp(2 q t)"),
        states="σ² + σ_min² grows geometrically.",
    )
    yield w.chain(
        "d(S, t)",
        ("d(S**2, t)/(2*S)", "the chain rule: the derivative of σ² is 2 σ σ̇"),
        ("2*q*sigma_min**2*exp(2*q*t)/(2*S)", "the chain before"),
        ("c.d_sigma", "2 cancels"),
        states="The slope of σ.",
    )
    yield w.chain(
        "at(x_t, t, 0)",
        ("1*data + sigma_min*sqrt(exp(0) - 1)*noise", "t = 0"),
        ("data", "e⁰ = 1"),
        states="It starts at the data.",
    )
    yield w.chain(
        "at(c.sigma**2, t, 1)",
        ("sigma_min**2 * (exp(2*q) - 1)", "the square of the root, at t = 1"),
        ("sigma_min**2 * ((sigma_max/sigma_min)**2 - 1)", "exp(2 log r) = r²"),
        ("sigma_max**2 - sigma_min**2", "σ_min² multiplied in"),
        states="At t = 1 the noise has this variance.",
    )


@derivation("paths.interpolate", rows=("PATH-1", "PATH-4"))
def interpolate(production: Production) -> Lines:
    """A point of the path weighs data and noise, and its two ends are data and noise."""
    w = Writing()
    w.let("x_t", "paths.interpolate(C, data, noise)")
    yield w.chain(
        "N(E(noise, x_t), Var(noise, x_t))",
        ("N(alpha*data, sigma**2)", "the noise has mean 0 and variance 1"),
        states="Its mean is α times the data and its variance σ².",
    )
    yield w.chain(
        "d(x_t, noise)",
        ("sigma", "the data is held fixed"),
        states="More noise moves the point the same way.",
    )
    w = _on_the_path("paths.linear(t)")
    yield w.chain(
        "at(x_t, t, 0)",
        ("(1 - 0)*data + 0*noise", "t = 0"),
        ("data", "a factor of zero"),
        states="On the linear path it starts at the data, ...",
    )
    yield w.chain(
        "at(x_t, t, 1)",
        ("(1 - 1)*data + 1*noise", "t = 1"),
        ("noise", "a factor of zero"),
        states="... and ends at the noise.",
    )


@derivation("paths.conditional", rows=("PATH-1", "PATH-2"))
def conditional(production: Production) -> Lines:
    """Given the data, a point of the path is N(α data, σ² I): from a point mass to p_init."""
    w = Writing()
    w.let("x_t", "paths.interpolate(C, data, noise)")
    yield w.chain(
        "N(E(noise, x_t), Var(noise, x_t))",
        ("paths.conditional(C, data)", "the noise has mean 0 and variance 1"),
        states="The law of a path point given the data: an affine function of Gaussian noise.",
    )
    yield w.chain(
        "paths.conditional(paths.linear(0), data)",
        ("N(data, 0)", "1 − 0 = 1"),
        states="At t = 0, on the linear path, it is the point mass at the data.",
    )
    yield w.chain(
        "paths.conditional(paths.linear(1), data)",
        ("N(0, 1)", "1 − 1 = 0"),
        states="At t = 1 it has forgotten the data.",
    )


@derivation("paths.velocity", rows=("VF-1",))
def velocity(production: Production) -> Lines:
    """The velocity is the time derivative of the path, for any schedule."""
    w = any_path().bind(data=vector(r"\mathrm{data}"), noise=vector(r"\mathrm{noise}"))
    yield w.chain(
        "d(bracket(paths.interpolate(C, data, noise)), t)",
        ("paths.velocity(C, data, noise)", "data and noise do not depend on t"),
        states="A path point moves with the slopes of α and σ.",
    )
    yield w.chain(
        "paths.velocity(paths.linear(t), data, noise)",
        ("noise - data", "α̇ = −1 and σ̇ = 1"),
        states="Rectified flow: the target of the regression.",
    )


@derivation(
    "paths.conditional_velocity", rows=("VF-1", "VF-2"), assumes=("α, σ differentiable, σ > 0",)
)
def conditional_velocity(production: Production) -> Lines:
    """The conditional Gaussian field: its flow is the path, and it moves the conditional density.

    Any schedule, in d = 1 to 4 dimensions.
    """
    w = any_path().bind(data=vector(r"\mathrm{data}"), noise=vector(r"\mathrm{noise}"))
    w.let("x_t", "paths.interpolate(C, data, noise)")
    yield w.chain(
        "paths.conditional_velocity(C, data, x_t)",
        (
            "(d_alpha - d_sigma/sigma*alpha)*data + d_sigma/sigma*(alpha*data + sigma*noise)",
            "the path point put in",
        ),
        ("d_alpha*data + d_sigma*noise", "α σ̇/σ data cancels, and so does σ"),
        ("d(x_t, t)", "the derivative of the path"),
        states="Along the path the field is the path's velocity.",
        so="So the path solves the field's equation: its flow is $x_0 \\mapsto x_t$.",
    )
    w = any_path().bind(x=point(), data=vector(r"\mathrm{data}"))
    w.let("n", "(x - alpha*data)/sigma", r"\mathrm{noise}")
    w.let("u", "paths.conditional_velocity(C, data, x)")
    w.let("L", "over_coordinates(log_density(comp(x), N(alpha*comp(data), sigma**2)))", r"\ell")
    w.let("p", "exp(L)")
    yield w.chain(
        "u",
        ("d_alpha*data + d_sigma/sigma*(x - alpha*data)", "collect σ̇/σ"),
        ("d_alpha*data + d_sigma*n", "x = α data + σ noise"),
        states="The field in terms of the noise.",
    )
    yield w.chain(
        "over_coordinates(density.continuity(p, di(p), comp(u), di(comp(u))))/p",
        ("-div(p*u)/p", "the continuity equation, coordinate by coordinate"),
        ("-div(u) - dot(u, grad(L))", "the product rule, and ∇p = p ∇ℓ for p = exp ℓ"),
        (
            "-div(d_sigma/sigma*x) + dot(d_alpha*data + d_sigma*n, n)/sigma",
            "only this term of u depends on x; ∇ℓ = −noise/σ",
        ),
        ("dt(L)", "the derivative of −(x − α data)²/(2σ²) − log σ in each coordinate"),
        ("dt(p)/p", "the derivative of an exponential"),
        states="What the field makes of the conditional density, relative to it.",
        so="The conditional density obeys the continuity equation.",
    )
