"""Mistakes about biases: shares turned round, moments of the wrong order.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations.elementary import exp
from ..mistake import CLASSIC, Mistake

# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "the inverse", "bias.centred",
        lambda samples: samples / (samples - 1),
        "What undoes the bias, not the bias.", "Bessel's correction", "(n − 1)/n",
    ),
    Mistake(
        "one over n", "bias.centred",
        lambda samples: 1 / samples,
        "The share that is lost.", CLASSIC, "one less this",
    ),
    Mistake(
        "failures forgotten", "bias.silent",
        lambda p, samples: p**samples,
        "Groups in which nobody succeeds are silent too.", CLASSIC, "both ends",
    ),
    Mistake(
        "one sample less", "bias.silent",
        lambda p, samples: p ** (samples - 1) + (1 - p) ** (samples - 1),
        "The chance that the others agree with a given sample is another question.", CLASSIC,
        "all n samples",
    ),
    Mistake(
        "unbiased", "bias.mean_ratio",
        lambda divergence, dimensions: 0 * divergence * dimensions + 1,
        "Only a ratio has the mean one, not its root.", "averaged log-probabilities",
        "e^(−K (1 − 1/D)/D)",
    ),
    Mistake(
        "no variance", "bias.mean_ratio",
        lambda divergence, dimensions: exp(-divergence / dimensions),
        "The exponential of a mean, not the mean of an exponential.", CLASSIC, "1 − 1/D",
    ),
    Mistake(
        "K for 2K", "bias.effective",
        lambda divergence: exp(-divergence),
        "The mean square of the ratio is e^(2K).", CLASSIC, "twice K",
    ),
    Mistake(
        "the inverse", "bias.effective",
        lambda divergence: exp(2 * divergence),
        "The mean square itself, not the share that counts.", CLASSIC, "one over it",
    ),
    Mistake(
        "sign of the age", "bias.stale",
        lambda curvature, moved: -curvature * moved,
        "An old batch pushes on, it does not hold back.", CLASSIC, "plus",
    ),
    Mistake(
        "squared", "bias.stale",
        lambda curvature, moved: curvature * moved**2 / 2,
        "The reward that is lost, not its slope.", CLASSIC, "c d",
    ),
)
# fmt: on
