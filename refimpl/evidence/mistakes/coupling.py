"""Mistakes about couplings: costs, slopes and variances of paths.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ..mistake import CLASSIC, Mistake

# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "length for its square", "coupling.cost",
        lambda data, noise: ((noise - data) ** 2) ** (1 / 2),
        "W₁'s cost.", CLASSIC, "square it",
    ),
    Mistake(
        "variance for std", "coupling.gaussian_map",
        lambda noise, data_law: data_law.mean + data_law.std**2 * noise,
        "The image has the variance s⁴.", CLASSIC, "m + s ε",
    ),
    Mistake(
        "variances for stds", "coupling.gaussian_cost",
        lambda p, q: (p.mean - q.mean) ** 2 + (p.std**2 - q.std**2) ** 2,
        "W₂ compares scales.", CLASSIC, "(s − s′)²",
    ),
    Mistake(
        "independent variances added", "coupling.gaussian_cost",
        lambda p, q: (p.mean - q.mean) ** 2 + p.std**2 + q.std**2,
        "The cost of the independent coupling.", CLASSIC, "(s − s′)²",
    ),
    Mistake(
        "independent ends", "coupling.correlated_velocity_variance",
        lambda t, std, correlation: std**2 / ((1 - t) ** 2 * std**2 + t**2),
        "The correlation is forgotten.", CLASSIC, "s²(1 − ρ²)/Var(x_t)",
    ),
    Mistake(
        "ρ for ρ²", "coupling.correlated_velocity_variance",
        lambda t, std, correlation: std**2 * (1 - correlation)
        / ((1 - t) ** 2 * std**2 + t**2 + 2 * t * (1 - t) * correlation * std),
        "The unexplained share is 1 − ρ².", CLASSIC, "square it",
    ),
    Mistake(
        "sum for mean", "coupling.straightness",
        lambda ends, velocities: ((velocities - ends) ** 2).sum(axis=0),
        "It grows with the number of steps.", CLASSIC, "divide by T",
    ),
)
# fmt: on
