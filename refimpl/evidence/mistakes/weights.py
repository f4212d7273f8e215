"""Mistakes about weights and masks.

    a sensitivity without its correction, a recentring forgotten, a mask that stops what comes back

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations.elementary import maximum, sqrt, where
from ..mistake import CLASSIC, Mistake

# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "no correction", "weights.lever",
        lambda g, t, h: 0 * g * t + h,
        "The lever of the flow's own step: the score's share of v is forgotten.",
        "weights derived from the ODE", "h (1 + g² (1 − t)/(2t))",
    ),
    Mistake(
        "no ½ in the score correction", "weights.lever",
        lambda g, t, h: h * (1 + g**2 * (1 - t) / t),
        "g² where Fokker–Planck asks for ½ g².", CLASSIC, "halve it",
    ),
    Mistake(
        "t for 1 − t", "weights.lever",
        lambda g, t, h: h * (1 + g**2 / 2),
        "E[noise | x] is x + (1 − t) v.", CLASSIC, "1 − t over 2t",
    ),
    Mistake(
        "reciprocal", "weights.levelled",
        lambda std, lever: lever / std,
        "The factor itself, not what undoes it: the last steps count doubly.", CLASSIC,
        "std over lever",
    ),
    Mistake(
        "std forgotten", "weights.levelled",
        lambda std, lever: 0 * std + 1 / lever,
        "The gradient of the mean is levelled, that of the log-density is not.",
        "1/h, as for GRPO-Guard's ratio", "std over lever",
    ),
    Mistake(
        "not divided by the mean", "weights.tempflow",
        lambda std: std + 0,
        "The learning rate shrinks with the noise level.", CLASSIC, "divide by the mean std",
    ),
    Mistake(
        "sums to one", "weights.tempflow",
        lambda std: std / std.sum(),
        "The learning rate shrinks with the number of steps.", CLASSIC, "divide by the mean std",
    ),
    Mistake(
        "not recentred", "weights.guard_log_ratio",
        lambda log_ratio, divergence, std: std * log_ratio + 0 * divergence,
        "Its mean stays below zero, so clipping cuts one side more than the other.",
        "scaling the ratio alone", "add the divergence first",
    ),
    Mistake(
        "sign of the divergence", "weights.guard_log_ratio",
        lambda log_ratio, divergence, std: std * (log_ratio - divergence),
        "The mean is doubled where it should vanish.", CLASSIC, "plus",
    ),
    Mistake(
        "variance for std", "weights.guard_log_ratio",
        lambda log_ratio, divergence, std: std**2 * (log_ratio + divergence),
        "The spread then falls with the level instead of forgetting it.",
        "one name for g and for std", "std, once",
    ),
    Mistake(
        "h for 1/h", "weights.guard",
        lambda h: h + 0,
        "Long steps, which already weigh most, weigh more.", CLASSIC, "1/h",
    ),
    Mistake(
        "√h for h", "weights.guard",
        lambda h: 1 / sqrt(h),
        "Half of the imbalance stays.", "g and g √h under one name", "1/h",
    ),
    Mistake(
        "lever for its reciprocal", "weights.guard_lever",
        lambda lever: lever + 0,
        "Steps whose mean moves furthest, which already weigh most, weigh more.", CLASSIC, "1/L",
    ),
    Mistake(
        "squared", "weights.guard_lever",
        lambda lever: 1 / lever**2,
        "The gradient carries the sensitivity once; the last steps are starved.",
        "the KL's weight, L²/(2 std²)", "1/L",
    ),
    Mistake(
        "root of the lever", "weights.guard_lever",
        lambda lever: 1 / sqrt(lever),
        "Half of the imbalance stays.", CLASSIC, "1/L",
    ),
    Mistake(
        "stops what comes back", "weights.divergence_mask",
        lambda ratio, advantage, divergence, limit: where(
            divergence > limit, 0 * ratio, 0 * ratio + 1),
        "Past the limit nothing moves any more, not even back.", CLASSIC,
        "stop only where A (r − 1) > 0",
    ),
    Mistake(
        "the other side stopped", "weights.divergence_mask",
        lambda ratio, advantage, divergence, limit: where(
            (divergence > limit) & ((ratio - 1) * advantage < 0), 0 * ratio, 0 * ratio + 1),
        "What comes back is stopped, what goes further goes on.", CLASSIC,
        "stop where A (r − 1) > 0",
    ),
    Mistake(
        "ratio for divergence", "weights.divergence_mask",
        lambda ratio, advantage, divergence, limit: where(
            (maximum(ratio - 1, 1 - ratio) > limit) & ((ratio - 1) * advantage > 0),
            0 * ratio, 0 * ratio + 1),
        "PPO's test: one noisy draw stands for the distance of two laws.", "PPO", "test the KL",
    ),
    Mistake(
        "share for signal", "weights.signal",
        lambda correlation: correlation**2,
        "As if the gradient of a perfectly correlated score had no noise.", CLASSIC,
        "divide by 1 + ρ²",
    ),
    Mistake(
        "mean square for variance", "weights.signal",
        lambda correlation: correlation**2 / (1 + 2 * correlation**2),
        "The squared mean was not subtracted.", CLASSIC, "1 + ρ² below",
    ),
)
# fmt: on
