"""Mistakes about objectives: other targets, other weights, a lost factor.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ..mistake import CLASSIC, Mistake

# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "target of the other clock", "objectives.flow_matching",
        lambda v, target: (v + target) ** 2,
        "The network learns minus the velocity.", "ports between libraries", "v − target",
    ),
    Mistake(
        "sign of the constant", "objectives.gap",
        lambda posterior, targets: (posterior * targets**2).sum(axis=0)
        - (posterior * targets).sum(axis=0) ** 2,
        "The marginal loss is the smaller one.", "notes that write C without a sign",
        "minus the variance",
    ),
    Mistake(
        "sign of the target", "objectives.denoising",
        lambda score, noise, sigma: (score - noise / sigma) ** 2,
        "The network learns minus the score.", CLASSIC, "the target is −ε/σ",
    ),
    Mistake(
        "σ² for σ", "objectives.denoising",
        lambda score, noise, sigma: (score + noise / sigma**2) ** 2,
        "The target for x − data, given the noise.", CLASSIC, "divide by σ",
    ),
    Mistake(
        "not weighted", "objectives.weighted_denoising",
        lambda score, noise, sigma: (score + noise / sigma) ** 2,
        "The loss of fine scales explodes.", CLASSIC, "multiply by σ²",
    ),
    Mistake(
        "no ½", "objectives.implicit",
        lambda score, dscore_dx: dscore_dx + score**2,
        "Its minimiser is half the score.", CLASSIC, "½ s²",
    ),
    Mistake(
        "sign of the trace", "objectives.implicit",
        lambda score, dscore_dx: score**2 / 2 - dscore_dx,
        "Integration by parts has a minus, and the cross term another.", CLASSIC, "plus",
    ),
    Mistake(
        "sign of the energy", "objectives.energy_score",
        lambda df_dx: df_dx + 0,
        "Up the energy.", CLASSIC, "minus",
    ),
    Mistake(
        "no second phase", "objectives.energy_gradient",
        lambda df_dtheta, expected_df_dtheta: -df_dtheta,
        "Z depends on θ.", CLASSIC, "add the model's expectation",
    ),
    Mistake(
        "phases swapped", "objectives.energy_gradient",
        lambda df_dtheta, expected_df_dtheta: df_dtheta - expected_df_dtheta,
        "The data become unlikely.", "losses and objectives mixed up", "− data + model",
    ),
)
# fmt: on
