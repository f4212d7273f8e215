"""Conversions: twelve arrows between velocity, score, noise and data, each read off one path point.

Take arbitrary data, noise and coefficients, form x, v and the score, and ask the arrow for what it
should recover. The posterior means obey the same linear relations as the ends themselves, because
conditional expectation is linear and x is known.
"""

from refimpl.equations import Coefficients, paths

from .engine import Display, Equality, Lines, Production, derivation
from .engine.symbols import alpha, d_alpha, d_sigma, data, noise, score, sigma, t, v, x

C = Coefficients(alpha, sigma, d_alpha, d_sigma)
X = alpha * data + sigma * noise
V = d_alpha * data + d_sigma * noise
SCORE = -noise / sigma
LINEAR = (
    "E[· | x] is linear",
    "the determinant α σ̇ − α̇ σ does not vanish (α > 0 falling, σ > 0 rising)",
)


@derivation("conversions.noise_from_velocity", rows=("SC-8",), assumes=LINEAR)
def noise_from_velocity(production: Production) -> Lines:
    """Two linear equations, x and v, solved for the noise."""
    yield Display(r"\mathbb E[\mathrm{noise}\mid x]", production(C, x, v))
    yield Equality("Cramer's rule", production(C, X, V), noise)
    on_line = production(paths.linear(t), x, v)
    yield Equality("on the linear path: x + (1 − t) v", on_line, x + (1 - t) * v)


@derivation("conversions.data_from_velocity", rows=("SC-8",), assumes=LINEAR)
def data_from_velocity(production: Production) -> Lines:
    """Two linear equations, x and v, solved for the data."""
    yield Display(r"\mathbb E[\mathrm{data}\mid x]", production(C, x, v))
    yield Equality("Cramer's rule", production(C, X, V), data)
    yield Equality("on the linear path: x − t v", production(paths.linear(t), x, v), x - t * v)


@derivation("conversions.score_from_noise", rows=("SC-1", "SC-8"), assumes=LINEAR[:1])
def score_from_noise(production: Production) -> Lines:
    """The score is the expected noise over −σ."""
    yield Display(r"\nabla\log p_t", production(C, noise))
    yield Equality(
        "the conditional score at a path point",
        production(C, noise),
        -(X - alpha * data) / sigma**2,
    )


@derivation("conversions.noise_from_score", rows=("SC-8",), assumes=LINEAR[:1])
def noise_from_score(production: Production) -> Lines:
    """The expected noise is −σ times the score."""
    yield Display(r"\mathbb E[\mathrm{noise}\mid x]", production(C, score))
    yield Equality("it inverts the score", production(C, SCORE), noise)


@derivation("conversions.data_from_noise", rows=("SC-8",), assumes=LINEAR[:1])
def data_from_noise(production: Production) -> Lines:
    """Take the noise out of x and undo α."""
    yield Display(r"\mathbb E[\mathrm{data}\mid x]", production(C, x, noise))
    yield Equality("x = α data + σ noise", production(C, X, noise), data)


@derivation("conversions.noise_from_data", rows=("SC-8",), assumes=LINEAR[:1])
def noise_from_data(production: Production) -> Lines:
    """Take the data out of x and undo σ."""
    yield Display(r"\mathbb E[\mathrm{noise}\mid x]", production(C, x, data))
    yield Equality("x = α data + σ noise", production(C, X, data), noise)


@derivation("conversions.velocity_from_noise", rows=("SC-8",), assumes=LINEAR[:1])
def velocity_from_noise(production: Production) -> Lines:
    """Eliminate the data between x and v."""
    yield Display("v", production(C, x, noise))
    yield Equality("v = α̇ data + σ̇ noise", production(C, X, noise), V)


@derivation("conversions.velocity_from_data", rows=("SC-8", "VF-1"), assumes=LINEAR[:1])
def velocity_from_data(production: Production) -> Lines:
    """Eliminate the noise between x and v: the conditional field at the posterior mean."""
    yield Display("v", production(C, x, data))
    yield Equality("v = α̇ data + σ̇ noise", production(C, X, data), V)
    yield Equality(
        "it is the conditional field",
        production(C, x, data),
        paths.conditional_velocity(C, data, x),
    )


@derivation("conversions.score_from_data", rows=("SC-8",), assumes=LINEAR[:1])
def score_from_data(production: Production) -> Lines:
    """Tweedie's formula, read from data to score."""
    yield Display(r"\nabla\log p_t", production(C, x, data))
    yield Equality("the noise in x over −σ", production(C, X, data), SCORE)


@derivation("conversions.data_from_score", rows=("SC-8",), assumes=LINEAR[:1])
def data_from_score(production: Production) -> Lines:
    """Tweedie's formula: denoise by one step of size σ² along the score."""
    yield Display(r"\mathbb E[\mathrm{data}\mid x]", production(C, x, score))
    yield Equality("x + σ² score = α data", production(C, X, SCORE), data)


@derivation("conversions.velocity_from_score", rows=("SC-7", "SC-8"), assumes=LINEAR[:1])
def velocity_from_score(production: Production) -> Lines:
    """u = a_t score + b_t x, for any Gaussian path.

    The weights are a = (σ/α)(α̇ σ − σ̇ α) and b = α̇/α. On the linear path they are −t/(1 − t) and
    −1/(1 − t): the article's last formula of Section 7.1.
    """
    yield Display("v", production(C, x, score))
    yield Equality("v = α̇ data + σ̇ noise", production(C, X, SCORE), V)
    on_line = production(paths.linear(t), x, score)
    yield Equality("rectified flow", on_line, -x / (1 - t) - t / (1 - t) * score)


@derivation("conversions.score_from_velocity", rows=("SC-7", "SC-8"), assumes=LINEAR)
def score_from_velocity(production: Production) -> Lines:
    """The same relation solved for the score; singular where σ = 0, on clean data."""
    yield Display(r"\nabla\log p_t", production(C, x, v))
    yield Equality("the noise in (x, v) over −σ", production(C, X, V), SCORE)
    on_line = production(paths.linear(t), x, v)
    yield Equality("rectified flow", on_line, -x / t - (1 - t) / t * v)
