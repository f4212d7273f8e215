"""Mistakes about reinforcement on the forward process.

    an advantage that is no chance, one velocity for both, a loss that falls for ever

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations.elementary import maximum, minimum
from ..mistake import CLASSIC, Mistake

# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "not clipped", "forward_process.optimality",
        lambda advantage, limit: (1 + advantage / limit) / 2,
        "A chance below 0 or above 1: the loss is no longer bounded below.", CLASSIC,
        "clip A/A_max at ±1",
    ),
    Mistake(
        "not halved", "forward_process.optimality",
        lambda advantage, limit: minimum(maximum(advantage / limit, -1), 1),
        "From −1 to 1: an average sample should count ½, and has no say.", CLASSIC,
        "½ + ½ of it",
    ),
    Mistake(
        "clipped before it is scaled", "forward_process.optimality",
        lambda advantage, limit: (1 + minimum(maximum(advantage, -1), 1) / limit) / 2,
        "Advantages beyond ±1 are all alike, whatever A_max is.", CLASSIC,
        "divide by A_max, then clip",
    ),
    Mistake(
        "the other side", "forward_process.positive_velocity",
        lambda v, v_old, b: v_old - b * (v - v_old),
        "v⁻: good samples push the policy away.", "swapping the two branches", "plus",
    ),
    Mistake(
        "b on the wrong end", "forward_process.positive_velocity",
        lambda v, v_old, b: b * v_old + (1 - b) * v,
        "b = 1 would give the old velocity, and no gradient.", "a moving average's convention",
        "(1 − b) v_old + b v",
    ),
    Mistake(
        "the same side", "forward_process.negative_velocity",
        lambda v, v_old, b: v_old + b * (v - v_old),
        "v⁺ once more: bad samples attract.", "swapping the two branches", "minus",
    ),
    Mistake(
        "1 − b for 1 + b", "forward_process.negative_velocity",
        lambda v, v_old, b: (1 - b) * v_old - b * v,
        "Copied from v⁺: v = v_old no longer stays where it is.", CLASSIC,
        "(1 + b) v_old − b v",
    ),
    Mistake(
        "one velocity for both", "forward_process.nft",
        lambda v, v_old, target, optimal, b: (v_old + b * (v - v_old) - target) ** 2,
        "The rewards cancel: r + (1 − r) = 1, and the policy is matched with itself.", CLASSIC,
        "v⁺ for the good, v⁻ for the bad",
    ),
    Mistake(
        "chances swapped", "forward_process.nft",
        lambda v, v_old, target, optimal, b: (
            (1 - optimal) * (v_old + b * (v - v_old) - target) ** 2
            + optimal * (v_old - b * (v - v_old) - target) ** 2
        ),
        "Learns what the worst samples have in common.", "a loss for an objective",
        "r goes with v⁺",
    ),
    Mistake(
        "bad samples subtracted", "forward_process.nft",
        lambda v, v_old, target, optimal, b: (
            optimal * (v_old + b * (v - v_old) - target) ** 2
            - (1 - optimal) * (v_old + b * (v - v_old) - target) ** 2
        ),
        "Unbounded below wherever r < ½: that is AWM, without its proximity.",
        "contrastive losses", "match v⁻ with them",
    ),
    Mistake(
        "sign of the loss", "forward_process.awm",
        lambda v, target, advantage: -advantage * (v - target) ** 2,
        "Minimised, it moves away from good samples.", "a loss for an objective",
        "A (v − v*)², minimised",
    ),
    Mistake(
        "negative advantages dropped", "forward_process.awm",
        lambda v, target, advantage: maximum(advantage, 0) * (v - target) ** 2,
        "Bounded, and blind to what should be avoided.", "reward-weighted regression",
        "keep the sign",
    ),
)
# fmt: on
