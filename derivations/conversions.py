"""Conversions: twelve arrows between velocity, score, noise and data, each read off a path point.

Given x, the data is one of finitely many atoms, and each atom fixes the noise that x holds, and
with it the velocity and the score:

    x = α data + σ noise          v = α̇ data + σ̇ noise          s = −noise/σ

The first line of a chain puts expectations given x into the production function, the last is the
expectation that it should return. In between the function is applied to each atom, because it is
affine in what is expected; this is where "E[· | x] is linear, and x is given" is used. In d = 1 to
4 dimensions.
"""

from .engine import Lines, Production, derivation
from .engine.written import Writing, fields, point, posterior_mean, weights

LINEAR = (
    "E[· | x] is linear",
    "the determinant α σ̇ − α̇ σ does not vanish (α > 0 falling, σ > 0 rising)",
)

TAKEN_IN = "E[· | x] is linear, and x is given"


def _given_x() -> Writing:
    """Atoms of data, what each makes of noise, velocity and score at x, and the mean given x."""
    w = Writing(P=weights(r"P(z\mid x)"), x=point(), data=fields(r"\mathrm{data}"))
    w.bind(E=posterior_mean(w("P"), given="x"))
    w.let("noise", "(x - alpha*data)/sigma", r"\mathrm{noise}")
    w.let("v", "d_alpha*data + d_sigma*noise")
    w.let("s", "-noise/sigma")
    return w


@derivation("conversions.noise_from_velocity", rows=("SC-8",), assumes=LINEAR)
def noise_from_velocity(production: Production) -> Lines:
    """Two linear equations, x and v, solved for the noise."""
    w = _given_x()
    w.let("D", "alpha*d_sigma - d_alpha*sigma")
    yield w.chain(
        "conversions.noise_from_velocity(C, x, E(v))",
        ("E((alpha*v - d_alpha*x)/D)", TAKEN_IN),
        (
            "E((alpha*(d_alpha*data + d_sigma*noise) - d_alpha*(alpha*data + sigma*noise))/D)",
            "v = α̇ data + σ̇ noise and x = α data + σ noise",
        ),
        ("E((alpha*d_sigma - d_alpha*sigma)*noise/D)", "α α̇ data cancels; collect the noise"),
        ("E(noise)", "the determinant D cancels"),
        states="Velocity to noise.",
    )
    w = Writing()
    yield w.chain(
        "conversions.noise_from_velocity(paths.linear(t), x, v)",
        ("x + (1 - t)*v", "the determinant is 1 − t + t = 1"),
        states="On the linear path.",
    )


@derivation("conversions.data_from_velocity", rows=("SC-8",), assumes=LINEAR)
def data_from_velocity(production: Production) -> Lines:
    """Two linear equations, x and v, solved for the data."""
    w = _given_x()
    w.let("D", "alpha*d_sigma - d_alpha*sigma")
    yield w.chain(
        "conversions.data_from_velocity(C, x, E(v))",
        ("E((d_sigma*x - sigma*v)/D)", TAKEN_IN),
        (
            "E((d_sigma*(alpha*data + sigma*noise) - sigma*(d_alpha*data + d_sigma*noise))/D)",
            "x = α data + σ noise and v = α̇ data + σ̇ noise",
        ),
        ("E((alpha*d_sigma - d_alpha*sigma)*data/D)", "σ σ̇ noise cancels; collect the data"),
        ("E(data)", "the determinant D cancels"),
        states="Velocity to data.",
    )
    w = Writing()
    yield w.chain(
        "conversions.data_from_velocity(paths.linear(t), x, v)",
        ("x - t*v", "the determinant is 1 − t + t = 1"),
        states="On the linear path.",
    )


@derivation("conversions.score_from_noise", rows=("SC-1", "SC-8"), assumes=LINEAR[:1])
def score_from_noise(production: Production) -> Lines:
    """The score is the expected noise over −σ."""
    w = _given_x()
    yield w.chain(
        "conversions.score_from_noise(C, E(noise))",
        ("E(-noise/sigma)", "E[· | x] is linear"),
        (
            "E(gaussian.score(x, alpha*data, sigma))",
            "σ noise = x − α data: the score of N(α data, σ²) at x",
        ),
        states="Noise to score: the mean of the conditional scores, given x.",
    )


@derivation("conversions.noise_from_score", rows=("SC-8",), assumes=LINEAR[:1])
def noise_from_score(production: Production) -> Lines:
    """The expected noise is −σ times the score."""
    w = _given_x()
    yield w.chain(
        "conversions.noise_from_score(C, E(s))",
        ("E(sigma*noise/sigma)", "E[· | x] is linear, and s = −noise/σ"),
        ("E(noise)", "σ cancels"),
        states="Score to noise.",
    )


@derivation("conversions.data_from_noise", rows=("SC-8",), assumes=(*LINEAR[:1], "α > 0"))
def data_from_noise(production: Production) -> Lines:
    """Take the noise out of x and undo α."""
    w = _given_x()
    yield w.chain(
        "conversions.data_from_noise(C, x, E(noise))",
        ("E((x - sigma*noise)/alpha)", TAKEN_IN),
        ("E(alpha*data/alpha)", "x = α data + σ noise"),
        ("E(data)", "α cancels"),
        states="Noise to data.",
    )


@derivation("conversions.noise_from_data", rows=("SC-8",), assumes=LINEAR[:1])
def noise_from_data(production: Production) -> Lines:
    """Take the data out of x and undo σ."""
    w = _given_x()
    yield w.chain(
        "conversions.noise_from_data(C, x, E(data))",
        ("E((x - alpha*data)/sigma)", TAKEN_IN),
        ("E(sigma*noise/sigma)", "x = α data + σ noise"),
        ("E(noise)", "σ cancels"),
        states="Data to noise.",
    )


