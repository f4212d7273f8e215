"""Mistakes about tilted laws: β on the wrong side, the start's memory forgotten.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations import Gaussian
from ...equations.elementary import exp, log, sqrt
from ..mistake import CLASSIC, Mistake

# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "std for variance", "tilting.linear",
        lambda p, slope, beta: Gaussian(p.mean + slope * p.std / beta, p.std),
        "The shift is k s²/β.", CLASSIC, "square s",
    ),
    Mistake(
        "β for 1/β", "tilting.linear",
        lambda p, slope, beta: Gaussian(p.mean + slope * p.std**2 * beta, p.std),
        "A larger β holds to the reference.", "temperatures and their inverses", "divide by β",
    ),
    Mistake(
        "reference forgotten", "tilting.quadratic",
        lambda p, goal, beta: Gaussian(goal + 0 * p.mean, sqrt(beta) + 0 * p.std),
        "The reward's own Gaussian.", CLASSIC, "precisions add up",
    ),
    Mistake(
        "std left alone", "tilting.quadratic",
        lambda p, goal, beta: Gaussian(
            (beta * p.mean + p.std**2 * goal) / (beta + p.std**2), p.std
        ),
        "A concave reward narrows.", CLASSIC, "precisions add up",
    ),
    Mistake(
        "memory ignored", "tilting.fixed_start",
        lambda p, slope, beta, correlation: Gaussian(
            p.mean + slope * p.std**2 / beta + 0 * correlation, p.std
        ),
        "The tilted law, which only a memoryless sampler reaches.",
        "reward tuning with any noise schedule", "multiply by 1 − ρ²",
    ),
    Mistake(
        "ρ for ρ²", "tilting.fixed_start",
        lambda p, slope, beta, correlation: Gaussian(
            p.mean + slope * p.std**2 * (1 - correlation) / beta, p.std
        ),
        "Variance shares are squared correlations.", CLASSIC, "1 − ρ²",
    ),
    Mistake(
        "reward not divided by β", "tilting.weights",
        lambda prior, reward, beta: prior * exp(reward) / (prior * exp(reward)).sum(axis=0),
        "The tilt at β = 1.", CLASSIC, "e^(r/β)",
    ),
    Mistake(
        "prior forgotten", "tilting.weights",
        lambda prior, reward, beta: exp(reward / beta) / exp(reward / beta).sum(axis=0),
        "A softmax of rewards: no reference holds it.", CLASSIC, "multiply by p",
    ),
    Mistake(
        "not multiplied by β", "tilting.value",
        lambda prior, reward, beta: log((prior * exp(reward / beta)).sum(axis=0)),
        "In units of β.", CLASSIC, "β log Σ",
    ),
    Mistake(
        "mean reward", "tilting.value",
        lambda prior, reward, beta: (prior * reward).sum(axis=0),
        "What the reference earns: the limit of large β.", CLASSIC, "β log Σ p e^(r/β)",
    ),
    Mistake(
        "drift of the flow", "tilting.memoryless_drift",
        lambda c, x, v: v + 0 * x,
        "Noise without its price: the samples spread.", "adding noise to an ODE sampler",
        "2v − (α̇/α) x",
    ),
    Mistake(
        "sign of the decay", "tilting.memoryless_drift",
        lambda c, x, v: 2 * v + c.d_alpha / c.alpha * x,
        "The clock of the other convention.", "ports between libraries", "2v − (α̇/α) x",
    ),
)
# fmt: on
