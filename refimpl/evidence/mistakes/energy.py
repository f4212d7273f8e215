"""Mistakes about energies: noise of the wrong size, a chain taken for its model.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ..mistake import CLASSIC, Mistake

# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "ε for 2ε", "energy.after",
        lambda precision, variance, eps: (1 - eps * precision) ** 2 * variance + eps,
        "The noise of a step is √(2ε).", "steps of ε/2 with noise √ε", "2ε",
    ),
    Mistake(
        "not squared", "energy.after",
        lambda precision, variance, eps: (1 - eps * precision) * variance + 2 * eps,
        "Variances scale with the square.", CLASSIC, "square it",
    ),
    Mistake(
        "sign of the phases", "energy.contrastive",
        lambda moved, std: (std**2 - moved) / 2,
        "Down the likelihood: the model flees the data.", "energies and log-densities",
        "samples minus data",
    ),
    Mistake(
        "no ½", "energy.contrastive",
        lambda moved, std: moved - std**2,
        "The energy is θ x²/2.", CLASSIC, "halve it",
    ),
    Mistake(
        "the data's precision", "energy.resting",
        lambda std, step_size: 1 / std**2 + 0 * step_size,
        "The data's precision: right for samples of the model, not for its chain.",
        "contrastive divergence taken for maximum likelihood",
        "2/(s² (1 + √(1 − 2ε/s²)))",
    ),
    Mistake(
        "the chain's precision", "energy.resting",
        lambda std, step_size: (1 - step_size / (2 * std**2)) / std**2,
        "The bias turned round: what the chain of the right model has.", CLASSIC,
        "the model is narrower than the data",
    ),
    Mistake(
        "times T", "energy.tempered",
        lambda score, temperature: score * temperature,
        "Warm models are flat.", "temperatures and their inverses", "divide by T",
    ),
    Mistake(
        "root of T", "energy.tempered",
        lambda score, temperature: score / temperature**0.5,
        "The width goes as √T, the score as 1/T.", "noise scaled by √T", "divide by T",
    ),
)
# fmt: on