@derivation("conversions.velocity_from_noise", rows=("SC-8",), assumes=(*LINEAR[:1], "α > 0"))
def velocity_from_noise(production: Production) -> Lines:
    """Eliminate the data between x and v."""
    w = _given_x()
    yield w.chain(
        "conversions.velocity_from_noise(C, x, E(noise))",
        ("E(d_alpha/alpha*(x - sigma*noise) + d_sigma*noise)", f"{TAKEN_IN}; collect α̇/α"),
        ("E(d_alpha*data + d_sigma*noise)", "x − σ noise = α data, and α cancels"),
        ("E(v)", "the velocity of a path point"),
        states="Noise to velocity.",
    )


@derivation("conversions.velocity_from_data", rows=("SC-8", "VF-1"), assumes=LINEAR[:1])
def velocity_from_data(production: Production) -> Lines:
    """Eliminate the noise between x and v: the conditional field at the posterior mean."""
    w = _given_x()
    yield w.chain(
        "conversions.velocity_from_data(C, x, E(data))",
        ("E(d_sigma/sigma*(x - alpha*data) + d_alpha*data)", f"{TAKEN_IN}; collect σ̇/σ"),
        ("E(d_sigma*noise + d_alpha*data)", "x − α data = σ noise, and σ cancels"),
        ("E(v)", "the velocity of a path point"),
        states="Data to velocity.",
    )
    yield w.chain(
        "conversions.velocity_from_data(C, x, data)",
        ("paths.conditional_velocity(C, data, x)", "the terms change places"),
        states="At one datum it is the conditional field.",
    )


@derivation("conversions.score_from_data", rows=("SC-8",), assumes=LINEAR[:1])
def score_from_data(production: Production) -> Lines:
    """Tweedie's formula, read from data to score."""
    w = _given_x()
    yield w.chain(
        "conversions.score_from_data(C, x, E(data))",
        ("E(-(x - alpha*data)/sigma**2)", TAKEN_IN),
        ("E(-sigma*noise/sigma**2)", "x − α data = σ noise"),
        ("E(s)", "σ cancels"),
        states="Data to score.",
    )


@derivation("conversions.data_from_score", rows=("SC-8",), assumes=(*LINEAR[:1], "α > 0"))
def data_from_score(production: Production) -> Lines:
    """Tweedie's formula: denoise by one step of size σ² along the score."""
    w = _given_x()
    yield w.chain(
        "conversions.data_from_score(C, x, E(s))",
        ("E((x - sigma**2*noise/sigma)/alpha)", f"{TAKEN_IN}; s = −noise/σ"),
        ("E(alpha*data/alpha)", "σ cancels, and x − σ noise = α data"),
        ("E(data)", "α cancels"),
        states="Score to data.",
    )


@derivation(
    "conversions.velocity_from_score", rows=("SC-7", "SC-8"), assumes=(*LINEAR[:1], "α > 0")
)
def velocity_from_score(production: Production) -> Lines:
    """The velocity is a_t times the score plus b_t x, on any Gaussian path.

    The weights are a = (σ/α)(α̇ σ − σ̇ α) and b = α̇/α. On the linear path they are −t/(1 − t) and
    −1/(1 − t): the article's last formula of Section 7.1.
    """
    w = _given_x()
    yield w.chain(
        "conversions.velocity_from_score(C, x, E(s))",
        (
            "E(d_alpha/alpha*x - (d_alpha*sigma - d_sigma*alpha)/alpha*noise)",
            f"{TAKEN_IN}; σ s = −noise",
        ),
        ("E(d_alpha/alpha*(x - sigma*noise) + d_sigma*noise)", "collect α̇/α; α cancels in σ̇"),
        ("E(d_alpha*data + d_sigma*noise)", "x − σ noise = α data, and α cancels"),
        ("E(v)", "the velocity of a path point"),
        states="Score to velocity.",
    )
    w = Writing()
    yield w.chain(
        "conversions.velocity_from_score(paths.linear(t), x, score)",
        ("-x/(1 - t) - t/(1 - t)*score", "−t − (1 − t) = −1"),
        states="Rectified flow.",
    )


@derivation("conversions.score_from_velocity", rows=("SC-7", "SC-8"), assumes=(*LINEAR, "σ > 0"))
def score_from_velocity(production: Production) -> Lines:
    """The same relation solved for the score; singular where σ = 0, on clean data."""
    w = _given_x()
    w.let("D", "alpha*d_sigma - d_alpha*sigma")
    yield w.chain(
        "conversions.score_from_velocity(C, x, E(v))",
        ("E((d_alpha*x - alpha*v)/(sigma*D))", TAKEN_IN),
        (
            "E((d_alpha*(alpha*data + sigma*noise)"
            " - alpha*(d_alpha*data + d_sigma*noise))/(sigma*D))",
            "x = α data + σ noise and v = α̇ data + σ̇ noise",
        ),
        (
            "E(-(alpha*d_sigma - d_alpha*sigma)*noise/(sigma*D))",
            "α α̇ data cancels; collect the noise",
        ),
        ("E(s)", "the determinant D cancels"),
        states="Velocity to score.",
    )
    w = Writing()
    yield w.chain(
        "conversions.score_from_velocity(paths.linear(t), x, v)",
        ("-x/t - (1 - t)/t*v", "the determinant is 1 − t + t = 1"),
        states="Rectified flow.",
    )
    yield w.chain(
        "conversions.velocity_from_score(C, x, conversions.score_from_velocity(C, x, v))",
        ("d_alpha/alpha*x - (d_alpha*x - alpha*v)/alpha", "σ and the determinant cancel"),
        ("v", "α̇/α x cancels, and so does α"),
        states="There and back: the two arrows are inverse to each other.",
    )
