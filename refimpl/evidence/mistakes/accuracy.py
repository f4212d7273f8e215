"""Mistakes about the accuracy of a chain: halves, slopes, and what the rest of it forgets.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations.elementary import sqrt
from ..mistake import CLASSIC, Mistake

# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "no ½", "accuracy.defect",
        lambda slope, variance, bend: slope**2 * variance - bend,
        "Taylor's second term is halved.", CLASSIC, "halve V̈",
    ),
    Mistake(
        "curvature forgotten", "accuracy.defect",
        lambda slope, variance, bend: slope**2 * variance + 0 * bend,
        "The exact variance bends as well.", CLASSIC, "less V̈/2",
    ),
    Mistake(
        "std for variance", "accuracy.left",
        lambda c, std, kappa: sqrt(
            std**2 / (c.alpha**2 * std**2 + c.sigma**2)
        ) * (c.alpha**2 * std**2 / (c.alpha**2 * std**2 + c.sigma**2)) ** (kappa / 2),
        "What is left of a shift, not of a variance.", CLASSIC, "square it",
    ),
    Mistake(
        "flow alone", "accuracy.left",
        lambda c, std, kappa: std**2 / (c.alpha**2 * std**2 + c.sigma**2) + 0 * kappa,
        "The noise of the later steps forgets too.", CLASSIC, "times the squared memory",
    ),
    Mistake(
        "nothing forgotten", "accuracy.rate",
        lambda t, std, kappa: (
            (t - (1 - t) * std**2 + kappa * t / (1 - t)) ** 2
            / ((1 - t) ** 2 * std**2 + t**2) - (1 + std**2)
        ),
        "The defect of the step, as if it went to the end unchanged.", CLASSIC,
        "times what is left of it",
    ),
    Mistake(
        "the flow's slope", "accuracy.rate",
        lambda t, std, kappa: (
            (t - (1 - t) * std**2) ** 2 / ((1 - t) ** 2 * std**2 + t**2) - (1 + std**2)
        ) * std**2 / ((1 - t) ** 2 * std**2 + t**2) * (
            (1 - t) ** 2 * std**2 / ((1 - t) ** 2 * std**2 + t**2)
        ) ** kappa,
        "The drift has the score's share too.", CLASSIC, "κ t/(1 − t) more",
    ),
    Mistake(
        "no root", "accuracy.best_step",
        lambda rate, root, steps: root / (steps * rate),
        "Lengths in proportion to 1/c spread the error evenly, which is not the least.",
        "error equidistribution", "1/√c",
    ),
    Mistake(
        "turned round", "accuracy.best_step",
        lambda rate, root, steps: root * sqrt(rate) / steps,
        "Long steps where errors are large.", CLASSIC, "1/√c",
    ),
)
# fmt: on
