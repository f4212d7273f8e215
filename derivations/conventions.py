"""Conventions: each conversion is inverse to its partner and carries the mathematics across."""

from refimpl.equations.arguments import Weight
from refimpl.equations.conventions import NetworkTime

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of
from .engine.written import Writing, field, number, of_time, vector
from .paths import any_path

tau = of(NetworkTime, "tau")
beta = of(Weight, "beta")

CLOCK = "r = 1 − t is data-time"


@derivation("conventions.flip_time", rows=("PATH-4",))
def flip_time(production: Production) -> Lines:
    """Noise level and data-time add up to one."""
    w = Writing()
    yield w.chain(
        "conventions.flip_time(conventions.flip_time(t))",
        ("t", "1 cancels, and minus times minus is plus"),
        states="There and back.",
    )
    yield w.chain(
        "t + conventions.flip_time(t)",
        ("1", "t cancels"),
        states="A level and its data-time add up to one.",
    )
    yield w.chain(
        "conventions.flip_time(0)",
        ("1", "nothing is taken away"),
        states="Data, at noise level 0, is at data-time 1, ...",
    )
    yield w.chain(
        "conventions.flip_time(1)",
        ("0", "all is taken away"),
        states="... and noise, at level 1, at data-time 0.",
    )


@derivation("conventions.flip_velocity", rows=("PATH-4", "VF-1"), assumes=(CLOCK,))
def flip_velocity(production: Production) -> Lines:
    """On the other clock the same curve is run the other way."""
    w = Writing(X=of_time("x_t", real=True), r=number("r"))
    w.let("y", "at(X, t, 1 - r)", "x_{1-r}")
    yield w.chain(
        "d(y, r)",
        (
            "conventions.flip_velocity(at(d(X, t), t, 1 - r))",
            "the chain rule: the derivative of 1 − r is −1",
        ),
        states="Any curve x_t, run along r = 1 − t.",
    )
    w = Writing(data=vector(r"\mathrm{data}"), noise=vector(r"\mathrm{noise}"))
    yield w.chain(
        "conventions.flip_velocity(paths.velocity(paths.linear(t), data, noise))",
        ("-(noise - data)", "α̇ = −1 and σ̇ = 1"),
        ("data - noise", "minus times minus"),
        states="On the linear path, CondOT: the velocity u points from noise to data.",
    )


@derivation("conventions.flip_path", rows=("PATH-2", "PATH-4"), assumes=(CLOCK,))
def flip_path(production: Production) -> Lines:
    """The coefficients of the same point, with derivatives along the other clock."""
    w = any_path().bind(r=number("r"))
    yield w.chain(
        "conventions.flip_path(C)",
        (
            "Coefficients(alpha, sigma, -d_alpha, -d_sigma)",
            "the point stays, and the clock runs the other way",
        ),
        states="What stays and what changes.",
    )
    for name in ("alpha", "sigma"):
        w.let("y", f"at({name}, t, 1 - r)", rf"\{name}_{{1-r}}")
        yield w.chain(
            "d(y, r)",
            (f"-at(d_{name}, t, 1 - r)", "the chain rule: the derivative of 1 − r is −1"),
            (f"at(conventions.flip_path(C).d_{name}, t, 1 - r)", "as the code returns it"),
            states=f"The slope of {'α' if name == 'alpha' else 'σ'} along data-time.",
        )
    w.bind(data=vector(r"\mathrm{data}"), noise=vector(r"\mathrm{noise}"))
    yield w.chain(
        "paths.velocity(conventions.flip_path(C), data, noise)",
        (
            "conventions.flip_velocity(paths.velocity(C, data, noise))",
            "minus one, taken out of both terms",
        ),
        states="The velocity of the flipped path is the flipped velocity.",
    )


@derivation(
    "conventions.network_time",
    of=("conventions.network_time", "conventions.level_of_network_time"),
    rows=("GRPO-6",),
)
def network_time(production: Production, back: Production) -> Lines:
    """An SD3 network is told a thousand times the noise level; nothing is rounded on the way."""
    w = Writing()
    yield w.chain(
        "conventions.level_of_network_time(1000)",
        ("1", "a number over itself"),
        states="A network time of 1000 is noise.",
    )
    yield w.chain(
        "conventions.level_of_network_time(conventions.network_time(t))",
        ("t", "1000 cancels"),
        states="There and back.",
    )
    yield w.chain(
        "conventions.network_time(conventions.level_of_network_time(tau))",
        ("tau", "1000 cancels"),
        states="Back and there.",
    )


@derivation(
    "conventions.w_from_omega",
    of=("conventions.w_from_omega", "conventions.omega_from_w"),
    rows=("CFG-7",),
)
def scales(production: Production, back: Production) -> Lines:
    """The two guidance scales count from different origins and give one field."""
    w = Writing(u=field(r"v_{\varnothing}"), c=field("v_y"))
    yield w.chain(
        "guidance.classifier_free(u, c, conventions.w_from_omega(omega))",
        ("guidance.ho_salimans(u, c, omega)", "1 − (1 + ω) = −ω, and the terms change places"),
        states="From ω to w: one field.",
    )
    yield w.chain(
        "guidance.ho_salimans(u, c, conventions.omega_from_w(w))",
        ("guidance.classifier_free(u, c, w)", "1 + (w − 1) = w, and −(w − 1) = 1 − w"),
        states="From w to ω: one field.",
    )
    yield w.chain(
        "conventions.omega_from_w(conventions.w_from_omega(omega))",
        ("omega", "1 cancels"),
        states="There and back.",
    )


@derivation(
    "conventions.beta_for_mean_without_h",
    rows=("GRPO-8",),
    assumes=("D is the number of coordinates that the averaged penalty divides by",),
)
def beta_for_mean_without_h(production: Production) -> Lines:
    """A KL weight carried from the averaged variant without h to the paper's KL, summed."""
    w = Writing(m=vector(r"\mu"), n=vector(r"\mu_{\mathrm{ref}}"), D=number(positive=True))
    w.let("b", "conventions.beta_for_mean_without_h(beta, h, D)", r"\beta'")
    yield w.chain(
        "b * over_coordinates(kl.of_means(comp(m), comp(n), g*sqrt(h)))",
        ("beta*h/D * norm2(m - n)/(2*g**2*h)", "a step has std² = g² h, the same everywhere"),
        ("beta/D * norm2(m - n)/(2*g**2)", "h cancels"),
        (
            "beta * (over_coordinates(kl.without_h(comp(m), comp(n), g))/D)",
            "the squared distance is the sum over coordinates",
        ),
        states="With the weight β′ the sum of the paper's KL over coordinates is the other "
        "penalty: β times the mean over D coordinates, without h.",
    )
