"""Mistakes about divergences: KL without h, without ½, the wrong way round.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations.elementary import exp, log
from ..mistake import CLASSIC, ONE_NAME, Mistake

_ISSUE_78 = "flow_grpo (8 scripts; its issue 78), mm_grpo, verl-omni"


# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "KL direction", "kl.gaussian",
        lambda p, q: log(p.std / q.std)
        + (q.std**2 - p.std**2 + (p.mean - q.mean) ** 2) / (2 * p.std**2),
        "KL(q ‖ p).", "a KL against the old policy, or from the reference", "expectation under p",
    ),
    Mistake(
        "std ratio inverted", "kl.gaussian",
        lambda p, q: log(p.std / q.std)
        + (p.std**2 - q.std**2 + (p.mean - q.mean) ** 2) / (2 * q.std**2),
        "log(σ_p/σ_q): it can be negative.", CLASSIC, "log(σ_q/σ_p)",
    ),
    Mistake(
        "KL without ½", "kl.of_means",
        lambda mean, mean_ref, std: (mean - mean_ref) ** 2 / std**2,
        "Twice the divergence.", CLASSIC, "divide by 2 std²",
    ),
    Mistake(
        "std for variance", "kl.of_means",
        lambda mean, mean_ref, std: (mean - mean_ref) ** 2 / (2 * std),
        "Divided by 2 std.", ONE_NAME, "divide by 2 std²",
    ),
    Mistake(
        "MSE of the means", "kl.of_means",
        lambda mean, mean_ref, std: (mean - mean_ref) ** 2,
        "A squared distance, logged as a KL.", "FlowCPS, Flow-Factory", "divide by 2 std²",
    ),
    Mistake(
        "KL without h", "kl.flow_grpo",
        lambda v, v_ref, g, t, h: h**2 / 2
        * (g * (1 - t) / (2 * t) + 1 / g) ** 2 * (v - v_ref) ** 2,
        "Divided by 2 g² and not by 2 g² h: too small by h, which varies 6.7 times over a grid.",
        _ISSUE_78, "divide by the step's variance g² h",
    ),
    Mistake(
        "KL without ½", "kl.flow_grpo",
        lambda v, v_ref, g, t, h: h * (g * (1 - t) / (2 * t) + 1 / g) ** 2 * (v - v_ref) ** 2,
        "Twice the divergence.", CLASSIC, "h/2 before the square",
    ),
    Mistake(
        "KL of unit steps", "kl.flow_grpo",
        lambda v, v_ref, g, t, h: (g * (1 - t) / (2 * t) + 1 / g) ** 2 * (v - v_ref) ** 2 / 2,
        "The factor h is left out of the paper's KL.", CLASSIC, "h/2 before the square",
    ),
    Mistake(
        "t for 1 − t", "kl.flow_grpo",
        lambda v, v_ref, g, t, h: h / 2 * (g / 2 + 1 / g) ** 2 * (v - v_ref) ** 2,
        "t/(2t) where the paper's KL has (1 − t)/(2t).", CLASSIC, "(1 − t)/(2t)",
    ),
    Mistake(
        "KL without ½", "kl.without_h",
        lambda mean, mean_ref, g: (mean - mean_ref) ** 2 / g**2,
        "Twice the field's quantity.", CLASSIC, "divide by 2 g²",
    ),
    Mistake(
        "½ of the squared distance", "kl.velocity",
        lambda v, v_ref: (v - v_ref) ** 2 / 2,
        "Half of what goes by that name.", "losses with a conventional ½", "no factor",
    ),
    Mistake(
        "KL estimate reversed", "kl.k1",
        lambda log_ratio: log_ratio,
        "log r estimates minus the divergence.", "the ratio's direction left unsaid",
        "r = p_ref/p_θ, and −log r",
    ),
    Mistake(
        "no ½", "kl.k2",
        lambda log_ratio: log_ratio**2,
        "Twice the estimate.", CLASSIC, "halve it",
    ),
    Mistake(
        "ratio reversed", "kl.k3",
        lambda log_ratio: exp(-log_ratio) - 1 + log_ratio,
        "r = p_θ/p_ref: unbiased for nothing on draws from p_θ.",
        "GRPO ports; the ratio's direction left unsaid", "r = p_ref/p_θ",
    ),
    Mistake(
        "averaged over steps", "kl.trajectory",
        lambda shift, std: (shift**2 / (2 * std**2)).sum(axis=0) / len(shift),
        "The mean of the steps' KLs: the weight β then shrinks with their number.",
        "penalties that are averaged over timesteps", "the sum",
    ),
    Mistake(
        "no ½", "kl.trajectory", lambda shift, std: (shift**2 / std**2).sum(axis=0),
        "Twice the divergence.", CLASSIC, "divide by 2 std²",
    ),
    Mistake(
        "KL of trajectories", "kl.images",
        lambda shift, std, carried, start: (shift**2 / (2 * std**2)).sum(axis=0)
        + 0 * (carried.sum(axis=0) + start),
        "The upper bound: images show less than the steps that made them.",
        "a penalty on steps read as nats of images", "divide the moved mean by the image's spread",
    ),
    Mistake(
        "start forgotten", "kl.images",
        lambda shift, std, carried, start: (carried * shift).sum(axis=0) ** 2
        / (2 * (carried**2 * std**2).sum(axis=0)) + 0 * start,
        "The start spreads images too.", CLASSIC, "add std_0²",
    ),
    Mistake(
        "steps not carried", "kl.images",
        lambda shift, std, carried, start: shift.sum(axis=0) ** 2
        / (2 * (start**2 + (std**2).sum(axis=0))) + 0 * carried.sum(axis=0),
        "As if no later step changed what an earlier one did.", CLASSIC, "times P_k",
    ),
    Mistake(
        "share of the start", "kl.seen",
        lambda std, carried, start: start**2 / (start**2 + (carried**2 * std**2).sum(axis=0)),
        "What the start decides, not the steps.", CLASSIC, "the steps' part above",
    ),
    Mistake(
        "root of the share", "kl.seen",
        lambda std, carried, start:
            (1 / (1 + start**2 / (carried**2 * std**2).sum(axis=0))) ** 0.5,
        "A correlation, not a share.", CLASSIC, "without the root",
    ),
)
# fmt: on
